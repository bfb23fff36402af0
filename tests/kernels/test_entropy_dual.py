"""Entropy balancing weights: what defines them, a conic solver as judge, and targets out of reach."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from yinguo.errors import DataError
from yinguo.kernels.entropy_dual import entropy_weights


def columns(m: int = 80, r: int = 3, seed: int = 0, shift: float = 0.3):
    return np.random.default_rng(seed).normal(size=(m, r)) - shift


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4), st.floats(-0.4, 0.4))
def test_weights_balance_sum_to_one_and_are_exponential_in_the_columns(seed, r, shift):
    C = columns(120, r, seed, shift)
    fit = entropy_weights(C)
    assert fit.converged
    assert fit.w.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.abs(fit.w @ C).max() <= 1e-9
    assert fit.gap <= 1e-9
    constant = np.log(fit.w) - C @ fit.lam
    assert np.ptp(constant) < 1e-9


def test_a_conic_solver_finds_the_same_weights():
    clarabel = pytest.importorskip("clarabel")
    from scipy import sparse

    C = columns(30, 2, seed=1)
    m, r = C.shape
    # Variables (w, t); minimise sum t with (-t_i, w_i, 1/m) in the exponential cone: t_i >= w_i log(m w_i).
    equal = sparse.hstack([sparse.csc_matrix(np.vstack([np.ones(m), C.T])), sparse.csc_matrix((r + 1, m))])
    rows = sparse.lil_matrix((3 * m, 2 * m))
    b = np.zeros(3 * m)
    for i in range(m):
        rows[3 * i, m + i] = 1.0  # slack = -t
        rows[3 * i + 1, i] = -1.0  # slack = w
        b[3 * i + 2] = 1.0 / m
    A = sparse.vstack([equal, rows.tocsc()]).tocsc()
    settings_ = clarabel.DefaultSettings()
    settings_.verbose = False
    settings_.tol_gap_abs = settings_.tol_gap_rel = settings_.tol_feas = 1e-11
    cones = [clarabel.ZeroConeT(r + 1), *[clarabel.ExponentialConeT()] * m]
    right = np.concatenate([[1.0], np.zeros(r), b])
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix((2 * m, 2 * m)), np.concatenate([np.zeros(m), np.ones(m)]), A, right, cones, settings_
    )
    assert np.array(solver.solve().x)[:m] == pytest.approx(entropy_weights(C).w, abs=1e-6)


def test_the_covariance_is_the_weighted_one_and_the_slope_of_the_gradient():
    C = columns()
    fit = entropy_weights(C)
    mean = fit.w @ C
    assert fit.covariance == pytest.approx((C - mean).T @ ((C - mean) * fit.w[:, None]), abs=1e-12)


def test_base_weights_enter_as_factors_and_zero_leaves_a_row_out():
    C = columns()
    q = np.random.default_rng(1).integers(0, 4, len(C)).astype(float)
    fit = entropy_weights(C, q=q)
    again = entropy_weights(np.repeat(C, q.astype(int), axis=0))
    assert fit.converged
    assert not fit.w[q == 0].any()
    assert fit.lam == pytest.approx(again.lam, abs=1e-7)
    assert entropy_weights(C, q=7 * q).w == pytest.approx(fit.w, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.0, 2.5), st.integers(1, 3))
def test_it_converges_exactly_where_a_linear_programme_finds_positive_weights(seed, shift, r):
    C = columns(25, r, seed, shift)
    # Largest t with weights w >= t, sum 1, and weighted means 0.
    lp = optimize.linprog(
        np.r_[np.zeros(25), -1.0],
        A_ub=np.column_stack([-np.eye(25), np.ones(25)]), b_ub=np.zeros(25),
        A_eq=np.column_stack([np.vstack([np.ones(25), C.T]), np.zeros(r + 1)]), b_eq=np.r_[1.0, np.zeros(r)],
        bounds=[(0, None)] * 25 + [(0, None)],
    )  # fmt: skip
    fit = entropy_weights(C)
    if lp.status == 2:
        assert not fit.converged
    elif -lp.fun > 1e-5:
        assert fit.converged


@pytest.mark.parametrize("shift", [5.0, 1e3])
def test_a_target_outside_the_hull_is_reported_not_returned_as_solved(shift):
    fit = entropy_weights(columns(shift=shift))
    assert not fit.converged
    assert fit.gap > 1e-3
    assert np.isfinite(fit.w).all()


def test_a_target_on_the_edge_of_the_hull_is_no_solution_either():
    C = np.array([[0.0], [1.0], [2.0]])  # only the first row has mean 0: weights would have to vanish elsewhere
    fit = entropy_weights(C)
    assert not fit.converged or fit.w[0] > 1 - 1e-8


def test_a_good_start_is_used_and_a_bad_one_does_no_harm():
    C = columns()
    cold = entropy_weights(C)
    assert entropy_weights(C, start=cold.lam).steps == 0
    assert entropy_weights(C, start=np.full(3, 4.0)).w == pytest.approx(cold.w, abs=1e-8)


def test_many_rows_start_from_a_part_and_end_at_the_same_weights():
    C = columns(90_000, 2, seed=3)
    fit = entropy_weights(C)
    assert fit.steps <= 4
    assert np.allclose(fit.w, entropy_weights(C, start=np.zeros(2)).w, rtol=1e-6, atol=0)


def test_collinear_columns_change_nothing():
    C = columns()
    wide = np.column_stack([C, C[:, 0] - C[:, 1]])
    assert entropy_weights(wide).w == pytest.approx(entropy_weights(C).w, abs=1e-9)


@pytest.mark.parametrize("tol", [0.0, -1.0, float("nan")])
def test_a_tolerance_that_cannot_be_met_is_refused(tol):
    with pytest.raises(DataError, match="tolerance is"):
        entropy_weights(columns(), tol=tol)
