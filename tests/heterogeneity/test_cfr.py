"""Counterfactual regression: TARNet at strength zero, what the distances do, and truth on bent outcomes."""

import numpy as np
import pytest
from bent_outcomes import SMALL, bent, naive_error, off

import yinguo as yg
from yinguo.heterogeneity.networks.cfr import DISTANCES
from yinguo.nets import torch
from yinguo.nets.blocks import tensor


@pytest.mark.parametrize("distance", ["wasserstein", "mmd-linear", "mmd-rbf"])
def test_at_strength_zero_it_is_tarnet_number_for_number(distance):
    study, _ = bent(300)
    options = SMALL | {"epochs": 60, "folds": 2}
    tarnet = yg.TARNet(**options).fit(study)
    cfr = yg.CFR(**options, balance_strength=0.0, distance=distance).fit(study)
    assert np.array_equal(tarnet.effects_, cfr.effects_)
    assert tarnet.result_.estimate == cfr.result_.estimate
    assert tarnet.result_.se == cfr.result_.se


def test_unit_effects_are_found_where_means_mislead():
    study, truth = bent()
    assert naive_error(study, truth) > 0.8
    for distance, strength in (("wasserstein", 0.3), ("mmd-linear", 1.0), ("mmd-rbf", 1.0)):
        learner = yg.CFR(**SMALL, distance=distance, balance_strength=strength).fit(study)
        assert off(learner.effects_, truth) < 0.4, distance


@pytest.mark.parametrize(("distance", "high"), [("wasserstein", 10.0), ("mmd-linear", 30.0), ("mmd-rbf", 100.0)])
def test_more_balance_leaves_less_between_the_arms(distance, high):
    study, _ = bent(600)
    apart = []
    for strength in (0.0, high):
        learner = yg.CFR(**SMALL, distance=distance, balance_strength=strength).fit(study)
        with torch.no_grad():
            r = learner.curves_.network.curve.represent(tensor(learner.curves_.scale_X(study.X)))
            apart.append(float(DISTANCES[distance](r[study.T == 1], r[study.T == 0])))
    assert apart[0] > 2 * apart[1]


def test_too_much_balance_takes_from_the_heads_what_they_must_adjust_for():
    study, truth = bent()
    learner = yg.CFR(**SMALL, balance_strength=30.0).fit(study)
    assert abs(learner.result_.estimate - truth.mean()) > 0.3


def test_outcomes_that_the_covariates_explain_well_do_not_draw_the_representation_into_a_point():
    """Without the steps before the penalty it collapses before the heads have learned anything, and stays there."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    T = (X[:, 0] + rng.normal(size=600) > 0.5).astype(float)
    truth = 1 + X[:, 1]
    study = yg.Study.from_arrays(X, T, 3 * X[:, 0] + truth * T + 0.01 * rng.normal(size=600))
    options = {"representation": (64, 64, 64), "heads": (32, 32), "epochs": 300, "folds": None}
    fits = {k: yg.CFR(**options, warm_up=k).fit(study).effects_ for k in (0, 50)}
    assert off(fits[0], truth) > 2
    assert off(fits[50], truth) < 0.5


@pytest.mark.parametrize(("option", "value"), [("distance", "energy"), ("balance_strength", -0.1)])
def test_an_unknown_distance_and_a_negative_strength_are_refused(option, value):
    study, _ = bent(50)
    with pytest.raises(yg.DataError, match=option):
        yg.CFR(**{option: value}).fit(study)
