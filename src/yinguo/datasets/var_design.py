r"""Two variables with a hidden shock in common, and the past of two others: which of them causes which?

.. math::

   T_t &= .6 T_{t-1} + .3 P_{1,t-1} + b_{YT} Y_t + U_t + e, \\
   Y_t &= .6 Y_{t-1} + .3 P_{2,t-1} + b_{TY} T_t + U_t + e, \qquad P_{k,t} = .5 P_{k,t-1} + e

with standard normal noise and :math:`U_t` new at every step. At most one of the two coefficients is not 0. Least
squares of one on the other finds an effect in both directions, always.

Source: ours, for a reconstruction of conditional instruments from the previous step; there is no published design.
"""

from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.causal_regression_design import simulate
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["var_design"]


def var_design(
    *, direction: str = "forward", effect: float = 1.0, steps: int = 25, series: int = 500, random_state: Any = 0
) -> Draw:
    """One draw.

    Parameters
    ----------
    direction : {"forward", "reverse", "none"}
        t moves y, y moves t, or neither.
    effect : float
    steps, series : int
        Rows are ``steps * series``.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Treatment ``t``, outcome ``y``, covariates ``p1`` and ``p2``, time ``step``, groups ``series``. Truth: the
        effect of t on y within a step. Extras: ``reverse``, that of y on t.

    Examples
    --------
    >>> draw = var_design(direction="reverse")
    >>> draw.study.n, draw.truth["ATE"], draw.extras["reverse"]
    (12500, 0.0, 1.0)
    """
    if direction not in ("forward", "reverse", "none"):
        raise DataError(f"direction is {direction!r}; it must be 'forward', 'reverse' or 'none'.")
    if steps < 2 or series < 1:
        raise DataError(f"steps is {steps} and series {series}; take at least 2 steps and 1 series.")
    forward, backward = (effect if direction == name else 0.0 for name in ("forward", "reverse"))
    B = np.zeros((4, 4))
    B[1, 0], B[0, 1] = forward, backward
    A = np.diag([0.6, 0.6, 0.5, 0.5])
    A[0, 2] = A[1, 3] = 0.3
    X = simulate(
        as_rng(random_state), total=np.linalg.inv(np.eye(4) - B), A=A, C=np.array([[1.0], [1.0], [0.0], [0.0]]),
        rho=0.0, steps=steps - 1, series=series,
    )  # fmt: skip
    columns = {name: X[:, :, j].T.ravel() for j, name in enumerate(("t", "y", "p1", "p2"))}
    columns["step"] = np.tile(np.arange(float(steps)), series)
    columns["series"] = np.repeat(np.arange(series), steps)
    study = Study(columns, treatment="t", outcome="y", covariates=("p1", "p2"), time="step", groups="series")
    return Draw(
        study=study,
        truth={"ATE": forward},
        about=f"{direction}, {series} series of {steps} steps",
        extras={"reverse": backward},
    )
