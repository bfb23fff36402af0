r"""Alternating proximal-gradient solver of the variable-decomposition programme.

The programme, its symbols and its gradients are in :mod:`yinguo.kernels.decomposition_objective`. Each round takes
one accelerated step in alpha, one in beta and one in gamma; every matrix product is kept with the vector it belongs
to, so a round costs six products with ``B`` as long as no step has to be halved.

Source
------
Kuang, Cui, Li, Jiang, Yang & Wang (2017), "Treatment effect estimation with data-driven variable decomposition", AAAI:
proximal gradient with alternating blocks. Momentum, step rule and the growing coupling are ours, after the same group's
confounder balancing (:mod:`yinguo.kernels.differentiated_balance`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yinguo.kernels.decomposition_objective import (
    DecompositionProblem,
    alpha_gradient,
    beta_gradient,
    gamma_gradient,
    group_penalty,
    held_curvature,
    log_loss,
    root_sizes,
    signed_inverse_weights,
    squared_lengths,
)
from yinguo.kernels.proximal import STALLED_STEP, backtracking_step, extrapolate, group_soft_threshold

Vector = NDArray[np.float64]
Excess = Callable[[Vector, Vector], tuple[float, Vector]]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Coefficients at the last iterate; entry 0 of each belongs to the constant.

    alpha, beta, gamma : (p,) float arrays
    objective : J at the last kappa
    iterations : iterations over the whole schedule
    converged : whether every kappa ended by the tolerance
    stalled : whether a step size fell below 1e-12
    """

    alpha: Vector
    beta: Vector
    gamma: Vector
    objective: float
    iterations: int
    converged: bool
    stalled: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """One coefficient vector with its fitted values, the previous ones, and its step size."""

    value: Vector
    fit: Vector
    previous: Vector
    previous_fit: Vector
    step: float = 1.0


def lasso_propensity(
    problem: DecompositionProblem, strength: float, *, start: Vector | None = None, max_iter: int = 1000,
    tol: float = 1e-6,
) -> tuple[Vector, bool]:  # fmt: skip
    """Minimise the log-loss with the (group) lasso on beta: where the joint programme starts.

    Starting the joint programme at 0 would leave the coupling flat: its gradient in either factor vanishes with the
    other factor.

    Parameters
    ----------
    problem : DecompositionProblem
    strength : float, lambda_beta
    start : (p,) float array, optional
    max_iter : int
    tol : float, absolute change of the penalised log-loss

    Returns
    -------
    beta : (p,) float array
    converged : bool
    """
    pr = problem
    nothing, free = np.zeros(pr.T.size), np.zeros(pr.B.shape[1])
    b = _block(free if start is None else start, pr.B)
    before = np.inf
    for k in range(1, max_iter + 1):
        b = _move_beta(b, k, pr, rest=nothing, h=nothing, held=free, strength=strength)
        now = pr.propensity * log_loss(b.fit, pr.T) + group_penalty(b.value, pr, strength)
        if abs(before - now) < tol:
            return b.value, True
        before = now
    return b.value, False


def lasso_effect(
    problem: DecompositionProblem, target: Vector, strength: float, *, start: Vector | None = None,
    max_iter: int = 1000, tol: float = 1e-6,
) -> Vector:  # fmt: skip
    """Minimise the mean squared error of ``B gamma`` for ``target`` with the (group) lasso on gamma.

    Parameters
    ----------
    problem : DecompositionProblem
    target : (n,) float array, a transformed outcome
    strength : float, lambda_gamma
    start : (p,) float array, optional
    max_iter : int
    tol : float, absolute change of the penalised error

    Returns
    -------
    gamma : (p,) float array
    """
    pr = problem
    c = _block(np.zeros(pr.B.shape[1]) if start is None else start, pr.B)
    before = np.inf
    for k in range(1, max_iter + 1):
        c = _move_gamma(c, k, pr, target=target, strength=strength)
        R = target - c.fit
        now = float(R @ R) / R.size + group_penalty(c.value, pr, strength)
        if abs(before - now) < tol:
            break
        before = now
    return c.value


