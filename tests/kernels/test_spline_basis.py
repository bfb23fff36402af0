"""Natural splines: shape, invariance, and scipy as judge."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from yinguo.errors import DataError
from yinguo.kernels.spline_basis import natural_spline, spline_groups


def test_the_columns_span_every_natural_cubic_spline_on_the_knots():
    knots = np.array([-2.0, -0.5, 0.3, 1.0, 2.5])
    x = np.linspace(-2, 2.5, 400)
    design = np.column_stack([np.ones(400), natural_spline(x, knots)])
    assert design.shape[1] == 5
    for seed in range(3):
        curve = CubicSpline(knots, np.random.default_rng(seed).normal(size=5), bc_type="natural")(x)
        fitted = design @ np.linalg.lstsq(design, curve, rcond=None)[0]
        assert np.allclose(fitted, curve, atol=1e-9)


def test_beyond_the_outer_knots_the_columns_are_linear():
    columns = natural_spline(np.array([3.0, 4.0, 5.0, -3.0, -4.0, -5.0]), np.array([-1.0, 0.0, 0.5, 2.0]))
    for block in (columns[:3], columns[3:]):
        assert np.allclose(block[0] - 2 * block[1] + block[2], 0.0, atol=1e-9)


def test_columns_of_a_group_are_orthonormal_and_have_mean_zero():
    X = np.random.default_rng(0).normal(size=(300, 3)) ** 3
    B, groups = spline_groups(X, knots=5)
    assert groups.tolist() == [0, *[1] * 4, *[2] * 4, *[3] * 4]
    for g in (1, 2, 3):
        block = B[:, groups == g]
        assert np.allclose(block.T @ block / 300, np.eye(4), atol=1e-10)
        assert np.allclose(block.mean(axis=0), 0.0, atol=1e-12)


def test_units_and_origin_of_a_covariate_do_not_matter():
    X = np.random.default_rng(1).normal(size=(200, 2))
    assert np.allclose(spline_groups(X)[0], spline_groups(1e4 * X + 1e6)[0], atol=1e-6)


def test_a_binary_covariate_gets_one_column_and_few_values_get_fewer_than_asked():
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.integers(0, 2, 100), rng.integers(0, 3, 100), rng.normal(size=100)]).astype(float)
    _, groups = spline_groups(X, knots=5)
    assert np.bincount(groups).tolist() == [1, 1, 2, 4]


def test_two_knots_are_the_standardised_covariates_up_to_sign():
    X = np.random.default_rng(3).normal(size=(50, 4))
    B, groups = spline_groups(X, knots=2)
    assert groups.tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(np.abs(B[:, 1:]), np.abs((X - X.mean(axis=0)) / X.std(axis=0)), atol=1e-12)


def test_a_constant_covariate_and_too_few_knots_are_refused():
    with pytest.raises(DataError, match="constant"):
        spline_groups(np.ones((10, 1)))
    with pytest.raises(DataError, match="knots"):
        spline_groups(np.random.default_rng(0).normal(size=(10, 1)), knots=1)
