r"""Exact nearest neighbours in several covariates, all ties kept.

Distances are :math:`d_{ij}^2 = (X_i - X_j)' V (X_i - X_j)`. The covariates are first turned into coordinates in which
that is the plain Euclidean distance, and equal rows into one point, so that ties on discrete covariates cost nothing.
One coordinate is matched by sorting, a few by a k-d tree, many by a blocked matrix product.

Source
------
Abadie & Imbens (2006), Econometrica 74(1), section 2, for the match sets and the two metrics.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.line_neighbors import ROUNDING, line_matches
from yinguo.kernels.matches import Matches, concatenate_ranges, join_matches
from yinguo.kernels.neighbor_pairs import Reach, product_pairs, tree_pairs
from yinguo.kernels.strata import row_groups

_TREE_DIMENSIONS = 8  # measured at 25,000 x 75,000 normal points; a tree degrades to a scan beyond


@dataclass(frozen=True, slots=True)
class Points:
    """Rows placed where Euclidean distance is the metric.

    Attributes
    ----------
    cell : (n,) int array
        Which point each row sits on; rows with equal covariates share one.
    coordinates : (u, q) float array
        The points. q is at most the number of covariates: directions without variance are left out.
    """

    cell: np.ndarray
    coordinates: np.ndarray


def metric_points(X, metric="mahalanobis"):
    """Turn covariates into points between which Euclidean distance is the metric.

    Parameters
    ----------
    X : (n, p) float array
    metric : "mahalanobis", "inverse_variance" or (p, p) float array
        V is the inverse covariance, the diagonal of inverse variances (both over all rows with divisor n) or the
        symmetric positive semidefinite matrix given, which applies to X as it is. Constant columns and, for
        Mahalanobis, exact linear combinations carry no distance and are left out.

    Returns
    -------
    Points

    Raises
    ------
    DataError
        If the metric is unknown or the matrix is not symmetric positive semidefinite of the right size.
    """
    cell, first = row_groups(X)
    mean = X.mean(axis=0)
    # Centred before anything is multiplied: an offset of 1000 standard deviations would cost six digits.
    varies = X.max(axis=0) > X.min(axis=0)  # exact, where the centred column would show rounding noise
    root = _metric_root((X - mean) * varies, metric)
    return Points(cell=cell, coordinates=(X[first] - mean) @ root)


def nearest_matches(*, points, focal, donors, n_neighbors=1, caliper=None, tie_tolerance=0.0):
    """The nearest donors of every focal unit, all ties kept.

    Parameters
    ----------
    points : Points
        From ``metric_points``.
    focal, donors : int arrays
        Rows; a row in both is its own nearest neighbour.
    n_neighbors : int or None
        M; all donors when there are fewer. None keeps every donor within the caliper.
    caliper : float or None
        Largest allowed distance, in units of the metric.
    tie_tolerance : float
        Squared distances that exceed the M-th smallest by no more than this are ties. Differences of the size of
        rounding always are.

    Returns
    -------
    Matches

    Raises
    ------
    ValueError
        If both ``n_neighbors`` and ``caliper`` are None.
    DataError
        If a caliper without ``n_neighbors`` would give more than 2e8 pairs of points.
    """
    if n_neighbors is None and caliper is None:
        raise ValueError("n_neighbors and caliper are both None, so nothing says which donors match; give one of them.")
    dimensions = points.coordinates.shape[1]
    if dimensions <= 1:  # without any coordinate all rows are equal and at distance 0
        values = points.coordinates[points.cell, 0] if dimensions else np.zeros(points.cell.size)
        return line_matches(
            values=values,
            focal=focal,
            donors=donors,
            n_neighbors=n_neighbors,
            caliper=caliper,
            tie_tolerance=tie_tolerance,
        )
    n = points.cell.size
    if not focal.size or not donors.size:
        nothing = np.zeros(focal.size, dtype=np.intp)
        return Matches(n, focal, donors, nothing, nothing, np.full(focal.size, np.nan))
    reach = Reach(
        nth=n_neighbors,
        caliper=np.inf if caliper is None else caliper,
        tie_tolerance=tie_tolerance,
        slack=ROUNDING * float(np.sqrt((points.coordinates**2).sum(axis=1).mean())),
    )
    focal_cells, cell_of_focal = np.unique(points.cell[focal], return_inverse=True)
    donor_cells, cell_of_donor, size = np.unique(points.cell[donors], return_inverse=True, return_counts=True)
    find = tree_pairs if dimensions <= _TREE_DIMENSIONS else product_pairs
    row, column, distance = find(points.coordinates[focal_cells], points.coordinates[donor_cells], size, reach)
    listed = donors[np.argsort(cell_of_donor, kind="stable")]
    listing, start, stop, farthest = _sets_of_points(row, column, distance, listed, size, focal_cells.size)
    return Matches(n, focal, listing, start[cell_of_focal], stop[cell_of_focal], farthest[cell_of_focal])


def nearest_matches_within(*, groups, points, focal, donors, n_neighbors=1, caliper=None, tie_tolerance=0.0):
    """``nearest_matches`` with donors restricted to the focal unit's own group.

    Parameters
    ----------
    groups : (n,) int array
        From ``row_groups`` on the columns that must agree exactly.
    points, focal, donors, n_neighbors, caliper, tie_tolerance
        As in ``nearest_matches``. A group with fewer than ``n_neighbors`` donors gives all it has, one without
        donors leaves its focal units without a match.

    Returns
    -------
    Matches
    """
    n_groups = int(groups.max()) + 1
    ours, theirs = (
        np.split(rows[np.argsort(groups[rows], kind="stable")], _inner_ends(groups[rows], n_groups))
        for rows in (focal, donors)
    )
    return join_matches(
        nearest_matches(
            points=points,
            focal=ours[group],
            donors=theirs[group],
            n_neighbors=n_neighbors,
            caliper=caliper,
            tie_tolerance=tie_tolerance,
        )
        for group in np.unique(groups[focal])
    )


def _inner_ends(group, n_groups):
    return np.cumsum(np.bincount(group, minlength=n_groups))[:-1]


def _metric_root(Xc, metric):
    """(p, q) matrix R with R R' = V, from centred covariates."""
    p = Xc.shape[1]
    if isinstance(metric, str):
        sd = Xc.std(axis=0)
        scale = np.divide(1.0, sd, out=np.zeros(p), where=sd > 0)
        varies = scale > 0
        if metric == "inverse_variance":
            return np.diag(scale)[:, varies]
        if metric == "mahalanobis":
            # Eigenvalues of the correlation matrix, not of the covariance: the cut-off must not depend on units.
            standardised = Xc * scale
            size, directions = np.linalg.eigh(standardised.T @ standardised / max(Xc.shape[0], 1))
            kept = size > 1e-10 * size.max(initial=0.0)
            return scale[:, None] * directions[:, kept] / np.sqrt(size[kept])
        raise DataError(f"metric is {metric!r}; choose 'mahalanobis', 'inverse_variance' or give a matrix.")
    V = np.asarray(metric, dtype=float)
    if V.shape != (p, p) or not np.allclose(V, V.T):
        raise DataError(f"The metric has shape {V.shape}; it must be a symmetric ({p}, {p}) matrix.")
    size, directions = np.linalg.eigh((V + V.T) / 2)
    if size.min(initial=0.0) < -1e-10 * np.abs(size).max(initial=0.0):
        raise DataError(f"The metric has the negative eigenvalue {size.min():.3g}; a distance needs none below 0.")
    kept = size > 1e-14 * size.max(initial=0.0)
    return directions[:, kept] * np.sqrt(size[kept])


def _sets_of_points(row, column, distance, listed, size, rows):
    """Slices of donors for each focal point: the rows of its one donor point, or an appended list for several.

    ``row, column, distance`` are sorted by row and distance; ``listed`` holds the donors point by point.
    """
    ends = np.cumsum(size)
    begins = ends - size
    count = np.bincount(row, minlength=rows)
    last = np.cumsum(count) - 1
    start, stop = np.zeros(rows, dtype=np.intp), np.zeros(rows, dtype=np.intp)
    farthest = np.full(rows, np.nan)
    farthest[count > 0] = distance[last[count > 0]]
    single = count == 1
    start[single], stop[single] = begins[column[last[single]]], ends[column[last[single]]]
    several = count > 1
    joint = several[row]
    extra = listed[concatenate_ranges(begins[column[joint]], ends[column[joint]])]
    held = np.bincount(row[joint], weights=size[column[joint]], minlength=rows)[several].astype(np.intp)
    stop[several] = listed.size + np.cumsum(held)
    start[several] = stop[several] - held
    return np.concatenate([listed, extra]), start, stop, farthest
