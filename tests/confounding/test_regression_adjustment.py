"""Regression adjustment against Stata, least squares with interactions, and its own definition."""

import numpy as np
import pytest
from effect_toys import assert_influence, draw, replicate
from stata_teffects import births, check, stata

import yinguo as yg

ESTIMANDS = ("ATE", "ATT", "ATC")


@pytest.mark.parametrize(("estimand", "table"), [("ATE", "table"), ("ATT", "table_t")])
def test_estimate_and_standard_error_equal_stata(estimand, table):
    study = births(["prenatal1_", "mmarried_", "mage", "fbaby_"])
    check(yg.RegressionAdjustment(estimand=estimand).fit(study).result_, stata("ra", table))


def test_job_training_gives_the_card_s_figure(cps):
    assert yg.RegressionAdjustment(estimand="ATT").fit(cps).result_.estimate == pytest.approx(1133.28, abs=5e-3)


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_it_is_least_squares_with_interactions_centred_at_the_target(estimand):
    study = draw(0)
    share = {"ATE": np.ones(study.n), "ATT": study.T, "ATC": 1 - study.T}[estimand]
    X = study.X - share @ study.X / share.sum()
    D = np.column_stack([np.ones(study.n), study.T, X, X * study.T[:, None]])
    expected = np.linalg.lstsq(D, study.Y, rcond=None)[0][1]
    assert yg.RegressionAdjustment(estimand=estimand).fit(study).result_.estimate == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_values_are_derivatives_in_the_weights(estimand, weighted):
    study = draw(1, n=60)
    if weighted:
        study = study.replace(sample_weight=np.random.default_rng(0).random(60) + 0.5)
    method = yg.RegressionAdjustment(estimand=estimand)
    assert_influence(method, study)


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_it_hits_the_truth_and_covers(estimand):
    found = replicate(yg.RegressionAdjustment(estimand=estimand), estimand)
    assert abs(found.z) < 4
    assert 0.9 <= found.coverage <= 0.99


def test_clustered_errors_cover_where_rows_share_shocks():
    found = replicate(yg.RegressionAdjustment(), "ATE", draws=200, groups=80)
    assert abs(found.z) < 4
    assert 0.88 <= found.coverage <= 0.99
    studies = [draw(seed, groups=80) for seed in range(50)]
    naive = [yg.RegressionAdjustment().fit(yg.Study.from_arrays(s.X, s.T, s.Y)).result_.se for s in studies]
    assert np.mean(naive) < 0.7 * found.estimates.std()


def test_a_learner_gives_the_same_number_as_least_squares_when_it_is_least_squares():
    from sklearn.linear_model import LinearRegression

    study = draw(2).replace(sample_weight=np.random.default_rng(0).random(400) + 0.1)
    own, theirs = (
        yg.RegressionAdjustment(outcome_model=model).fit(study).result_ for model in (None, LinearRegression())
    )
    assert theirs.estimate == pytest.approx(own.estimate, rel=1e-10)
    assert theirs.se is None
    assert "use AIPW" in theirs.no_inference


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_a_level_missing_from_one_arm_counts_as_the_reference_and_is_named(estimand):
    base = draw(3, n=2000)
    rare = np.zeros(base.n)
    rare[np.flatnonzero(base.T == 1)[:40]] = 1.0
    study = base.replace(X=np.column_stack([base.X, rare]), covariates=["a", "b", "c", "rare"])
    here, there = (
        yg.RegressionAdjustment(estimand=estimand).fit(s).result_ for s in (study, study.replace(Y=base.Y + 1e4))
    )
    # Sharing the mean between the level and the intercept once made this 501 instead of 1.
    assert there.estimate == pytest.approx(here.estimate, rel=1e-7)
    assert there.se == pytest.approx(here.se, rel=1e-7)
    assert abs(here.estimate - yg.RegressionAdjustment(estimand=estimand).fit(base).result_.estimate) < 0.2
    assert [note for note in here.notes if note.startswith("rare: without variation of their own among the controls")]


def test_more_columns_than_rows_is_an_answer_with_a_warning_not_a_crash():
    rng = np.random.default_rng(0)
    study = yg.Study.from_arrays(rng.normal(size=(30, 60)), np.arange(30) % 2, rng.normal(size=30))
    result = yg.RegressionAdjustment().fit(study).result_
    assert np.isfinite(result.estimate)
    assert any("cannot be learned" in note for note in result.notes)


def test_a_learner_without_fit_is_named(study):
    with pytest.raises(yg.DataError, match="'ols' has no fit method"):
        yg.RegressionAdjustment(outcome_model="ols").fit(study)
