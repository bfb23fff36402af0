"""The advert generator: its shape, its share of likes, and effects that a randomised copy of it confirms."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import advert_feedback
from yinguo.errors import DataError

TREATMENTS = ("friends>166", "age>33", "male")


def test_there_are_56_features_mostly_yes_or_no_and_fourteen_percent_like():
    study = advert_feedback().study
    assert len(study.covariates) + 1 == 56
    binary = sum(set(np.unique(column)) == {0.0, 1.0} for column in study.X.T)
    assert binary == 51
    assert study.outcome_kind == "binary"
    assert study.Y.mean() == pytest.approx(0.14, abs=0.015)


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_every_candidate_treatment_is_confounded_and_inverse_weighting_finds_its_effect(treatment):
    draw = advert_feedback(n=40_000, treatment=treatment, random_state=1)
    study, truth = draw.study, draw.truth["ATE"]
    assert study.roles["treatment"] == treatment
    assert draw.extras["effects"][treatment] == pytest.approx(truth)
    result = yg.IPW().fit(study).result_
    assert abs(result.estimate - truth) < 4 * result.se
    naive = study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean()
    assert abs(naive - truth) > abs(result.estimate - truth)


def test_the_three_draws_differ_only_in_which_column_is_the_treatment():
    tables = [advert_feedback(n=200, treatment=t).table() for t in TREATMENTS]
    for table in tables[1:]:
        assert set(table) == set(tables[0])
        assert all(np.array_equal(table[name], tables[0][name]) for name in table)


def test_the_effects_have_the_signs_of_their_coefficients_and_att_differs_from_ate():
    draws = {t: advert_feedback(n=20_000, treatment=t).truth for t in TREATMENTS}
    assert draws["friends>166"]["ATE"] > 0 > draws["male"]["ATE"] > draws["age>33"]["ATE"]
    assert draws["friends>166"]["ATT"] != draws["friends>166"]["ATE"]


def test_a_feature_that_is_no_candidate_is_refused():
    with pytest.raises(DataError, match="night"):
        advert_feedback(treatment="night")
