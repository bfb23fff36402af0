"""Who was matched to whom: one record for exact, nearest-neighbour and score matching.

Every matching method answers one question, "which donors stand in for unit i?", and everything after that (imputed
outcomes, how often a donor is used, the weights a balance table needs, Abadie-Imbens variances) is a sum over those
sets. Inside a set all donors count alike, ``1/|J(i)|``, so a set is a slice of a list of donors and no weight need be
stored. Slices may overlap or coincide: a million tied rows that share the same hundred thousand donors cost one list of
donors and two numbers a row, where a sparse matrix would need 10^11 entries. When the slices follow one another without
overlap the record is an ordinary compressed sparse row matrix, and ``matches_to_csr`` gives that form.
"""

from dataclasses import dataclass

import numpy as np

# Short sets are walked entry by entry, exact to rounding. With more pairs per stored number than _EXPAND, or a longer
# set than _LAYERS, running totals give the same sums in linear time.
_EXPAND = 4
_LAYERS = 64


@dataclass(frozen=True, slots=True)
class Matches:
    """Match sets as slices of one list of donors.

    Attributes
    ----------
    n : int
        Rows of the data the indices refer to.
    focal : (m,) int array
        Rows for which matches were sought, each at most once, in any order.
    donors : (q,) int array
        Rows that can be used; a row may stand in it more than once.
    start, stop : (m,) int arrays
        The matches of ``focal[i]`` are ``donors[start[i]:stop[i]]``; an empty slice is a unit without a match.
    distance : (m,) float array
        Distance to the farthest match, in the unit of the metric; NaN without a match.
    """

    n: int
    focal: np.ndarray
    donors: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    distance: np.ndarray

    @property
    def count(self):
        """(m,) number of matches of every focal unit."""
        return self.stop - self.start

    @property
    def matched(self):
        """(m,) True where a focal unit has at least one match."""
        return self.stop > self.start


def matches_of(matches, kept):
    """The record of some focal units only.

    Parameters
    ----------
    matches : Matches
    kept : (m,) bool array

    Returns
    -------
    Matches
    """
    parts = (part[kept] for part in (matches.focal, matches.start, matches.stop, matches.distance))
    focal, start, stop, distance = parts
    return Matches(matches.n, focal, matches.donors, start, stop, distance)


def renamed_rows(matches, rows):
    """The same matches after row i has been given the number ``rows[i]``.

    Parameters
    ----------
    matches : Matches
    rows : (n,) int array
        A permutation.

    Returns
    -------
    Matches
    """
    return Matches(matches.n, rows[matches.focal], rows[matches.donors], matches.start, matches.stop, matches.distance)


def join_matches(parts):
    """One record from several whose focal units are disjoint.

    Parameters
    ----------
    parts : sequence of Matches
        At least one, all on the same ``n`` rows.

    Returns
    -------
    Matches
    """
    parts = list(parts)
    offsets = np.cumsum([0] + [part.donors.size for part in parts[:-1]])
    return Matches(
        n=parts[0].n,
        focal=np.concatenate([part.focal for part in parts]),
        donors=np.concatenate([part.donors for part in parts]),
        start=np.concatenate([part.start + offset for part, offset in zip(parts, offsets)]),
        stop=np.concatenate([part.stop + offset for part, offset in zip(parts, offsets)]),
        distance=np.concatenate([part.distance for part in parts]),
    )


def concatenate_ranges(start, stop):
    """The integers of many half-open ranges, one range after another.

    Parameters
    ----------
    start, stop : (m,) int arrays
        ``start <= stop``.

    Returns
    -------
    (sum of stop - start,) int array
    """
    count = stop - start
    ends = np.cumsum(count)
    shift = np.repeat(start - (ends - count), count)
    return np.arange(ends[-1] if ends.size else 0) + shift


def match_pairs(matches):
    """Every (focal position, donor row) pair, written out.

    Returns
    -------
    position : (total,) int array
        Position in ``matches.focal``.
    donor : (total,) int array
        Row of the data.
    """
    position = np.repeat(np.arange(matches.focal.size), matches.count)
    return position, matches.donors[concatenate_ranges(matches.start, matches.stop)]


