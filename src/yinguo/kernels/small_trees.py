r"""The best tree of depth 1 or 2, by looking at all of them.

A tree cuts the rows into leaves; its worth is a sum over leaves of a function of the leaf's total
:math:`S = \sum_i w_i y_i` and weight :math:`N = \sum_i w_i`:

* ``"policy"``: max(S, 0). The leaf is treated if that pays; the best tree is the best rule of its depth.
* ``"spread"``: S^2 / N. The best tree leaves the least squared error, so that means differ most between its leaves.

A split is "x <= value goes left", with the plainest value between two that were met. Every covariate is first cut at
its distinct values, or at ``max_cuts`` quantiles if it has more. For a root on covariate j and a split below on
covariate k all that matters is the two-way table of totals over the cells of j and k: its running sums along j are the
totals left of every root, those along k of every split below, so that all pairs of cuts cost one pass over the rows and
one over the table. Depths beyond 2 look two levels ahead at every level.

Source: Zhou, Athey & Wager (2023), Operations Research 71(1), for exact search over shallow trees; the tables are ours.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["SmallTree", "best_tree"]

#: Cells of a two-way table worked on at a time, times the number of arrays that takes.
BLOCK = 4_000_000


@dataclass(frozen=True, slots=True)
class SmallTree:
    """A split, or a leaf.

    Attributes
    ----------
    feature : int
        Column that is split, -1 for a leaf.
    threshold : float
        Rows with at most this value go left.
    left, right : SmallTree or None
    """

    feature: int = -1
    threshold: float = float("nan")
    left: "SmallTree | None" = None
    right: "SmallTree | None" = None

    @property
    def leaves(self) -> int:
        """Number of leaves."""
        return 1 if self.left is None or self.right is None else self.left.leaves + self.right.leaves

    def apply(self, X) -> np.ndarray:
        """(n,) number of the leaf of every row, counted from left to right."""
        if self.left is None or self.right is None:
            return np.zeros(len(X), dtype=np.int64)
        goes_left = X[:, self.feature] <= self.threshold
        out = np.empty(len(X), dtype=np.int64)
        out[goes_left] = self.left.apply(X[goes_left])
        out[~goes_left] = self.left.leaves + self.right.apply(X[~goes_left])
        return out

    def paths(self) -> list[list[tuple[int, bool, float]]]:
        """For every leaf its conditions (column, True for "at most", value), from the root down."""
        if self.left is None or self.right is None:
            return [[]]
        here = [[(self.feature, side, self.threshold)] for side in (True, False)]
        return [here[i] + path for i, child in enumerate((self.left, self.right)) for path in child.paths()]


def best_tree(
    X, y, s=None, *, depth: int = 2, worth: str = "policy", min_leaf: int = 1, max_cuts: int | None = 255
) -> SmallTree:
    """The tree with the largest worth.

    Parameters
    ----------
    X : (n, p) float array
    y : (n,) float array
        Gain of treating each row, or what should differ between leaves.
    s : (n,) float array, optional
        Sample weights.
    depth : int
        0 is a single leaf.
    worth : {"policy", "spread"}
    min_leaf : int
        Rows that every leaf must have.
    max_cuts : int or None
        Most places to split a covariate at; None tries all, which takes the square of the number of distinct values.

    Returns
    -------
    SmallTree
        Without a split where none is better than none.
    """
    s = np.ones(len(y)) if s is None else s
    if worth == "spread":  # the worth of a constant is none; without its mean S^2 / N loses digits
        y = y - s @ y / s.sum()
    coded = [_cells(X[:, j], max_cuts) for j in range(X.shape[1])]
    tree = _grow(coded, y, s, depth, worth, max(min_leaf, 1))
    return _merged(tree, tree.apply(X), y, s) if worth == "policy" else tree


@dataclass(frozen=True, slots=True)
class _Cells:
    """A covariate cut into cells: the cell of every row, and the plainest value between each cell and the next."""

    cell: np.ndarray
    cuts: np.ndarray

    def of(self, rows) -> "_Cells":
        return _Cells(self.cell[rows], self.cuts)


def _grow(coded: list[_Cells], y, s, depth, worth, min_leaf) -> SmallTree:
    if depth == 0 or len(y) < 2 * min_leaf or not coded:
        return SmallTree()
    found = _best_root(coded, y, s, worth, min_leaf, deep=depth > 1)
    if found is None:
        return SmallTree()
    j, cut = found
    goes_left = coded[j].cell <= cut
    # The splits below are found again on the rows of each side. The places to cut stay those of all rows, so that they
    # are the splits that the root was chosen for.
    left, right = (
        _grow([c.of(side) for c in coded], y[side], s[side], depth - 1, worth, min_leaf)
        for side in (goes_left, ~goes_left)
    )
    return SmallTree(j, float(coded[j].cuts[cut]), left, right)


def _merged(tree: SmallTree, leaf, y, s) -> SmallTree:
    """The same rule without splits whose two sides are treated alike."""
    if tree.left is None or tree.right is None:
        return tree
    k = tree.left.leaves
    left, right = leaf < k, leaf >= k
    first = _merged(tree.left, leaf[left], y[left], s[left])
    second = _merged(tree.right, leaf[right] - k, y[right], s[right])
    if first.leaves == second.leaves == 1 and (s[left] @ y[left] > 0) == (s[right] @ y[right] > 0):
        return SmallTree()
    return SmallTree(tree.feature, tree.threshold, first, second)


def _cells(x, max_cuts) -> _Cells:
    values = np.unique(x)
    last = np.arange(len(values) - 1)  # values after which it may be cut
    if max_cuts is not None and len(last) > max_cuts:
        ordered = np.sort(x)
        places = (np.arange(1, max_cuts + 1) * len(x)) // (max_cuts + 1)
        last = np.unique(np.searchsorted(values, ordered[places]))
        last = last[last < len(values) - 1]
    cuts = np.array([_plain_between(float(values[i]), float(values[i + 1])) for i in last])
    return _Cells(np.searchsorted(cuts, x), cuts)


def _plain_between(low: float, high: float) -> float:
    """The number with the fewest decimals that is at least ``low`` and below ``high``: rules are read by people."""
    for decimals in range(-12, 16):
        step = 10.0**decimals
        value = math.ceil(low * step) / step
        if low <= value < high:
            return value
    return low


def _worth(S, N, rule):
    if rule == "policy":
        return np.maximum(S, 0.0)
    return np.divide(S * S, N, out=np.zeros_like(S), where=N > 0)


def _best_root(coded, y, s, worth, min_leaf, deep: bool) -> tuple[int, int] | None:
    """Column and cut of the best root, if any split is better than a leaf."""
    best = float(_worth(np.array([s @ y]), np.array([s.sum()]), worth)[0])
    best += 1e-12 * (abs(best) + float(s @ np.abs(y)))  # a tie goes to the smaller tree
    found = None
    for j, one in enumerate(coded):
        if len(one.cuts) == 0:
            continue
        tables = _tables(one.cell, len(one.cuts) + 1, y, s, worth)
        running = [np.cumsum(t)[:-1] for t in tables]
        nothing = np.full(len(one.cuts), -np.inf)
        below = _best_below(coded, j, y, s, worth, min_leaf) if deep else (nothing, nothing)
        total = np.zeros(len(one.cuts))
        for side, deeper in zip((running, [t.sum() - c for t, c in zip(tables, running)]), below):
            value = np.maximum(_worth(side[0], side[-1], worth), deeper)
            total += np.where(side[1] >= min_leaf, value, -np.inf)
        cut = int(np.argmax(total))
        if total[cut] > best:
            best, found = float(total[cut]), (j, cut)
    return found


def _tables(cell, k, y, s, worth) -> list[np.ndarray]:
    """Totals of y, rows and, where it is needed and differs, weight in every cell."""
    tables = [np.bincount(cell, weights=s * y, minlength=k), np.bincount(cell, minlength=k)]
    weighted = worth == "spread" and not (s == 1).all()
    return [*tables, np.bincount(cell, weights=s, minlength=k)] if weighted else tables


def _best_below(coded, j, y, s, worth, min_leaf) -> tuple[np.ndarray, np.ndarray]:
    """(cuts of j,) worth of the best single split of the rows left of every cut of column j, and of those right."""
    rows_of, n_j = coded[j].cell, len(coded[j].cuts) + 1
    best = np.full((2, n_j - 1), -np.inf)
    for k, other in enumerate(coded):
        cell, n_k = other.cell, len(other.cuts) + 1
        if n_k < 2:
            continue
        if k == j:  # only the diagonal is filled, and it cuts a side of the root once more
            tables = [np.diag(t) for t in _tables(cell, n_k, y, s, worth)]
        else:
            tables = [t.reshape(n_j, n_k) for t in _tables(rows_of * n_k + cell, n_j * n_k, y, s, worth)]
        # Running sums along k first: those along j are then the totals of both sides of the split below.
        tables = [np.cumsum(t, axis=1) for t in tables]
        whole, carried = [t.sum(axis=0) for t in tables], [np.zeros(n_k, dtype=t.dtype) for t in tables]
        step = max(1, BLOCK // n_k)
        for a in range(0, n_j - 1, step):
            rows = slice(a, min(a + step, n_j - 1))
            left = [np.cumsum(t[rows], axis=0) + c for t, c in zip(tables, carried)]
            carried = [t[-1] for t in left]
            for side, parts in enumerate((left, [w - t for w, t in zip(whole, left)])):
                np.maximum(best[side, rows], _best_split(parts, worth, min_leaf), out=best[side, rows])
    return best[0], best[1]


def _best_split(parts, worth, min_leaf) -> np.ndarray:
    """(rows,) largest worth over the splits along the columns of running sums."""
    first, all_of = [t[:, :-1] for t in parts], [t[:, -1:] for t in parts]
    rest = [a - t for a, t in zip(all_of, first)]
    value = _worth(first[0], first[-1], worth) + _worth(rest[0], rest[-1], worth)
    value[(first[1] < min_leaf) | (rest[1] < min_leaf)] = -np.inf
    return value.max(axis=1)
