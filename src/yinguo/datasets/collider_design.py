r"""Selection that depends on treatment and outcome (a collider), with a covariate that is a shadow variable.

.. math::

   X \sim N(0, I_5), \quad P(T=1) = \sigma(0.5 x_1 + 0.5 x_2), \quad \tau(x) = 1 + 0.5 x_3, \\
   Y = 0.5 x_1 + 0.5 x_2 + 0.5 x_4 + x_5 + T \tau(x) + N(0, 0.5^2), \\
   P(S=1) = \sigma(\beta (0.5 Y + T - 1) + 0.3 x_1) .

:math:`x_5` moves the outcome most and, given outcome, treatment and the other covariates, has nothing to do with who is
seen; the same holds of :math:`x_2, x_3, x_4`, which say less of the outcome. :math:`x_1` does move who is seen and is
no shadow variable. About 45 % are seen; without treatment 26, 11 and 8 % for beta = 1, 3, 5.

A design of our own, in the style of a published one whose generator is not released; figures on it do not compare with
printed ones.
"""

from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["collider_design"]


def collider_design(*, beta: float = 3.0, n: int = 20_000, shadow: bool = True, random_state: Any = 0) -> Draw:
    """One draw of the collider design.

    Parameters
    ----------
    beta : float, at least 0
        How strongly treatment and outcome decide who is seen.
    n : int
        Rows, seen or not.
    shadow : bool
        Give x5 the role of the shadow variable. Otherwise it is a covariate like the others, and to be found.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: the ATE of the rows. Extras: ``tau``, ``mu0``, ``mu1`` of every row, ``chance`` of being seen, and ``Y``
        with the outcomes nobody saw.

    Examples
    --------
    >>> study = collider_design(n=1000).study
    >>> study, study.shadow, int(study.S.sum())
    (Study(effect of 't' on 'y': 1000 rows, 494 treated, 506 controls, 4 covariates), ('x5',), 428)
    """
    if beta < 0 or n < 1:
        raise DataError(f"beta is {beta} and n is {n}; beta is at least 0 and n at least 1.")
    rng = as_rng(random_state)
    sigma = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    X = rng.normal(size=(n, 5))
    T = (rng.random(n) < sigma(0.5 * X[:, 0] + 0.5 * X[:, 1])).astype(float)
    tau = 1 + 0.5 * X[:, 2]
    mu0 = X @ [0.5, 0.5, 0.0, 0.5, 1.0]
    Y = mu0 + T * tau + 0.5 * rng.normal(size=n)
    chance = sigma(beta * (0.5 * Y + T - 1) + 0.3 * X[:, 0])
    S = (rng.random(n) < chance).astype(float)
    table = {"t": T, "y": np.where(S == 1, Y, np.nan), "s": S} | {f"x{j + 1}": X[:, j] for j in range(5)}
    study = Study(table, treatment="t", outcome="y", selection="s", shadow="x5" if shadow else None)
    return Draw(
        study=study,
        truth={"ATE": float(tau.mean())},
        about=f"collider design, beta {beta:g}",
        extras={"tau": tau, "mu0": mu0, "mu1": mu0 + tau, "chance": chance, "Y": Y},
    )
