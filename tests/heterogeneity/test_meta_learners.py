"""All meta-learners on one design: the naive answers fail on it, theirs do not; and what they share is the same."""

import copy

import numpy as np
import pytest
from meta_toys import KnownChance, nie_wager, quadratic, root_pehe
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

import yinguo as yg

LEARNERS = {
    "S": (yg.SLearner, {}),
    "T": (yg.TLearner, {}),
    "X": (yg.XLearner, {"effect_model": LinearRegression()}),
    "R": (yg.RLearner, {"effect_model": LinearRegression()}),
    "DR": (yg.DRLearner, {"effect_model": "linear"}),
}
#: Mean root PEHE over 12 draws of 1,000 rows. Anything constant is at least 0.2 off, the naive difference 0.45.
BOUNDS = {"S": 0.2, "T": 0.3, "X": 0.2, "R": 0.15, "DR": 0.17}
TRUTH = 0.5
DRAWS = 12


def made(name: str, **options):
    cls, own = LEARNERS[name]
    return cls(**own, **({"propensity": KnownChance(), "outcome_model": quadratic()} | options))


def test_the_naive_difference_of_means_is_far_off_on_this_design():
    toys = [nie_wager(seed) for seed in range(DRAWS)]
    naive = np.array([t.study.Y[t.study.T == 1].mean() - t.study.Y[t.study.T == 0].mean() for t in toys])
    assert abs(naive.mean() - TRUTH) > 20 * naive.std() / DRAWS**0.5
    errors = [np.sqrt(np.mean((gap - t.tau) ** 2)) for gap, t in zip(naive, toys, strict=True)]
    assert min(errors) > 0.35 > max(BOUNDS.values())


@pytest.mark.parametrize("name", LEARNERS)
def test_average_and_effects_of_units_are_right_under_confounding(name):
    estimates, errors = np.empty(DRAWS), np.empty(DRAWS)
    for seed in range(DRAWS):
        toy = nie_wager(seed)
        learner = made(name).fit(toy.study)
        estimates[seed], errors[seed] = learner.result_.estimate, root_pehe(learner, toy)
    assert abs(estimates.mean() - TRUTH) < 4 * estimates.std(ddof=1) / DRAWS**0.5
    assert errors.mean() < BOUNDS[name]


def test_with_the_right_chances_r_and_dr_forgive_a_wrong_outcome_model_and_the_others_do_not():
    slopes = {name: [] for name in LEARNERS}
    for seed in range(DRAWS):
        toy = nie_wager(seed, n=2000)
        for name in LEARNERS:
            learner = made(name, outcome_model=DummyRegressor()).fit(toy.study)
            middle, left = learner.effect(np.array([[0.5] * 6, [0.0] + [0.5] * 5]))
            slopes[name].append([middle - 0.5, 2 * (middle - left) - 0.5])
    distance = {}
    for name, found in slopes.items():
        found = np.array(found)
        distance[name] = np.abs(found.mean(axis=0) / (found.std(axis=0, ddof=1) / DRAWS**0.5 + 1e-12)).max()
    assert max(distance["R"], distance["DR"]) < 4
    assert min(distance["S"], distance["T"], distance["X"]) > 6


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_with_a_model_for_each_arm_all_averages_are_the_aipw_estimate(estimand):
    toy = nie_wager(0, n=300)
    shared = {"estimand": estimand, "outcome_model": quadratic(), "folds": np.arange(300) % 4}
    aipw = yg.AIPW(**shared).fit(toy.study).result_
    for cls in (yg.TLearner, yg.XLearner, yg.RLearner, yg.DRLearner):
        result = cls(**shared).fit(toy.study).result_
        assert (result.estimate, result.se) == (aipw.estimate, aipw.se)
    single = yg.SLearner(**shared).fit(toy.study).result_
    assert single.estimate != aipw.estimate
    assert single.estimate == pytest.approx(aipw.estimate, abs=aipw.se)


@pytest.mark.parametrize("name", LEARNERS)
def test_boosted_trees_are_the_default_and_need_nothing_said(name):
    cls, _ = LEARNERS[name]
    toy = nie_wager(1, n=400)
    learner = cls().fit(toy.study)
    assert np.isfinite(learner.effects_).all()
    assert learner.result_.se > 0
    few = toy.study.take(np.arange(60))
    assert np.isfinite(cls().fit(few).effects_).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_a_second_process_changes_no_byte(name):
    cls, _ = LEARNERS[name]
    study = nie_wager(2, n=300).study.replace(sample_weight=np.random.default_rng(0).random(300) + 0.5)
    trees = HistGradientBoostingRegressor(max_iter=5, random_state=0)
    options = {"outcome_model": trees, "propensity": copy.deepcopy(trees), "folds": 3}
    one, two = (cls(**options, n_jobs=n).fit(study) for n in (1, 2))
    assert (one.result_.estimate, one.result_.se) == (two.result_.estimate, two.result_.se)
    assert np.array_equal(one.effects_, two.effects_)


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all", True])
def test_a_number_of_processes_that_is_none_is_refused(n_jobs):
    with pytest.raises(yg.DataError, match="n_jobs"):
        yg.TLearner(outcome_model=LinearRegression(), n_jobs=n_jobs).fit(nie_wager(0, n=100).study)


def test_a_learner_that_takes_no_weights_is_refused_by_the_r_learner_by_name():
    with pytest.raises(yg.DataError, match="KNeighborsRegressor takes no sample_weight"):
        yg.RLearner(effect_model=KNeighborsRegressor(), outcome_model=LinearRegression()).fit(nie_wager(0, n=100).study)


@pytest.mark.parametrize("name", LEARNERS)
def test_clusters_stay_whole_and_widen_the_interval_where_their_rows_repeat_each_other(name):
    toy = nie_wager(3, n=200)
    rows = np.repeat(np.arange(200), 5)
    many = toy.study.take(rows)
    grouped = yg.Study.from_arrays(many.X, many.T, many.Y, groups=rows)
    apart = made(name, outcome_model=LinearRegression()).fit(many).result_
    together = made(name, outcome_model=LinearRegression()).fit(grouped).result_
    assert 2.0 < together.se / apart.se < 2.5  # root 5, and folds that no longer see their own copies
