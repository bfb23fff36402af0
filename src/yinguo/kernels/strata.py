"""Groups of identical rows, and the exact matches they give."""

import numpy as np

from yinguo.kernels.matches import Matches

# An odd 64-bit constant with well mixed bits (2^64 divided by the golden ratio).
_MIX = np.uint64(0x9E3779B97F4A7C15)


def row_groups(X):
    """Number the distinct rows of a matrix.

    Rows are compared by value (0.0 equals -0.0). They are brought together by a 64-bit hash and then compared in full,
    so a collision costs time, never correctness. About ten times faster than ``np.unique(axis=0)``.

    Parameters
    ----------
    X : (n, p) float array
        Without NaN.

    Returns
    -------
    group : (n,) int array
        Rows i and j are equal exactly when ``group[i] == group[j]``.
    first : (g,) int array
        One row of each group, the earliest.
    """
    X = np.ascontiguousarray(X, dtype=float) + 0.0  # turns -0.0 into 0.0
    n, p = X.shape
    bits = X.view(np.uint64)
    key = np.zeros(n, dtype=np.uint64)
    for column in range(p):
        key = (key ^ bits[:, column]) * _MIX
        key ^= key >> np.uint64(32)
    order = np.argsort(key, kind="stable")
    ordered_key = key[order]
    same_key = ordered_key[1:] == ordered_key[:-1]
    where = np.flatnonzero(same_key)
    if not np.array_equal(X[order[where]], X[order[where + 1]]):
        _, first, group = np.unique(X, axis=0, return_index=True, return_inverse=True)
        return group.reshape(-1), first
    label = np.concatenate([[0], np.cumsum(~same_key)]) if n else np.zeros(0, dtype=int)
    group = np.empty(n, dtype=np.intp)
    group[order] = label
    first = order[np.concatenate([[0], np.flatnonzero(~same_key) + 1])] if n else order
    return group, first


def group_matches(*, group, focal, donors):
    """Match every focal unit to all donors of its own group.

    With ``focal`` and ``donors`` from opposite arms this is exact matching; from the same arm it lists the
    units of one arm that share a stratum (each unit among them).

    Parameters
    ----------
    group : (n,) int array
        Group of each row, numbers from 0.
    focal, donors : int arrays
        Rows.

    Returns
    -------
    Matches
        Distances are 0 where there is a match.
    """
    ordered = donors[np.argsort(group[donors], kind="stable")]
    size = np.bincount(group[donors], minlength=int(group.max(initial=-1)) + 1)
    stop = np.cumsum(size)[group[focal]]
    start = stop - size[group[focal]]
    distance = np.where(stop > start, 0.0, np.nan)
    return Matches(n=group.size, focal=focal, donors=ordered, start=start, stop=stop, distance=distance)
