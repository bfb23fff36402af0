"""The DR-learner: its mean is AIPW, its line has honest intervals, its covariates can be chosen."""

import numpy as np
import pytest
from meta_toys import KnownChance, nie_wager, quadratic
from sklearn.linear_model import LinearRegression

import yinguo as yg


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_of_its_scores_and_its_average_are_the_aipw_estimate_to_the_last_bit(weighted):
    study = nie_wager(0, n=400).study
    if weighted:
        study = study.replace(sample_weight=np.random.default_rng(0).random(400) + 0.2)
    shared = {"outcome_model": quadratic(), "propensity": KnownChance(), "folds": np.arange(400) % 5}
    learner = yg.DRLearner(**shared).fit(study)
    aipw = yg.AIPW(**shared).fit(study).result_
    assert (learner.result_.estimate, learner.result_.se) == (aipw.estimate, aipw.se)
    mean = np.average(learner.pseudo_outcomes_, weights=study.sample_weight)
    assert mean == pytest.approx(aipw.estimate, rel=1e-13)
    if not weighted:
        assert np.array_equal(learner.result_.scores, learner.result_.estimate + (learner.pseudo_outcomes_ - mean))


def test_its_line_is_least_squares_and_its_mean_over_the_rows_is_the_average():
    study = nie_wager(1, n=400).study
    learner = yg.DRLearner(outcome_model=LinearRegression(), effect_model="linear").fit(study)
    own = yg.DRLearner(outcome_model=LinearRegression(), effect_model=LinearRegression()).fit(study)
    assert learner.effects_ == pytest.approx(own.effects_, rel=1e-9)
    assert learner.effects_.mean() == pytest.approx(learner.result_.estimate, rel=1e-9)


def drawn(seed: int, n: int = 500, groups: bool = False):
    """Confounded, noise that grows with x1, effect 1 + x1: a line, so that its interval is one for the effect."""
    rng = np.random.default_rng(seed)
    m = n // 5 if groups else n
    member = np.repeat(np.arange(m), n // m)
    X = rng.normal(size=(m, 2))[member]
    T = (rng.random(m) < 1 / (1 + np.exp(-0.7 * X[:: n // m, 0])))[member].astype(float)
    shock = rng.normal(size=m)[member] if groups else 0.0
    Y = X.sum(axis=1) + T * (1 + X[:, 0]) + (1 + np.abs(X[:, 0])) * rng.normal(size=n) + shock
    return yg.Study.from_arrays(X, T, Y, groups=member if groups else None)


@pytest.mark.parametrize("groups", [False, True])
def test_intervals_of_single_effects_cover(groups):
    at = np.array([[0.0, 0.0], [1.5, 0.0], [-1.0, 1.0]])
    truth, hits, plain = 1 + at[:, 0], np.zeros(3), np.zeros(3)
    draws = 200
    for seed in range(draws):
        study = drawn(seed, groups=groups)
        learner = yg.DRLearner(outcome_model=LinearRegression(), effect_model="linear", random_state=seed).fit(study)
        low, high = learner.effect_interval(at)
        hits += (low < truth) & (truth < high)
        if not groups:  # what least squares says of itself when it believes in equal noise
            V = np.column_stack([np.ones(study.n), study.X])
            r = learner.pseudo_outcomes_ - learner.effects_
            D = np.column_stack([np.ones(3), at])
            se = np.sqrt(np.einsum("ij,jk,ik->i", D, np.linalg.inv(V.T @ V) * (r @ r) / (study.n - 3), D))
            plain += np.abs(D @ np.linalg.lstsq(V, learner.pseudo_outcomes_)[0] - truth) < 1.96 * se
    # Four Monte Carlo errors of 200 draws around 0.95.
    assert (hits / draws > 0.888).all()
    if not groups:
        assert plain.min() / draws < 0.90


def test_the_effect_may_be_asked_of_some_covariates_only_while_the_scores_adjust_for_all():
    study = nie_wager(2, n=600).study
    options = {"outcome_model": quadratic(), "propensity": KnownChance()}
    some = yg.DRLearner(effect_model="linear", effect_covariates=["x1", "x3"], **options).fit(study)
    every = yg.DRLearner(effect_model="linear", **options).fit(study)
    assert np.array_equal(some.pseudo_outcomes_, every.pseudo_outcomes_)
    V = np.column_stack([np.ones(600), study.X[:, [0, 2]]])
    beta = np.linalg.lstsq(V, some.pseudo_outcomes_)[0]
    assert some.effects_ == pytest.approx(V @ beta, rel=1e-8)
    moved = study.X.copy()
    moved[:, 1] += 5
    assert np.array_equal(some.effect(moved), some.effects_)
    low, high = some.effect_interval(study.X)
    wide_low, wide_high = every.effect_interval(study.X)
    assert np.mean(high - low) < np.mean(wide_high - wide_low)


def test_names_that_are_no_covariates_and_effect_models_that_are_none_are_refused():
    study = nie_wager(0, n=100).study
    with pytest.raises(yg.DataError, match="'age' is not a covariate"):
        yg.DRLearner(effect_covariates=["age"]).fit(study)
    with pytest.raises(yg.DataError, match="effect_model is 'quadratic'"):
        yg.DRLearner(effect_model="quadratic").fit(study)


def test_a_text_column_stands_for_its_indicators():
    rng = np.random.default_rng(0)
    table = {
        "t": rng.integers(0, 2, 200),
        "y": rng.normal(size=200),
        "town": rng.choice(["a", "b", "c"], 200).tolist(),
        "age": rng.normal(size=200),
    }
    study = yg.Study(table, treatment="t", outcome="y")
    learner = yg.DRLearner(outcome_model=LinearRegression(), effect_model="linear", effect_covariates=["town"])
    assert len(np.unique(learner.fit(study).effects_.round(9))) == 3
