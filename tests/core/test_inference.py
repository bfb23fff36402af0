"""Standard errors from influence values: one formula, checked against loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from yinguo.core.inference import normal_quantile, p_value, standard_error
from yinguo.errors import DataError


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 60), st.integers(0, 2**31))
def test_without_groups_it_is_the_standard_error_of_a_mean(n, seed):
    phi = np.random.default_rng(seed).normal(size=n)
    phi -= phi.mean()
    assert standard_error(phi) == pytest.approx(phi.std(ddof=1) / np.sqrt(n), rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(4, 60), st.integers(2, 10), st.integers(0, 2**31))
def test_with_groups_it_is_a_loop_over_groups(n, G, seed):
    rng = np.random.default_rng(seed)
    phi, groups = rng.normal(size=n), np.r_[np.arange(min(G, n)), rng.integers(0, min(G, n), n - min(G, n))]
    total = sum(sum(p for p, h in zip(phi, groups, strict=True) if h == g) ** 2 for g in set(groups.tolist()))
    k = len(set(groups.tolist()))
    assert standard_error(phi, groups) == pytest.approx(np.sqrt(k / (k - 1) * total) / n, rel=1e-12)


def test_every_row_its_own_group_is_no_grouping():
    phi = np.random.default_rng(0).normal(size=30)
    phi -= phi.mean()
    assert standard_error(phi, np.arange(30)) == pytest.approx(standard_error(phi), rel=1e-12)


def test_too_few_units_or_groups_are_refused():
    with pytest.raises(DataError, match="at least 2 rows; there is 1"):
        standard_error(np.zeros(1))
    with pytest.raises(DataError, match="at least 2 groups"):
        standard_error(np.zeros(5), np.zeros(5, dtype=int))


def test_quantiles_and_p_values_are_the_normal_ones():
    assert normal_quantile(0.95) == pytest.approx(stats.norm.ppf(0.975), rel=1e-12)
    assert normal_quantile(0.5) == pytest.approx(stats.norm.ppf(0.75), rel=1e-12)
    for z in (-8.0, -1.3, 0.0, 2.5, 37.0):
        assert p_value(3 * z, 3.0) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9)
    assert p_value(5.0, 2.0, null=5.0) == 1.0
    assert (p_value(0.0, 0.0), p_value(0.1, 0.0)) == (1.0, 0.0)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.5, float("nan")])
def test_a_level_outside_zero_to_one_is_refused(level):
    with pytest.raises(DataError, match="level is"):
        normal_quantile(level)
