r"""The synthetic design of confounder-balanced IV regression: instruments that act through products with covariates.

.. math:: P(T = 1) = \mathrm{logit}^{-1}\Big(\sum_k Z_k X_k + \sum_j X_j + \sum_j U_j\Big), \qquad
   Y(0) = \tfrac1m\Big(\sum_j X_j + \sum_j U_j\Big) + \epsilon, \qquad
   Y(1) = \tfrac1m\Big(\sum_j X_j^2 + \sum_j U_j^2\Big) + \epsilon,

with m the number of confounders X and U together, all of them standard normal and correlated 0.05 in pairs, Z standard
normal and independent of them, and :math:`\epsilon` of standard deviation 0.01. The effect averages 1.

Since Z enters through the products alone, it is uncorrelated with the treatment: the first-stage F of Z itself is about
1, that of the products :math:`Z_k X_k` over 400. A method that is linear in its instruments must be given the products.

**Where we differ from the authors' programme, and why.** It draws (Z, X, U) by numpy's ``multivariate_normal``, which
takes a singular value decomposition of the covariance; the covariance has repeated eigenvalues, so that the same seed
gives other rows on another processor. By default we multiply the same normal numbers by the symmetric root of the
covariance, which has a closed form and is the same everywhere; ``root="svd"`` is the authors' way. The programme fails
without unobserved confounders (it slices by ``-0``); this function does not.

Source: Wu, Kuang, Li & Wu (2022), "Instrumental variable regression with confounder balancing", ICML, and the authors'
published programme.
"""

from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.datasets.draw import Draw, binary_draw
from yinguo.errors import DataError

__all__ = ["cbiv_syn"]

CORRELATION = 0.05
ROOTS = ("symmetric", "svd")


def cbiv_syn(
    *,
    m_z: int = 2,
    m_x: int = 4,
    m_u: int = 4,
    n: int = 10_000,
    replication: int = 0,
    root: str = "symmetric",
    random_state: int = 7,
) -> Draw:
    """One replication of the design m_Z-m_X-m_U, e.g. 2-4-4, with validation and test rows.

    Parameters
    ----------
    m_z, m_x, m_u : int
        Instruments, observed and unobserved confounders; m_z at most m_x. Published: 2-4-4, 2-4-0, 2-10-4 and others.
    n : int
        Rows of each of the three parts.
    replication : int, not negative
        Number of the replication; the published tables average over the first ten.
    root : {"symmetric", "svd"}
        How correlated normal numbers are made of independent ones; see above.
    random_state : int
        The authors' root seed. Training, validation and test rows have the seeds ``30 r + 777``, ``40 r + 777`` and
        ``50 r + 777`` plus the replication, for numpy's legacy generator; twice and three times these draw the
        treatment and the noise.

    Returns
    -------
    Draw
        Truth: the ATE of the training rows. Extras, besides the parts: ``mu0``, ``mu1``, ``unobserved``,
        ``published_truth`` (1, the mean of the effect, which the authors hold estimates against).

    Examples
    --------
    >>> cbiv_syn(n=500).study
    Study(effect of 't' on 'y': 500 rows, 243 treated, 257 controls, 4 covariates)
    """
    if not 1 <= m_z <= m_x:
        raise DataError(
            f"m_z is {m_z} and m_x is {m_x}; there are 1 to m_x instruments, for each multiplies a covariate."
        )
    if m_u < 0 or n < 1 or replication < 0:
        raise DataError(
            f"m_u is {m_u}, n is {n}, replication is {replication}; n is at least 1, the others at least 0."
        )
    if root not in ROOTS:
        raise DataError(f"root is {root!r}; it must be 'symmetric' or 'svd'.")
    seeds = [factor * 10 * random_state + replication + 777 for factor in (3, 4, 5)]
    drawn = [_part(seed, m_z, m_x, m_u, n, root) for seed in seeds]
    columns: dict[str, Any] = {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}
    parts = np.arange(3 * n).reshape(3, n)
    return binary_draw(
        **columns,
        parts=(parts[0], parts[1], parts[2]),
        about=f"CB-IV synthetic design {m_z}-{m_x}-{m_u}, replication {replication}",
        published_truth=1.0,
    )


def _part(seed: int, m_z: int, m_x: int, m_u: int, n: int, root: str) -> dict[str, np.ndarray]:
    """One part; three streams, so that the treatment and the noise do not depend on the number of variables."""
    m = m_x + m_u
    covariance = np.eye(m_z + m)
    covariance[m_z:, m_z:] += CORRELATION * (1 - np.eye(m))
    rng = np.random.RandomState(seed)
    if root == "svd":
        drawn = rng.multivariate_normal(np.zeros(m_z + m), covariance, size=n)
    else:
        drawn = rng.standard_normal((n, m_z + m))
        # (1 - c) I + c 11' has the root sqrt(1 - c) I + k 11' / m with k = sqrt(1 - c + c m) - sqrt(1 - c).
        rest = np.sqrt(1 - CORRELATION)
        common = drawn[:, m_z:].mean(axis=1, keepdims=True)
        drawn[:, m_z:] = rest * drawn[:, m_z:] + (np.sqrt(1 - CORRELATION + CORRELATION * m) - rest) * common
    Z, X, U = drawn[:, :m_z], drawn[:, m_z : m_z + m_x], drawn[:, m_z + m_x :]
    XU = drawn[:, m_z:]
    T = np.random.RandomState(2 * seed).binomial(1, expit((Z * X[:, :m_z]).sum(axis=1) + XU.sum(axis=1))).astype(float)
    mu0, mu1 = XU.mean(axis=1), (XU**2).mean(axis=1)
    noise = np.random.RandomState(3 * seed)
    y0, y1 = mu0 + noise.normal(0.0, 0.01, n), mu1 + noise.normal(0.0, 0.01, n)
    return {"X": X, "Z": Z, "T": T, "Y": np.where(T == 1, y1, y0), "mu0": mu0, "mu1": mu1, "unobserved": U}
