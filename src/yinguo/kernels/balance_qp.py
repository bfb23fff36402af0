r"""Approximately balancing weights: the quadratic programme of approximate residual balancing.

For rows X_i of one arm and a target m (covariate means of the population asked about),

.. math:: \min_{g} \; (1 - \zeta) \sum_i g_i^2 / s_i + \zeta \lVert X'g - m \rVert_\infty^2
          \quad\text{s.t.}\quad \textstyle\sum_i g_i = 1, \; 0 \le g_i \le s_i c,

with base weights s (all 1 for plain rows) and a cap c. With the largest imbalance d as a further
variable it is a QP with 2p + 2n inequalities, solved by a primal-dual interior point. The Hessian of a Newton step is
diagonal plus a term of rank p, so a step needs one Cholesky factor of size min(n, p).

Symbols: ``zeta`` how much balance counts against variance; g the weights; Z = X - m, so that Z'g is the imbalance;
``mu`` (p,) the multipliers of the imbalance bounds (positive where X'g is too small), ``nu`` that of the sum.

Source
------
Athey, Imbens & Wager (2018), "Approximate residual balancing", JRSS-B 80(4): the programme and the cap n^(-2/3).
Mehrotra (1992), "On the implementation of a primal-dual interior point method", SIAM J. Optimization 2(4): the steps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from yinguo.errors import ConvergenceError, DataError

__all__ = ["BalancingWeights", "balancing_weights"]

Vector = NDArray[np.float64]

#: Share of the way to the boundary a step may go.
TO_BOUNDARY = 0.995
#: Near the solution the diagonal spans many decades, and one solve leaves the equations off.
REFINEMENTS = 1


@dataclass(frozen=True, slots=True)
class BalancingWeights:
    """Weights and the proof that they are optimal.

    Attributes
    ----------
    gamma : (n,) float array
        Inside their bounds, sum 1.
    imbalance : (p,) float array
        Weighted column means minus the target.
    objective : float
    gap : float
        Upper bound on how far ``objective`` is above the minimum: its difference to a dual value, which is a lower
        bound whatever the solver did.
    steps : int
        Newton steps taken.
    """

    gamma: Vector
    imbalance: Vector
    objective: float
    gap: float
    steps: int


def balancing_weights(*, X, target, zeta=0.5, cap=None, base=None, tolerance=1e-9, max_steps=100) -> BalancingWeights:
    """Weights on the rows of X that bring its column means close to a target without being too uneven.

    Parameters
    ----------
    X : (n, p) float array
        Columns on the scale on which an imbalance of one counts the same for each.
    target : (p,) float array
    zeta : float in (0, 1)
        Weight of the squared largest imbalance; the rest goes to the sum of squared weights.
    cap : float, optional
        Largest weight a row of base weight 1 may get. None is no cap.
    base : (n,) positive float array, optional
        How many independent units each row stands for; k times a row is the same as k on one row.
    tolerance : float
        Duality gap accepted, relative to the objective.
    max_steps : int

    Returns
    -------
    weights : BalancingWeights

    Raises
    ------
    DataError
        If ``zeta`` is outside (0, 1), a base weight is not positive, or the cap times the sum of the base weights
        is below 1, so that no weights can sum to 1.
    ConvergenceError
        If the gap does not close.

    Source
    ------
    Athey, Imbens & Wager (2018), step 1 of their procedure.
    """
    n = len(X)
    if not 0 < zeta < 1:
        raise DataError(f"zeta = {zeta} is not inside (0, 1); 0.5 is the authors' choice, larger balances more.")
    s = np.ones(n) if base is None else base
    if not (s > 0).all():
        raise DataError(f"{(~(s > 0)).sum()} base weights are not positive; leave those rows out.")
    size = float(s.sum())
    if cap is not None and cap * size < 1 - 1e-9:
        raise DataError(
            f"no weights up to {cap:.4g} on {size:g} units can sum to 1; raise the cap to {1 / size:.4g} or more."
        )
    Z = X - target
    if cap is not None and cap * size <= 1 + 1e-9:
        return _only_choice(Z, s, zeta)
    # Without a cap, 2 is a bound that never binds and keeps one code path.
    upper = np.full(n, 2.0) if cap is None else s * cap
    programme = _Programme(Z, 2 * (1 - zeta) / s, upper, zeta)
    return _interior_point(programme, s / size, tolerance, max_steps)


@dataclass(frozen=True, slots=True)
class _Programme:
    """Z (n, p), curvature of the weights (n,), their upper bounds (n,), and zeta."""

    Z: NDArray[np.float64]
    curvature: Vector
    upper: Vector
    zeta: float

    def primal(self, g) -> float:
        return float(0.5 * self.curvature @ g**2 + self.zeta * np.abs(g @ self.Z).max(initial=0.0) ** 2)

    def dual(self, low, high, nu) -> float:
        """Minimum of the Lagrangian over d and over g in its bounds; a lower bound for any multipliers >= 0."""
        pull = nu + self.Z @ (low - high)
        g = np.clip(pull / self.curvature, 0.0, self.upper)
        total = low.sum() + high.sum()
        return float(nu + np.sum((0.5 * self.curvature * g - pull) * g) - total**2 / (4 * self.zeta))


def _interior_point(programme, g, tolerance, max_steps) -> BalancingWeights:
    """From strictly feasible g; every iterate stays feasible, only the multipliers start off their equations."""
    n, p = programme.Z.shape
    v = g @ programme.Z
    d = 1.5 * np.abs(v).max(initial=0.0) + 1e-3 / np.sqrt(n)
    slack = _slacks(g, d, v, programme.upper)
    barrier = programme.primal(g) / (2 * n + 2 * p)
    # The imbalance multipliers must sum to 2 zeta d; starting them there saves a third of the steps.
    dual = [np.full(p, programme.zeta * d / max(p, 1))] * 2 + [barrier / a for a in slack[2:]]
    nu = float(np.mean(programme.curvature * g - programme.Z @ (dual[0] - dual[1]) - dual[2] + dual[3]))
    for step in range(max_steps):
        objective = programme.primal(g)
        gap = objective - programme.dual(dual[0], dual[1], nu)
        if gap <= tolerance * objective:
            return BalancingWeights(g, g @ programme.Z, objective, gap, step)
        newton = _newton(programme, g, d, nu, slack, dual)
        # Predict with no centring, then aim where the prediction says the gap can go, second order put in.
        zero = [np.zeros_like(a) for a in slack]
        *_, ahead, ahead_dual = newton(zero)
        size = _step_length(slack, ahead, dual, ahead_dual)
        mean_gap = _complementarity(slack, dual)
        reached = _complementarity(_move(slack, ahead, size), _move(dual, ahead_dual, size))
        # Aiming below what the tolerance asks for only makes the next Newton matrix singular.
        aim = max(mean_gap * (reached / mean_gap) ** 3, 0.1 * tolerance * objective / (2 * n + 2 * p))
        goal = [aim - da * dz for da, dz in zip(ahead, ahead_dual)]
        dg, dd, dnu, dslack, ddual = newton(goal)
        size = TO_BOUNDARY * _step_length(slack, dslack, dual, ddual)
        g, d, nu = g + size * dg, d + size * dd, nu + size * dnu
        slack, dual = _move(slack, dslack, size), _move(dual, ddual, size)
    raise ConvergenceError(
        f"balancing weights: relative duality gap {gap / objective:.1e} after {max_steps} steps "
        f"(asked for {tolerance:.0e}); rescale the covariates or raise the tolerance."
    )


def _newton(programme, g, d, nu, slack, dual):
    """A function from the aimed products slack * multiplier to the Newton direction towards them."""
    Z = programme.Z
    w = [z / a for z, a in zip(dual, slack)]
    both, signed = w[0] + w[1], w[0] - w[1]
    bend = 2 * programme.zeta + both.sum()
    diagonal = programme.curvature + w[2] + w[3]
    solve = _reduced_solver(Z, diagonal, both, signed, bend, 2 * programme.zeta + np.sum(4 * w[0] * w[1] / both))
    off_g = programme.curvature * g - Z @ (dual[0] - dual[1]) - dual[2] + dual[3] - nu
    off_d = 2 * programme.zeta * d - dual[0].sum() - dual[1].sum()
    ones, ones_v = solve(np.ones(len(g)))

    def direction(goal):
        e = [t / a - z for t, a, z in zip(goal, slack, dual)]
        right_d = e[0].sum() + e[1].sum() - off_d
        right_g = e[2] - e[3] - off_g + Z @ (e[0] - e[1] - signed * (right_d / bend))
        free, free_v = solve(right_g)
        dnu = (1.0 - g.sum() - free.sum()) / ones.sum()
        dg, dv = free + dnu * ones, free_v + dnu * ones_v
        dd = (right_d - signed @ dv) / bend
        dslack = [dv + dd, dd - dv, dg, -dg]
        return dg, dd, dnu, dslack, [ei - wi * da for ei, wi, da in zip(e, w, dslack)]

    return direction


def _reduced_solver(Z, diagonal, both, signed, bend, bend_inverse):
    """Solver of (diag + Z M Z') x = r, M = diag(both) - signed signed' / bend, by the smaller side of Z; also Z'x."""
    n, p = Z.shape
    if n <= p:
        tilt = Z @ signed
        K = (Z * both) @ Z.T - np.outer(tilt, tilt / bend)
        K.flat[:: n + 1] += diagonal
        factor = _factor(K)

        def by_rows(r):
            x = cho_solve(factor, r)
            return x, x @ Z

        return by_rows
    # diag x + Z h = r, Z'x = inverse(M) h =: v; that inverse by Sherman-Morrison with a denominator that cannot cancel.
    half = Z / np.sqrt(diagonal)[:, None]
    ratio = signed / both
    S = half.T @ half + np.outer(ratio, ratio / bend_inverse)
    S.flat[:: p + 1] += 1.0 / both
    factor = _factor(S)

    def once(r, v):
        h = cho_solve(factor, (r / diagonal) @ Z - v)
        return (r - Z @ h) / diagonal, h

    def by_columns(r):
        x, h = once(r, 0.0)
        for _ in range(REFINEMENTS):
            # v from h and not from Z'x: near the solution it is far below the rounding of that sum.
            v = h / both + ratio * (ratio @ h / bend_inverse)
            dx, dh = once(r - diagonal * x - Z @ h, v - x @ Z)
            x, h = x + dx, h + dh
        return x, h / both + ratio * (ratio @ h / bend_inverse)

    return by_columns


def _factor(K):
    try:
        return cho_factor(K, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError as failure:
        raise ConvergenceError(
            "balancing weights: a Newton step broke down; are covariates collinear or on very different scales?"
        ) from failure


def _slacks(g, d, v, upper) -> list[Vector]:
    """Distances to the four kinds of bound: imbalance from below and above, weight from below and above."""
    return [d + v, d - v, g, upper - g]


def _move(values, steps, size) -> list[Vector]:
    return [a + size * da for a, da in zip(values, steps)]


def _complementarity(slack, dual) -> float:
    return sum(float(a @ z) for a, z in zip(slack, dual)) / sum(a.size for a in slack)


def _step_length(slack, dslack, dual, ddual) -> float:
    """Longest step up to 1 that keeps slacks and multipliers non-negative; one for both, as the Hessian ties them."""
    fastest = max(float((-da / a).max(initial=0.0)) for a, da in zip([*slack, *dual], [*dslack, *ddual]))
    return 1.0 / max(fastest, 1.0)


def _only_choice(Z, s, zeta) -> BalancingWeights:
    """A cap of exactly 1/n leaves one feasible point."""
    g = s / s.sum()
    imbalance = g @ Z
    objective = (1 - zeta) * np.sum(g**2 / s) + zeta * np.abs(imbalance).max(initial=0.0) ** 2
    return BalancingWeights(g, imbalance, float(objective), 0.0, 0)