def decompose(
    problem: DecompositionProblem, *, lasso: tuple[float, float, float],
    coupling: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0), start: Vector | None = None, max_iter: int = 1000,
    tol: float = 1e-6,
) -> Decomposition:  # fmt: skip
    """Alternate accelerated proximal-gradient steps in alpha, beta and gamma while the coupling grows.

    Parameters
    ----------
    problem : DecompositionProblem
    lasso : (lambda_alpha, lambda_beta, lambda_gamma)
    coupling : increasing floats, the schedule of kappa
    start : (p,) float array, optional
        First beta; by default the lasso fit of the propensity. alpha and gamma start at 0.
    max_iter : int
        Iterations for each kappa.
    tol : float
        Absolute change of J that ends a kappa.

    Returns
    -------
    Decomposition

    Raises
    ------
    DataError
        If shapes disagree, values are not finite, or column 0 is not the constant.
    """
    pr = problem
    if start is None:
        start, _ = lasso_propensity(pr, lasso[1], max_iter=max_iter, tol=tol)
    a, b, c = _block(np.zeros_like(start), pr.B), _block(start, pr.B), _block(np.zeros_like(start), pr.B)
    objective, total, converged, stalled = np.inf, 0, True, False
    for kappa in coupling:
        a, b, c = (_block(x.value, pr.B) for x in (a, b, c))  # the programme changed: no momentum, full steps
        before, k = np.inf, 0
        for k in range(1, max_iter + 1):
            W, _ = signed_inverse_weights(b.fit, pr.T, pr.bound)
            a = _move_alpha(a, k, pr, W=W, h=c.fit, held=held_curvature(b.value, pr, kappa), strength=lasso[0])
            rest = pr.Y - a.fit
            b = _move_beta(b, k, pr, rest=rest, h=c.fit, held=held_curvature(a.value, pr, kappa), strength=lasso[1])
            W, _ = signed_inverse_weights(b.fit, pr.T, pr.bound)
            c = _move_gamma(c, k, pr, target=rest * W, strength=lasso[2])
            R = rest * W - c.fit
            objective = float(R @ R) / R.size + pr.propensity * log_loss(b.fit, pr.T)
            objective += kappa * float(squared_lengths(a.value, pr) @ squared_lengths(b.value, pr))
            objective += sum(group_penalty(x.value, pr, strength) for x, strength in zip((a, b, c), lasso, strict=True))
            if abs(objective - before) < tol:
                break
            before = objective
        else:
            converged = False
        total += k
        stalled = stalled or min(a.step, b.step, c.step) < STALLED_STEP
    return Decomposition(a.value, b.value, c.value, float(objective), total, converged, stalled)


def _move_alpha(a: _Block, k: int, pr: DecompositionProblem, *, W, h, held, strength) -> _Block:
    v, fit_v = extrapolate(a.value, a.previous, k), extrapolate(a.fit, a.previous_fit, k)
    gradient = alpha_gradient(v, B=pr.B, W=W, R=(pr.Y - fit_v) * W - h, held=held)

    def excess(z, d):
        fit_d = pr.B @ d  # not B z - fit_v, which is all rounding once d is small
        shift = W * fit_d
        return shift @ shift / W.size + held @ (d * d), fit_v + fit_d

    return _advance(a, v, gradient, excess, pr, strength)


def _move_gamma(c: _Block, k: int, pr: DecompositionProblem, *, target, strength) -> _Block:
    v, fit_v = extrapolate(c.value, c.previous, k), extrapolate(c.fit, c.previous_fit, k)

    def excess(z, d):
        fit_d = pr.B @ d
        return fit_d @ fit_d / fit_d.size, fit_v + fit_d

    return _advance(c, v, gamma_gradient(B=pr.B, R=target - fit_v), excess, pr, strength)


def _move_beta(b: _Block, k: int, pr: DecompositionProblem, *, rest, h, held, strength) -> _Block:
    v, q = extrapolate(b.value, b.previous, k), extrapolate(b.fit, b.previous_fit, k)
    W, dW = signed_inverse_weights(q, pr.T, pr.bound)
    R = rest * W - h
    gradient = beta_gradient(v, problem=pr, q=q, rest=rest, R=R, dW=dW, held=held)
    at_v = R @ R / R.size + pr.propensity * log_loss(q, pr.T)

    def excess(z, d):
        q_z = pr.B @ z
        R_z = rest * signed_inverse_weights(q_z, pr.T, pr.bound)[0] - h
        at_z = R_z @ R_z / R_z.size + pr.propensity * log_loss(q_z, pr.T)
        return at_z - at_v + held @ (d * (z + v)) - gradient @ d, q_z

    return _advance(b, v, gradient, excess, pr, strength, rounding=1e-14 * at_v)


def _block(value: Vector, B: Vector) -> _Block:
    fit = B @ value
    return _Block(value, fit, value, fit)


def _advance(
    x: _Block, v: Vector, gradient: Vector, excess: Excess, pr: DecompositionProblem, strength: float, rounding=0.0
) -> _Block:
    threshold = strength * root_sizes(pr)

    def shrink(z, s):
        return group_soft_threshold(z, s * threshold, pr.groups)

    taken = backtracking_step(v, gradient, x.step, excess=excess, shrink=shrink, rounding=rounding)
    return _Block(taken.point, taken.products, x.value, x.fit, taken.step)
