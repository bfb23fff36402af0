"""Proximal-gradient pieces against brute force, against each other, and at the edge of floating point."""

import numpy as np
import pytest

from yinguo.errors import ConvergenceError
from yinguo.kernels.proximal import backtracking_step, extrapolate, group_soft_threshold, soft_threshold


def test_soft_threshold_minimises_the_penalised_distance():
    grid = np.linspace(-3, 3, 60001)
    for v, t in ((1.3, 0.4), (-0.2, 0.4), (-2.0, 0.4), (0.7, 0.0)):
        best = grid[np.argmin(0.5 * (grid - v) ** 2 + t * np.abs(grid))]
        assert soft_threshold(np.array([v]), t)[0] == pytest.approx(best, abs=1e-4)


def test_an_entry_with_threshold_zero_is_left_alone():
    v = np.array([0.3, -5.0, 0.3])
    assert soft_threshold(v, np.array([0.0, 1.0, 1.0])).tolist() == [0.3, -4.0, 0.0]


def test_groups_of_one_column_are_soft_thresholding():
    rng = np.random.default_rng(0)
    v, threshold = rng.normal(size=20), rng.random(20)
    assert np.allclose(group_soft_threshold(v, threshold, np.arange(20)), soft_threshold(v, threshold), atol=1e-15)


def test_group_soft_threshold_shortens_every_group_by_its_threshold_and_keeps_its_direction():
    v = np.array([3.0, 4.0, 0.1, 0.1])
    out = group_soft_threshold(v, np.array([1.0, 1.0]), np.array([0, 0, 1, 1]))
    assert np.allclose(out, [2.4, 3.2, 0.0, 0.0])


def test_extrapolation_starts_at_a_quarter_and_tends_to_the_whole_difference():
    assert extrapolate(np.array([1.0]), np.array([0.0]), 1)[0] == 1.25
    assert extrapolate(np.array([1.0]), np.array([0.0]), 10**9)[0] == pytest.approx(2.0)


def test_the_accepted_step_is_the_first_half_power_below_the_inverse_curvature():
    curvature = 10.0
    taken = backtracking_step(
        np.array([1.0]), np.array([curvature]), 1.0, excess=lambda z, d: (0.5 * curvature * d @ d, "kept")
    )
    assert taken.step == 0.0625
    assert taken.products == "kept"
    assert taken.point[0] == pytest.approx(1 - 0.625)


def test_a_bound_that_never_holds_raises_instead_of_looping_for_ever():
    with pytest.raises(ConvergenceError, match="finite"):
        backtracking_step(np.zeros(2), np.ones(2), 1.0, excess=lambda z, d: (np.nan, None))
