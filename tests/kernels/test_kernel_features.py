"""Features whose inner products are the kernel, exactly or nearly."""

import numpy as np
import pytest

from yinguo.kernels.gaussian import gaussian_kernel, median_bandwidth
from yinguo.kernels.kernel_features import pivoted_features, random_features


def rows(n=300, d=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_features_reproduce_the_kernel_to_rounding_with_fewer_columns_than_rows():
    X, new = rows(), rows(50, seed=1)
    v = median_bandwidth(X)
    features = pivoted_features(X, v)
    assert features.size < 200
    Phi = features.transform(X)
    assert Phi.shape == (300, features.size)
    assert np.abs(Phi @ Phi.T - gaussian_kernel(X, X, v)).max() < 1e-11
    # The kernel between new rows and candidates is exact too, up to the root of that rounding.
    assert np.abs(features.transform(new) @ Phi.T - gaussian_kernel(new, X, v)).max() < 1e-7


def test_a_rough_kernel_keeps_every_row():
    X = rows(60, 5)
    features = pivoted_features(X, np.full(5, 0.1))
    assert features.size == 60


def test_repeated_rows_are_one_centre():
    X = np.repeat(rows(8), 5, axis=0)
    assert pivoted_features(X, np.array([0.5, 0.5])).size == 8


def test_more_centres_explain_more_and_greedy_ones_beat_drawn_ones():
    X = rows(600, 2)
    v = median_bandwidth(X)
    K = gaussian_kernel(X, X, v)

    def unexplained(features):
        Phi = features.transform(X)
        return np.trace(K) - (Phi**2).sum()

    few, more = (unexplained(pivoted_features(X, v, most=m)) for m in (20, 40))
    assert 0 < more < 0.1 * few
    drawn = [unexplained(pivoted_features(X[np.random.default_rng(s).choice(600, 40)], v)) for s in range(5)]
    assert more < min(drawn)


def test_random_features_approach_the_kernel_like_one_over_root_of_their_number():
    X = rows(40)
    v = np.array([1.0, 2.0])
    K = gaussian_kernel(X, X, v)

    def error(count, seed):
        Phi = random_features(v, count, np.random.default_rng(seed)).transform(X)
        assert Phi.shape == (40, count)
        return np.sqrt(np.mean((Phi @ Phi.T - K) ** 2))

    small, large = (np.mean([error(count, seed) for seed in range(20)]) for count in (100, 1600))
    assert small / large == pytest.approx(4.0, rel=0.2)
    assert large < 0.03
