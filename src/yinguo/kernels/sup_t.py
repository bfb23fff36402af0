r"""Tests of many inequalities at once: the largest t statistic against draws of what chance alone would give.

Hypothesis: :math:`\theta_m \le 0` for all m. Each estimate is divided by its standard error, the statistic is the
largest ratio, and its p-value the share of draws of the centred estimates whose largest ratio is at least as large.
Only inequalities that may bind are in that comparison: one whose ratio is below :math:`-\sqrt{\log n}` surely holds
with room to spare, and would only blunt the test.

Source: D. Andrews, G. Soares (2010), Econometrica 78(1), generalised moment selection with the maximum statistic.
"""

import numpy as np

__all__ = ["multinomial_draws", "sup_t_test"]

#: Draws multiplied out at a time, in numbers.
BLOCK = 4_000_000


def sup_t_test(theta, errors, draws, n: int) -> tuple[float, float]:
    """Largest studentised violation and its p-value.

    Parameters
    ----------
    theta : (m,) float array
        Estimates of quantities that should be at most 0.
    errors : (m,) float array
        Their standard errors, above 0.
    draws : (b, m) float array
        Draws of the estimation error: bootstrap minus estimate, or normal.
    n : int
        Rows, for the selection of inequalities that may bind.

    Returns
    -------
    statistic : float
    p_value : float
        1 if no inequality is near to binding.
    """
    ratio = theta / errors
    statistic = float(ratio.max())
    near = ratio >= -np.sqrt(np.log(n))
    if not near.any():
        return statistic, 1.0
    largest = (draws[:, near] / errors[near]).max(axis=1)
    return statistic, float((1 + (largest >= statistic).sum()) / (1 + len(draws)))


def multinomial_draws(A, shares, counts, n_draws: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors and normal draws of linear functions of the shares of several samples.

    Parameters
    ----------
    A : (m, J, c) float array
        Coefficients of function m on the share of category c in sample J.
    shares : (J, c) float array
        Observed shares; each row sums to 1.
    counts : (J,) int array
        Size of each sample.
    n_draws : int
    rng : numpy Generator

    Returns
    -------
    errors : (m,) float array
    draws : (n_draws, m) float array
    """
    m, J, c = A.shape
    variance, draws = np.zeros(m), np.zeros((n_draws, m))
    for j in range(J):
        root = np.sqrt(shares[j])
        # Square root of diag(p) - pp': what is left of independent noise net of its sum.
        own = A[:, j] * root - np.outer(A[:, j] @ shares[j], root)
        variance += (own**2).sum(axis=1) / counts[j]
        for a in range(0, n_draws, max(1, BLOCK // max(m, c))):
            part = slice(a, a + max(1, BLOCK // max(m, c)))
            draws[part] += rng.normal(size=(len(draws[part]), c)) @ own.T / np.sqrt(counts[j])
    return np.sqrt(variance), draws
