"""Which pairs of points are near: a k-d tree for few dimensions, a blocked matrix product for many.

Both return the same pairs, sorted by focal point and, within it, by distance. Points stand for several rows (their
``size``), so the M-th nearest donor may be reached with fewer than M points.

Source
------
k-d tree: Maneewongvatana & Mount (1999), as in ``scipy.spatial.cKDTree``. Rounding bound of an inner product: Higham,
"Accuracy and Stability of Numerical Algorithms" (2002), section 3.1.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError

# Blocks of 512 rows by 512 x 32 columns: 32 MB in single precision. Smaller blocks starve the matrix product.
_ROWS = 512
_WIDTH = 512
_FOLD = 32
_PADDING = 1e30
_MOST_PAIRS = 200_000_000


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a match may be.

    Attributes
    ----------
    nth : int or None
        M: everything as near as the M-th donor matches. None: everything within the caliper does.
    caliper : float
        Largest distance, infinite if there is no limit.
    tie_tolerance : float
        Added to the squared distance of the M-th donor.
    slack : float
        Added to every radius, because equal distances may differ by rounding.
    """

    nth: int | None
    caliper: float
    tie_tolerance: float
    slack: float

    def radius(self, nearest):
        """Radius of the match set, given the distance of the M-th donor."""
        return np.minimum(np.sqrt(nearest**2 + self.tie_tolerance), self.caliper) + self.slack


def tree_pairs(here, there, size, reach):
    """Matching pairs by k-d tree.

    Parameters
    ----------
    here : (f, q) float array
        Focal points.
    there : (d, q) float array
        Donor points.
    size : (d,) int array
        Donors on each donor point.
    reach : Reach

    Returns
    -------
    row, column : (pairs,) int arrays
        Focal point and donor point.
    distance : (pairs,) float array

    Raises
    ------
    DataError
        If a caliper alone lets more than 2e8 pairs match.
    """
    from scipy.spatial import cKDTree  # on use: loading it takes longer than most matchings

    tree = cKDTree(there)
    if reach.nth is None:
        return _ball_pairs(tree, here, there, reach)
    # Neighbouring queries visit the same branches: asking in the order of a tree saves a third of the time.
    pending = cKDTree(here).indices
    k = min(reach.nth + 1, there.shape[0])
    found = []
    while pending.size:
        distance, column = tree.query(here[pending], k=np.arange(1, k + 1))
        at_nth = np.cumsum(size[column], axis=1) >= reach.nth
        nearest = np.where(at_nth, distance, np.inf).min(axis=1)
        inside = distance <= reach.radius(nearest)[:, None]
        # If even the farthest point asked for is inside, more may be tied with it: ask those rows for twice as many.
        done = ~inside[:, -1] if k < there.shape[0] else np.ones(pending.size, dtype=bool)
        at, place = np.nonzero(inside & done[:, None])
        found.append((pending[at], column[at, place], distance[at, place]))
        pending = pending[~done]
        k = min(2 * k, there.shape[0])
    row, column, distance = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(row, kind="stable")
    return row[order], column[order], distance[order]


def product_pairs(here, there, size, reach):
    """The same pairs by blocks of a matrix product, in single precision with a rigorous margin.

    With ``g`` a bound on the relative rounding of the product, ``(1 - g)(|f|^2 + |d|^2) - 2 f'd`` as computed never
    exceeds the true squared distance. Its minima over folds of 32 donors are kept; the M-th smallest of them, with the
    margin added back, bounds the distance of the M-th donor from above, and every fold whose minimum is below that
    bound is then measured in double precision from differences. So no match depends on the rounding of the product.

    Parameters, returns, raises
    ---------------------------
    As ``tree_pairs``.
    """
    folds = _Folds.of(here, there)
    found, total = [], 0
    for begin in range(0, here.shape[0], _ROWS):
        block = here[begin : begin + _ROWS]
        minima = folds.minima(block)
        radius = np.full(len(block), reach.caliper)
        if reach.nth is not None and reach.nth <= minima.shape[1]:
            radius = reach.radius(folds.at_most(block, minima, reach.nth))
        at, fold = np.nonzero(minima <= (radius[:, None] / folds.scale) ** 2)
        at, column, distance = folds.measured(block, at, fold)
        inside = distance <= _radius_of_rows(at, column, distance, size, len(block), reach)[at]
        total += int(np.count_nonzero(inside))
        _refuse_flood(total)
        found.append((at[inside] + begin, column[inside], distance[inside]))
    row, column, distance = (np.concatenate(part) for part in zip(*found, strict=True))
    return row, column, distance


