"""The largest of many t statistics: size, selection of inequalities that may bind, and multinomial draws."""

import numpy as np
import pytest

from yinguo.kernels.sup_t import multinomial_draws, sup_t_test


def test_the_largest_of_many_is_refused_as_often_as_it_should_be_though_they_are_correlated():
    rng = np.random.default_rng(0)
    root = np.tril(np.ones((6, 6)))
    errors = np.sqrt((root**2).sum(axis=1))
    p = [sup_t_test(root @ rng.normal(size=6), errors, rng.normal(size=(400, 6)) @ root.T, 500)[1] for _ in range(800)]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.035)


def test_inequalities_that_hold_with_room_to_spare_do_not_blunt_the_test():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(2000, 200))
    theta = np.full(200, -10.0)
    theta[0] = 2.0
    assert sup_t_test(theta, np.ones(200), draws, 500)[1] < 0.05
    assert sup_t_test(np.append(2.0, np.zeros(199)), np.ones(200), draws, 500)[1] > 0.5
    assert sup_t_test(np.full(200, -10.0), np.ones(200), draws, 500) == (-10.0, 1.0)


def test_draws_have_the_covariance_of_linear_functions_of_shares():
    rng = np.random.default_rng(2)
    shares = np.array([[0.2, 0.3, 0.5], [0.6, 0.0, 0.4]])
    counts, A = np.array([50, 80]), rng.normal(size=(4, 2, 3))
    errors, draws = multinomial_draws(A, shares, counts, 40_000, rng)
    expected = sum(A[:, j] @ (np.diag(p) - np.outer(p, p)) @ A[:, j].T / m
                   for j, (p, m) in enumerate(zip(shares, counts, strict=True)))  # fmt: skip
    assert errors == pytest.approx(np.sqrt(np.diag(expected)), rel=1e-10)
    assert np.cov(draws.T) == pytest.approx(expected, abs=0.03 * np.diag(expected).max())
