"""Partial correlations against regressions, their test against simulation."""

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.kernels.partial_correlation import FisherZ, correlation_of, fisher_z_p_values, partial_correlations


def data(rng, k=5, n=60):
    return rng.normal(size=(n, k)) @ rng.normal(size=(k, k))


@pytest.mark.parametrize("given", [[], [2], [2, 4], [2, 3, 4]])
def test_a_partial_correlation_is_that_of_the_residuals_of_two_regressions(given):
    X = data(np.random.default_rng(3))
    X = X - X.mean(axis=0)
    left = X[:, :2] - X[:, given] @ np.linalg.lstsq(X[:, given], X[:, :2], rcond=None)[0] if given else X[:, :2]
    slow = np.corrcoef(left.T)[0, 1]
    R = correlation_of(X.T @ X)
    assert partial_correlations(R, 0, 1, np.array([given], dtype=int))[0] == pytest.approx(slow, abs=1e-10)


def test_many_sets_at_once_are_the_same_as_one_after_another():
    R = correlation_of(np.cov(data(np.random.default_rng(0)).T))
    sets = np.array([[2, 3], [2, 4], [3, 4]])
    together = partial_correlations(R, 0, 1, sets)
    assert together == pytest.approx([partial_correlations(R, 0, 1, s[None])[0] for s in sets], abs=1e-12)


def test_scaling_a_variable_changes_nothing():
    C = np.cov(data(np.random.default_rng(1)).T)
    scale = np.array([1.0, 10.0, 0.1, 3.0, 1e3])
    sets = np.array([[2, 3]])
    one, other = (partial_correlations(correlation_of(M), 0, 1, sets) for M in (C, C * np.outer(scale, scale)))
    assert one == pytest.approx(other, abs=1e-12)


def test_a_right_orthogonal_factor_changes_nothing():
    rng = np.random.default_rng(2)
    A, P = rng.random((5, 5)), np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert correlation_of(A @ A.T) == pytest.approx(correlation_of(A @ P @ (A @ P).T), abs=1e-12)


def test_what_is_a_function_of_the_set_is_never_called_independent():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X = np.column_stack([X, X[:, 1] + X[:, 2]])  # 3 = 1 + 2
    test = FisherZ(correlation_of(X.T @ X), 100)
    assert test(0, 3, np.array([[1, 2]]))[0] == 0
    assert test(0, 1, np.array([[]], dtype=int))[0] > 0.001
    assert test.calls == 2


def test_equal_rows_in_the_set_are_no_trouble():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(200, 3))
    twice = np.column_stack([X, X[:, 2]])
    R = correlation_of(twice.T @ twice)
    one, both = (partial_correlations(R, 0, 1, np.array([s]))[0] for s in ([2], [2, 3]))
    assert one == pytest.approx(both, abs=1e-9)


def test_p_values_are_uniform_where_independence_holds():
    rng = np.random.default_rng(7)
    n, draws = 30, 1000
    Z = rng.normal(size=(draws, n))
    X, Y = 0.8 * Z + rng.normal(size=(draws, n)), 0.8 * Z + rng.normal(size=(draws, n))
    p = []
    for columns in zip(X, Y, Z, strict=True):
        p.append(FisherZ(correlation_of(np.cov(columns)), n)(0, 1, np.array([[2]]))[0])
    # Three standard errors of a share of 0.1 over 1,000 draws are 0.028.
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.028)


def test_the_p_value_is_that_of_the_normal_law():
    from scipy.stats import norm

    z = np.sqrt(100 - 2 - 3) * np.arctanh(0.2)
    assert fisher_z_p_values(np.array([0.2]), 100, 2)[0] == pytest.approx(2 * norm.sf(z), rel=1e-12)
    assert fisher_z_p_values(np.array([1.0, -1.5, np.nan]), 100, 2).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: correlation_of(np.ones((2, 3))), "square"),
        (lambda: correlation_of(np.diag([1.0, 0.0])), "variable 1 has variance 0"),
        (lambda: correlation_of(np.array([[1, np.nan], [np.nan, 1]])), "2 entries"),
        (lambda: fisher_z_p_values(np.array([0.1]), 5, 2), "at least 6"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(DataError, match=words):
        call()
