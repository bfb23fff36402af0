r"""A rule of whom to treat that fits in a sentence: the best tree of depth 1 or 2, and its honest worth.

.. math:: \hat\pi = \arg\max_{\pi \in \text{trees}} \sum_{i \in \text{drawing rows}} \pi(X_i) (\psi_i - c)

The search looks at all trees (see :mod:`yinguo.kernels.small_trees`); what the rule is worth, and the effects in its
leaves, are measured on rows that had no part in the search.

Source: Athey & Wager (2021), Econometrica 89(1); Zhou, Athey & Wager (2023), Operations Research 71(1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.arrays import integer_codes
from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.fold_parts import weights_of
from yinguo.diagnose.intervals import Intervals, intervals_of
from yinguo.diagnose.leaf_words import describe_leaves
from yinguo.diagnose.sorted_groups import average_by
from yinguo.diagnose.value_of_policy import PolicyValue, policy_value
from yinguo.errors import DataError
from yinguo.kernels.small_trees import SmallTree, best_tree

__all__ = ["PolicyTree", "policy_tree"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicyTree:
    """A rule in words, what it is worth, and the effects in its leaves.

    Attributes
    ----------
    tree : SmallTree
    treats : (k,) bool array
        Decision in every leaf, from left to right.
    rules : tuple of str
        Who is in each leaf.
    effects : Intervals
        Average effect in each leaf, on the rows that did not draw the tree.
    share : (k,) float array
        Of the population.
    value : PolicyValue
        On the same rows.
    """

    tree: SmallTree
    treats: np.ndarray
    rules: tuple[str, ...]
    effects: Intervals
    share: np.ndarray
    value: PolicyValue

    def treat(self, X) -> np.ndarray:
        """(n,) bool array: whom the rule treats."""
        return self.treats[self.tree.apply(X)]

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence for each leaf."""
        e = self.effects
        return tuple(
            f"{self._decision(i)}: effect "
            f"{words.number(float(e.estimate[i]), 3)} [{words.number(float(e.low_all[i]), 3)}, "
            f"{words.number(float(e.high_all[i]), 3)}], {self.share[i]:.0%} of the population"
            for i in range(len(self.rules))
        )

    def _decision(self, i: int) -> str:
        if len(self.rules) == 1:
            return "treat everybody" if self.treats[i] else "treat nobody"
        return f"{'treat' if self.treats[i] else 'do not treat'} if {self.rules[i]}"

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on the rule's worth."""
        found = self.value.diagnostic
        return Diagnostic("policy-tree", found.value, found.reference, found.verdict, found.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "rules": list(self.rules), "treats": self.treats.tolist(), "share": self.share.tolist(),
            "effects": self.effects.to_dict(), "value": self.value.to_dict(),
        }  # fmt: skip


def policy_tree(
    psi, X, *, drawn, names=None, cost: float = 0.0, depth: int = 2, smallest: float = 0.05, s=None, groups=None,
    level: float = 0.95, max_cuts: int = 255, random_state: Any = 0,
) -> PolicyTree:  # fmt: skip
    """Search the best rule on some rows, judge it on the rest.

    Parameters
    ----------
    psi : (n,) float array
        Doubly robust scores.
    X : (n, p) float array
        Covariates that the rule may use.
    drawn : (n,) bool array
        Rows that the search sees. A cluster must not be on both sides.
    names : p names, optional
    cost : float
        Of treating one unit, in the unit of the outcome.
    depth : int
        0, 1 or 2; beyond, the search looks two levels ahead and may miss the best.
    smallest : float in (0, 0.5]
        Share of the rows that a leaf must have.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float
    max_cuts : int
        Most places to split a covariate at; one with more values is cut at quantiles.
    random_state : int, Generator or None
        For the simultaneous intervals.

    Returns
    -------
    PolicyTree

    Raises
    ------
    DataError
        A side without rows; a leaf with too few rows on the side that judges.

    Source
    ------
    Athey & Wager (2021), Econometrica 89(1); Zhou, Athey & Wager (2023), Operations Research 71(1).
    """
    drawn = np.asarray(drawn, dtype=bool)
    rest = ~drawn
    if drawn.sum() < 4 or rest.sum() < 4:
        raise DataError(f"{drawn.sum()} rows search and {rest.sum()} judge; both sides need at least 4.")
    if not 0 < smallest <= 0.5:
        raise DataError(f"smallest is {smallest}; it is a share of the rows, above 0 and at most 0.5.")
    names = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(X.shape[1]))
    weight = weights_of(s, len(psi))
    tree = best_tree(
        X[drawn], psi[drawn] - cost, weight[drawn], depth=depth, worth="policy",
        min_leaf=max(2, int(np.ceil(smallest * drawn.sum()))), max_cuts=max_cuts,
    )  # fmt: skip
    seen = tree.apply(X[drawn])
    treats = np.bincount(seen, weights=weight[drawn] * (psi[drawn] - cost), minlength=tree.leaves) > 0
    leaf = tree.apply(X[rest])
    count = np.bincount(leaf, minlength=tree.leaves)
    if count.min() < 2:
        raise DataError(
            f"a leaf has {count.min()} of the {rest.sum()} rows that judge; use more rows, a smaller depth or a larger "
            "smallest share."
        )
    estimate, phi, share, _ = average_by(psi[rest], leaf, weight[rest])
    more: dict[str, Any] = {"groups": None if groups is None else integer_codes(groups[rest]), "level": level}
    return PolicyTree(
        tree=tree, treats=treats, rules=describe_leaves(tree, names, X), share=share,
        effects=intervals_of(estimate, phi, random_state=random_state, **more),
        value=policy_value(psi[rest], treats[leaf], cost=cost, s=weight[rest], **more),
    )  # fmt: skip
