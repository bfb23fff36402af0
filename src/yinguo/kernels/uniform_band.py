r"""Several estimates at once: their covariance from influence values, and a critical value that holds for all of them.

With :math:`\Sigma` the covariance of k estimates and R its correlation, the intervals

.. math:: \hat\theta_j \pm c \, \hat\Sigma_{jj}^{1/2}, \qquad
   c = \text{quantile of } \max_j |Z_j|, \quad Z \sim N(0, R)

cover all k truths together with the stated chance. c lies between the pointwise value (1.96 at 95 %) and
Bonferroni's, the nearer to the first the more alike the estimates are.

Source: Montiel Olea & Plagborg-Moller (2019), Journal of Applied Econometrics 34(1), the "sup-t" band.
"""

import numpy as np

__all__ = ["covariance_of_means", "uniform_critical_value"]


def covariance_of_means(phi, groups=None) -> np.ndarray:
    """Covariance of the means of influence values, robust and, with groups, clustered.

    Parameters
    ----------
    phi : (n, k) float array
        Centred; sample weights of mean 1, if any, are inside.
    groups : (n,) int array in 0..G-1, optional

    Returns
    -------
    (k, k) float array
    """
    n = len(phi)
    totals = phi if groups is None else _group_totals(phi, groups)
    m = len(totals)
    return totals.T @ totals * (m / (m - 1)) / n**2


def _group_totals(phi, groups) -> np.ndarray:
    return np.column_stack([np.bincount(groups, weights=column) for column in phi.T])


def uniform_critical_value(covariance, level: float, rng: np.random.Generator, n_draws: int = 8_000) -> float:
    """Half-width, in standard errors, of intervals that hold together.

    Parameters
    ----------
    covariance : (k, k) float array
        Estimates without any variance are left out of the comparison.
    level : float
        Such as 0.95.
    rng : numpy Generator
    n_draws : int
        Normal draws behind the quantile.

    Returns
    -------
    float
        0 if no estimate has any variance.
    """
    se = np.sqrt(np.diag(covariance))
    kept = se > 1e-12 * se.max(initial=0.0)
    if not kept.any():
        return 0.0
    R = covariance[np.ix_(kept, kept)] / np.outer(se[kept], se[kept])
    size, directions = np.linalg.eigh(R)
    root = directions * np.sqrt(np.maximum(size, 0.0))
    largest = np.abs(rng.normal(size=(n_draws, len(root))) @ root.T).max(axis=1)
    return float(np.quantile(largest, level))
