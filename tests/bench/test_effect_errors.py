"""Measures of effects of units against figures done by hand, with the empty cells that the printed formula allows."""

from types import SimpleNamespace

import numpy as np
import pytest

from yinguo.bench.effect_errors import (
    ate_error,
    att_error,
    policy_errors,
    policy_risk,
    relative_errors,
    root_pehe,
    unit_errors,
)
from yinguo.bench.effect_rows import BestConstant, LeastSquaresMean, NeighborMean
from yinguo.core.study import Study
from yinguo.datasets.draw import effect_draw
from yinguo.errors import DataError

EFFECTS, TRUTH = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.0, 3.0, 8.0])
#: Six men, the fifth of whom is of the survey.
T = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
Y = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0])
TRIAL = np.array([True, True, True, True, False, True])
JOBS = {"T": T, "Y": Y, "randomised": TRIAL}


def test_root_pehe_and_ate_error_by_hand():
    assert root_pehe(EFFECTS, TRUTH) == pytest.approx(np.sqrt((0 + 4 + 0 + 16) / 4))
    assert ate_error(EFFECTS, TRUTH) == pytest.approx(abs(2.5 - 3.0))


def test_no_constant_has_a_smaller_root_pehe_than_the_mean_effect_whose_error_is_the_spread():
    best = root_pehe(np.full(4, TRUTH.mean()), TRUTH)
    assert best == pytest.approx(TRUTH.std())
    for other in (TRUTH.mean() - 0.1, TRUTH.mean() + 0.1, np.median(TRUTH)):
        assert root_pehe(np.full(4, other), TRUTH) > best


def test_att_error_by_hand():
    effects = np.array([0.5, 0.25, 9, 9, 9, 0.0])
    # Treated 1, 0, 1: mean 2/3; controls of the experiment 1, 0: mean 1/2; the survey's control counts for nothing.
    assert att_error(effects, **JOBS) == pytest.approx(abs(0.25 - (2 / 3 - 1 / 2)))
    moved = {**JOBS, "Y": np.where(np.arange(6) == 4, -50, Y)}
    assert att_error(effects, **moved) == att_error(effects, **JOBS)


def test_policy_risk_by_hand():
    # The rule treats rows 0, 2 and 5; of the five randomised rows that is 3/5. Rows 0 and 5 were treated: mean 1;
    # of rows 1 and 3, which it does not treat, row 3 was not: mean 0.
    effects = np.array([1.0, -1, 1, -1, 1, 2])
    assert policy_risk(effects, **JOBS) == pytest.approx(1 - (3 / 5 * 1 + 2 / 5 * 0))
    # An effect of 0 is none to treat for.
    assert policy_risk(np.zeros(6), **JOBS) == pytest.approx(1 - Y[2:4].mean())


def test_treating_everybody_is_worth_the_mean_of_the_treated_and_nobody_that_of_the_controls():
    assert policy_risk(np.full(6, 0.1), **JOBS) == pytest.approx(1 - 2 / 3)
    assert policy_risk(np.full(6, -0.1), **JOBS) == pytest.approx(1 - 1 / 2)


def test_a_part_of_the_rule_in_which_the_experiment_has_nobody_counts_as_nothing():
    # It treats exactly the randomised controls, so that neither part was ever tried.
    assert policy_risk(np.array([-1.0, -1, 1, 1, 1, -1]), **JOBS) == 1.0
    # It treats one control only: that part is worth 0, the other 4/5 times the outcome of row 3.
    one = np.array([-1.0, -1, -1, 1, 1, -1])
    assert policy_risk(one, **{**JOBS, "Y": np.ones(6)}) == pytest.approx(1 - 4 / 5)


def test_rows_outside_the_experiment_do_not_move_the_policy_risk():
    effects = np.array([1.0, -1, 1, -1, 1, 2])
    other = effects * np.where(TRIAL, 1, -1)
    assert policy_risk(other, **JOBS) == policy_risk(effects, **JOBS)


