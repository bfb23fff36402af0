r"""Gaussian kernels and their bandwidths.

.. math:: k(a, b) = \exp\Bigl(-\tfrac12 \sum_j (a_j - b_j)^2 / v_j^2\Bigr)

A bandwidth of its own for every column makes this the product of one-dimensional kernels. Both rules for the
bandwidths read the distances met in the data ("median heuristic"), so there is nothing to tune.
"""

import numpy as np
from scipy.spatial.distance import cdist, pdist

__all__ = ["BANDWIDTH_RULES", "gaussian_kernel", "median_bandwidth", "median_of_pairs"]

#: ``"per-column"``: the median distance in each column. ``"joint"``: one squared bandwidth for all columns, half the
#: median squared distance between rows, so that the kernel is exp(-d^2 / median d^2).
BANDWIDTH_RULES = ("per-column", "joint")

#: Rows whose distances are compared. The median over 12 million pairs does not change in the third digit.
PAIR_ROWS = 5000


def gaussian_kernel(A, B, bandwidth) -> np.ndarray:
    """Kernel matrix between two sets of rows.

    Distances are summed column by column rather than through a matrix product: for two close rows far from the origin
    the product loses the digits that tell them apart.

    Parameters
    ----------
    A : (n, d) float array
    B : (m, d) float array
    bandwidth : (d,) float array
        Positive, in the units of the columns.

    Returns
    -------
    (n, m) float array with values in [0, 1]
    """
    K = cdist(A / bandwidth, B / bandwidth, "sqeuclidean")
    K *= -0.5
    return np.exp(K, out=K)


def median_bandwidth(X, rule: str = "per-column") -> np.ndarray:
    """Bandwidth of every column by the median heuristic.

    A column in which most pairs are tied (a rare category) has a median distance of 0; the median of its distances
    that are not 0 then takes its place. A column without variation gets 1.

    Parameters
    ----------
    X : (n, d) float array
    rule : {"per-column", "joint"}

    Returns
    -------
    (d,) float array, positive
    """
    if len(X) > PAIR_ROWS:
        X = X[np.linspace(0, len(X) - 1, PAIR_ROWS).astype(np.intp)]
    if rule == "joint":
        return np.full(X.shape[1], np.sqrt(_median_or_one(pdist(X, "sqeuclidean"), len(X)) / 2))
    return np.array([_median_or_one(pdist(X[:, [j]]), len(X)) for j in range(X.shape[1])])


def median_of_pairs(distances, n: int) -> float:
    """Median of the full n x n matrix of distances, zeros of the diagonal included, from the pairs i < j.

    Parameters
    ----------
    distances : (n (n - 1) / 2,) float array, at least 1
    n : int

    Returns
    -------
    float
    """
    # Sorted, the matrix is n zeros and then every distance twice.
    places = [(h - n) // 2 for h in ((n * n - 1) // 2, n * n // 2)]
    ordered = np.partition(distances, [max(k, 0) for k in places])
    return float(np.mean([ordered[k] if k >= 0 else 0.0 for k in places]))


def _median_or_one(distances, n: int) -> float:
    if not distances.any():
        return 1.0
    middle = median_of_pairs(distances, n)
    return middle if middle > 0 else float(np.median(distances[distances > 0]))
