r"""The best linear description of something measured with noise, and how sure one can be of it.

.. math::

   \hat\beta = \Big(\sum_i s_i d_i d_i^\top\Big)^{-1} \sum_i s_i d_i \psi_i, \qquad
   \widehat{\mathrm{var}}(\hat\beta) = c\, A^{-1} \sum_g \Big(\sum_{i \in g} s_i d_i r_i\Big)
   \Big(\sum_{i \in g} s_i d_i r_i\Big)^\top A^{-1}

``d`` covariates with intercept, ``psi`` what is described, ``s`` sample weights, ``A`` the sum of the first
parenthesis, ``r`` residuals, ``g`` clusters (single rows if there are none), :math:`c = \frac{G}{G-1} \frac{n-1}{n-k}`.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.moments import ArrayMoments, slope_rank, solve_gram

__all__ = ["LinearProjection", "linear_projection"]


@dataclass(frozen=True, slots=True)
class LinearProjection:
    """A least-squares fit with robust covariance.

    Attributes
    ----------
    beta : (p+1,) float array
        On the covariates less ``centre``, over ``scale``, with intercept.
    covariance : (p+1, p+1) float array
        Of ``beta``.
    centre, scale : (p,) float arrays
    """

    beta: np.ndarray
    covariance: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    def _design(self, X) -> np.ndarray:
        return np.column_stack([np.ones(len(X)), (X - self.centre) / self.scale])

    def predict(self, X) -> np.ndarray:
        """(n,) values of the line."""
        return self._design(X) @ self.beta

    def se(self, X) -> np.ndarray:
        """(n,) standard errors of the values of the line."""
        D = self._design(X)
        return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", D, self.covariance, D), 0.0))


def linear_projection(psi, X, *, s=None, groups=None) -> LinearProjection:
    """Least squares of ``psi`` on ``X`` with a covariance that is robust and, with groups, clustered.

    Parameters
    ----------
    psi : (n,) float array
    X : (n, p) float array
        Collinear columns are allowed; fitted values do not depend on them.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional

    Raises
    ------
    DataError
        No more rows than coefficients, or fewer than two groups.

    Source
    ------
    White (1980), Econometrica 48(4), with the degrees of freedom of MacKinnon & White (1985), Journal of Econometrics
    29(3), HC1; for clusters Liang & Zeger (1986), Biometrika 73(1).
    """
    moments = ArrayMoments(X)
    D, s = moments.D, np.ones(len(psi)) if s is None else s
    A = moments.grams(w=s)[0].sum(axis=0)
    beta = solve_gram(A, (s * psi) @ D, intercept=True)
    n, k = int(np.count_nonzero(s)), 1 + slope_rank(A)
    if n <= k:
        raise DataError(f"a line with {k} coefficients needs more than the {n} rows there are; use fewer covariates.")
    scores = D * (s * (psi - D @ beta))[:, None]
    G = n
    if groups is not None:
        totals = np.zeros((int(groups.max()) + 1, moments.q))
        np.add.at(totals, groups, scores)
        scores, G = totals, len(totals)
        if G < 2:
            raise DataError("clustered standard errors need at least 2 groups; the groups column has one value.")
    bread = solve_gram(A, np.eye(moments.q), intercept=True)
    covariance = bread @ (scores.T @ scores) @ bread.T * (G / (G - 1) * (n - 1) / (n - k))
    return LinearProjection(beta, covariance, moments.centre, moments.scale)
