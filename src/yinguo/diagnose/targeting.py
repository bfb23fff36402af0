r"""What it is worth to treat only those who gain most: the curve over the share treated, with bands.

For every share u of the population, ranked by effects learned on other rows, with cost c of treating one unit:

.. math:: \text{gain}(u) = E[(\psi - c) \, 1\{r \le u\}], \qquad
   \mathrm{TOC}(u) = E[\psi \mid r \le u] - E[\psi]

The gain is per unit of the population, against treating nobody; a straight line from 0 to gain(1) is what treating at
random brings. The height of the curve above that line is the Qini (uplift) curve, u TOC(u).

Source: Yadlowsky, Fleming, Shah, Brunskill & Wager (2025), JASA 120(549), for TOC; Radcliffe (2007), Direct Marketing
Analytics Journal, for the Qini curve.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.fold_parts import fold_parts, weights_of
from yinguo.diagnose.intervals import Intervals, intervals_of
from yinguo.errors import DataError
from yinguo.kernels.ranked_effects import included, rank_by

__all__ = ["TargetingCurve", "TargetingPoint", "targeting_curve", "targeting_point"]

SHARES = tuple(round(0.05 * k, 2) for k in range(1, 21))


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetingCurve:
    """The curve at some shares.

    Attributes
    ----------
    shares : (k,) float array
        Of the population, treated in order of rank.
    toc : Intervals
        How much larger the average effect of those is than everybody's.
    gain : Intervals
        Mean gain per unit of the population over treating nobody, cost taken off.
    excess : Intervals
        The same over treating as many at random: the Qini curve.
    cost : float
        Of treating one unit, in the unit of the outcome.
    """

    shares: np.ndarray
    toc: Intervals
    gain: Intervals
    excess: Intervals
    cost: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        parts = {"toc": self.toc, "gain": self.gain, "excess": self.excess}
        return {"shares": self.shares.tolist(), "cost": self.cost} | {k: v.to_dict() for k, v in parts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetingPoint:
    """Treating the best share of the population.

    Attributes
    ----------
    share, cost : float
    effect : Intervals
        Average effect of those treated, of length 1.
    gain : Intervals
        Mean gain per unit of the population over treating nobody, cost taken off.
    excess : Intervals
        The same over treating as many at random.
    """

    share: float
    cost: float
    effect: Intervals
    gain: Intervals
    excess: Intervals

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on whether choosing whom to treat is worth more than drawing lots."""
        gain, excess = (_words(part) for part in (self.gain, self.excess))
        said = (
            f"Treating the best {self.share:.0%} gains {gain} per unit of the population over treating nobody; that is "
            f"{excess} more than treating as many at random"
        )
        value, reference = float(self.excess.estimate[0]), "above treating as many at random"
        if self.share == 1:
            verdict, said = "ok", f"Treating everybody gains {gain} per unit over treating nobody"
        elif self.excess.low[0] > 0:
            verdict = "ok"
        elif self.excess.high[0] < 0:
            verdict, said = "stop", f"{said}: drawing lots is better"
        else:
            verdict, said = "look", f"{said}, which the data cannot tell from nothing"
        return Diagnostic("best-share", value, reference, verdict, f"{said}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        parts = {"effect": self.effect, "gain": self.gain, "excess": self.excess}
        return {"share": self.share, "cost": self.cost} | {name: part.to_dict() for name, part in parts.items()}


def _words(part: Intervals) -> str:
    low, high = words.number(float(part.low[0])), words.number(float(part.high[0]))
    return f"{words.number(float(part.estimate[0]))} ({low} to {high})"


def targeting_curve(
    psi, tau, *, shares=SHARES, cost: float = 0.0, folds=None, s=None, groups=None, level: float = 0.95,
    random_state: Any = 0,
) -> TargetingCurve:  # fmt: skip
    """The targeting curve of a ranking, with pointwise and uniform bands.

    Parameters
    ----------
    psi, tau : (n,) float arrays
        Scores; what to rank by, high first, learned on other rows.
    shares : (k,) floats in (0, 1]
    cost : float
        Of treating one unit, in the unit of the outcome.
    folds : (n,) int array in 0..K-1, optional
        Ranks are taken within folds.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float
    random_state : int, Generator or None
        For the uniform bands.

    Returns
    -------
    TargetingCurve

    Raises
    ------
    DataError
        A share outside (0, 1]; arrays that do not fit together.

    Source
    ------
    Yadlowsky et al. (2025), JASA 120(549).
    """
    shares = np.asarray(shares, dtype=np.float64)
    g, phi, average, phi_average = _gains(psi, tau, shares, folds, s)
    more: dict[str, Any] = {"groups": groups, "level": level, "random_state": random_state}
    return TargetingCurve(
        shares=shares, cost=float(cost),
        toc=intervals_of(g / shares - average, phi / shares - phi_average[:, None], **more),
        gain=intervals_of(g - cost * shares, phi, **more),
        excess=intervals_of(g - average * shares, phi - phi_average[:, None] * shares, **more),
    )  # fmt: skip


def targeting_point(
    psi, tau, share: float, *, cost: float = 0.0, folds=None, s=None, groups=None, level: float = 0.95
) -> TargetingPoint:
    """What treating one share of the population brings, those ranked first.

    Parameters
    ----------
    psi, tau : (n,) float arrays
        Scores; what to rank by, high first, learned on other rows.
    share : float in (0, 1]
    cost : float
        Of treating one unit, in the unit of the outcome.
    folds : (n,) int array in 0..K-1, optional
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float

    Returns
    -------
    TargetingPoint

    Source
    ------
    Yadlowsky et al. (2025), JASA 120(549).
    """
    at = np.array([share], dtype=np.float64)
    g, phi, average, phi_average = _gains(psi, tau, at, folds, s)
    more: dict[str, Any] = {"groups": groups, "level": level}
    return TargetingPoint(
        share=float(share), cost=float(cost),
        effect=intervals_of(g / at, phi / at, **more),
        gain=intervals_of(g - cost * at, phi, **more),
        excess=intervals_of(g - average * at, phi - phi_average[:, None] * at, **more),
    )  # fmt: skip


def _gains(psi, tau, shares, folds, s):
    """g(u) with influence values, and the same for the plain average."""
    if not ((shares > 0) & (shares <= 1)).all():
        raise DataError(f"shares are {shares.tolist()}; each must be above 0 and at most 1, such as 0.2 for 20 %.")
    n = len(psi)
    weight = weights_of(s, n)
    inside, rank = np.empty((n, len(shares))), np.empty(n)
    for rows, _ in fold_parts(psi, tau, folds, s):
        ranking = rank_by(tau[rows], None if s is None else s[rows])
        rank[rows] = ranking.unsort(ranking.middle)
        for j, share in enumerate(shares):
            inside[rows, j] = included(ranking, share)
    average = float(weight @ psi / n)
    phi_average = weight * (psi - average)
    g = weight @ (inside * psi[:, None]) / n
    # The unit at the edge comes or goes with the estimated cut-off; its mean score, from a window of ranks around it.
    reach = max(n ** (-1 / 3), 0.02)
    near = np.abs(rank[:, None] - shares) <= reach
    m = (weight * psi) @ near / np.maximum(weight @ near, 1e-300)
    phi = weight[:, None] * (inside * (psi[:, None] - m) - (g - shares * m))
    phi[:, shares == 1] = phi_average[:, None]  # there is no edge: everybody is treated
    return g, phi, average, phi_average
