"""ND2VD: right where propensity and outcome bend, no worse where they do not, D2VD with two knots."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import d2vd_design
from yinguo.errors import DataError


def errors(draws, **options):
    linear, bent, found = [], [], []
    for seed in range(draws):
        draw = d2vd_design(random_state=seed, **options)
        result = yg.ND2VD().fit(draw.study).result_
        bent.append(result.estimate - 1)
        linear.append(yg.D2VD().fit(draw.study).result_.estimate - 1)
        found.append([set(result.extras[k]) == set(draw.extras[k]) for k in ("confounders", "adjusters")])
    return np.array(linear), np.array(bent), np.mean(found, axis=0)


def test_where_the_propensity_bends_the_linear_form_is_biased_and_the_smooth_form_is_not():
    linear, bent, found = errors(3, n=900, p=8, confounders=2, adjusters=3, form="nonlinear")
    assert linear.mean() > 0.8
    assert abs(bent.mean()) < 0.25 * linear.mean()
    assert (found >= 0.6).all()


@pytest.mark.slow
def test_over_twenty_draws_of_the_nonlinear_design_bias_and_spread_are_below_the_linear_form():
    linear, bent, found = errors(20, n=1500, p=30, confounders=5, adjusters=10, form="nonlinear")
    assert abs(bent.mean()) < 0.1 * abs(linear.mean())
    assert bent.std() < linear.std()
    assert (found >= 0.8).all()


def test_two_knots_are_the_linear_form():
    study = d2vd_design(n=300, p=6, confounders=2, adjusters=2).study
    folds = np.arange(300) % 2
    smooth = yg.ND2VD(knots=2, folds=folds).fit(study).result_
    linear = yg.D2VD(folds=folds).fit(study).result_
    assert smooth.estimate == pytest.approx(linear.estimate, rel=1e-6)
    assert smooth.extras["confounders"] == linear.extras["confounders"]


def test_on_the_linear_design_it_finds_the_same_sets():
    draw = d2vd_design(n=600, p=8, confounders=2, adjusters=3)
    extras = yg.ND2VD().fit(draw.study).result_.extras
    assert extras["confounders"] == draw.extras["confounders"]
    assert extras["adjusters"] == draw.extras["adjusters"]


def test_the_number_of_knots_changes_the_result_and_one_knot_is_refused():
    study = d2vd_design(n=300, p=4, confounders=1, adjusters=1, form="nonlinear").study
    fixed = {"outcome_penalty": 0.3, "treatment_penalty": 0.3, "effect_penalty": 0.5}
    assert yg.ND2VD(knots=6, **fixed).fit(study).result_.estimate != yg.ND2VD(**fixed).fit(study).result_.estimate
    with pytest.raises(DataError, match="knots is 1"):
        yg.ND2VD(knots=1).fit(study)


def test_no_interval_is_claimed():
    result = yg.ND2VD().fit(d2vd_design(n=300, p=6, confounders=2, adjusters=2).study).result_
    assert result.se is None
    assert result.extras["regression_estimate"] == pytest.approx(result.estimate, abs=1e-10)
