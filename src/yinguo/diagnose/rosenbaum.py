r"""Rosenbaum bounds: how much hidden bias would overturn a finding from matched pairs?

In pair i, matched on the measured covariates, hidden bias of at most :math:`\Gamma` means that the odds of being the
treated one differ between the two by at most that factor. Under no effect the chance that the difference
:math:`D_i` (treated minus control) is positive then lies between :math:`1 / (1 + \Gamma)` and
:math:`\Gamma / (1 + \Gamma)`, so a statistic :math:`T = \sum_i r_i 1[D_i > 0]` is bounded by sums of independent
:math:`r_i \cdot \mathrm{Bernoulli}` at these two chances. The bounds on T give bounds on the p-value, on the
Hodges-Lehmann estimate and on the confidence interval of an additive effect.

``r_i`` is the rank of ``|D_i|`` (signed-rank test) or 1 (sign test; for a binary outcome this is McNemar's test).

Source: P. Rosenbaum (2002), Observational Studies, 2nd ed., Springer, chapter 4. The statistic is referred
to its exact distribution, by convolution, where there are at most ``EXACT_PAIRS`` pairs, else to a normal one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import rankdata

from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.rosenbaum_effect import effect_bounds
from yinguo.diagnose.signed_rank import p_value_bounds
from yinguo.errors import DataError

__all__ = ["RosenbaumBounds", "mcnemar_bounds", "pair_differences", "rosenbaum_bounds"]

EXACT_PAIRS = 100
#: Below this Gamma the verdict is "look". A rule of thumb of ours; what bias is plausible depends on the study.
FRAGILE = 1.5
_LARGEST_GAMMA = 1e9


@dataclass(frozen=True, slots=True)
class RosenbaumBounds:
    """What hidden bias of each strength can do to the result of a matched-pair study.

    Attributes
    ----------
    test : str
        ``"signed-rank"`` or ``"sign"``.
    alternative : str
        ``"two-sided"``, ``"greater"`` or ``"less"``.
    pairs, zero_pairs : int
        Pairs given, and those among them without a difference.
    alpha : float
        Level at which a p-value counts as significant.
    gamma : (k,) tuple of float
        Strengths of hidden bias; 1 is none.
    p_low, p_high : (k,) tuples of float
        Smallest and largest p-value that bias of this strength allows.
    estimate_low, estimate_high : (k,) tuples of float
        The same for the Hodges-Lehmann estimate; empty for the sign test.
    ci_low, ci_high : (k,) tuples of float
        Ends of the interval of level 1 - alpha that covers under every bias of this strength; empty for the sign test.
    critical_gamma : float or None
        The strength at which significance is lost; None if there is none to lose.
    """

    test: str
    alternative: str
    pairs: int
    zero_pairs: int
    alpha: float
    gamma: tuple[float, ...]
    p_low: tuple[float, ...]
    p_high: tuple[float, ...]
    estimate_low: tuple[float, ...]
    estimate_high: tuple[float, ...]
    ci_low: tuple[float, ...]
    ci_high: tuple[float, ...]
    critical_gamma: float | None

    @property
    def sentence(self) -> str:
        """The finding for a reader who knows no statistics."""
        if self.critical_gamma is None:
            return (
                f"Even without hidden bias the {self.pairs} matched pairs do not differ significantly "
                f"(p = {_p_at_no_bias(self):.3g}), so there is no finding that hidden bias could overturn."
            )
        return (
            f"The finding from {self.pairs} matched pairs stands unless a hidden cause made one of two matched units "
            f"more than {self.critical_gamma:.2f} times as likely (in odds) to be treated as the other."
        )

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on the critical Gamma."""
        ok = self.critical_gamma is not None and self.critical_gamma >= FRAGILE
        return Diagnostic(
            name="rosenbaum-bounds",
            value=self.critical_gamma,
            reference=f"look below {FRAGILE} (rule of thumb; 1 means no hidden bias)",
            verdict="ok" if ok else "look",
            sentence=self.sentence,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; an open end of an interval is None."""
        plain = {}
        for name in self.__slots__:
            value = getattr(self, name)
            plain[name] = [v if np.isfinite(v) else None for v in value] if isinstance(value, tuple) else value
        return plain | {"sentence": self.sentence}


def rosenbaum_bounds(
    differences,
    *,
    gamma: Sequence[float] = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0),
    test: str = "signed-rank",
    alternative: str = "two-sided",
    alpha: float = 0.05,
    zeros: str = "rank",
    exact: bool | None = None,
) -> RosenbaumBounds:
    """Bounds on p-value, estimate and interval of a matched-pair study under hidden bias.

    Parameters
    ----------
    differences : (n,) float array
        Outcome of the treated minus outcome of its matched control, one entry per pair, pairs disjoint.
    gamma : sequence of float, each at least 1
        Strengths of hidden bias to report.
    test : {"signed-rank", "sign"}
        The signed-rank test also bounds the size of an additive effect. Use the sign test for binary outcomes.
    alternative : {"two-sided", "greater", "less"}
        "greater": the treatment raises the outcome. Two-sided p-values are twice the smaller one-sided one, at most 1.
    alpha : float
        Level at which significance is lost.
    zeros : {"rank", "drop"}
        What the signed-rank test does with pairs without a difference: rank them with the others and give them no
        weight, as Rosenbaum does, or drop them before ranking, as Wilcoxon did and most software does. The bounds on
        the effect always use every pair.
    exact : bool, optional
        Whether to use the exact distribution of the statistic; None: for the sign test, and up to 100 pairs.

    Returns
    -------
    RosenbaumBounds

    Raises
    ------
    DataError
        If a difference is not finite, all are zero, a gamma is below 1, or an option is unknown.

    Source
    ------
    Rosenbaum (2002), chapter 4.
    """
    D = np.asarray(differences, dtype=float).ravel()
    _check(D, gamma, test, alternative, zeros)
    exact = (test == "sign" or D.size <= EXACT_PAIRS) if exact is None else exact
    ranks, positive = _ranks(D, test, zeros)
    bounds = [p_value_bounds(ranks, positive, g, alternative=alternative, exact=exact) for g in gamma]
    sided = alpha / 2 if alternative == "two-sided" else alpha
    effects = [effect_bounds(D, g, alpha=sided, exact=exact) for g in gamma] if test == "signed-rank" else []
    return RosenbaumBounds(
        test=test,
        alternative=alternative,
        pairs=int(D.size),
        zero_pairs=int((D == 0).sum()),
        alpha=float(alpha),
        gamma=tuple(float(g) for g in gamma),
        p_low=tuple(low for low, _ in bounds),
        p_high=tuple(high for _, high in bounds),
        estimate_low=tuple(e.estimate_low for e in effects),
        estimate_high=tuple(e.estimate_high for e in effects),
        ci_low=tuple(-np.inf if alternative == "less" else e.ci_low for e in effects),
        ci_high=tuple(np.inf if alternative == "greater" else e.ci_high for e in effects),
        critical_gamma=_critical_gamma(ranks, positive, alternative, alpha, exact),
    )


def mcnemar_bounds(
    treated_only: int, control_only: int, *, concordant: int = 0, alternative: str = "two-sided", **options
) -> RosenbaumBounds:
    """Bounds for a binary outcome, from the counts of discordant pairs.

    Parameters
    ----------
    treated_only, control_only : int
        Pairs in which only the treated, or only the control, had the outcome.
    concordant : int
        Pairs in which both or neither had it; they carry no information and are only counted.
    alternative, **options
        As in :func:`rosenbaum_bounds` (``gamma``, ``alpha``).

    Raises
    ------
    DataError
        If a count is negative or there is no discordant pair.

    Source
    ------
    Rosenbaum (2002), chapter 4; the p-value is the exact binomial one.
    """
    counts = (treated_only, control_only, concordant)
    if min(counts) < 0 or any(int(c) != c for c in counts):
        raise DataError(f"the pair counts are {counts}; counts are whole numbers from 0.")
    differences = np.repeat([1.0, -1.0, 0.0], [int(c) for c in counts])
    return rosenbaum_bounds(differences, test="sign", alternative=alternative, **options)


def pair_differences(Y, treated, control) -> np.ndarray:
    """Differences of matched pairs, for :func:`rosenbaum_bounds`, from the rows that form them.

    Parameters
    ----------
    Y : (n,) float array
        Outcome of every row.
    treated, control : (m,) int arrays
        Rows of the treated and of the control of each pair.

    Returns
    -------
    (m,) float array

    Raises
    ------
    DataError
        If a row is in two pairs: matching with replacement makes pairs dependent, and the bounds do not hold for it.

    Source
    ------
    Rosenbaum (2002), chapter 4, where pairs are disjoint.
    """
    treated, control = np.asarray(treated), np.asarray(control)
    if treated.shape != control.shape:
        raise DataError(f"{treated.size} treated and {control.size} controls are given; a pair has one of each.")
    repeats = treated.size * 2 - np.unique(np.concatenate([treated, control])).size
    if repeats:
        raise DataError(f"{repeats} rows are used more than once; match one to one and without replacement for bounds.")
    return np.asarray(Y, dtype=float)[treated] - np.asarray(Y, dtype=float)[control]


def _ranks(D, test, zeros):
    """Scores and signs of the pairs with a difference."""
    kept = D != 0
    if test == "sign":
        ranks = np.ones(D.size)
    elif zeros == "rank":
        ranks = rankdata(np.abs(D))
    else:
        ranks = np.zeros(D.size)
        ranks[kept] = rankdata(np.abs(D[kept]))
    return ranks[kept], D[kept] > 0


def _critical_gamma(ranks, positive, alternative, alpha, exact):
    def excess(log_gamma):
        return p_value_bounds(ranks, positive, np.exp(log_gamma), alternative=alternative, exact=exact)[1] - alpha

    if excess(0.0) > 0:
        return None
    return float(np.exp(brentq(excess, 0.0, np.log(_LARGEST_GAMMA), xtol=1e-12)))


def _p_at_no_bias(bounds: RosenbaumBounds) -> float:
    return dict(zip(bounds.gamma, bounds.p_high)).get(1.0, bounds.p_high[0])


def _check(D, gamma, test, alternative, zeros):
    for name, value, known in (
        ("test", test, ("signed-rank", "sign")),
        ("alternative", alternative, ("two-sided", "greater", "less")),
        ("zeros", zeros, ("rank", "drop")),
    ):
        if value not in known:
            raise DataError(f"{name} is {value!r}; it must be one of {known}.")
    if not np.isfinite(D).all():
        raise DataError(f"{(~np.isfinite(D)).sum()} of {D.size} pair differences are not finite; drop those pairs.")
    if not (D != 0).any():
        raise DataError(f"none of the {D.size} pairs shows a difference, so there is nothing to test.")
    if len(gamma) == 0 or min(gamma) < 1 or not np.isfinite(gamma).all():
        raise DataError(f"gamma is {tuple(gamma)}; give finite values of at least 1 (1 is no hidden bias).")
