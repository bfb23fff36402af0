r"""Differentiated confounder balancing: weights that balance moments in proportion to what they do to the outcome.

With outcome :math:`Y(0) = M\beta + \epsilon` the bias of a weighted comparison is
:math:`\beta'(\bar M_{target} - M'W)`, so a moment without a coefficient need not be balanced. Weights
of one arm, :math:`W = \omega\circ\omega`, and the coefficients are learnt together by
alternating proximal-gradient steps on

.. math::
    J = l_0 \{\beta'(\bar M_{target} - M'W)\}^2 + l_1 \sum_j (1 + c W_j)(Y_j - M_j\beta)^2
        + l_2 \sum_j W_j^2 + l_3 \lVert\beta\rVert_2^2 + l_4 \lVert\beta\rVert_1 ,

and :math:`\omega \leftarrow \omega / \lVert\omega\rVert_2` after every weight step keeps :math:`W \ge 0,\ 1'W = 1`.
The published programme has c = 1. The weights then also seek units with small residuals, that is, they look at the
outcome: harmless if the noise is symmetric, a bias if it is skewed. With c = 0 they see the outcome through
:math:`\beta` alone.

Symbols: ``M`` the moments of the reweighted arm, ``target`` the mean the weighted moments should reach, ``fit`` is
:math:`M\beta`, ``gap`` is :math:`\beta'(target - M'W)`.

Source
------
Kuang, Cui, Li, Jiang & Yang (2017), "Estimating treatment effect in the wild via differentiated confounder balancing",
KDD, 265-274; regression-adjusted form: Kuang, Cui, Li, Jiang, Wang, Wu & Yang (2020), ACM TKDD 14(1). Initial values,
step rule and stopping rule are those the authors ran: steps only ever shrink, and the first weights sum to 1/n.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yinguo.errors import DataError
from yinguo.kernels.proximal import STALLED_STEP, ProximalStep, backtracking_step, extrapolate, soft_threshold

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BalanceStrengths:
    """Multipliers of the five terms of J; the defaults are those shipped with the authors' programme.

    balance : l0, of the outcome-weighted discrepancy
    outcome : l1, of the squared residuals of the outcome regression
    spread : l2, of the sum of squared weights
    ridge, lasso : l3, l4, of the outcome coefficients
    residual_weight : c, how much a unit's weight counts in the outcome regression
    """

    balance: float = 10.0
    outcome: float = 10.0
    spread: float = 100.0
    ridge: float = 1.0
    lasso: float = 0.1
    residual_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class DifferentiatedBalance:
    """Weights and coefficients at the last iterate.

    balance_weights : (n,) float array, at least 0, sum 1
    beta : (p,) float array, outcome coefficients: the confounder weights
    imbalance : (p,) float array, target minus weighted mean of the moments
    objective, change : J at the end, and its change in the last iteration
    iterations : iterations run
    converged : whether ``change`` fell below the tolerance
    stalled : whether a step size fell below 1e-12, so that standing still looks like convergence
    """

    balance_weights: Vector
    beta: Vector
    imbalance: Vector
    objective: float
    change: float
    iterations: int
    converged: bool
    stalled: bool


def balance_objective(
    omega: Vector, beta: Vector, *, M: Vector, Y: Vector, target: Vector, strengths: BalanceStrengths
) -> float:
    """J without its lasso term, written out; the loop below never calls it.

    Parameters
    ----------
    omega : (n,) float array, square roots of the weights
    beta : (p,) float array
    M : (n, p) float array
    Y : (n,) float array
    target : (p,) float array
    strengths : BalanceStrengths

    Returns
    -------
    float
    """
    W = omega**2
    gap = beta @ (target - M.T @ W)
    squared = (Y - M @ beta) ** 2
    return float(
        strengths.balance * gap**2
        + strengths.outcome * ((1 + strengths.residual_weight * W) @ squared)
        + strengths.spread * (W @ W)
        + strengths.ridge * (beta @ beta)
    )


def beta_gradient(
    beta: Vector, *, M: Vector, weight: Vector, residual: Vector, imbalance: Vector, strengths: BalanceStrengths
) -> Vector:
    """Gradient of the smooth part of J in the outcome coefficients.

    Parameters
    ----------
    beta : (p,) float array
    M : (n, p) float array
    weight, residual : (n,) float arrays, ``1 + c W`` and ``Y - M beta``
    imbalance : (p,) float array, ``target - M'W``
    strengths : BalanceStrengths

    Returns
    -------
    (p,) float array
    """
    return (
        (2 * strengths.balance * (beta @ imbalance)) * imbalance
        - (2 * strengths.outcome) * ((weight * residual) @ M)
        + (2 * strengths.ridge) * beta
    )


def omega_gradient(omega: Vector, *, fit: Vector, gap: float, squared: Vector, strengths: BalanceStrengths) -> Vector:
    """Gradient of the smooth part of J in the square roots of the weights.

    Parameters
    ----------
    omega : (n,) float array
    fit, squared : (n,) float arrays, ``M beta`` and ``(Y - M beta)^2``
    gap : ``beta'(target - M' omega^2)``
    strengths : BalanceStrengths

    Returns
    -------
    (n,) float array
    """
    inner = (-4 * strengths.balance * gap) * fit
    inner += (2 * strengths.outcome * strengths.residual_weight) * squared
    inner += (4 * strengths.spread) * (omega * omega)
    inner *= omega
    return inner


def differentiated_balance(
    *,
    M: Vector,
    Y: Vector,
    target: Vector,
    strengths: BalanceStrengths | None = None,
    start: Vector | None = None,
    max_iter: int = 1000,
    tol: float = 1e-6,
) -> DifferentiatedBalance:
    """Weights of one arm that carry its outcome-relevant moments to ``target``.

    The programme has no intercept and no scaling of its own: give ``M`` a constant column, or centre the outcome, and
    standardise both.

    Parameters
    ----------
    M : (n, p) float array
        Moments of the arm to be reweighted.
    Y : (n,) float array
        Outcome of that arm.
    target : (p,) float array
        Mean of the moments in the population aimed at.
    strengths : BalanceStrengths, optional
    start : (p,) float array, optional
        First beta; default all ones, as published. Zeros treat an outcome and its negative alike.
    max_iter : int
    tol : float
        Absolute change of J below which the loop stops. J is rarely that quiet within 1,000 iterations.

    Returns
    -------
    DifferentiatedBalance

    Raises
    ------
    DataError
        If shapes disagree, the arm is empty, or a value is not finite.
    ConvergenceError
        If no step size decreases J.
    """
    _check(M, Y, target)
    terms = BalanceStrengths() if strengths is None else strengths
    n, p = M.shape
    M = np.ascontiguousarray(M, dtype=np.float64)
    omega = omega_previous = np.full(n, 1.0 / n)
    beta = beta_previous = np.ones(p) if start is None else np.asarray(start, dtype=np.float64)
    W, fit = omega**2, M @ beta
    fit_previous = fit
    step_beta = step_omega = 1.0
    objective, change, converged, k = np.inf, np.inf, False, 0
    imbalance = target - W @ M

    for k in range(1, max_iter + 1):
        v, fit_v = extrapolate(beta, beta_previous, k), extrapolate(fit, fit_previous, k)
        weight = 1.0 + terms.residual_weight * W
        moved = _move_beta(v, fit_v, step_beta, M=M, Y=Y, weight=weight, imbalance=imbalance, strengths=terms)
        beta_previous, fit_previous = beta, fit
        beta, fit, step_beta = moved.point, moved.products, moved.step

        squared, aim = (Y - fit) ** 2, float(beta @ target)
        v = extrapolate(omega, omega_previous, k)
        moved = _move_omega(v, step_omega, fit=fit, squared=squared, aim=aim, strengths=terms)
        omega_previous, step_omega = omega, moved.step
        omega = moved.point / np.sqrt(moved.point @ moved.point)
        W = omega * omega
        imbalance = target - W @ M

        before, gap = objective, aim - fit @ W
        objective = (
            terms.balance * gap**2
            + terms.outcome * (squared.sum() + terms.residual_weight * (W @ squared))
            + terms.spread * (W @ W)
            + terms.ridge * (beta @ beta)
            + terms.lasso * np.abs(beta).sum()
        )
        change = abs(objective - before)
        if change < tol:
            converged = True
            break

    return DifferentiatedBalance(
        balance_weights=W,
        beta=beta,
        imbalance=imbalance,
        objective=float(objective),
        change=float(change),
        iterations=k,
        converged=converged,
        stalled=min(step_beta, step_omega) < STALLED_STEP,
    )


def _move_beta(v, fit_v, step, *, M, Y, weight, imbalance, strengths) -> ProximalStep:
    """One step in beta; J is quadratic there, so the excess over its tangent is the quadratic form in z - v."""
    gradient = beta_gradient(v, M=M, weight=weight, residual=Y - fit_v, imbalance=imbalance, strengths=strengths)

    def excess(z, d):
        fit_d = M @ d  # not M z - fit_v, which is all rounding once d is small
        quadratic = (
            strengths.balance * (d @ imbalance) ** 2
            + strengths.outcome * (weight @ (fit_d * fit_d))
            + strengths.ridge * (d @ d)
        )
        return quadratic, fit_v + fit_d

    def shrink(z, s):
        return soft_threshold(z, s * strengths.lasso)

    return backtracking_step(v, gradient, step, excess=excess, shrink=shrink)


def _move_omega(v, step, *, fit, squared, aim, strengths) -> ProximalStep:
    """One step in omega: beta'M'W is fit'W, so nothing here costs more than n operations."""
    W_v = v * v
    gap_v = aim - fit @ W_v
    gradient = omega_gradient(v, fit=fit, gap=gap_v, squared=squared, strengths=strengths)
    outcome = strengths.outcome * strengths.residual_weight

    def excess(z, d):
        W_z = z * z
        change = W_z - W_v
        shift = fit @ change  # gap(z) - gap(v) = -shift
        rise = strengths.balance * shift * (shift - 2 * gap_v) + outcome * (squared @ change)
        rise += strengths.spread * (change @ (W_z + W_v))
        return rise - gradient @ d, None

    return backtracking_step(v, gradient, step, excess=excess)


def _check(M, Y, target) -> None:
    if M.ndim != 2 or Y.shape != M.shape[:1] or target.shape != M.shape[1:] or M.shape[0] == 0:
        raise DataError(
            f"moments {M.shape}, outcome {Y.shape} and target {target.shape} do not fit together; need (n, p), (n,), "
            "(p,) with n > 0."
        )
    if not (np.isfinite(M).all() and np.isfinite(Y).all() and np.isfinite(target).all()):
        raise DataError("moments, outcome and target must be finite; drop or impute the missing values first.")
