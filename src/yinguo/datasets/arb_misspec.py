r"""An effect that varies and a treatment chance that is not logistic: the misspecified design of the same paper.

.. math:: \tau(X) = \log(1 + e^{-2 - 2X_1}) / 0.915, \quad P(T=1) = 1 - e^{-\tau(X)}, \quad
          Y = \textstyle\sum_{j \le 10} X_j + \tau(X)(2T - 1)/2 + N(0, 1)

with X standard normal: neither a linear outcome model nor a logistic propensity is right, and tau averages 1 over the
treated.

Source: Athey, Imbens & Wager (2018), JRSS-B 80(4), table for the misspecified model (n = 400, p = 100 is its first
column).
"""

from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["arb_misspec"]


def arb_misspec(*, n: int = 400, p: int = 100, random_state: Any = 0) -> Draw:
    """One draw of the misspecified design.

    Parameters
    ----------
    n : int
    p : int
        At least 10.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: mean of tau over the rows concerned, for ATE, ATT and ATC; extras: ``tau``, ``propensity``.
    """
    if p < 10:
        raise DataError(f"p is {p}; the outcome uses 10 columns, so p must be at least 10.")
    rng = as_rng(random_state)
    X = rng.normal(size=(n, p))
    tau = np.log1p(np.exp(-2 - 2 * X[:, 0])) / 0.915
    propensity = -np.expm1(-tau)
    T = (rng.random(n) < propensity).astype(float)
    Y = X[:, :10].sum(axis=1) + tau * (2 * T - 1) / 2 + rng.normal(size=n)
    return Draw(
        study=Study.from_arrays(X, T, Y, treatment="t", outcome="y"),
        truth={"ATE": float(tau.mean()), "ATT": float(tau[T == 1].mean()), "ATC": float(tau[T == 0].mean())},
        about="varying effect, treatment chance not logistic (Athey, Imbens & Wager 2018, misspecified design)",
        extras={"tau": tau, "propensity": propensity},
    )
