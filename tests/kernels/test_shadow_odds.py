"""The discrete shadow equations against their closed form, the right way up and the wrong one."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.kernels.shadow_odds import discrete_odds

#: P(Z), P(Y | Z) and P(S=1 | Y) of the worked example.
Z, Y, CHANCE = np.array([0.5, 0.5]), np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([0.9, 0.3])
JOINT = Z[:, None] * Y
SEEN, UNSEEN = JOINT * CHANCE, (JOINT * (1 - CHANCE)).sum(axis=1)


def test_the_worked_example_is_solved_exactly():
    found = discrete_odds(SEEN, UNSEEN)
    assert found.w == pytest.approx((1 - CHANCE) / CHANCE, rel=1e-12)
    assert found.odds_ratio == pytest.approx([1.0, 21.0], rel=1e-12)
    assert found.density_ratio == pytest.approx([0.18919, 3.97297], abs=5e-6)
    assert found.unseen_law[:, 1] == pytest.approx([7 / 11, 49 / 52], rel=1e-12)
    assert found.unseen_law[:, 1] == pytest.approx([0.6364, 0.9423], abs=5e-5)
    assert found.residual < 1e-12
    mean = SEEN.sum() * SEEN[:, 1].sum() / SEEN.sum() + UNSEEN @ found.unseen_law[:, 1]
    assert mean == pytest.approx(0.45, rel=1e-12)
    assert SEEN[:, 1].sum() / SEEN.sum() == pytest.approx(0.2143, abs=5e-5)


def test_the_ratio_the_other_way_up_gives_a_negative_odds_ratio():
    """As it is printed in places: f(z | S=1) / f(z | S=0) on the right-hand side."""
    law = SEEN / SEEN.sum(axis=1, keepdims=True)
    seen, unseen = SEEN.sum(axis=1) / SEEN.sum(), UNSEEN / UNSEEN.sum()
    right, inverted = np.linalg.solve(law, unseen / seen), np.linalg.solve(law, seen / unseen)
    assert right[1] / right[0] == pytest.approx(21.0)
    assert inverted == pytest.approx([2.411, -1.860], abs=1e-3)
    assert inverted[1] / inverted[0] == pytest.approx(-0.77, abs=5e-3)


def test_more_shadow_levels_than_outcome_levels_are_solved_by_least_squares_and_say_how_well():
    law = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2], [0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]) / 4
    chance = np.array([0.9, 0.5, 0.2])
    seen, unseen = law * chance, (law * (1 - chance)).sum(axis=1)
    exact = discrete_odds(seen, unseen)
    assert exact.w == pytest.approx([1 / 9, 1.0, 4.0], rel=1e-9)
    assert exact.residual < 1e-12
    # A variable that bears on who is seen by itself cannot meet all equations.
    broken = discrete_odds(law * chance * np.array([[1.0], [0.5], [1.0], [0.5]]), law.sum(axis=1) - seen.sum(axis=1))
    assert broken.residual > 0.02


def test_no_solution_is_refused_where_the_shadow_variable_is_too_coarse_or_says_nothing():
    with pytest.raises(yg.NotIdentifiedError, match="2 levels and the outcome 3"):
        discrete_odds(np.ones((2, 3)), np.ones(2))
    with pytest.raises(yg.NotIdentifiedError, match="do not tell"):
        discrete_odds(np.outer([0.5, 0.5], [0.3, 0.7]), np.array([0.2, 0.2]))
    with pytest.raises(yg.NotIdentifiedError, match="do not tell"):
        discrete_odds(np.array([[0.5, 0.0], [0.5, 0.0]]), np.ones(2))