@dataclass(frozen=True, slots=True)
class _Folds:
    """Donor points arranged in tiles of ``_FOLD`` x ``width`` columns; a fold is every ``width``-th column of a tile.

    ``tiles[k]`` is (q + 2, _FOLD * width), single precision, the last one padded with points infinitely far away;
    ``largest`` is the largest squared norm in each fold. Lengths inside are in units of ``scale``.
    """

    there: np.ndarray
    tiles: list
    largest: np.ndarray
    width: int
    scale: float
    margin: float

    @classmethod
    def of(cls, here, there):
        d, q = there.shape
        scale = float(np.sqrt((here**2).mean() + (there**2).mean())) or 1.0
        margin = 2 * (q + 4) * float(np.finfo(np.float32).eps)
        width = min(_WIDTH, -(-d // _FOLD))
        columns = _FOLD * width
        right = np.zeros((q + 2, -(-d // columns) * columns), dtype=np.float32)
        right[:q, :d] = there.T / scale
        right[q] = 1.0
        square = ((there / scale) ** 2).sum(axis=1)
        right[q + 1, :d] = (1 - margin) * square
        right[q + 1, d:] = _PADDING
        largest = np.zeros(right.shape[1], dtype=np.float32)
        largest[:d] = square
        largest = largest.reshape(-1, _FOLD, width).max(axis=1).ravel()
        tiles = [np.ascontiguousarray(right[:, begin : begin + columns]) for begin in range(0, right.shape[1], columns)]
        return cls(there, tiles, largest, width, scale, margin)

    def minima(self, block):
        """(rows, folds) lower bounds on the smallest squared distance to a donor of the fold, in units of ``scale``."""
        f = block / self.scale
        square = (1 - self.margin) * (f**2).sum(axis=1)
        left = np.column_stack([-2 * f, square, np.ones(len(f))]).astype(np.float32)
        product = np.empty((len(f), _FOLD * self.width), dtype=np.float32)
        minima = np.empty((len(f), len(self.tiles) * self.width), dtype=np.float32)
        for k, tile in enumerate(self.tiles):
            np.matmul(left, tile, out=product)
            folded = product.reshape(len(f), _FOLD, self.width)
            np.minimum.reduce(folded, axis=1, out=minima[:, k * self.width : (k + 1) * self.width])
        return minima

    def at_most(self, block, minima, nth):
        """(rows,) upper bounds on the distance of the nth nearest donor: nth folds hold one that is no farther."""
        square = ((block / self.scale) ** 2).sum(axis=1)
        # Slightly more than twice the margin: it was subtracted once, and the product may have rounded down by it.
        upper = minima + np.float32(2.1 * self.margin) * (square[:, None].astype(np.float32) + self.largest)
        upper = upper.min(axis=1) if nth == 1 else np.partition(upper, nth - 1, axis=1)[:, nth - 1]
        return self.scale * np.sqrt(np.maximum(upper.astype(float), 0.0))

    def measured(self, block, at, fold):
        """True distances from the rows ``at`` of the block to every donor of the folds, nearest first in each row."""
        tile, offset = np.divmod(fold, self.width)
        column = (tile * _FOLD * self.width + offset)[:, None] + self.width * np.arange(_FOLD)
        at, column = np.repeat(at, _FOLD), column.ravel()
        real = column < self.there.shape[0]
        at, column = at[real], column[real]
        distance = _distances(block, self.there, at, column)
        order = np.lexsort((column, distance, at))
        return at[order], column[order], distance[order]


def _radius_of_rows(at, column, distance, size, rows, reach):
    """Radius of each row's match set, from candidates that are sorted by row and distance."""
    radius = np.full(rows, reach.caliper + reach.slack)
    if reach.nth is not None:
        reached_so_far = np.cumsum(size[column])
        count = np.bincount(at, minlength=rows)
        ends = np.cumsum(count)
        before = np.concatenate([[0], reached_so_far])[ends - count]
        nth = np.searchsorted(reached_so_far, before + reach.nth)
        enough = nth < ends
        radius[enough] = reach.radius(distance[nth[enough]])
    return radius


def _ball_pairs(tree, here, there, reach):
    radius = reach.caliper + reach.slack
    count = tree.query_ball_point(here, radius, return_length=True)
    _refuse_flood(int(count.sum()))
    lists = tree.query_ball_point(here, radius)
    row = np.repeat(np.arange(here.shape[0]), count)
    column = np.fromiter((j for one in lists for j in one), dtype=np.intp, count=row.size)
    distance = _distances(here, there, row, column)
    order = np.lexsort((column, distance, row))
    return row[order], column[order], distance[order]


def _distances(here, there, row, column):
    difference = here[row] - there[column]
    return np.sqrt(np.einsum("ij,ij->i", difference, difference))


def _refuse_flood(pairs):
    if pairs > _MOST_PAIRS:
        raise DataError(
            f"The caliper lets at least {pairs} pairs of points match, more than {_MOST_PAIRS}; use a smaller caliper "
            "or give n_neighbors."
        )
