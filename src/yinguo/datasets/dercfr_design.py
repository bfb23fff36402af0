r"""The design of decomposed representations: instruments, confounders, adjustment variables and noise, in blocks.

Blocks A, B, C and D of independent standard normal covariates; A and B drive the treatment, B and C the outcome:

.. math:: P(T = 1) = \mathrm{logit}^{-1}\Big(\tfrac{1}{10} [A, B]\, c_t + N(0, 1)\Big), \qquad
   \mu_0 = \tfrac{1}{10 m} [B, C]\, c_0, \qquad \mu_1 = \tfrac{1}{10 m} [B, C]^2 c_1,

with m the number of columns of B and C together, squares column by column and fixed coefficients between 8 and 16. The
outcome is :math:`\mu_T + N(0, 0.1^2)`, or, in the form of two values, whether :math:`\mu_T` reaches the median of its
arm: given covariates and treatment nothing is then left to chance.

Treatment is nearly decided by the covariates (the logit has a standard deviation of about 4), and the effect bends in
every confounder and adjustment variable.

Source: Wu, Yuan, Kuang, Li, Wu, Zhu, Zhuang & Wu (2023), "Learning decomposed representations for treatment effect
estimation", IEEE TKDE 35(5), and the constants of the authors' published generator. The rows are drawn anew: the
authors' seed is one global stream, and theirs is one table of which every experiment takes another split.
"""

from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["dercfr_design"]

ON_TREATMENT = (8, 8, 11, 13, 8, 8, 16, 11, 13, 16, 11, 16, 8, 8, 8, 8)
ON_CONTROL = (11, 8, 8, 16, 13, 8, 8, 16, 13, 16, 11, 11, 8, 8, 8, 8)
ON_TREATED = (8, 8, 8, 8, 16, 13, 11, 11, 13, 11, 16, 11, 8, 8, 8, 8)
NOISE_COLUMNS = 2


def dercfr_design(
    *, size: int = 8, outcome: str = "binary", n: int = 2700, n_test: int = 300, random_state: Any = 0
) -> Draw:
    """One draw of the design size-size-size-2.

    Parameters
    ----------
    size : int, a multiple of 8
        Columns of each of the blocks A, B and C; published are 8 and 16. The coefficients repeat after 16.
    outcome : {"binary", "continuous"}
    n, n_test : int
        Rows to learn from, and further rows; the published 3,000, of which a tenth is for testing.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: the ATE of the training rows. Extras: ``mu0`` and ``mu1``, their mean outcomes without and with
        treatment; ``test_X``, ``test_mu0`` and ``test_mu1`` of the further rows; ``roles``, which maps "instrument",
        "confounder", "adjuster" and "noise" to names of covariates.

    Examples
    --------
    >>> draw = dercfr_design(n=500)
    >>> draw.study
    Study(effect of 't' on 'y': 500 rows, 263 treated, 237 controls, 26 covariates)
    >>> draw.extras["roles"]["noise"]
    ('x25', 'x26')
    """
    if size < 8 or size % 8:
        raise DataError(f"size is {size}; the coefficients come in eights, so it must be 8, 16, 24 and so on.")
    if outcome not in ("binary", "continuous"):
        raise DataError(f"outcome is {outcome!r}; it must be 'binary' or 'continuous'.")
    if n < 2 or n_test < 1:
        raise DataError(f"n is {n} and n_test is {n_test}; they must be at least 2 and 1.")
    rng = as_rng(random_state)
    rows, width = n + n_test, 3 * size + NOISE_COLUMNS
    X = rng.standard_normal((rows, width))
    AB, BC = X[:, : 2 * size], X[:, size : 3 * size]
    logit = AB @ _repeated(ON_TREATMENT, size) / 10 + rng.standard_normal(rows)
    T = (rng.random(rows) < expit(logit)).astype(float)
    mu0 = BC @ _repeated(ON_CONTROL, size) / (2 * size) / 10
    mu1 = BC**2 @ _repeated(ON_TREATED, size) / (2 * size) / 10
    noise = 0.1 * rng.standard_normal(rows)
    if outcome == "binary":
        mu0, mu1 = ((mu >= np.median(mu)).astype(float) for mu in (mu0, mu1))
        noise = np.zeros(rows)
    Y = np.where(T == 1, mu1, mu0) + noise
    study = Study.from_arrays(X[:n], T[:n], Y[:n])
    edges = np.cumsum([0, size, size, size, NOISE_COLUMNS])
    roles = ("instrument", "confounder", "adjuster", "noise")
    return Draw(
        study=study,
        truth={"ATE": float((mu1 - mu0)[:n].mean())},
        about=f"design of decomposed representations {size}-{size}-{size}-{NOISE_COLUMNS}, {outcome} outcome",
        extras={
            "mu0": mu0[:n],
            "mu1": mu1[:n],
            "test_X": X[n:],
            "test_mu0": mu0[n:],
            "test_mu1": mu1[n:],
            "roles": {role: study.covariates[edges[k] : edges[k + 1]] for k, role in enumerate(roles)},
        },
    )


def _repeated(coefficients: tuple[int, ...], size: int) -> np.ndarray:
    return np.resize(np.array(coefficients, dtype=float), 2 * size)
