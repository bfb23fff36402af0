r"""Natural cubic splines of every covariate, one group of columns each, ready for group penalties.

Between the outer knots a spline is cubic, beyond them linear, so that a propensity built on it does not run away in the
tails as a polynomial would. With knots :math:`\xi_1 < \dots < \xi_K` the columns of one covariate are

.. math:: x, \quad d_k(x) - d_{K-1}(x)\ (k \le K - 2), \qquad
          d_k(x) = \frac{(x - \xi_k)_+^3 - (x - \xi_K)_+^3}{\xi_K - \xi_k},

then made orthonormal: a group penalty depends on the span of a group only if its columns are.

Source
------
Hastie, Tibshirani & Friedman (2009), "The Elements of Statistical Learning", section 5.2.1; orthonormal groups: Simon &
Tibshirani (2012), Statistica Sinica 22(3).
"""

import numpy as np
from numpy.typing import NDArray

from yinguo.errors import DataError

__all__ = ["natural_spline", "spline_groups"]

Vector = NDArray[np.float64]


def natural_spline(x: Vector, knots: Vector) -> Vector:
    """Columns of one covariate, without the constant.

    Parameters
    ----------
    x : (n,) float array
    knots : (K,) increasing float array, K at least 2

    Returns
    -------
    (n, K - 1) float array
        The first column is ``x``.
    """
    last = knots[-1]
    beyond = np.maximum(x - last, 0.0) ** 3

    def d(k):
        return (np.maximum(x - knots[k], 0.0) ** 3 - beyond) / (last - knots[k])

    final = d(len(knots) - 2)
    return np.column_stack([x, *(d(k) - final for k in range(len(knots) - 2))])


def spline_groups(X: Vector, knots: int = 4) -> tuple[Vector, NDArray[np.intp]]:
    """Constant and spline columns of all covariates, each group orthonormal in the mean square.

    Parameters
    ----------
    X : (n, p) float array
    knots : int, at least 2
        At equally spaced quantiles, ends included; fewer where a covariate has fewer values. 2 is linear.

    Returns
    -------
    B : (n, 1 + r) float array
        Column 0 is 1; the others have mean 0 and mean square 1 and are uncorrelated within a group.
    groups : (1 + r,) int array
        0 for the constant, j + 1 for the columns of covariate j.

    Raises
    ------
    DataError
        If ``knots`` is below 2 or a covariate is constant.
    """
    if not knots >= 2:
        raise DataError(f"knots is {knots!r}; it must be at least 2 (which is linear).")
    n = X.shape[0]
    blocks, groups = [np.ones((n, 1))], [0]
    for j, x in enumerate(X.T):
        spread = x.std()
        if not spread > 0:
            raise DataError(f"covariate number {j + 1} is constant; leave it out.")
        x = (x - x.mean()) / spread
        places = np.unique(np.quantile(x, np.linspace(0, 1, knots)))
        columns = natural_spline(x, places)
        block, size = np.linalg.qr(columns - columns.mean(axis=0))
        # A covariate of few values spans fewer dimensions than it has columns: the surplus is rounding.
        kept = np.abs(np.diag(size)) > 1e-8 * np.abs(np.diag(size)).max()
        blocks.append(block[:, kept] * np.sqrt(n))
        groups += [j + 1] * int(kept.sum())
    return np.hstack(blocks), np.asarray(groups)
