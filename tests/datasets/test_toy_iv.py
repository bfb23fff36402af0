"""The two-line toy: regression finds the wrong curve, an instrument the right slope."""

import numpy as np
import pytest

from yinguo.datasets import toy_iv
from yinguo.errors import DataError

SLOPES = {"linear": 1.0, "sin": np.exp(-1.0), "abs": 0.0, "square": 0.0}


@pytest.mark.parametrize("curve", ["linear", "sin", "abs", "step", "square"])
def test_regression_finds_the_curve_plus_half_the_treatment(curve):
    draw = toy_iv(curve=curve, n=50_000)
    study, structure = draw.study, draw.extras["structure"]
    assert np.allclose(study.T, study.Z[:, 0] + draw.extras["unobserved"][:, 0])
    rest = study.Y - structure(study.X, study.T)
    assert np.polyfit(study.T, rest, 1) == pytest.approx([0.5, 0], abs=0.02)
    assert np.corrcoef(study.Z[:, 0], rest)[0, 1] == pytest.approx(0, abs=0.02)
    assert draw.extras["test"]["grid"].squared_error(structure) == 0


@pytest.mark.parametrize("curve", SLOPES)
def test_the_truth_is_the_mean_slope_over_normal_treatments_of_variance_two(curve):
    assert toy_iv(curve=curve, n=100_000).truth["ATE"] == pytest.approx(SLOPES[curve], abs=0.03)


def test_the_instrument_finds_the_slope_that_least_squares_misses():
    study = toy_iv(n=20_000).study
    z = study.Z[:, 0]
    assert np.cov(z, study.Y)[0, 1] / np.cov(z, study.T)[0, 1] == pytest.approx(1, abs=0.04)
    assert np.polyfit(study.T, study.Y, 1)[0] == pytest.approx(1.5, abs=0.02)


def test_a_seed_fixes_the_draw_and_parts_differ():
    first, again, other = (toy_iv(n=20, random_state=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.study.Y, again.study.Y)
    assert not np.array_equal(first.study.Y, other.study.Y)
    assert not np.array_equal(first.study.Y, first.extras["validation"].Y)


def test_impossible_options_are_refused():
    with pytest.raises(DataError, match="curve is 'cube'"):
        toy_iv(curve="cube")
    with pytest.raises(DataError, match="n is 1"):
        toy_iv(n=1)
