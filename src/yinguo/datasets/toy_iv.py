r"""The smallest case for an instrument: two lines.

.. math:: T = Z + U, \qquad Y = f(T) + U, \qquad Z, U \sim N(0, 1) .

U is not measured. A regression of Y on T, however flexible, finds :math:`f(t) + t/2`; an instrumental-variable method
finds f up to its constant, and with it, for U averages 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.structural import average_slope
from yinguo.core.study import Study
from yinguo.datasets.draw import CurvePoints, Draw
from yinguo.errors import DataError

__all__ = ["toy_iv"]


def _linear(X: np.ndarray, T: np.ndarray) -> np.ndarray:
    return T


def _sin(X: np.ndarray, T: np.ndarray) -> np.ndarray:
    return np.sin(T)


def _abs(X: np.ndarray, T: np.ndarray) -> np.ndarray:
    return np.abs(T)


def _step(X: np.ndarray, T: np.ndarray) -> np.ndarray:
    return (T >= 0).astype(float)


def _square(X: np.ndarray, T: np.ndarray) -> np.ndarray:
    return T**2


CURVES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "linear": _linear,
    "sin": _sin,
    "abs": _abs,
    "step": _step,
    "square": _square,
}


def toy_iv(*, curve: str = "linear", n: int = 2000, random_state: Any = 0) -> Draw:
    """One draw of the toy; with ``curve="linear"`` least squares finds 1.5 where the effect is 1.

    Parameters
    ----------
    curve : {"linear", "sin", "abs", "step", "square"}
        f; "step" is 1 from 0 on.
    n : int
        Training rows, and validation rows.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Treatment ``t``, outcome ``y``, instrument ``z``, no covariates. Truth: the ATE, as the average slope of f over
        the training rows. Extras: ``validation``; ``test`` with ``"grid"``, 101 treatments from -3 to 3;
        ``structure``; ``unobserved`` (n, 1).

    Examples
    --------
    >>> study = toy_iv(n=4000).study
    >>> print(f"{np.polyfit(study.T, study.Y, 1)[0]:.1f}")
    1.5
    >>> z = study.Z[:, 0]
    >>> print(f"{np.cov(z, study.Y)[0, 1] / np.cov(z, study.T)[0, 1]:.1f}")
    1.0
    """
    if curve not in CURVES:
        raise DataError(f"curve is {curve!r}; it must be one of {', '.join(CURVES)}.")
    if n < 2:
        raise DataError(f"n is {n}; it must be at least 2.")
    structure, rng = CURVES[curve], as_rng(random_state)

    def rows() -> tuple[Study, np.ndarray]:
        z, u = rng.standard_normal((2, n))
        t = z + u
        table = {"t": t, "y": structure(np.empty((n, 0)), t) + u, "z": z}
        return Study(table, treatment="t", outcome="y", instruments="z", covariates=()), u

    study, u = rows()
    validation, _ = rows()
    T, nothing = np.linspace(-3, 3, 101), np.empty((101, 0))
    return Draw(
        study=study,
        truth={"ATE": average_slope(structure, study)[0]},
        about=f"T = Z + U, Y = f(T) + U, f {curve}",
        extras={
            "validation": validation,
            "test": {"grid": CurvePoints(X=nothing, T=T, g=structure(nothing, T))},
            "structure": structure,
            "unobserved": u[:, None],
        },
    )
