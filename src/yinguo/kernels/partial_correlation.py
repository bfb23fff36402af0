r"""Partial correlations from a correlation matrix, and Fisher's test that one is zero.

For variables i, j and a set S, with R the correlation matrix,

.. math::

   R_{ab \cdot S} = R_{ab} - R_{aS} R_{SS}^{-1} R_{Sb}, \qquad
   r_{ij \cdot S} = R_{ij \cdot S} / \sqrt{R_{ii \cdot S} R_{jj \cdot S}}, \qquad
   \sqrt{N - |S| - 3}\; \tanh^{-1}(r) \sim \mathcal N(0, 1)

if the variables are jointly normal, r is 0 and R comes of N draws. All subsets of one size are computed at once.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import erfc

from yinguo.errors import DataError

__all__ = ["FisherZ", "correlation_of", "fisher_z_p_values", "partial_correlations"]

#: Below this share of its variance a variable is a function of the others, and the correlation of the rest is noise.
_NOTHING_LEFT = 1e-10


def correlation_of(C):
    """Correlation matrix of a covariance matrix.

    Parameters
    ----------
    C : (k, k) float array
        Symmetric, positive diagonal.

    Returns
    -------
    R : (k, k) float array
        With ones on the diagonal, exactly symmetric.

    Raises
    ------
    DataError
        Not square, not finite, or a variance that is not positive.
    """
    C = np.asarray(C, dtype=np.float64)
    if C.ndim != 2 or C.shape[0] != C.shape[1]:
        raise DataError(f"the covariance matrix has shape {C.shape}; it must be square.")
    if not np.isfinite(C).all():
        raise DataError(f"{np.count_nonzero(~np.isfinite(C))} entries of the covariance matrix are not finite.")
    variance = np.diag(C)
    if (variance <= 0).any():
        raise DataError(f"variable {int(np.argmin(variance))} has variance {variance.min():g}; leave it out.")
    R = C / np.sqrt(np.outer(variance, variance))
    R = (R + R.T) / 2
    np.fill_diagonal(R, 1.0)
    return R


def partial_correlations(R, i, j, subsets):
    """Correlation of i and j given each of several sets of one size.

    Parameters
    ----------
    R : (k, k) float array
        Correlation matrix; it may be singular.
    i, j : int
    subsets : (m, s) int array
        One set in each row, without i and j.

    Returns
    -------
    r : (m,) float array
        NaN where i or j is a function of the set, so that nothing is left to correlate.
    """
    subsets = np.asarray(subsets, dtype=np.intp)
    m, s = subsets.shape
    if s == 0:
        return np.full(m, R[i, j])
    pair = np.array([i, j])
    outer = R[pair[None, :, None], subsets[:, None, :]]  # (m, 2, s)
    inner = R[subsets[:, :, None], subsets[:, None, :]]  # (m, s, s)
    # Rows of attention can be all but equal; the pseudo-inverse then projects on what the set spans.
    explained = outer @ np.linalg.pinv(inner, rcond=_NOTHING_LEFT, hermitian=True) @ outer.swapaxes(1, 2)
    left = R[np.ix_(pair, pair)] - explained
    variance = left[:, 0, 0], left[:, 1, 1]
    r = np.full(m, np.nan)
    fine = (variance[0] > _NOTHING_LEFT) & (variance[1] > _NOTHING_LEFT)
    r[fine] = left[fine, 0, 1] / np.sqrt(variance[0][fine] * variance[1][fine])
    return r


def fisher_z_p_values(r, n, s):
    """Two-sided p-values of zero partial correlation.

    Parameters
    ----------
    r : (m,) float array
        Partial correlations. At 1 or beyond, or NaN, the p-value is 0: no edge goes because of a degenerate matrix.
    n : float
        Draws behind the correlation matrix.
    s : int
        Size of the set conditioned on.

    Returns
    -------
    p : (m,) float array

    Raises
    ------
    DataError
        ``n - s - 3`` is not positive.

    Source
    ------
    Fisher (1924), "The distribution of the partial correlation coefficient", Metron 3.
    """
    if n - s - 3 <= 0:
        raise DataError(f"{n:g} samples are too few to condition on {s} variables; at least {s + 4} are needed.")
    r = np.asarray(r, dtype=np.float64)
    p = np.zeros(r.shape)
    fine = np.abs(r) < 1
    p[fine] = erfc(np.sqrt((n - s - 3) / 2) * np.abs(np.arctanh(r[fine])))
    return p


@dataclass
class FisherZ:
    """Conditional independence test of a correlation matrix: ``test(i, j, subsets)`` gives p-values.

    Attributes
    ----------
    R : (k, k) float array
        Correlation matrix.
    n : float
        Draws behind it.
    calls : int
        Tests made so far.
    """

    R: np.ndarray
    n: float
    calls: int = 0

    def __call__(self, i, j, subsets):
        """P-values of independence of i and j given each row of ``subsets``, (m, s)."""
        subsets = np.asarray(subsets, dtype=np.intp)
        self.calls += len(subsets)
        return fisher_z_p_values(partial_correlations(self.R, i, j, subsets), self.n, subsets.shape[1])
