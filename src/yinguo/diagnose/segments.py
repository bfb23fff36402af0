r"""Segments: a few groups told by the covariates, their effects with simultaneous intervals, best first.

A tree of small depth is fitted on some rows and the mean score of every leaf taken on others, so that looking for the
segments does not flatter them. The tree is fitted to the effects that a learner found, which are smoother than scores,
or to the scores themselves.

Source: Athey & Imbens (2016), PNAS 113(27), for trees that estimate on other rows than they split on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from yinguo.core import words
from yinguo.core.arrays import integer_codes
from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.fold_parts import p_words, weights_of
from yinguo.diagnose.intervals import Intervals, intervals_of
from yinguo.diagnose.leaf_words import describe_leaves
from yinguo.diagnose.sorted_groups import average_by
from yinguo.errors import DataError
from yinguo.kernels.small_trees import SmallTree, best_tree
from yinguo.kernels.uniform_band import covariance_of_means

__all__ = ["Segments", "effect_segments"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segments:
    """Segments, the one with the largest effect first.

    Attributes
    ----------
    rules : tuple of str
        Who belongs to each, in words.
    effects : Intervals
        On rows that had no part in drawing the segments; ``low_all`` and ``high_all`` hold for all of them together.
    share : (k,) float array
        Of the population.
    n : (k,) int array
        Rows the effects rest on.
    p : float
        Of the null that all segments have the same effect; chi-squared.
    tree : SmallTree
    leaf : (k,) int array
        Leaf of the tree that each segment is.
    """

    rules: tuple[str, ...]
    effects: Intervals
    share: np.ndarray
    n: np.ndarray
    p: float
    tree: SmallTree
    leaf: np.ndarray

    def of(self, X) -> np.ndarray:
        """(n,) place in the list, from 0, of the segment of every row."""
        place = np.empty(self.tree.leaves, dtype=np.int64)
        place[self.leaf] = np.arange(len(self.leaf))
        return place[self.tree.apply(X)]

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence for each segment."""
        e = self.effects
        return tuple(
            f"{rule}: effect {words.number(float(e.estimate[i]), 3)} [{words.number(float(e.low_all[i]), 3)}, "
            f"{words.number(float(e.high_all[i]), 3)}], {self.share[i]:.0%} of the population"
            for i, rule in enumerate(self.rules)
        )

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on whether the segments differ."""
        reference = "p below 0.05"
        if len(self.rules) < 2:
            return Diagnostic("segments", None, reference, "look", "No split into segments was found worth making.")
        verdict = "ok" if self.p < 0.05 else "look"
        said = (
            "The segments differ in their effects" if verdict == "ok" else "The segments' effects may all be the same"
        )
        return Diagnostic("segments", self.p, reference, verdict, f"{said}: {p_words(self.p)}; first: {self.lines[0]}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        out: dict[str, Any] = {"rules": list(self.rules), "effects": self.effects.to_dict(), "p": self.p}
        return out | {"share": self.share.tolist(), "n": self.n.tolist()}


def effect_segments(
    psi, X, *, drawn, names=None, target=None, depth: int = 2, smallest: float = 0.1, s=None, groups=None,
    level: float = 0.95, max_cuts: int = 255, random_state: Any = 0,
) -> Segments:  # fmt: skip
    """Draw segments on some rows, estimate their effects on the rest.

    Parameters
    ----------
    psi : (n,) float array
        Doubly robust scores.
    X : (n, p) float array
        Covariates that segments may be told by.
    drawn : (n,) bool array
        Rows on which the segments are drawn; the others estimate. A cluster must not be on both sides.
    names : p names, optional
    target : (n,) float array, optional
        What should differ between segments, known without the outcomes of the rows that estimate: effects from a
        learner of the drawing rows. None is the scores.
    depth : int
        At most 2 to the power of this many segments.
    smallest : float in (0, 0.5]
        Share of the rows that a segment must have.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float
    max_cuts : int
        Most places to split a covariate at.
    random_state : int, Generator or None
        For the simultaneous intervals.

    Returns
    -------
    Segments

    Raises
    ------
    DataError
        A side without rows; a segment with too few rows on the side that estimates.

    Source
    ------
    Athey & Imbens (2016), PNAS 113(27).
    """
    drawn = np.asarray(drawn, dtype=bool)
    names = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(X.shape[1]))
    rest = ~drawn
    if drawn.sum() < 4 or rest.sum() < 4:
        raise DataError(f"{drawn.sum()} rows draw and {rest.sum()} estimate; both sides need at least 4.")
    if not 0 < smallest <= 0.5:
        raise DataError(f"smallest is {smallest}; it is a share of the rows, above 0 and at most 0.5.")
    weight = weights_of(s, len(psi))
    tree = best_tree(
        X[drawn], (psi if target is None else target)[drawn], weight[drawn], depth=depth, worth="spread",
        min_leaf=max(2, int(np.ceil(smallest * drawn.sum()))), max_cuts=max_cuts,
    )  # fmt: skip
    leaf = tree.apply(X[rest])
    count = np.bincount(leaf, minlength=tree.leaves)
    if count.min() < 2:
        raise DataError(
            f"a segment has {count.min()} of the {rest.sum()} rows that estimate; use more rows, a smaller depth or a "
            "larger smallest share."
        )
    estimate, phi, share, count = average_by(psi[rest], leaf, weight[rest])
    clusters = None if groups is None else integer_codes(groups[rest])
    order = np.argsort(-estimate, kind="stable")
    effects = intervals_of(estimate[order], phi[:, order], groups=clusters, level=level, random_state=random_state)
    rules = describe_leaves(tree, names, X)
    return Segments(
        rules=tuple(rules[i] for i in order), effects=effects, share=share[order], n=count[order],
        p=same_effect_p(estimate, phi, clusters), tree=tree, leaf=order,
    )  # fmt: skip


def same_effect_p(estimate, phi, groups=None) -> float:
    """p-value of the null that k estimates have one truth; 1 for a single one.

    Parameters
    ----------
    estimate : (k,) float array
    phi : (n, k) float array
        Influence values.
    groups : (n,) int array in 0..G-1, optional
    """
    k = len(estimate)
    if k < 2:
        return 1.0
    C = np.eye(k)[1:] - np.eye(k)[0]
    d, V = C @ estimate, C @ covariance_of_means(phi, groups) @ C.T
    if groups is not None and int(groups.max()) + 1 <= k:
        return float("nan")
    return float(stats.chi2.sf(d @ np.linalg.lstsq(V, d, rcond=None)[0], k - 1))
