"""Simultaneous critical values: known limits, clusters, coverage."""

import numpy as np
import pytest
from scipy import stats

from yinguo.core.inference import standard_error
from yinguo.kernels.uniform_band import covariance_of_means, uniform_critical_value


def test_independent_estimates_need_sidak_and_copies_need_no_more_than_one():
    rng = np.random.default_rng(0)
    sidak = stats.norm.isf((1 - 0.95 ** (1 / 10)) / 2)
    assert uniform_critical_value(np.diag(np.arange(1.0, 11)), 0.95, rng, 200_000) == pytest.approx(sidak, abs=0.02)
    assert uniform_critical_value(np.ones((10, 10)), 0.95, rng, 200_000) == pytest.approx(1.96, abs=0.02)


def test_an_estimate_without_variance_plays_no_part():
    rng = np.random.default_rng(1)
    assert uniform_critical_value(np.diag([1.0, 0.0]), 0.95, rng, 100_000) == pytest.approx(1.96, abs=0.03)
    assert uniform_critical_value(np.zeros((2, 2)), 0.95, rng) == 0


@pytest.mark.parametrize("clustered", [False, True])
def test_the_diagonal_is_the_squared_standard_error(clustered):
    rng = np.random.default_rng(2)
    phi = rng.normal(size=(90, 3))
    groups = rng.integers(0, 12, 90) if clustered else None
    V = covariance_of_means(phi, groups)
    assert np.sqrt(np.diag(V)) == pytest.approx([standard_error(column, groups) for column in phi.T], rel=1e-12)
    if not clustered:
        assert pytest.approx(np.cov(phi.T), rel=0.1) == V * 90
