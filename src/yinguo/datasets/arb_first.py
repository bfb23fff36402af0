r"""Two clusters, more covariates than rows: the first design of the approximate residual balancing paper.

Cluster C is 0 or 1 with equal chance, P(T=1) is 0.2 or 0.8 by cluster, and

.. math:: X \sim N(C\,\delta, I_p), \qquad Y = X'\beta + T + N(0, 1), \qquad \lVert\beta\rVert_2 = 2,

so that every column that shifts with the cluster is a weak confounder; the effect is 1 for everybody.

Source: Athey, Imbens & Wager (2018), JRSS-B 80(4), first simulation table (n = 500, p = 2000; shift and beta patterns
from their code).
"""

from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["arb_first"]

OUTCOMES = ("dense", "harmonic", "moderately sparse", "very sparse")
PROPENSITIES = ("dense", "sparse")


def arb_first(
    *, outcome: str = "very sparse", propensity: str = "dense", n: int = 500, p: int = 2000, random_state: Any = 0
) -> Draw:
    """One draw of the two-cluster design.

    Parameters
    ----------
    outcome : {"dense", "harmonic", "moderately sparse", "very sparse"}
        Pattern of beta before scaling: 1/sqrt(j); 1/(9 + j); ten 10s, ninety 1s; ten 10s.
    propensity : {"dense", "sparse"}
        Cluster 1 is shifted by 4/sqrt(n) in every column, or by 40/sqrt(n) in every tenth.
    n, p : int
        p at least 100.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: 1 for ATE, ATT and ATC; extras: ``beta``, ``shift``, ``cluster``.
    """
    if outcome not in OUTCOMES or propensity not in PROPENSITIES:
        raise DataError(
            f"outcome is {outcome!r} and propensity {propensity!r}; they must be one of {OUTCOMES} and {PROPENSITIES}."
        )
    if p < 100:
        raise DataError(f"p is {p}; the patterns need at least 100 columns.")
    rng = as_rng(random_state)
    beta, shift = _beta(outcome, p), _shift(propensity, n, p)
    cluster = (rng.random(n) < 0.5).astype(float)
    T = (rng.random(n) < 0.2 + 0.6 * cluster).astype(float)
    X = rng.normal(size=(n, p)) + np.outer(cluster, shift)
    Y = X @ beta + T + rng.normal(size=n)
    return Draw(
        study=Study.from_arrays(X, T, Y, treatment="t", outcome="y"),
        truth={"ATE": 1.0, "ATT": 1.0, "ATC": 1.0},
        about=f"two clusters, {outcome} outcome model, {propensity} shift (Athey, Imbens & Wager 2018, first design)",
        extras={"beta": beta, "shift": shift, "cluster": cluster},
    )


def _beta(outcome, p) -> np.ndarray:
    j = np.arange(1.0, p + 1)
    pattern = {
        "dense": 1 / np.sqrt(j),
        "harmonic": 1 / (9 + j),
        "moderately sparse": np.where(j <= 10, 10.0, np.where(j <= 100, 1.0, 0.0)),
        "very sparse": np.where(j <= 10, 10.0, 0.0),
    }[outcome]
    return 2 * pattern / np.linalg.norm(pattern)


def _shift(propensity, n, p) -> np.ndarray:
    if propensity == "dense":
        return np.full(p, 4 / np.sqrt(n))
    return np.where(np.arange(p) % 10 == 0, 40 / np.sqrt(n), 0.0)
