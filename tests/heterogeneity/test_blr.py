"""Balancing linear regression: ridge at strength zero, where the weights go, truth."""

import numpy as np
import pytest

import yinguo as yg


def crossed(n: int = 800, seed: int = 0) -> yg.Study:
    """Effect 2; x0 confounds, x1 sets the arms apart but leaves the outcome alone, x2 moves the outcome alone."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    T = (X[:, 0] + 2 * X[:, 1] + rng.normal(size=n) > 0).astype(float)
    return yg.Study.from_arrays(X, T, 2 * T + 1.5 * X[:, 0] + X[:, 2] + 0.3 * rng.normal(size=n))


def test_the_effect_is_found_where_the_difference_of_means_is_not_it():
    study = crossed()
    learner = yg.BLR(balance_strength=0.01, penalty=1e-4).fit(study)
    naive = study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean()
    assert naive > 2.5
    assert abs(learner.effects_[0] - 2) < 0.1
    assert np.ptp(learner.effects_) < 1e-12
    assert abs(learner.result_.estimate - 2) < 4 * learner.result_.se


def test_balance_takes_weight_from_what_sets_the_arms_apart_and_costs_adjustment():
    study = crossed()
    light, heavy = (yg.BLR(balance_strength=a).fit(study) for a in (0.001, 10.0))
    assert heavy.covariate_weights_[2] > light.covariate_weights_[2]
    assert heavy.covariate_weights_[2] > 0.6
    assert light.covariate_weights_[1] < 0.1
    assert heavy.effects_[0] > light.effects_[0] + 0.1


def test_without_folds_there_is_no_interval():
    result = yg.BLR(folds=None).fit(crossed(200)).result_
    assert result.se is None
    assert "folds" in result.no_inference


@pytest.mark.parametrize("options", [{"balance_strength": -1.0}, {"penalty": 0.0}])
def test_strengths_out_of_range_are_refused(options):
    with pytest.raises(yg.DataError, match=next(iter(options))):
        yg.BLR(**options).fit(crossed(50))
