"""Approximately balancing weights against clarabel, hand-solved cases and their own duality gap."""

import clarabel
import numpy as np
import pytest
from scipy import sparse

from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.balance_qp import balancing_weights


def problem(n: int, p: int, shift: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Mixed binary and normal columns and a target off their means."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:, 0] = X[:, 0] > 0
    return X, shift * rng.uniform(-1, 1, size=p)


def clarabel_objective(X, target, zeta, cap, base=None) -> float:
    """The same programme in (g, d), by a general-purpose interior-point solver."""
    n, p = X.shape
    s = np.ones(n) if base is None else base
    ones, eye, none = np.ones((p, 1)), sparse.eye(n), sparse.csc_matrix((n, 1))
    A = sparse.vstack([
        sparse.csc_matrix(np.append(np.ones(n), 0.0)),
        sparse.csc_matrix(np.hstack([X.T, -ones])),
        sparse.csc_matrix(np.hstack([-X.T, -ones])),
        sparse.hstack([-eye, none]),
        sparse.hstack([eye, none]),
    ]).tocsc()  # fmt: skip
    upper = np.full(n, 1.0) if cap is None else cap * s
    b = np.concatenate([[1.0], target, -target, np.zeros(n), upper])
    P = sparse.diags(np.append(2 * (1 - zeta) / s, 2 * zeta)).tocsc()
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * p + 2 * n)]
    return clarabel.DefaultSolver(P, np.zeros(n + 1), A, b, cones, settings).solve().obj_val


@pytest.mark.parametrize("zeta", [0.1, 0.5, 0.999])
@pytest.mark.parametrize("capped", [True, False])
@pytest.mark.parametrize(
    ("n", "p", "shift"), [(50, 5, 0.3), (150, 30, 0.5), (60, 200, 0.5), (800, 10, 0.8), (5, 3, 0.1)]
)
def test_the_objective_equals_that_of_clarabel(n, p, shift, capped, zeta):
    X, target = problem(n, p, shift)
    cap = n ** (-2 / 3) if capped else None
    fit = balancing_weights(X=X, target=target, zeta=zeta, cap=cap)
    assert fit.objective == pytest.approx(clarabel_objective(X, target, zeta, cap), rel=1e-6)
    assert 0 <= fit.gap <= 1e-9 * fit.objective
    assert fit.gamma.sum() == pytest.approx(1.0, abs=1e-12)
    assert fit.gamma.min() >= 0
    assert fit.gamma.max() <= (1.0 if cap is None else cap)
    assert fit.imbalance == pytest.approx(fit.gamma @ X - target)
    recomputed = (1 - zeta) * fit.gamma @ fit.gamma + zeta * np.abs(fit.imbalance).max() ** 2
    assert fit.objective == pytest.approx(recomputed)


def test_base_weights_enter_as_clarabel_says_and_equal_repeated_rows():
    X, target = problem(60, 8, 0.5)
    counts = np.random.default_rng(1).integers(1, 4, 60).astype(float)
    cap = counts.sum() ** (-2 / 3)
    fit = balancing_weights(X=X, target=target, cap=cap, base=counts)
    assert fit.objective == pytest.approx(clarabel_objective(X, target, 0.5, cap, counts), rel=1e-6)
    repeated = balancing_weights(X=np.repeat(X, counts.astype(int), axis=0), target=target, cap=cap)
    per_row = np.add.reduceat(repeated.gamma, np.cumsum(counts).astype(int) - counts.astype(int))
    assert fit.gamma == pytest.approx(per_row, abs=1e-6)


def test_one_dummy_has_the_solution_one_finds_by_hand():
    # m ones and m zeros, target t > 1/2: with total weight a on the ones the objective is
    # (1 - zeta)(a^2 + (1 - a)^2)/m + zeta (t - a)^2, minimal at the a below.
    m, t, zeta = 10, 0.9, 0.5
    X = np.repeat([[1.0], [0.0]], m, axis=0)
    a = ((1 - zeta) / m + zeta * t) / (2 * (1 - zeta) / m + zeta)
    fit = balancing_weights(X=X, target=np.array([t]), zeta=zeta)
    assert fit.gamma == pytest.approx(np.repeat([a / m, (1 - a) / m], m), rel=1e-6)


def test_a_target_already_met_leaves_uniform_weights():
    X, _ = problem(40, 6, 0.0)
    fit = balancing_weights(X=X, target=X.mean(axis=0), cap=40 ** (-2 / 3))
    assert fit.gamma == pytest.approx(np.full(40, 1 / 40), abs=1e-9)


def test_more_weight_on_balance_lowers_the_imbalance_and_makes_weights_more_uneven():
    X, target = problem(100, 20, 0.4)
    fits = [balancing_weights(X=X, target=target, zeta=zeta, cap=100 ** (-2 / 3)) for zeta in (0.1, 0.5, 0.9)]
    imbalances = [np.abs(fit.imbalance).max() for fit in fits]
    squares = [fit.gamma @ fit.gamma for fit in fits]
    assert imbalances == sorted(imbalances, reverse=True)
    assert squares == sorted(squares)


def test_dropping_the_cap_cannot_raise_the_objective():
    X, target = problem(100, 20, 0.8)
    capped, free = (balancing_weights(X=X, target=target, cap=cap) for cap in (0.02, None))
    assert capped.gamma.max() == pytest.approx(0.02, rel=1e-6)
    assert free.objective < capped.objective


def test_shifting_columns_and_target_together_changes_nothing():
    X, target = problem(80, 10, 0.5)
    plain, moved = (balancing_weights(X=X + c, target=target + c, cap=80 ** (-2 / 3)) for c in (0.0, 1e6))
    assert moved.gamma == pytest.approx(plain.gamma, abs=1e-6)


@pytest.mark.parametrize(("n", "p"), [(300, 12), (20, 60)])
def test_duplicate_and_constant_columns_are_harmless(n, p):
    X, target = problem(n, p, 0.4)
    cap = n ** (-2 / 3)
    wide = np.hstack([X, X, np.full((n, 1), 3.0)])
    fit = balancing_weights(X=wide, target=np.concatenate([target, target, [3.0]]), cap=cap)
    assert fit.gamma == pytest.approx(balancing_weights(X=X, target=target, cap=cap).gamma, abs=1e-6)


def test_a_cap_of_one_over_n_leaves_uniform_weights_and_a_smaller_one_is_refused():
    X, target = problem(8, 2, 0.5)
    fit = balancing_weights(X=X, target=target, cap=1 / 8)
    assert fit.gamma == pytest.approx(np.full(8, 1 / 8))
    assert fit.objective == pytest.approx(0.5 / 8 + 0.5 * np.abs(X.mean(axis=0) - target).max() ** 2)
    with pytest.raises(DataError, match=r"no weights up to 0.1 on 8 units can sum to 1; raise the cap to 0.125"):
        balancing_weights(X=X, target=target, cap=0.1)


def test_what_cannot_be_asked_is_refused():
    X, target = problem(8, 2, 0.5)
    with pytest.raises(DataError, match="zeta = 1 is not inside"):
        balancing_weights(X=X, target=target, zeta=1)
    with pytest.raises(DataError, match="1 base weights are not positive"):
        balancing_weights(X=X, target=target, base=np.array([0.0] + [1.0] * 7))
    with pytest.raises(ConvergenceError, match="relative duality gap"):
        balancing_weights(X=X, target=target, max_steps=1)
