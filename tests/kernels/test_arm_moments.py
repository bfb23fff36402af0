"""Moments of the arm that gets weights: names, standardisation, target."""

import numpy as np

from yinguo.kernels.arm_moments import arm_moments


def test_a_two_valued_covariate_is_not_multiplied_by_itself_and_names_say_what_was():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 2, 50), rng.normal(size=50)]).astype(float)
    arm = rng.random(50) < 0.5
    got = arm_moments(X, ("d", "x"), arm=arm, aim=~arm, order=3)
    assert got.names == ("constant", "d", "x", "d*x", "x*x", "d*x*x", "x*x*x")
    assert np.allclose(got.M[:, 1:].mean(axis=0), 0, atol=1e-12)
    assert np.allclose(got.M[:, 1:].std(axis=0), 1)


def test_the_target_is_the_mean_of_the_aimed_at_rows_in_the_arm_s_standard_deviations():
    rng = np.random.default_rng(1)
    X, arm = rng.normal(3.0, 2.0, size=(60, 2)), np.arange(60) < 40
    got = arm_moments(X, ("a", "b"), arm=arm, aim=~arm)
    assert np.allclose(got.target[1:], (X[~arm].mean(axis=0) - X[arm].mean(axis=0)) / X[arm].std(axis=0))
    raw = arm_moments(X, ("a", "b"), arm=arm, aim=~arm, standardise=False)
    assert np.array_equal(raw.M, X[arm])
    assert np.array_equal(raw.target, X[~arm].mean(axis=0))
    assert raw.names == ("a", "b")


def test_moments_without_spread_in_the_arm_are_left_out_and_named():
    X = np.column_stack([np.arange(20.0), np.arange(20) >= 10])
    arm = np.arange(20) < 10
    got = arm_moments(X, ("a", "b"), arm=arm, aim=~arm, order=2)
    assert got.dropped == ("b", "a*b")
    assert got.names == ("constant", "a", "a*a")
