"""Gaussian kernel matrices and median bandwidths against their definitions."""

import numpy as np
import pytest

from yinguo.kernels.gaussian import gaussian_kernel, median_bandwidth, median_of_pairs


def rows(n=40, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * [1.0, 5.0, 0.2][:d]


def test_the_kernel_is_the_product_of_its_columns():
    A, B, v = rows(), rows(30, seed=1), np.array([0.5, 4.0, 0.3])
    product = np.prod([np.exp(-((A[:, [j]] - B[:, j]) ** 2) / (2 * v[j] ** 2)) for j in range(3)], axis=0)
    assert gaussian_kernel(A, B, v) == pytest.approx(product, rel=1e-12)


def test_close_rows_far_from_the_origin_keep_their_distance():
    A = np.array([[1e8], [1e8 + 1e-1]])
    step = A[1, 0] - A[0, 0]
    assert gaussian_kernel(A, A, np.array([1.0]))[0, 1] == pytest.approx(np.exp(-(step**2) / 2), rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 7, 10, 11])
def test_the_median_over_pairs_is_that_of_the_whole_matrix(n):
    D = np.abs(np.subtract.outer(*2 * [np.random.default_rng(n).normal(size=n)]))
    assert median_of_pairs(D[np.triu_indices(n, 1)], n) == pytest.approx(np.median(D), rel=1e-14)


def test_the_joint_rule_divides_by_the_median_squared_distance():
    X = rows()
    D = ((X[:, None] - X) ** 2).sum(axis=2)
    assert gaussian_kernel(X, X, median_bandwidth(X, "joint")) == pytest.approx(np.exp(-D / np.median(D)), rel=1e-12)


def test_the_rule_per_column_is_the_median_distance_and_follows_the_unit():
    X = rows()
    v = median_bandwidth(X)
    assert v == pytest.approx([np.median(np.abs(np.subtract.outer(x, x))) for x in X.T], rel=1e-12)
    assert median_bandwidth(X * [10.0, 0.2, 3.0]) == pytest.approx(v * [10.0, 0.2, 3.0], rel=1e-12)


def test_a_rare_category_and_a_constant_column_get_a_positive_bandwidth():
    rare = (np.arange(100) < 5) * 3.0
    assert median_bandwidth(np.column_stack([rare, np.ones(100)])).tolist() == [3.0, 1.0]


def test_many_rows_are_judged_by_some_of_them():
    X = np.random.default_rng(0).normal(size=(20_000, 1))
    # The median distance of two standard normals is sqrt(2) times the upper quartile of one.
    assert median_bandwidth(X)[0] == pytest.approx(np.sqrt(2) * 0.6744898, rel=0.03)
