r"""Data-driven variable decomposition: which variables drive the treatment, which only the outcome.

With propensity :math:`e = \mathrm{sigmoid}(B\beta)`, outcome part :math:`B\alpha` and signed inverse weights
:math:`W(\beta) = (T - e) / \{e(1 - e)\}`, minimise

.. math::
    J = \tfrac1n \lVert (Y - B\alpha)\circ W(\beta) - B\gamma\rVert^2
        + \rho\,\tfrac1n \textstyle\sum_i \log\{1 + \exp((1 - 2T_i)\,B_i\beta)\}
        + \kappa \sum_g \lVert\alpha_g\rVert^2\lVert\beta_g\rVert^2
        + \sum_g \sqrt{d_g}\,(\lambda_\alpha\lVert\alpha_g\rVert + \lambda_\beta\lVert\beta_g\rVert
        + \lambda_\gamma\lVert\gamma_g\rVert) .

A group g is the set of columns made from one variable. With one column per variable this is D2VD; with a basis
expansion it is the non-linear form, and the coupling acts on whole variables. As :math:`\kappa` grows, a variable
keeps either its :math:`\alpha` (adjustment) or its :math:`\beta` (confounder). Column 0 of ``B`` is the constant:
group 0, neither penalised nor coupled in any of the three vectors; without a free constant in gamma the effect,
mean(B gamma), would be 0.

Symbols: ``q`` is :math:`B\beta`, ``rest`` is :math:`Y - B\alpha`, ``h`` is :math:`B\gamma`, ``R`` is the first
residual.

Source
------
Kuang, Cui, Li, Jiang, Yang & Wang (2017), "Treatment effect estimation with data-driven variable decomposition", AAAI;
Kuang, Cui, Zou, Li, Tao, Wu & Yang (2022), IEEE TKDE 34(5). They state constraints; the penalised form, means in place
of sums, groups, and the schedule for :math:`\kappa` are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from yinguo.errors import DataError

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DecompositionProblem:
    """The data and what stays fixed while the three penalties vary.

    B : (n, p) float array, column 0 constant, the others standardised
    T, Y : (n,) float arrays, treatment of 0 and 1 and outcome
    groups : (p,) int array, the variable each column is made from; 0 for the constant alone
    propensity : rho; large keeps the propensity near its likelihood fit
    bound : largest absolute W inside the programme. alpha may be any function of the adjustment variables, so this
        costs no bias; without it the few rows with the largest squared weights decide which variables are found
    """

    B: Vector
    T: Vector
    Y: Vector
    groups: NDArray[np.intp]
    propensity: float = 100.0
    bound: float = 5.0

    def __post_init__(self):
        n, p = self.B.shape
        if self.T.shape != (n,) or self.Y.shape != (n,) or self.groups.shape != (p,):
            raise DataError(
                f"basis {self.B.shape}, treatment {self.T.shape}, outcome {self.Y.shape} and groups "
                f"{self.groups.shape} do not fit together; need (n, p), (n,), (n,), (p,)."
            )
        if not (np.isfinite(self.B).all() and np.isfinite(self.Y).all()):
            raise DataError("basis and outcome must be finite; drop or impute the missing values first.")
        if np.ptp(self.B[:, 0]) > 0 or self.groups[0] != 0 or (self.groups[1:] == 0).any():
            raise DataError("column 0 of the basis must be the constant, and the only column of group 0.")


def signed_inverse_weights(q: Vector, T: Vector, bound: float) -> tuple[Vector, Vector]:
    """W = (T - e) / (e (1 - e)) with e = sigmoid(q), and dW/dq, both flat where W would pass ``bound``.

    Parameters
    ----------
    q : (n,) float array, the propensity's linear predictor
    T : (n,) float array of 0 and 1
    bound : float above 1

    Returns
    -------
    W, dW : (n,) float arrays
        W is 1/e for T=1 and -1/(1-e) for T=0. Given the covariates its mean is 0 at the true e.
    """
    sign = 2 * T - 1
    odds = np.exp(np.minimum(-sign * q, np.log(bound - 1)))  # 1/e = 1 + exp(-q), 1/(1-e) = 1 + exp(q)
    return sign * (1 + odds), np.where(odds < (1 - 1e-12) * (bound - 1), -odds, 0.0)


def decomposition_objective(
    problem: DecompositionProblem, alpha: Vector, beta: Vector, gamma: Vector, coupling: float = 0.0
) -> float:
    """J without its penalties, written out; with ``coupling=0`` and unseen rows it is the held-out criterion."""
    pr = problem
    q = pr.B @ beta
    W, _ = signed_inverse_weights(q, pr.T, pr.bound)
    R = (pr.Y - pr.B @ alpha) * W - pr.B @ gamma
    held = squared_lengths(alpha, pr) @ squared_lengths(beta, pr)
    return float(R @ R / R.size + pr.propensity * log_loss(q, pr.T) + coupling * held)


def alpha_gradient(alpha: Vector, *, B: Vector, W: Vector, R: Vector, held: Vector) -> Vector:
    """Gradient of the smooth part of J in alpha; ``held`` (p,) is kappa times the squared length of beta's group."""
    return (-2 / R.size) * ((W * R) @ B) + 2 * held * alpha


def gamma_gradient(*, B: Vector, R: Vector) -> Vector:
    """Gradient of the smooth part of J in gamma."""
    return (-2 / R.size) * (R @ B)


def beta_gradient(
    beta: Vector, *, problem: DecompositionProblem, q: Vector, rest: Vector, R: Vector, dW: Vector, held: Vector
) -> Vector:
    """Gradient of the smooth part of J in beta; ``held`` (p,) is kappa times the squared length of alpha's group."""
    score = 2 * (rest * dW * R) + problem.propensity * (expit(q) - problem.T)
    return (score @ problem.B) / R.size + 2 * held * beta


def log_loss(q: Vector, T: Vector) -> float:
    """Mean logistic loss of the linear predictor ``q``."""
    return float(np.logaddexp(0.0, (1 - 2 * T) * q).sum() / q.size)


def root_sizes(pr: DecompositionProblem) -> Vector:
    """Square root of the number of columns of every group; 0 for the constant's."""
    sizes = np.bincount(pr.groups).astype(np.float64)
    sizes[0] = 0.0
    return np.asarray(np.sqrt(sizes))


def squared_lengths(value: Vector, pr: DecompositionProblem) -> Vector:
    """(n_groups,) squared Euclidean length of every group; 0 for the constant's."""
    lengths = np.bincount(pr.groups, weights=value * value).astype(np.float64)
    lengths[0] = 0.0
    return lengths


def held_curvature(other: Vector, pr: DecompositionProblem, kappa: float) -> Vector:
    """(p,) curvature that the coupling puts on a column while the other vector stands still."""
    return kappa * squared_lengths(other, pr)[pr.groups]


def group_penalty(value: Vector, pr: DecompositionProblem, strength: float) -> float:
    """``strength`` times the sum of group lengths, each times the square root of its number of columns."""
    return strength * float(root_sizes(pr) @ np.sqrt(squared_lengths(value, pr)))
