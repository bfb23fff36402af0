"""Balanced ridge and the projection onto the simplex: gradients, limits, optimality."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yinguo.errors import ConvergenceError
from yinguo.kernels.balanced_ridge import _Problem, balanced_ridge
from yinguo.kernels.simplex import project_to_simplex


def drawn(n: int = 200, k: int = 5, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k))
    T = (X[:, 0] + rng.normal(size=n) > 0.5).astype(float)
    return {"Y": X @ np.arange(k) + T + rng.normal(size=n), "T": T, "X": X}


def test_the_gradient_in_the_weights_is_that_of_finite_differences():
    draw = drawn()
    problem = _Problem(draw["Y"], draw["T"], draw["X"], 0.7, 0.05)
    w = np.random.default_rng(1).dirichlet(np.ones(5))
    step = 1e-6
    slopes = [(problem.at(w + step * unit)[0] - problem.at(w - step * unit)[0]) / (2 * step) for unit in np.eye(5)]
    assert problem.at(w)[1] == pytest.approx(slopes, rel=1e-6)


def test_at_equal_weights_the_inner_problem_is_ridge_regression():
    draw, penalty = drawn(), 0.3
    centred = np.column_stack([draw["X"] - draw["X"].mean(0), draw["T"] - draw["T"].mean()])
    y = draw["Y"] - draw["Y"].mean()
    direct = np.linalg.solve(centred.T @ centred / 200 + np.diag([penalty] * 5 + [0.0]), centred.T @ y / 200)
    assert _Problem(draw["Y"], draw["T"], draw["X"], 0.0, penalty).at(np.full(5, 0.2))[2] == pytest.approx(direct)


@pytest.mark.parametrize("strength", [0.0, 0.1, 3.0])
def test_no_move_within_the_simplex_lowers_the_objective(strength):
    draw = drawn()
    found = balanced_ridge(**draw, balance_strength=strength, penalty=0.05)
    assert found.w.sum() == pytest.approx(1.0)
    assert found.w.min() >= 0
    problem = _Problem(draw["Y"], draw["T"], draw["X"], strength, 0.05)
    assert found.objective == pytest.approx(problem.at(found.w)[0])
    rng = np.random.default_rng(2)
    for _ in range(200):
        near = project_to_simplex(found.w + 0.01 * rng.normal(size=5))
        assert problem.at(near)[0] > found.objective - 1e-8


def test_a_weight_that_fell_to_zero_on_the_way_is_taken_up_again_if_it_helps():
    """Straight from equal weights the search ends at 3.225 with x1 left out."""
    found = balanced_ridge(**drawn(), balance_strength=3.0, penalty=0.05)
    assert found.w[1] > 0.1
    assert found.objective < 2.85


def test_too_few_iterations_are_an_error():
    with pytest.raises(ConvergenceError, match="penalty"):
        balanced_ridge(**drawn(), balance_strength=0.1, penalty=0.05, iterations=1)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12))
def test_the_projection_is_on_the_simplex_and_no_point_of_it_is_nearer(values):
    v = np.array(values)
    w = project_to_simplex(v)
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1.0)
    # The nearest point of a convex set: no corner lies at an acute angle.
    assert ((np.eye(len(v)) - w) @ (v - w)).max() <= 1e-9 * max(1.0, np.abs(v).max()) ** 2


def test_points_of_the_simplex_stay_where_they_are():
    w = np.array([0.2, 0.0, 0.8])
    assert project_to_simplex(w) == pytest.approx(w)
