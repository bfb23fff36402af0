r"""The simulation shipped with differentiated confounder balancing: a linear outcome, half of the covariates in it.

.. math::
    X \sim N(0, I_p), \quad T = 1\Big[\sum_{j \le rp} X_j + N(0, 1) > 0\Big], \quad
    Y = T \Big(1 + \sum_j X_j\Big) + \sum_{j\ \mathrm{even}} \tfrac{j}{2} X_j + N(0, 3^2) .

The effect is larger for those with large covariates, who are also treated more often; the truth is the mean of
:math:`1 + \sum_j X_j` over the units of this very sample.

Source: Kuang, Cui, Li, Jiang & Yang (2017), KDD, and the authors' published programme.
"""

from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["dcb_simulation"]


def dcb_simulation(*, n: int = 2000, p: int = 50, confounding_rate: float = 0.2, random_state: Any = 0) -> Draw:
    """One draw of the shipped simulation.

    Parameters
    ----------
    n, p : int
        The published table has n 2000 and 5000, p 50 and 100.
    confounding_rate : float in (0, 1]
        Part of the covariates that drive the treatment; published 0.2 and 0.8.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: ATE, ATT, ATC of the sample; extras: ``outcome_coefficients`` (p,) and ``effect`` (n,), row by row.
    """
    drivers = round(confounding_rate * p)
    if not 1 <= drivers <= p:
        raise DataError(
            f"confounding_rate is {confounding_rate!r}; it must name between 1 and all of the {p} covariates."
        )
    rng = as_rng(random_state)
    X = rng.standard_normal((n, p))
    T = (X[:, :drivers].sum(axis=1) + rng.standard_normal(n) > 0).astype(float)
    j = np.arange(1, p + 1)
    coefficients = np.where(j % 2 == 0, j / 2, 0.0)
    effect = 1 + X.sum(axis=1)
    Y = T * effect + X @ coefficients + 3 * rng.standard_normal(n)
    return Draw(
        study=Study.from_arrays(X, T, Y, treatment="t", outcome="y"),
        truth={"ATE": effect.mean(), "ATT": effect[T == 1].mean(), "ATC": effect[T == 0].mean()},
        about=f"linear outcome, {drivers} of {p} covariates drive the treatment (simulation shipped with DCB)",
        extras={"outcome_coefficients": coefficients, "effect": effect},
    )
