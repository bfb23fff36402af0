r"""E-value: how strong would an unmeasured confounder have to be to explain the association away?

Let RR be the observed (adjusted) risk ratio. A confounder U that multiplies the chance of treatment by at most
``a`` and the risk of the outcome by at most ``b``, beyond the measured covariates, can shift the risk ratio by at most
the bias factor :math:`B = ab / (a + b - 1)`. The E-value is the common value ``a = b`` at which B reaches RR:

.. math:: E = RR + \sqrt{RR (RR - 1)}, \qquad RR \ge 1 \text{ (else } 1 / RR\text{)}.

Other measures are first put on the risk-ratio scale: an odds ratio as it is if the outcome is rare and as its square
root if it is common; a mean difference of ``d`` standard deviations as :math:`\exp(0.91 d)`.

Source: T. VanderWeele, P. Ding (2017), "Sensitivity analysis in observational research: introducing the E-value",
Annals of Internal Medicine 167(4), 268-274. The conversions are approximations, the E-value of a risk ratio is not.
"""

from dataclasses import asdict, dataclass
from math import exp, inf, isfinite, sqrt
from typing import Any

from yinguo.core.diagnostic import Diagnostic
from yinguo.errors import DataError

__all__ = [
    "EValue",
    "bias_factor",
    "e_value_mean_difference",
    "e_value_odds_ratio",
    "e_value_risk_difference",
    "e_value_risk_ratio",
]

#: Below this the verdict is "look". Ours, not the paper's, which gives no cut-off: what is strong depends on the field.
WEAK = 1.5


