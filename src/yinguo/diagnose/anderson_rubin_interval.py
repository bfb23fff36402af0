r"""A confidence set for the effect that holds however weak the instruments are.

For a supposed effect :math:`\theta` the instruments, if valid, have nothing to say about :math:`Y - \theta T` given the
covariates. Whether they do is an F test in an ordinary regression of :math:`Y - \theta T` on [1, X, Z], in which
nothing depends on how strongly the instruments move the treatment. The set of all effects not refused is exact in its
coverage; what weak instruments do is to make it wide, unbounded, or the whole line. That is the honest answer, and
where the usual interval of two-stage least squares is too short.

With more instruments than one the set can be empty: then no effect makes all of them valid at once.

Source: Anderson & Rubin (1949), Annals of Mathematical Statistics 20(1); see :mod:`yinguo.kernels.anderson_rubin`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from yinguo.core.diagnostic import Diagnostic
from yinguo.core.words import number
from yinguo.errors import DataError
from yinguo.kernels.anderson_rubin import anderson_rubin_pieces
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.reduced_form import ReducedForm, reduced_form

__all__ = ["AndersonRubinSet", "anderson_rubin", "anderson_rubin_check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AndersonRubinSet:
    """All effects that the instruments do not refuse.

    Attributes
    ----------
    level : float
    pieces : tuple of (low, high)
        Disjoint intervals in ascending order, ends may be infinite; no piece if every effect is refused.
    form : ReducedForm
        What the instruments do to outcome and treatment.
    treatment, outcome : str
    instruments : tuple of str
        Those used; combinations of covariates and other instruments are left out.
    """

    level: float
    pieces: tuple[tuple[float, float], ...]
    form: ReducedForm
    treatment: str
    outcome: str
    instruments: tuple[str, ...]

    @property
    def shape(self) -> str:
        """``"interval"``, ``"union"`` (bounded), ``"rays"`` (unbounded, with a gap), ``"line"`` or ``"empty"``."""
        if not self.pieces:
            return "empty"
        if self.bounded:
            return "interval" if len(self.pieces) == 1 else "union"
        return "line" if np.isinf(self.pieces[0]).all() else "rays"

    @property
    def bounded(self) -> bool:
        """Whether the set stays within finite limits; so does an empty one."""
        return bool(np.isfinite([end for piece in self.pieces for end in piece]).all())

    def contains(self, theta: float) -> bool:
        """Whether an effect is in the set."""
        return any(low <= theta <= high for low, high in self.pieces)

    def statistic(self, theta: float) -> float:
        """F statistic of the hypothesis that the effect is ``theta`` and all instruments are valid."""
        return self.form.wald(theta) / self.form.q

    def p_value(self, theta: float = 0.0) -> float:
        """p-value of that hypothesis."""
        return float(stats.f.sf(self.statistic(theta), self.form.q, self.form.dof))

    @property
    def sentence(self) -> str:
        """The finding for a reader who knows no statistics."""
        sure = f"With {100 * self.level:g}% confidence, however weak the instruments are"
        effect = f"the effect of {self.treatment} on {self.outcome}"
        if self.shape == "empty":
            return (
                f"No effect of {self.treatment} on {self.outcome} makes all {self.form.q} instruments valid at once: "
                "they contradict one another. At least one of them reaches the outcome in another way, or they move "
                "groups whose effects differ."
            )
        if self.shape == "line":
            return (
                f"{sure}, nothing can be said about {effect}: no value of it is refused, because the instruments "
                f"hardly move {self.treatment}."
            )
        said = f"{sure}, {effect} is {_in_words(self.pieces)}"
        if self.shape == "interval":
            return said + "."
        if self.shape == "union":
            return said + ": values in between are refused."
        return f"{said}; the instruments move {self.treatment} too little to bound it."

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict: a bounded set is ok, one in several parts is worth a look, any other is a stop."""
        verdict = {"interval": "ok", "union": "look"}.get(self.shape, "stop")
        name, reference = "anderson-rubin", "a bounded interval"
        return Diagnostic(name, self.p_value(), reference, verdict, self.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; infinite ends are None."""
        plain = [[None if np.isinf(end) else float(end) for end in piece] for piece in self.pieces]
        return {
            "level": self.level, "shape": self.shape, "pieces": plain, "p_value": self.p_value(),
            "instruments": list(self.instruments), "sentence": self.sentence,
        }  # fmt: skip


def anderson_rubin(study, *, level: float = 0.95, covariance: str = "robust") -> AndersonRubinSet:
    """Confidence set for the coefficient of the treatment, valid under instruments of any strength.

    Parameters
    ----------
    study : Study
        With instruments; sample weights and groups, if any, are honoured (with groups the test is clustered).
    level : float
        Coverage, strictly between 0 and 1.
    covariance : {"robust", "unadjusted"}
        Whether the noise may vary more in some places than in others. Without that the test is the classical F test,
        exact for normal noise.

    Returns
    -------
    AndersonRubinSet

    Raises
    ------
    DataError
        No instruments; a treatment or outcome that has no numbers; too few rows or groups; an unadjusted
        covariance with sample weights or groups, for which the classical test is wrong.

    Source
    ------
    Anderson & Rubin (1949), Annals of Mathematical Statistics 20(1), for the test. Critical values from F with q and
    n - k degrees of freedom (with groups: groups minus one).
    """
    if not 0 < level < 1:
        raise DataError(f"level is {level}; it must lie strictly between 0 and 1, such as 0.95.")
    if not study.has("instruments"):
        raise DataError("the study has no instruments; name their columns with instruments=.")
    if study.treatment_kind == "multi-valued" and any(isinstance(level, str) for level in study.treatment_levels):
        raise DataError(f"treatment {study.roles['treatment']!r} has text values, which have no order; pass treated=.")
    if not np.isfinite(study.Y).all():
        raise DataError(f"outcome {study.roles['outcome']!r} is missing in some rows; the set would be about the rest.")
    if covariance not in ("robust", "unadjusted"):
        raise DataError(f"covariance is {covariance!r}; it must be 'robust' or 'unadjusted'.")
    robust = covariance == "robust"
    for role in ("sample_weight", "groups"):
        if not robust and study.has(role):
            raise DataError(f"covariance is 'unadjusted' but the study has {role}; the classical test is wrong then.")
    moments = InstrumentMoments(Y=study.Y, T=study.T, X=study.X, Z=study.Z, s=study.sample_weight)
    form = reduced_form(moments, robust=robust, groups=study.groups)
    critical = form.q * float(stats.f.isf(1 - level, form.q, form.dof))
    return AndersonRubinSet(
        level=level, pieces=anderson_rubin_pieces(form, critical), form=form, treatment=study.roles["treatment"],
        outcome=study.roles["outcome"], instruments=tuple(study.instruments[j] for j in form.kept),
    )  # fmt: skip


def anderson_rubin_check(result) -> Diagnostic:
    """What the instruments can say about the effect however weak they are, for a result that rests on them.

    Parameters
    ----------
    result : EffectResult
        Of a study with instruments. If its method took the noise to be alike everywhere (an option ``covariance`` that
        is ``"unadjusted"``), so does the check, unless there are sample weights.
    """
    plain = result.settings.get("options", {}).get("covariance") == "unadjusted"
    plain = plain and not result.study.has("sample_weight")
    try:
        return anderson_rubin(result.study, covariance="unadjusted" if plain else "robust").diagnostic
    except DataError as error:
        said = f"There is no interval that allows for weak instruments: {error}"
        return Diagnostic("anderson-rubin", None, "a bounded interval", "stop", said)


def _in_words(pieces) -> str:
    """'between 1 and 2', 'at most 1 or at least 2'."""
    parts = []
    for low, high in pieces:
        if np.isinf(low):
            parts.append(f"at most {number(high)}")
        elif np.isinf(high):
            parts.append(f"at least {number(low)}")
        else:
            parts.append(f"between {number(low)} and {number(high)}")
    return " or ".join(parts)
