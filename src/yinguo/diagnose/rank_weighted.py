r"""Does a ranking of units find those who gain most? RATE: the area under the targeting curve, with an interval.

Treat the share u of units that a rule ranks first: TOC(u) is how much larger their average effect is than everybody's.
Its area is the rank-weighted average effect. Zero for a rule that ranks at random, or if there is nothing to rank by.

* AUTOC weights all u alike and so the first few units most: it sees a small group with large effects.
* QINI weights by u: it sees moderate differences among many.

Source: Yadlowsky, Fleming, Shah, Brunskill & Wager (2025), JASA 120(549). Their interval is by half-sample bootstrap;
ours comes from influence values (:mod:`yinguo.kernels.ranked_effects`), which agree and take clusters.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.inference import normal_quantile, standard_error
from yinguo.diagnose.fold_parts import fold_parts, one_sided_p, p_words
from yinguo.errors import DataError
from yinguo.kernels.ranked_effects import rank_by, rank_weighted

__all__ = ["RankWeightedEffect", "rank_weighted_effect"]

TARGETS = ("AUTOC", "QINI")


@dataclass(frozen=True, slots=True, kw_only=True)
class RankWeightedEffect:
    """One area under the targeting curve.

    Attributes
    ----------
    target : {"AUTOC", "QINI"}
    estimate, se : float
        Unit of the outcome.
    low, high, level : float
        Interval and its level.
    p : float
        One-sided, of the null that the ranking does no better than chance.
    n : int
    """

    target: str
    estimate: float
    se: float
    low: float
    high: float
    level: float
    p: float
    n: int

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict: the ranking finds them, cannot be told from chance, or is upside down."""
        figures = f"{self.target} {words.number(self.estimate)} ({words.number(self.low)} to {words.number(self.high)})"
        name, reference = f"ranking-{self.target.lower()}", "above 0"
        if self.high < 0:
            return Diagnostic(
                name, self.estimate, reference, "stop",
                f"The ranking is upside down: those it puts first gain less than the rest ({figures}).",
            )  # fmt: skip
        if self.p < 0.05:
            return Diagnostic(
                name, self.estimate, reference, "ok",
                f"Those ranked first gain more than the rest: {figures}, {p_words(self.p)}.",
            )  # fmt: skip
        return Diagnostic(
            name, self.estimate, reference, "look",
            f"The ranking cannot be told from chance: {figures}, {p_words(self.p)}.",
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def rank_weighted_effect(
    psi, tau, *, target: str = "AUTOC", folds=None, s=None, groups=None, level: float = 0.95
) -> RankWeightedEffect:
    """Area under the targeting curve of a ranking.

    Parameters
    ----------
    psi : (n,) float array
        Doubly robust scores.
    tau : (n,) float array
        What to rank by, high first: effects learned on other rows, or anything known before treatment.
    target : {"AUTOC", "QINI"}
    folds : (n,) int array in 0..K-1, optional
        Rows of one fold share a learner. Ranks are then taken within folds: effects of two learners do not compare.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float

    Returns
    -------
    RankWeightedEffect

    Raises
    ------
    DataError
        Another target; arrays that do not fit together.

    Source
    ------
    Yadlowsky et al. (2025), JASA 120(549).
    """
    if target not in TARGETS:
        raise DataError(f"target is {target!r}; it must be one of {TARGETS}.")
    estimate, phi = 0.0, np.empty(len(psi))
    for rows, share in fold_parts(psi, tau, folds, s):
        theta, phi[rows] = rank_weighted(psi[rows], rank_by(tau[rows], None if s is None else s[rows]), target)
        estimate += share * theta
        phi[rows] *= share * len(psi) / len(rows)
    se, z = standard_error(phi, groups), normal_quantile(level)
    return RankWeightedEffect(
        target=target, estimate=float(estimate), se=se, low=float(estimate - z * se), high=float(estimate + z * se),
        level=level, p=one_sided_p(estimate, se), n=len(psi),
    )  # fmt: skip
