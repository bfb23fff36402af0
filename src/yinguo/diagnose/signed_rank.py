r"""Distribution of a signed-rank statistic when the chance of a positive difference is not one half.

The statistic is :math:`T = \sum_i r_i B_i` with independent :math:`B_i \sim \mathrm{Bernoulli}(p)`: under no effect and
hidden bias of at most :math:`\Gamma`, T lies stochastically between the cases :math:`p = 1 / (1 + \Gamma)` and
:math:`p = \Gamma / (1 + \Gamma)`.

Source: P. Rosenbaum (2002), Observational Studies, 2nd ed., Springer, chapter 4.
"""

import numpy as np
from scipy.stats import binom, norm

__all__ = ["p_value_bounds", "signed_rank_tails"]


def p_value_bounds(
    ranks, positive, gamma: float, *, alternative: str = "two-sided", exact: bool = True
) -> tuple[float, float]:
    """Smallest and largest p-value of no effect when hidden bias is at most ``gamma``.

    Parameters
    ----------
    ranks : (m,) float array
        Scores of the pairs with a difference; multiples of 1/2 if ``exact``.
    positive : (m,) bool array
        Whether the difference is positive.
    gamma : float, at least 1
        Strength of hidden bias.
    alternative : {"two-sided", "greater", "less"}
    exact : bool
        Exact distribution of the statistic, or its normal approximation without continuity correction.

    Returns
    -------
    low, high : float
        Both in [0, 1]. The two-sided ``high`` is valid and can be slightly too large: it takes each side at its worst.

    Source
    ------
    Rosenbaum (2002), chapter 4.
    """
    tail = _exact_tail if exact else _normal_tail
    T, T_less = float(ranks[positive].sum()), float(ranks[~positive].sum())
    least, most = 1 / (1 + gamma), gamma / (1 + gamma)
    # A small T is a large sum over the negative pairs, whose chances have the same bounds.
    greater, less = ((tail(ranks, t, least), tail(ranks, t, most)) for t in (T, T_less))
    if alternative == "greater":
        return greater
    if alternative == "less":
        return less
    return min(1.0, 2 * min(greater[0], less[0])), min(1.0, 2 * min(greater[1], less[1]))


def signed_rank_tails(steps, p: float):
    """Probabilities that the statistic reaches each whole number, by convolution.

    Parameters
    ----------
    steps : (m,) int array
        Scores, whole numbers from 1.
    p : float, inside (0, 1)
        Chance that a score counts.

    Returns
    -------
    tails : (sum of steps + 1,) float array
        ``tails[c]`` = P(T >= c).

    Source
    ------
    The recursion on the pairs; Rosenbaum (2002) treats T as a sum of independent variables.
    """
    mass = np.zeros(int(np.sum(steps)) + 1)
    mass[0] = 1.0
    for step in steps:
        moved = p * mass[:-step]
        mass *= 1 - p
        mass[step:] += moved
    # Summed from the far end, where the terms are smallest, so that small p-values keep their digits.
    return mass[::-1].cumsum()[::-1]


def _exact_tail(ranks, t, p):
    if (ranks == 1).all():
        return float(binom.sf(t - 1, ranks.size, p))
    # Ties give half ranks; doubled they are whole.
    return float(min(1.0, signed_rank_tails(np.rint(2 * ranks).astype(int), p)[round(2 * t)]))


def _normal_tail(ranks, t, p):
    return float(norm.sf((t - p * ranks.sum()) / np.sqrt(p * (1 - p) * (ranks**2).sum())))
