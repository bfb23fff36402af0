r"""Bounds on an additive effect in matched pairs under hidden bias of strength :math:`\Gamma`.

Shifting the differences by a supposed effect :math:`\tau` turns the signed-rank statistic into the number of Walsh
averages :math:`(D_i + D_j) / 2`, :math:`i \le j`, above :math:`\tau`. The Hodges-Lehmann estimate solves "statistic =
expectation", the interval "statistic = critical value", and hidden bias moves both right-hand sides; so every bound is
a quantile of the Walsh averages. They are counted, never stored, so that thousands of pairs cost no memory.

Source: P. Rosenbaum (2002), Observational Studies, 2nd ed., chapter 4; J. Hodges, E. Lehmann (1963), Annals of
Mathematical Statistics 34(2).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from yinguo.diagnose.signed_rank import signed_rank_tails

__all__ = ["EffectBounds", "effect_bounds", "walsh_quantile"]


@dataclass(frozen=True, slots=True)
class EffectBounds:
    """Range of the Hodges-Lehmann estimate and ends of the interval; all in the outcome's unit."""

    estimate_low: float
    estimate_high: float
    ci_low: float
    ci_high: float


def effect_bounds(D, gamma: float, *, alpha: float, exact: bool) -> EffectBounds:
    """Hodges-Lehmann estimates and one-sided limits that hidden bias of at most ``gamma`` allows.

    Parameters
    ----------
    D : (n,) float array
        Pair differences, treated minus control, unit u.
    gamma : float, at least 1
        Strength of hidden bias.
    alpha : float
        Level of each one-sided limit; half of it for a two-sided interval of level 1 - alpha.
    exact : bool
        Critical value from the exact distribution for untied differences, or from its normal approximation.

    Returns
    -------
    EffectBounds

    Source
    ------
    Rosenbaum (2002), chapter 4.
    """
    D = np.sort(np.asarray(D, dtype=float))
    n = D.size
    most = gamma / (1 + gamma)
    whole = n * (n + 1) / 2
    critical = _critical_value(n, most, alpha, exact)
    return EffectBounds(
        estimate_low=walsh_quantile(D, most * whole),
        estimate_high=walsh_quantile(D, (1 - most) * whole),
        # The same limits for -D, mirrored: a small effect is refused by a large statistic, a large one by a small one.
        ci_low=walsh_quantile(D, critical),
        ci_high=0.0 - walsh_quantile(-D[::-1], critical),
    )


def walsh_quantile(D, count: float) -> float:
    """The shift at which the number of Walsh averages above it passes ``count``.

    Parameters
    ----------
    D : (n,) float array, sorted
    count : float
        Between 0 and n (n + 1) / 2. If the number equals ``count`` over a stretch, the middle of the stretch is
        returned; -inf or inf if the number never reaches it.

    Returns
    -------
    shift : float

    Source
    ------
    Hodges & Lehmann (1963): the mean of the infimum of the shifts with too small a statistic and the
    supremum of those with too large a one.
    """
    whole = D.size * (D.size + 1) / 2
    if count >= whole:
        return -np.inf
    if count < 0:
        return np.inf
    # Integer counts are compared with a margin: count may carry rounding from gamma / (1 + gamma).
    margin = 1e-9 * whole
    supremum = _last_shift_with_more_than(D, count + margin)
    infimum = _last_shift_with_more_than(D, count - margin)
    return float(supremum + infimum) / 2


def _last_shift_with_more_than(D, count):
    """Supremum of the shifts that leave more than ``count`` Walsh averages above them."""
    spread = max(D[-1] - D[0], abs(D[-1]), abs(D[0]))
    low, high = D[0] - spread, D[-1]
    while high - low > 1e-13 * spread:
        middle = low + (high - low) / 2
        if _averages_above(D, middle) > count:
            low = middle
        else:
            high = middle
    return _nearest_average(D, high)


def _nearest_average(D, shift):
    """The supremum is itself a Walsh average; bisection leaves it a few roundings away."""
    partner = np.searchsorted(D, 2 * shift - D)
    candidates = np.concatenate([(D + D[np.clip(partner + step, 0, D.size - 1)]) / 2 for step in (-1, 0)])
    return float(candidates[np.abs(candidates - shift).argmin()])


def _averages_above(D, shift):
    """Number of pairs i <= j with D_i + D_j > 2 shift."""
    n = D.size
    above = n - np.searchsorted(D, 2 * shift - D, side="right")
    itself = int(np.count_nonzero(shift < D))
    return (int(above.sum()) + itself) / 2


def _critical_value(n, p, alpha, exact):
    """The largest value the statistic of n untied pairs takes without being refused at level alpha."""
    ranks = np.arange(1, n + 1)
    whole = n * (n + 1) / 2
    if not exact:
        return p * whole + norm.isf(alpha) * np.sqrt(p * (1 - p) * (ranks**2).sum())
    refused = np.flatnonzero(signed_rank_tails(ranks, p) <= alpha)
    # Half a step below the refused values: the count of averages jumps by whole numbers.
    return refused[0] - 0.5 if refused.size else whole
