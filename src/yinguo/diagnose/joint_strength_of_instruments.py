r"""Strength of instruments when several columns are instrumented at once.

Each column may have a strong first stage of its own while the instruments cannot tell the columns apart. The smallest
first-stage F over all combinations of the columns says whether they can: the statistic of Cragg and Donald where noise
is alike everywhere, that of Kleibergen and Paap where it is not or rows come in groups. With one column they are the
plain and the robust first-stage F.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.first_stage import WEAK
from yinguo.diagnose.linear_moments import cluster_factor, linear_moments
from yinguo.kernels.instrument_moments import InstrumentMoments, Scores
from yinguo.kernels.k_class import KClass, fit_k_class
from yinguo.kernels.residual_tests import cragg_donald, kleibergen_paap

__all__ = ["JointStrength", "first_stage_scores", "joint_strength", "joint_strength_verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointStrength:
    """Weak-identification statistics for one or several instrumented columns.

    Attributes
    ----------
    cragg_donald : float
        On the scale of an F statistic.
    kleibergen_paap : float
        The same, robust to unequal noise and clustered if the study has groups.
    df : (int, int)
        Instruments less instrumented columns plus one; rows less coefficients of the first stage.
    """

    cragg_donald: float
    kleibergen_paap: float
    df: tuple[int, int]


def joint_strength(study, *, endogenous=()) -> JointStrength:
    """Whether the instruments move the treatment and further columns, and can tell them apart.

    Parameters
    ----------
    study : Study
    endogenous : sequence of str
        Covariates that are instrumented as well.

    Source
    ------
    Cragg & Donald (1993), Econometric Theory 9(2); Kleibergen & Paap (2006), Journal of Econometrics 133(1).
    """
    moments = linear_moments(study, endogenous)
    return _strength(moments, study.groups, moments.middle([first_stage_scores(fit_k_class(moments))], study.groups)[0])


def first_stage_scores(fit: KClass) -> Scores:
    """Scores of all first-stage residuals with all instruments, residual by residual.

    Parameters
    ----------
    fit : KClass
    """
    q, m = fit.pi.shape
    instruments = np.eye(1 + m + q)[1 + m :]
    return Scores(np.repeat(fit.first_residuals, q, axis=0), np.tile(instruments, (m, 1)))


def _strength(moments: InstrumentMoments, groups, middle) -> JointStrength:
    k = moments.rank + moments.q
    factor = cluster_factor(moments, groups, k)
    return JointStrength(
        cragg_donald=cragg_donald(moments), kleibergen_paap=kleibergen_paap(moments, middle, factor),
        df=(moments.q - moments.m + 1, moments.n - k),
    )  # fmt: skip


def joint_strength_verdict(moments: InstrumentMoments, groups, middle, treatment: str, others: str) -> Diagnostic:
    """The check of a result whose method instruments several columns.

    Parameters
    ----------
    moments : InstrumentMoments
    groups : (n,) int array or None
    middle : (m q, m q) float array
        Of :func:`first_stage_scores`.
    treatment, others : str
        Names for the sentence.
    """
    found = _strength(moments, groups, middle)
    value, reference = found.kleibergen_paap, f"Kleibergen-Paap F of at least {WEAK:g}"
    said = f"Kleibergen-Paap F {value:.3g}, Cragg-Donald F {found.cragg_donald:.3g}"
    if value >= WEAK:
        sentence = f"The instruments move {treatment} and {others} and tell them apart: {said}."
        return Diagnostic("first-stage", value, reference, "ok", sentence)
    sentence = (
        f"The instruments hardly tell what they do to {treatment} from what they do to {others} ({said}; below "
        f"{WEAK:g} is weak): the estimate leans towards the confounded one and its interval is too narrow."
    )
    return Diagnostic("first-stage", value, reference, "stop", sentence)
