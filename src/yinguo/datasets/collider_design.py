r"""Outcomes seen for those whose treatment and outcome say so: a collider, of a strength to choose.

.. math::

   X \sim N(0, I_5), \quad P(T = 1) = \sigma(.5 x_1 + .5 x_2), \quad \tau(x) = 1 + .5 x_3, \\
   Y = .5 x_1 + .5 x_2 + .5 x_4 + x_5 + T \tau(x) + N(0, .5^2), \quad
   P(S = 1) = \sigma(\beta (.5 Y + T - 1) + .3 x_1)

Whether Y is seen depends on Y itself, so that no weight from X and T repairs the sample: unweighted effects among units
are off by .04, .23 and .44 for beta 1, 3 and 5 (root mean squared error on the units seen), and weights 1 / P(S | X, T)
do no better. :math:`x_5` moves Y and, given the rest, not S: it is a valid shadow variable, and weights
1 / P(S | X, T, Y) halve the error or better.

Source: ours; the generator of the published table with the same beta was not released.
"""

from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["collider_design"]


def collider_design(*, beta: float = 3.0, n: int = 20_000, shadow: bool = False, random_state: Any = 0) -> Draw:
    """One draw.

    Parameters
    ----------
    beta : float
        Strength of the collider; 0 is selection by x1 alone.
    n : int
    shadow : bool
        Whether x5 has the role of a shadow variable, rather than being a covariate.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Treatment ``t``, outcome ``y`` (missing where ``s`` is 0), selection ``s``. Truth: the ATE of these units, seen
        or not. Extras: ``tau``, the effect of every unit; ``chance_seen``, P(S=1 | X, T, Y) of every unit; ``outcome``,
        Y of every unit, seen or not.

    Examples
    --------
    >>> draw = collider_design(beta=3)
    >>> print(f"{draw.study.S.mean():.2f}")
    0.43
    """
    if n < 10:
        raise DataError(f"n is {n}; it must be at least 10.")
    rng = as_rng(random_state)
    X = rng.standard_normal((n, 5))
    T = (rng.random(n) < expit(0.5 * X[:, 0] + 0.5 * X[:, 1])).astype(float)
    tau = 1 + 0.5 * X[:, 2]
    Y = X @ [0.5, 0.5, 0.0, 0.5, 1.0] + T * tau + 0.5 * rng.standard_normal(n)
    chance = expit(beta * (0.5 * Y + T - 1) + 0.3 * X[:, 0])
    S = (rng.random(n) < chance).astype(float)
    names = [f"x{j + 1}" for j in range(5)]
    table = {"t": T, "y": np.where(S == 1, Y, np.nan), "s": S} | dict(zip(names, X.T, strict=True))
    study = Study(
        table, treatment="t", outcome="y", selection="s", covariates=names[:4] if shadow else names,
        shadow="x5" if shadow else None,
    )  # fmt: skip
    return Draw(
        study=study,
        truth={"ATE": float(tau.mean())},
        about=f"collider of strength {beta:g}, x5 a valid shadow variable",
        extras={"tau": tau, "chance_seen": chance, "outcome": Y},
    )