@dataclass(frozen=True, slots=True)
class EValue:
    """E-value of an estimate and of the end of its interval that lies nearer to the null.

    Attributes
    ----------
    measure : str
        What was given: ``"risk ratio"``, ``"odds ratio"``, ``"mean difference"`` or ``"risk difference"``.
    ratio : float
        The estimate on the risk-ratio scale.
    limit_ratio : float or None
        The interval's end nearer to the null, on the same scale; None if no interval was given.
    null_ratio : float
        The risk ratio the estimate is to be moved to (1 = no effect).
    point : float
        E-value of the estimate, at least 1.
    limit : float or None
        E-value of the interval's end, 1 if the interval contains the null; None if no interval was given.
    """

    measure: str
    ratio: float
    limit_ratio: float | None
    null_ratio: float
    point: float
    limit: float | None

    @property
    def sentence(self) -> str:
        """The finding for a reader who knows no statistics."""
        goal = "to explain the estimate away" if self.null_ratio == 1 else f"to move it to {self.null_ratio:.3g}"
        text = (
            f"An unmeasured cause would have to be linked to both treatment and outcome by a risk ratio of at least "
            f"{self.point:.3g} each, beyond the measured covariates, {goal}"
        )
        if self.limit is None:
            return text + "."
        if self.limit == 1:
            return text + ", but none is needed for doubt: the interval already includes that value."
        return text + f", and of {self.limit:.3g} to make the interval include that value."

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on the weaker of the two figures; the cut-off is a rule of thumb of ours."""
        weakest = self.point if self.limit is None else self.limit
        return Diagnostic(
            name="e-value",
            value=weakest,
            reference=f"look below {WEAK} (rule of thumb; compare with the strongest covariate you know)",
            verdict="ok" if weakest >= WEAK else "look",
            sentence=self.sentence,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"sentence": self.sentence}


def bias_factor(rr_treatment: float, rr_outcome: float) -> float:
    """Largest factor by which such a confounder can inflate a risk ratio.

    Parameters
    ----------
    rr_treatment, rr_outcome : float, at least 1
        Risk ratios that link the confounder to the treatment and to the outcome.

    Raises
    ------
    DataError
        If one of them is below 1.

    Source
    ------
    P. Ding, T. VanderWeele (2016), Epidemiology 27(3), 368-377; as used in VanderWeele & Ding (2017).
    """
    if not (rr_treatment >= 1 and rr_outcome >= 1):
        raise DataError(
            f"the risk ratios are {rr_treatment} and {rr_outcome}; give both as at least 1 (else 1 / ratio)."
        )
    return rr_treatment * rr_outcome / (rr_treatment + rr_outcome - 1)


def e_value_risk_ratio(estimate: float, *, ci: tuple[float, float] | None = None, null: float = 1.0) -> EValue:
    """E-value of a risk ratio.

    Parameters
    ----------
    estimate : float, above 0
        Adjusted risk ratio.
    ci : (low, high), optional
        Its confidence interval.
    null : float, above 0
        The risk ratio to which the estimate is to be moved; 1 is no effect.

    Raises
    ------
    DataError
        If a ratio is not positive, or the estimate is outside its interval.

    Source
    ------
    VanderWeele & Ding (2017), table 1; ``null`` other than 1 as the authors' R package EValue has it.
    """
    return _on_ratio_scale("risk ratio", estimate, ci, null)


def e_value_odds_ratio(
    estimate: float, *, rare: bool, ci: tuple[float, float] | None = None, null: float = 1.0
) -> EValue:
    """E-value of an odds ratio.

    Parameters
    ----------
    estimate : float, above 0
        Adjusted odds ratio.
    rare : bool
        True if the outcome is rare (below 15 % at the end of follow-up): the odds ratio is read as a risk ratio.
        False: its square root is. There is no default because the answer depends on it.
    ci, null
        As in :func:`e_value_risk_ratio`, both on the odds-ratio scale.

    Raises
    ------
    DataError
        If a ratio is not positive, or the estimate is outside its interval.

    Source
    ------
    VanderWeele & Ding (2017), table 2.
    """
    power = 1.0 if rare else 0.5
    _check("odds ratio", estimate, ci, null)
    limits = None if ci is None else (ci[0] ** power, ci[1] ** power)
    return _on_ratio_scale("odds ratio", estimate**power, limits, null**power)


def e_value_mean_difference(estimate: float, *, sd: float, se: float | None = None, null: float = 0.0) -> EValue:
    """E-value of a difference in means of a continuous outcome.

    Parameters
    ----------
    estimate : float
        Adjusted difference in means, in the outcome's unit u.
    sd : float, above 0
        Standard deviation of the outcome, unit u (1 if ``estimate`` is standardised already).
    se : float, optional
        Standard error of ``estimate``, unit u.
    null : float
        The difference to which the estimate is to be moved, unit u.

    Returns
    -------
    EValue
        With d = estimate / sd: risk ratio exp(0.91 d), 95 % limits exp(0.91 d -+ 1.78 se / sd).

    Raises
    ------
    DataError
        If ``sd`` is not positive, ``se`` is negative, or either figure is beyond 100 standard deviations.

    Source
    ------
    VanderWeele & Ding (2017), table 2; the conversion of d is Chinn's (2000). It needs an outcome that is roughly
    normal with the same spread in both arms.
    """
    if not (sd > 0 and isfinite(sd)):
        raise DataError(f"sd is {sd}; give the standard deviation of the outcome, a positive number.")
    if se is not None and not se >= 0:
        raise DataError(f"se is {se}; a standard error is not negative. Pass None if there is none.")
    d = estimate / sd
    if not abs(d) + (se or 0.0) / sd < 100:
        raise DataError(f"the difference is {d:.3g} standard deviations; the conversion to a risk ratio means nothing.")
    limits = None if se is None else (exp(0.91 * d - 1.78 * se / sd), exp(0.91 * d + 1.78 * se / sd))
    return _on_ratio_scale("mean difference", exp(0.91 * d), limits, exp(0.91 * null / sd))


def e_value_risk_difference(estimate: float, *, control_risk: float, ci: tuple[float, float] | None = None) -> EValue:
    """E-value of a risk difference, by way of the risk ratio it implies at the adjusted risk of the controls.

    Parameters
    ----------
    estimate : float
        Adjusted risk difference, between -1 and 1.
    control_risk : float, inside (0, 1)
        Adjusted risk without treatment; taken as known when the interval is converted.
    ci : (low, high), optional
        Interval of the risk difference.

    Raises
    ------
    DataError
        If ``control_risk`` is not inside (0, 1), or the implied risk with treatment is not positive.

    Source
    ------
    VanderWeele & Ding (2017) for the E-value of (control_risk + difference) / control_risk, which is exact for the
    null of no effect; the treatment of the interval is ours and ignores that ``control_risk`` is estimated.
    """
    if not 0 < control_risk < 1:
        raise DataError(f"control_risk is {control_risk}; it must lie inside (0, 1).")
    if not control_risk + estimate > 0:
        raise DataError(f"a difference of {estimate} from a risk of {control_risk} leaves no positive risk.")
    # An interval may reach below the risk of zero; the ratio then reaches zero, the far end, which is never used.
    limits = None if ci is None else (max(1 + ci[0] / control_risk, 0.0), max(1 + ci[1] / control_risk, 0.0))
    return _on_ratio_scale("risk difference", 1 + estimate / control_risk, limits, 1.0, allow_zero_limit=True)


def _on_ratio_scale(measure, ratio, limits, null, *, allow_zero_limit=False) -> EValue:
    _check(measure, ratio, limits, null, allow_zero_limit=allow_zero_limit)
    if limits is None:
        return EValue(measure, ratio, None, null, _closed_form(ratio / null), None)
    low, high = limits
    nearer = low if ratio >= null else high
    contains_null = low <= null <= high
    limit = 1.0 if contains_null else _closed_form(nearer / null)
    return EValue(measure, ratio, nearer, null, _closed_form(ratio / null), limit)


def _closed_form(ratio: float) -> float:
    ratio = 1 / ratio if ratio < 1 else ratio
    return ratio + sqrt(ratio * (ratio - 1))


def _check(measure, ratio, limits, null, *, allow_zero_limit=False) -> None:
    for name, value in (("estimate", ratio), ("null", null)):
        if not 0 < value < inf:
            raise DataError(f"the {name} of the {measure} is {value}; a ratio must be positive and finite.")
    if limits is None:
        return
    low, high = limits
    if not (low > 0 or (allow_zero_limit and low >= 0)):
        raise DataError(f"the interval of the {measure} starts at {low}; a ratio must be positive.")
    if not low <= ratio <= high:
        raise DataError(f"the estimate {ratio:.6g} of the {measure} is outside its interval [{low:.6g}, {high:.6g}].")