@pytest.mark.parametrize("measure", [att_error, policy_risk])
def test_without_an_experiment_there_is_no_answer(measure):
    with pytest.raises(DataError, match="randomised"):
        measure(EFFECTS, T=T[:4], Y=Y[:4], randomised=np.zeros(4, dtype=bool))


def drawn(mu1, **extras):
    """Ten rows of which the first four are kept back."""
    X = np.column_stack([np.arange(10.0), np.arange(10.0) % 3])
    study = Study.from_arrays(X, np.arange(10) % 2, np.arange(10) % 4 > 1)
    known = {} if mu1 is None else {"mu0": np.zeros(10), "mu1": np.asarray(mu1, dtype=float)}
    return effect_draw(study=study, test=np.arange(4), **known, **extras)


def fitted(effect):
    return SimpleNamespace(effect=effect)


def test_in_are_the_rows_of_the_study_and_out_those_kept_back():
    draw = drawn(np.arange(10))
    found = unit_errors(fitted(lambda X: X[:, 0] + (X[:, 0] >= 4)), draw)
    assert found["root PEHE out"] == found["ATE error out"] == 0
    assert found["root PEHE in"] == pytest.approx(1)
    assert found["ATE error in"] == pytest.approx(1)


def test_relative_errors_are_one_for_the_best_constant_and_have_no_value_for_a_constant_effect():
    found = relative_errors(BestConstant(), drawn(np.arange(10) ** 2))
    assert found["relative root PEHE out"] == found["relative root PEHE in"] == pytest.approx(1)
    assert "ATE error in" not in found
    constant = relative_errors(fitted(lambda X: np.ones(len(X))), drawn(np.full(10, 2.0) + 1e-15 * np.arange(10)))
    assert constant["root PEHE out"] == pytest.approx(1)
    assert not [name for name in constant if name.startswith("relative")]


def test_policy_errors_take_the_experiment_of_each_part():
    extras = {"randomised": np.array([True, True, True, True, False, False]), "test_randomised": np.ones(4, dtype=bool)}
    draw = drawn(None, **extras)
    found = policy_errors(fitted(lambda X: np.ones(len(X))), draw)
    test = draw.extras["test"]
    assert found["policy risk out"] == pytest.approx(1 - test.Y[test.T == 1].mean())
    rows = draw.study.Y[:4], draw.study.T[:4]
    assert found["policy risk in"] == pytest.approx(1 - rows[0][rows[1] == 1].mean())
    assert set(found) == {f"{name} {part}" for name in ("policy risk", "ATT error") for part in ("in", "out")}


def test_plain_learners_are_those_of_scikit_learn():
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import KNeighborsRegressor

    rng = np.random.default_rng(3)
    X, new = rng.normal(size=(60, 4)) * [1, 5, 0.1, 2], rng.normal(size=(20, 4))
    y = X[:, 0] ** 2 + rng.normal(size=60)
    assert LeastSquaresMean().fit(X, y).predict(new) == pytest.approx(LinearRegression().fit(X, y).predict(new))
    scale = X.std(axis=0)
    for k in (1, 5):
        theirs = KNeighborsRegressor(n_neighbors=k).fit(X / scale, y).predict(new / scale)
        assert NeighborMean(neighbors=k, scaled=True).fit(X, y).predict(new) == pytest.approx(theirs)
        theirs = KNeighborsRegressor(n_neighbors=k).fit(X, y).predict(new)
        assert NeighborMean(neighbors=k).fit(X, y).predict(new) == pytest.approx(theirs)
    # A column that does not vary, or that repeats another, does not spoil either.
    wide = np.column_stack([X, np.ones(60), X[:, 0]])
    more = np.column_stack([new, np.ones(20), new[:, 0]])
    assert LeastSquaresMean().fit(wide, y).predict(more) == pytest.approx(LeastSquaresMean().fit(X, y).predict(new))
    assert np.isfinite(NeighborMean(scaled=True).fit(wide, y).predict(more)).all()


def test_a_draw_without_known_effects_is_not_measured_by_them():
    with pytest.raises(DataError, match="knows no effects of single units"):
        unit_errors(fitted(lambda X: X[:, 0]), drawn(None))
