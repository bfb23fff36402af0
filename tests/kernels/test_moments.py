"""Moments and their linear systems against plain loops, numpy, and the cases in which they are singular."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yinguo.kernels.moments import BLOCK, ArrayMoments, slope_rank, solve_gram


def design(n: int = 60, p: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + 5.0, rng.integers(0, 3, n), rng.normal(size=n), rng


@pytest.mark.parametrize("weighted", [False, True])
def test_the_grams_of_every_code_equal_a_loop_over_rows(weighted):
    X, codes, Y, rng = design()
    w = rng.random(len(Y)) if weighted else np.ones(len(Y))
    m = ArrayMoments(X, codes, 3)
    A, b = m.grams(m.sort(Y), m.sort(w) if weighted else None)
    D = np.column_stack([np.ones(len(Y)), (X - X.mean(axis=0)) / X.std(axis=0)])
    for code in range(3):
        slow_A, slow_b = np.zeros((4, 4)), np.zeros(4)
        for i in np.flatnonzero(codes == code):
            slow_A += w[i] * np.outer(D[i], D[i])
            slow_b += w[i] * D[i] * Y[i]
        assert A[code] == pytest.approx(slow_A, abs=1e-12)
        assert b[code] == pytest.approx(slow_b, abs=1e-12)


def test_an_empty_code_has_zero_moments():
    X, _, Y, _ = design(10)
    A, b = ArrayMoments(X, np.zeros(10, dtype=int), 2).grams(Y)
    assert not A[1].any()
    assert not b[1].any()


def test_sorting_and_unsorting_are_inverse_also_on_a_part_of_the_rows():
    X, codes, Y, _ = design()
    m = ArrayMoments(X, codes, 3)
    assert np.array_equal(m.unsort(m.sort(Y)), Y)
    assert m.sort(None) is None
    rows = np.flatnonzero(codes != 1)
    part = ArrayMoments(X, codes[rows], 3, rows=rows)
    back = part.unsort(part.sort(Y), len(Y))
    assert np.array_equal(back[rows], Y[rows])
    assert not back[codes == 1].any()


def test_scores_use_the_coefficients_of_each_row_s_own_code_and_rescale_gives_raw_ones():
    X, codes, _, rng = design()
    m = ArrayMoments(X, codes, 3)
    beta = rng.normal(size=(3, 4))
    raw = m.rescale(beta)
    expected = np.array([raw[c, 0] + x @ raw[c, 1:] for x, c in zip(X, codes, strict=True)])
    assert m.unsort(m.apply(beta)) == pytest.approx(expected, abs=1e-10)
    assert m.unsort(m.apply(beta[0])) == pytest.approx(raw[0, 0] + X @ raw[0, 1:], abs=1e-10)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 3 * BLOCK), st.integers(0, 2**31), st.sampled_from([0.0, 1e6, -1e9]), st.sampled_from([1e-3, 1.0])
)
def test_location_and_scale_are_right_for_any_length_and_origin(n, seed, origin, spread):
    X = origin + spread * np.random.default_rng(seed).normal(size=(n, 2))
    m = ArrayMoments(X)
    exact = X - X[0]  # shifted first, the textbook formulas lose no digits
    assert m.centre - X[0] == pytest.approx(exact.mean(axis=0), abs=1e-14 * abs(origin) + 1e-12)
    if n > 1 and spread > 1e-12 * abs(origin) * 10:
        assert m.scale == pytest.approx(exact.std(axis=0), rel=1e-6)


def test_means_of_a_million_standard_deviations_cost_no_digits():
    X, _, Y, _ = design(200)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    m = ArrayMoments(Z + 1e6)
    beta = solve_gram(*(part[0] for part in m.grams(Y)), intercept=True)
    plain = np.linalg.lstsq(np.column_stack([np.ones(200), Z]), Y, rcond=None)[0]
    assert m.rescale(beta)[1:] == pytest.approx(plain[1:], abs=1e-8)


def test_a_column_constant_up_to_rounding_becomes_zero_not_noise():
    X = np.column_stack([np.full(50, 0.1) + 1e-17, np.arange(50.0)])
    assert np.abs(ArrayMoments(X).D[:, 1]).max() < 1e-12


def test_solving_a_regular_system_is_plain_solving():
    X, _, Y, _ = design()
    D = np.column_stack([np.ones(len(Y)), X])
    expected = np.linalg.lstsq(D, Y, rcond=None)[0]
    for intercept in (False, True):
        assert solve_gram(D.T @ D, D.T @ Y, intercept=intercept) == pytest.approx(expected, rel=1e-8)
    several = solve_gram(D.T @ D, np.column_stack([D.T @ Y, D.T @ Y**2]), intercept=True)
    assert several[:, 0] == pytest.approx(expected, rel=1e-8)
    assert np.allclose(solve_gram(D.T @ D, np.eye(4), intercept=True), np.linalg.inv(D.T @ D), rtol=1e-6)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_column_of_zeros_gets_no_coefficient(seed, intercept):
    rng = np.random.default_rng(seed)
    D = rng.normal(size=(30, int(rng.integers(3, 12))))
    D[:, 0] = 1.0
    k = int(rng.integers(1, D.shape[1]))
    D[:, k] = 0.0
    beta = solve_gram(D.T @ D, D.T @ rng.normal(size=30), intercept=intercept)
    # Scaled by the smallest number there is, rounding once became a slope of 1e139.
    assert abs(beta[k]) < 1e-12


def test_collinear_columns_share_a_slope_and_predictions_stay():
    X, _, Y, _ = design()
    D = np.column_stack([np.ones(len(Y)), X, X[:, 0] + X[:, 1]])
    beta = solve_gram(D.T @ D, D.T @ Y, intercept=True)
    plain = np.linalg.lstsq(D[:, :-1], Y, rcond=None)[0]
    assert D @ beta == pytest.approx(D[:, :-1] @ plain, abs=1e-8)
    assert slope_rank(D.T @ D) == 3


def test_a_constant_column_gets_slope_zero_and_predictions_follow_the_origin_of_the_outcome():
    X, _, Y, rng = design()
    D = np.column_stack([np.ones(len(Y)), X - X.mean(axis=0), np.full(len(Y), -0.1)])
    new = np.append(1.0, rng.normal(size=4))
    at = [new @ solve_gram(D.T @ D, D.T @ (Y + shift), intercept=True) for shift in (0.0, 1000.0)]
    assert solve_gram(D.T @ D, D.T @ Y, intercept=True)[-1] == 0.0
    assert at[1] - at[0] == pytest.approx(1000.0, rel=1e-12)
    assert slope_rank(D.T @ D) == 3


def test_a_system_without_rows_or_slopes_is_solved_by_what_is_left():
    assert not solve_gram(np.zeros((3, 3)), np.zeros(3), intercept=True).any()
    assert solve_gram(np.array([[4.0]]), np.array([8.0]), intercept=True) == pytest.approx([2.0])
    assert slope_rank(np.zeros((3, 3))) == 0
    assert slope_rank(np.array([[4.0]])) == 0
