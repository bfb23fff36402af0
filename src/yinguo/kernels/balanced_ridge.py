r"""Ridge regression on reweighted covariates, with weights on the simplex that keep away from what the arms differ in.

.. math:: \min_{w, \beta, \gamma}\; \frac{1}{n} \|Y - k X (w \circ \beta) - \gamma T\|^2 + \lambda \|\beta\|^2
   + \alpha \Big( \big|u - \tfrac12\big| + \sqrt{\big(u - \tfrac12\big)^2 + \|v\|^2} \Big),
   \qquad v = k\, w \circ \big(u \bar x_1 - (1 - u) \bar x_0\big)

over w not negative with sum 1, for k columns of X; Y, T and X are centred, u is the share treated and
:math:`\bar x_t` the means of the arms. For given w the rest is ridge regression, so only w is iterated on; the
derivative of the minimum is the partial derivative at it.

Source: Johansson, Shalit & Sontag (2016), ICML, for the problem.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from yinguo.errors import ConvergenceError
from yinguo.kernels.simplex import project_to_simplex

__all__ = ["BalancedRidge", "balanced_ridge"]

#: A weight below it is none: some end at 0, others, by the rounding of the machine, at 1e-17.
_DUST = 1e-9


@dataclass(frozen=True, slots=True)
class BalancedRidge:
    """A fitted model of centred and scaled columns.

    Attributes
    ----------
    w : (k,) float array
        Weights of the covariates.
    slopes : (k,) float array
        Of the outcome in the covariates, weights included.
    effect : float
        gamma, of the treatment.
    objective : float
    """

    w: np.ndarray
    slopes: np.ndarray
    effect: float
    objective: float


def balanced_ridge(
    *,
    Y: np.ndarray,
    T: np.ndarray,
    X: np.ndarray,
    balance_strength: float,
    penalty: float,
    iterations: int = 1000,
    tolerance: float = 1e-13,
) -> BalancedRidge:
    r"""Minimise by sequential quadratic programmes, begun at equal weights.

    The problem is not convex: a weight of 0 has slope 0 and would stay there, so each of these is tried at 1/k before
    the search ends, and the search begins anew from the best such try if it lowers the objective.

    Parameters
    ----------
    Y, T : (n,) float arrays
        T of 0 and 1.
    X : (n, k) float array
        Columns of comparable spread.
    balance_strength, penalty : float
        :math:`\alpha` and :math:`\lambda > 0`.
    iterations : int
        At most so many.
    tolerance : float
        Stop when the objective changes by less than this times :math:`1 + \alpha`.

    Raises
    ------
    ConvergenceError
        If the iterations do not suffice.

    Source
    ------
    Johansson, Shalit & Sontag (2016), sections 4 and 5.
    """
    problem, k = _Problem(Y, T, X, balance_strength, penalty), X.shape[1]
    ftol, w = tolerance * (1 + balance_strength), np.full(k, 1 / k)
    while True:
        found = minimize(
            lambda w: problem.at(w)[:2],
            w,
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * k,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
            options={"ftol": ftol, "maxiter": iterations},
        )
        if not found.success:
            raise ConvergenceError(
                f"the weights of {k} covariates were not found in {iterations} steps ({found.message}); raise the "
                "penalty."
            )
        # The solver keeps to the simplex up to rounding only.
        w = project_to_simplex(found.x)
        objective, _, coefficients = problem.at(w)
        revived = [_share(w, int(j)) for j in np.flatnonzero(w < _DUST)]
        better = min(revived, key=lambda tried: problem.at(tried)[0], default=w)
        if problem.at(better)[0] >= objective - ftol:
            return BalancedRidge(w, k * w * coefficients[:-1], float(coefficients[-1]), float(objective))
        w = better


def _share(w: np.ndarray, j: int) -> np.ndarray:
    """The weights with an equal share for one of them, taken from all."""
    return w + (np.eye(len(w))[j] - w) / len(w)


class _Problem:
    """Moments of the rows, and the objective with its gradient at given weights."""

    def __init__(self, Y: np.ndarray, T: np.ndarray, X: np.ndarray, strength: float, penalty: float) -> None:
        self.k, self.strength = X.shape[1], strength
        design = np.column_stack([X - X.mean(axis=0), T - T.mean()])
        y = Y - Y.mean()
        self.moments, self.target, self.square = design.T @ design / len(Y), design.T @ y / len(Y), y @ y / len(Y)
        self.ridge = np.append(np.full(self.k, penalty), 0.0)
        u = T.mean()
        self.tilt = (u - 0.5) ** 2
        gap = u * design[T == 1, :-1].mean(axis=0) - (1 - u) * design[T == 0, :-1].mean(axis=0)
        self.gaps = (self.k * gap) ** 2

    def at(self, w: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Objective, its gradient in w, and the coefficients of the ridge regression."""
        scale = np.append(self.k * w, 1.0)
        target = scale * self.target
        coefficients = np.linalg.solve(scale[:, None] * self.moments * scale + np.diag(self.ridge), target)
        left = self.target - self.moments @ (scale * coefficients)
        root = np.sqrt(self.tilt + self.gaps @ w**2)
        objective = self.square - target @ coefficients + self.strength * (np.sqrt(self.tilt) + root)
        gradient = -2 * self.k * coefficients[:-1] * left[:-1]
        if root > 0:
            gradient = gradient + self.strength * self.gaps * w / root
        return objective, gradient, coefficients
