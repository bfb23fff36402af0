"""Negative-control outcome: left-over confounding is seen, adjusted confounding is not, and the p-value is uniform."""

import numpy as np
import pytest
from refute_toys import LeastSquares, study
from scipy import stats

from yinguo import DifferenceInMeans
from yinguo.diagnose.negative_control import negative_control_outcome, replace_outcome
from yinguo.errors import DataError


def test_confounding_left_in_shows_on_the_control_and_stops():
    data = study(n=300, confounded=True)
    found = negative_control_outcome(DifferenceInMeans(), data, "x1", n=10)
    assert found.verdict == "stop"
    assert found.p_value < 1e-6
    assert "which the treatment cannot have changed" in found.sentence


def test_confounding_adjusted_for_does_not_show():
    data = study(n=300, confounded=True)
    earlier = data.X[:, 0] + np.random.default_rng(9).normal(size=300)
    found = negative_control_outcome(LeastSquares(), data, earlier, name="last year's outcome", n=10)
    assert found.verdict == "ok"
    assert "last year's outcome" in found.sentence
    assert negative_control_outcome(DifferenceInMeans(), data, earlier, n=10).verdict == "stop"


def test_the_covariate_that_becomes_the_outcome_is_not_adjusted_for():
    data = study()
    changed, name = replace_outcome(data, "x1")
    assert name == "x1"
    assert (data.X[:, 0] == changed.Y).all()
    assert changed.covariates == ("x2",)
    assert (changed.X[:, 0] == data.X[:, 1]).all()


def test_an_effect_seen_only_because_there_are_many_rows_is_worth_a_look():
    data = study(n=40_000)
    found = negative_control_outcome(DifferenceInMeans(), data, data.X[:, 1] + 0.05 * data.T, n=2)
    assert found.p_value < 0.05
    assert found.verdict == "look"


def test_p_value_is_uniform_when_the_control_is_unaffected():
    p = [negative_control_outcome(DifferenceInMeans(), study(n=80, seed=s), "x2", n=2).p_value for s in range(400)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09


def test_without_a_standard_error_the_permutation_p_value_is_uniform():
    method = LeastSquares(with_se=False)
    p = np.array(
        [negative_control_outcome(method, study(n=20, seed=s), "x2", n=19, random_state=s).p_value for s in range(200)]
    )
    # possible values 1/20 .. 20/20
    assert (p >= 0.05).all()
    assert stats.kstest(p - np.random.default_rng(0).uniform(0, 0.05, 200), "uniform").pvalue > 0.01


@pytest.mark.parametrize("outcome", ["x9", np.ones(60), np.ones(3), np.full(60, np.nan)])
def test_an_unusable_control_is_refused(outcome):
    with pytest.raises(DataError):
        negative_control_outcome(LeastSquares(), study(), outcome)