def match_means(matches, values):
    """Average of ``values`` over each match set.

    Parameters
    ----------
    matches : Matches
    values : (n,) float array

    Returns
    -------
    (m,) float array
        NaN for units without a match.
    """
    count = matches.count
    listed = values[matches.donors]
    if _few(count, matches):
        total = np.zeros(count.size)
        for position, entry in _layers(matches, count):
            total[position] += listed[entry]
        center = 0.0
    else:
        # A running total of centred values: its rounding error grows with the spread, not with the level.
        center = listed.mean()
        running = np.concatenate([[0.0], np.cumsum(listed - center)])
        total = running[matches.stop] - running[matches.start]
    means = np.full(count.size, np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means + center


def spread_to_donors(matches, amounts):
    """Give every match of unit i the amount ``amounts[i]`` and add up what each row received.

    The transpose of ``match_means`` up to the division by the size of the set.

    Parameters
    ----------
    matches : Matches
    amounts : (m,) float array
        One amount per focal unit; ignored where there is no match.

    Returns
    -------
    (n,) float array
    """
    count = matches.count
    if _few(count, matches):
        received = np.zeros(matches.donors.size)
        for position, entry in _layers(matches, count):
            received += np.bincount(entry, weights=amounts[position], minlength=received.size)
        return np.bincount(matches.donors, weights=received, minlength=matches.n)
    kept = matches.matched
    q = matches.donors.size
    steps = np.bincount(matches.start[kept], weights=amounts[kept], minlength=q + 1)
    steps -= np.bincount(matches.stop[kept], weights=amounts[kept], minlength=q + 1)
    received = np.cumsum(steps)[:q]
    # Entries covered by no slice must come out as exactly 0, not as the rounding left over in the running total.
    cover = np.bincount(matches.start[kept], minlength=q + 1) - np.bincount(matches.stop[kept], minlength=q + 1)
    received[np.cumsum(cover)[:q] == 0] = 0.0
    return np.bincount(matches.donors, weights=received, minlength=matches.n)


def donor_usage(matches):
    """How much each row is used as a match.

    Returns
    -------
    K : (n,) float array
        Sum over the units that row i serves of ``1/|J|``: the number of units it stands in for.
    K_squares : (n,) float array
        Sum over the same units of ``1/|J|^2``.
    """
    share = np.zeros(matches.focal.size)
    np.divide(1.0, matches.count, out=share, where=matches.matched)
    return spread_to_donors(matches, share), spread_to_donors(matches, share**2)


def matches_to_csr(matches):
    """The matches as a sparse matrix: rows are focal units, columns are rows of the data, entries ``1/|J(i)|``.

    Returns
    -------
    (m, n) scipy.sparse.csr_array
        Rows of units without a match are empty. Written out in full: with heavy ties it is far larger than the record.
    """
    from scipy import sparse  # on use: nothing else here needs it

    count = matches.count
    indptr = np.concatenate([[0], np.cumsum(count)])
    _, donor = match_pairs(matches)
    weight = np.repeat(1.0 / np.maximum(count, 1), count)
    return sparse.csr_array((weight, donor, indptr), shape=(matches.focal.size, matches.n))


def _few(count, matches):
    """Whether the sets are short enough to be walked entry by entry."""
    longest = int(count.max(initial=0))
    return longest <= _LAYERS and (longest <= 2 or count.sum() <= _EXPAND * (count.size + matches.donors.size))


def _layers(matches, count):
    """The first entries of all sets, then the second ones, ...: (positions in focal, entries of the donor list)."""
    position: np.ndarray | slice = slice(None) if count.min(initial=1) > 0 else np.flatnonzero(count)
    for k in range(int(count.max(initial=0))):
        if k:
            left = count > k if isinstance(position, slice) else count[position] > k
            if isinstance(position, slice):
                position = position if left.all() else np.flatnonzero(left)
            else:
                position = position[left]
        yield position, matches.start[position] + k
