r"""What the methods for candidate instruments share: some of the candidates are valid, nobody knows which.

Candidates are held against one another, so each keeps the others as covariates: an invalid candidate that is correlated
with a valid one would otherwise spoil it.
"""

from collections.abc import Sequence

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import DataError, NotIdentifiedError
from yinguo.instruments.two_stage_least_squares import TwoStageLeastSquares
from yinguo.kernels.agreeing_instruments import Group
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.moments import ArrayMoments, solve_gram
from yinguo.kernels.reduced_form import ReducedForm, reduced_form

__all__ = [
    "agreement_check", "candidate_form", "having_a_say", "linear_level", "named", "settle", "with_valid_only",
]  # fmt: skip


def candidate_form(estimator: StructuralEstimator, study: Study) -> ReducedForm:
    """Reduced form of all candidates, each with the others held fixed, robust to unequal noise.

    Parameters
    ----------
    estimator : StructuralEstimator
        Its capabilities say how many candidates it needs.
    study : Study

    Raises
    ------
    DataError
        Too few candidates; one that is a combination of the covariates and other candidates.
    """
    Y, T, X, Z = estimator.take_roles(study)
    least = estimator.capabilities.instruments
    if Z.shape[1] < least:
        raise DataError(
            f"{type(estimator).__name__} holds candidates against one another and needs at least {least}; the study "
            f"has {Z.shape[1]} ({', '.join(study.instruments)}). With instruments you trust use TwoStageLeastSquares."
        )
    moments = InstrumentMoments(Y=Y, T=T, X=X, Z=Z, s=study.sample_weight)
    redundant = moments.independent()[1]
    if redundant.any():
        raise DataError(
            f"{', '.join(named(study, np.flatnonzero(redundant)))}: combinations of the covariates and the other "
            "candidates; leave them out."
        )
    form = reduced_form(moments, groups=study.groups)
    if not (np.abs(form.treatment) > 0).all():
        raise DataError("a candidate does not move the treatment at all; leave it out.")
    return form


def with_valid_only(study: Study, valid) -> Study:
    """The study with the valid candidates as instruments and the others as covariates.

    Parameters
    ----------
    study : Study
    valid : sequence of int
        Numbers of the candidates.
    """
    assert study.Z is not None
    others = [j for j in range(study.Z.shape[1]) if j not in set(valid)]
    return study.replace(
        Z=study.Z[:, list(valid)], instruments=named(study, valid), X=np.column_stack([study.X, study.Z[:, others]]),
        covariates=(*study.covariates, *named(study, others)),
    )  # fmt: skip


def having_a_say(form: ReducedForm, study: Study, threshold: float) -> np.ndarray:
    """Numbers of the candidates that move the treatment by more than ``threshold`` standard errors.

    Parameters
    ----------
    form : ReducedForm
    study : Study
    threshold : float

    Raises
    ------
    DataError
        A threshold that is not above 0.
    NotIdentifiedError
        Fewer than two candidates.
    """
    if not threshold > 0:
        raise DataError(f"threshold is {threshold}; it must be above 0, such as 2.5 standard errors.")
    relevant = np.flatnonzero(np.abs(form.treatment) > threshold * np.sqrt(np.diag(form.covariances[2])))
    if len(relevant) < 2:
        raise NotIdentifiedError(
            f"{len(relevant)} of {form.q} candidates move {study.roles['treatment']!r} by more than {threshold:.2g} "
            "standard errors by themselves; there is nothing to hold against one another. Lower threshold, or use a "
            "method for many weak instruments."
        )
    return relevant


def settle(estimator: StructuralEstimator, study: Study, found: Sequence[Group], relevant: np.ndarray) -> None:
    """Two-stage least squares with the group that won, the other candidates as covariates; puts the result in place.

    Parameters
    ----------
    estimator : StructuralEstimator
        Gets ``coefficients_`` and ``result_``.
    study : Study
    found : sequence of Group
        Of those in ``relevant``, the winner first, then others of the same size.
    relevant : (k,) int array
        Candidates that had a say.

    Raises
    ------
    NotIdentifiedError
        No two candidates agree.
    """
    members = relevant[list(found[0].members)]
    if len(members) < 2:
        raise NotIdentifiedError("no two candidates agree on an effect, so no effect has more support than another.")
    valid, asked = named(study, members), named(study, relevant)
    rivals = [group.effect for group in found[1:]]
    inner = TwoStageLeastSquares().fit(with_valid_only(study, members)).result_
    estimator.__dict__["coefficients_"] = linear_level(study, inner.estimate)
    estimator.result_ = estimator.make_result(
        study, inner.estimate, se=inner.se, scores=inner.scores,
        checks=(*inner.checks, lambda result: agreement_check(valid, len(asked), rivals)),
        notes=("the standard error takes the valid candidates as known; they were chosen on the same data.",),
        extras={
            "valid": list(valid), "invalid": [name for name in asked if name not in valid],
            "no_say": [name for name in study.instruments if name not in asked],
            "agreement_p_value": found[0].p_value, "rival_effects": rivals,
        },
    )  # fmt: skip


def linear_level(study: Study, effect: float) -> np.ndarray:
    """(2 + p,) intercept, effect and slopes of the covariates: E[Y | T set, X], linear, whatever the candidates do.

    Parameters
    ----------
    study : Study
    effect : float
        Of the treatment.
    """
    moments = ArrayMoments(study.X)
    left = study.Y - effect * study.T
    weights = study.sample_weight
    A, b = moments.grams(left, weights)
    slopes = moments.rescale(solve_gram(A[0], b[0], intercept=True))
    return np.concatenate([slopes[:1], [effect], slopes[1:]])


def named(study: Study, members) -> tuple[str, ...]:
    """Names of candidates by number.

    Parameters
    ----------
    study : Study
    members : sequence of int
    """
    return tuple(study.instruments[int(j)] for j in members)


def agreement_check(valid: Sequence[str], relevant: int, rivals: Sequence[float]) -> Diagnostic:
    """Verdict on how many candidates agree: most of them, more than on anything else, or no more than that.

    Parameters
    ----------
    valid : sequence of str
        Names of those that agree.
    relevant : int
        Candidates that had a say.
    rivals : sequence of float
        Effects that other groups, as large, agree on.
    """
    share = len(valid) / relevant
    said = f"{len(valid)} of {relevant} candidates agree ({', '.join(valid)})"
    reference = "more than half of the candidates"
    if rivals:
        others = ", ".join(f"{effect:.4g}" for effect in rivals)
        sentence = f"{said}, but as many agree on another effect ({others}): which group is valid the data cannot say."
        return Diagnostic("agreement", share, reference, "stop", sentence)
    if share > 0.5:
        return Diagnostic("agreement", share, reference, "ok", f"{said}; the others are held invalid.")
    sentence = f"{said}, more than on any other effect but not most: right only if no wrong answer has more supporters."
    return Diagnostic("agreement", share, reference, "look", sentence)
