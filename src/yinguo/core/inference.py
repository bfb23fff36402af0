"""Standard errors as a shared currency: every asymptotically linear estimator ends in influence values.

An estimator that can write its error as a mean of per-unit influence values ``phi`` gets its standard
error, clustered or not, from the one function here.
"""

from statistics import NormalDist

import numpy as np

from yinguo.errors import DataError

__all__ = ["normal_quantile", "p_value", "standard_error"]


def standard_error(phi, groups=None) -> float:
    r"""Standard error of the mean of influence values, robust and, with groups, clustered.

    .. math:: \mathrm{se}^2 = \frac{c}{n^2} \sum_g \Big(\sum_{i \in g} \phi_i\Big)^2,
              \qquad c = G/(G-1)

    Without groups every unit is its own group.

    Parameters
    ----------
    phi : (n,) float array
        Centred influence values: estimate - truth is about ``phi.mean()``. Sample weights, if any,
        are already inside (scaled to mean 1).
    groups : (n,) int array in 0..G-1, optional

    Returns
    -------
    float
        In the unit of the estimate.

    Raises
    ------
    DataError
        Fewer than two groups (or units).

    Source
    ------
    Liang & Zeger (1986), Biometrika 73(1), with the G/(G-1) small-sample factor.
    """
    n = len(phi)
    if groups is None:
        if n < 2:
            raise DataError(f"a standard error needs at least 2 rows; there is {n}.")
        return float(np.sqrt(phi @ phi / (n * (n - 1))))
    totals = np.bincount(groups, weights=phi)
    G = len(totals)
    if G < 2:
        raise DataError("clustered standard errors need at least 2 groups; the groups column has one value.")
    return float(np.sqrt(G / (G - 1) * (totals @ totals)) / n)


def normal_quantile(level: float) -> float:
    """Two-sided critical value: 1.96 for 0.95."""
    if not 0 < level < 1:
        raise DataError(f"level is {level}; it must lie strictly between 0 and 1, such as 0.95.")
    return NormalDist().inv_cdf(0.5 + level / 2)


def p_value(estimate: float, se: float, null: float = 0.0) -> float:
    """Two-sided p-value of the null under a normal approximation; 0/0 counts as no evidence (1)."""
    if se == 0:
        return 1.0 if estimate == null else 0.0
    return 2.0 * NormalDist().cdf(-abs((estimate - null) / se))
