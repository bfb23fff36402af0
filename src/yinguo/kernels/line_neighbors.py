"""Nearest neighbours when the units lie on a line, as they do on a propensity score.

On a line the units within any distance of x are consecutive in sorted order, so a match set, ties included, is a slice
of the sorted donors: one sort, a few binary searches, no list of pairs. Matching without replacement keeps, for each
distinct donor value, a pointer to the next value that still has a free donor.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.kernels.matches import Matches

# Distances that differ by less than this share of the spread differ by rounding only and count as equal: equal rows of
# X may get scores that differ in the last bit, depending on where the row falls in a blocked matrix product.
ROUNDING = 1e-10

_BLOCK = 8192  # rows at a time, so that the dozen temporaries of a step stay in cache


def line_matches(*, values, focal, donors, n_neighbors=1, caliper=None, tie_tolerance=0.0):
    r"""The nearest donors of every focal unit on a line, all ties kept.

    With :math:`d_M(i)` the distance of unit i to its M-th nearest donor, the matches are the donors within

    .. math:: \min\{\sqrt{d_M(i)^2 + \text{tie tolerance}},\ \text{caliper}\}.

    Parameters
    ----------
    values : (n,) float array
        Position of each row.
    focal, donors : int arrays
        Rows. Already sorted by value is fastest; a row that is in both is its own nearest neighbour.
    n_neighbors : int or None
        M; all donors when there are fewer. None keeps every donor within the caliper.
    caliper : float or None
        Largest allowed distance, in the unit of ``values``.
    tie_tolerance : float
        Squared distances that exceed the M-th smallest by no more than this are ties.

    Returns
    -------
    Matches
        ``focal`` comes back sorted by value.

    Raises
    ------
    ValueError
        If both ``n_neighbors`` and ``caliper`` are None.
    """
    if n_neighbors is None and caliper is None:
        raise ValueError("n_neighbors and caliper are both None, so nothing says which donors match; give one of them.")
    focal, x = _sorted_rows(values, focal)
    donors, v = _sorted_rows(values, donors)
    slack = ROUNDING * float(values.std()) if values.size else 0.0
    reach = _LineReach(
        nth=0 if n_neighbors is None else min(n_neighbors, v.size),
        caliper=np.inf if caliper is None else caliper,
        tie_tolerance=tie_tolerance,
        slack=slack,
    )
    padding = np.full(reach.nth + 1, np.inf)
    padded = np.concatenate([-padding, v, padding])
    start, stop = np.empty(x.size, dtype=np.intp), np.empty(x.size, dtype=np.intp)
    distance = np.empty(x.size)
    for begin in range(0, x.size, _BLOCK):
        part = slice(begin, begin + _BLOCK)
        start[part], stop[part], distance[part] = _slices(x[part], v, padded, reach)
    return Matches(n=values.size, focal=focal, donors=donors, start=start, stop=stop, distance=distance)


def greedy_line_matches(*, values, focal, donors, n_neighbors=1, caliper=None):
    """Each focal unit in turn takes the nearest donor that is still free.

    The result depends on the order of ``focal`` and is greedy, not the assignment with the least total distance. With
    ``n_neighbors`` above 1 there are that many rounds: everybody gets a first match before anybody gets a second.
    Between a donor below and one above at the same distance the one below is taken; among donors with the same value
    the earliest in ``donors``.

    Parameters
    ----------
    values : (n,) float array
    focal : (m,) int array
        Rows in the order in which they choose.
    donors : (q,) int array
        Rows, each usable once.
    n_neighbors : int
    caliper : float or None
        A unit whose nearest free donor is farther away stays unmatched in that round.

    Returns
    -------
    Matches
        ``focal`` in the order given.
    """
    ordered, v = _sorted_rows(values, donors)
    distinct, first = np.unique(v, return_index=True)
    limit = np.inf if caliper is None else caliper + ROUNDING * values.std()
    x = values[focal]
    above = np.searchsorted(distinct, x, side="left")
    free = _FreeValues(distinct, first, v.size)
    taken = np.full((n_neighbors, focal.size), -1, dtype=np.intp)
    gaps = np.full((n_neighbors, focal.size), np.nan)
    for turn in range(n_neighbors):
        places, distances = free.assign(x.tolist(), above.tolist(), limit)
        taken[turn], gaps[turn] = places, distances
    got = taken.T >= 0
    stop = np.cumsum(got.sum(axis=1))
    farthest = np.where(got.any(axis=1), np.where(got, gaps.T, 0.0).max(axis=1, initial=0.0), np.nan)
    return Matches(
        n=values.size,
        focal=focal,
        donors=ordered[taken.T[got]],
        start=stop - got.sum(axis=1),
        stop=stop,
        distance=farthest,
    )


class _FreeValues:
    """Which distinct donor values still have a free donor, with near-constant-time 'next free' in both directions.

    ``up[k]`` points towards the first free value at or above k, ``down[k]`` towards the last one at or below k - 1,
    both shifted by one so that the ends of the line are the free sentinels 0 and K + 1. Pointers are halved on the
    way (union-find), plain lists because scalar access to them is several times faster than to arrays.
    """

    def __init__(self, distinct, first, n_donors):
        k = distinct.size
        self.value = [-np.inf, *distinct.tolist(), np.inf]
        self.place = [-1, *first.tolist(), -1]
        self.end = [-1, *first.tolist()[1:], n_donors, -1]
        self.up = list(range(k + 2))
        self.down = list(range(k + 2))

    def assign(self, x, above, limit):
        """One round: the place in the donor order that each unit takes (-1: none) and its distance."""
        value, place, end, up, down = self.value, self.place, self.end, self.up, self.down
        last = len(value) - 1
        places, distances = [-1] * len(x), [np.nan] * len(x)
        for i, (at, k) in enumerate(zip(x, above)):
            high = k + 1
            while up[high] != high:
                up[high] = high = up[up[high]]
            low = k
            while down[low] != low:
                down[low] = low = down[down[low]]
            left, right = at - value[low], value[high] - at
            chosen, gap = (low, left) if left <= right else (high, right)
            if gap > limit or chosen in (0, last):
                continue
            places[i], distances[i] = place[chosen], gap
            place[chosen] += 1
            if place[chosen] == end[chosen]:
                up[chosen], down[chosen] = chosen + 1, chosen - 1
        return places, distances


def _sorted_rows(values, rows):
    x = values[rows]
    if (x[1:] >= x[:-1]).all():
        return rows, x
    order = np.argsort(x, kind="stable")  # stable: 'the earliest donor' must mean something
    return rows[order], x[order]


@dataclass(frozen=True, slots=True)
class _LineReach:
    """M (0: everything within the caliper), caliper, tie tolerance, and what rounding may add to a distance."""

    nth: int
    caliper: float
    tie_tolerance: float
    slack: float


def _slices(x, v, padded, reach):
    """Where the matches of each x begin and end in the sorted v, and how far the farthest is.

    ``padded`` is v with ``nth + 1`` infinities on either side, so that windows may hang over the ends.
    """
    if not reach.nth:
        radius = np.full(x.size, reach.caliper + reach.slack)
        start, stop = np.zeros(x.size, dtype=np.intp), np.zeros(x.size, dtype=np.intp)
        return _searched(x, v, radius, np.arange(x.size), start, stop, np.full(x.size, np.nan))
    low, nearest = _best_window(x, v, padded, reach.nth)
    radius = np.sqrt(nearest**2 + reach.tie_tolerance) if reach.tie_tolerance else nearest
    radius = np.minimum(radius, reach.caliper) + reach.slack
    # Usually the window is the match set. Where a neighbour ties with it, or the caliper cuts it, search for the ends.
    more = (x - padded[low - 1] <= radius) | (padded[low + reach.nth] - x <= radius) | (nearest > radius)
    start = low - (reach.nth + 1)
    return _searched(x, v, radius, np.flatnonzero(more), start, start + reach.nth, nearest)


def _best_window(x, v, padded, nth):
    """Of the windows of nth consecutive entries, the one whose farther end is nearest to x: where in ``padded`` it
    begins, and that distance."""
    first = np.searchsorted(v, x) + 1
    low, nearest = first, np.full(x.size, np.inf)
    for shift in range(nth + 1):
        begin = first + shift
        farther = np.maximum(x - padded[begin], padded[begin + nth - 1] - x)
        better = farther < nearest
        low = np.where(better, begin, low)
        nearest = np.where(better, farther, nearest)
    return low, nearest


def _searched(x, v, radius, rows, start, stop, distance):
    """Set the slices of some rows to everything within their radius."""
    at, reach = x[rows], radius[rows]
    start[rows] = begin = np.searchsorted(v, at - reach, side="left")
    stop[rows] = end = np.maximum(np.searchsorted(v, at + reach, side="right"), begin)
    distance[rows] = np.nan
    found = end > begin
    at, rows = at[found], rows[found]
    distance[rows] = np.maximum(np.abs(at - v[begin[found]]), np.abs(v[end[found] - 1] - at))
    return start, stop, distance
