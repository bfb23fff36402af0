"""DragonNet: truth, its propensity, and what targeted regularisation does."""

import numpy as np
import pytest
from bent_outcomes import SMALL, bent, naive_error, off

import yinguo as yg
from yinguo.heterogeneity.networks.dragonnet import clever_covariate
from yinguo.nets import torch
from yinguo.nets.blocks import tensor


@pytest.fixture(scope="module")
def fitted():
    study, truth = bent()
    return study, truth, yg.DragonNet(**SMALL | {"folds": 2, "epochs": 600}).fit(study)


def test_effects_and_their_average_are_found_where_means_mislead(fitted):
    study, truth, learner = fitted
    assert naive_error(study, truth) > 0.8
    assert off(learner.effects_, truth) < 0.4
    assert abs(learner.result_.estimate - truth.mean()) < 3 * learner.result_.se
    assert learner.result_.se < 0.2


def test_the_average_uses_the_propensity_of_the_network_which_lines_cannot_give(fitted):
    study, _, learner = fitted
    true = 1 / (1 + np.exp(-2.5 * (np.abs(study.X[:, 0]) - 0.9)))
    e = learner.result_.propensity
    assert np.corrcoef(e, true)[0, 1] > 0.8
    logit = yg.DragonNet(**SMALL | {"folds": 2, "epochs": 20, "propensity": "logit"}).fit(study).result_.propensity
    assert abs(np.corrcoef(logit, true)[0, 1]) < 0.4


def test_at_the_minimum_over_the_correction_the_mean_score_of_the_corrected_outcome_is_zero():
    """The derivative of the targeted term in epsilon is minus twice the mean of h times the corrected residual."""
    study, _ = bent(300)
    network = yg.DragonNet(**SMALL | {"epochs": 50}).fit(study).curves_.network
    batch = {"X": tensor(study.X), "T": tensor(study.T), "Y": tensor(study.Y)}
    network.zero_grad()
    network.losses(batch)["targeted"].backward()
    with torch.no_grad():
        g = network.chance_of_treatment(batch["X"])
        h = clever_covariate(batch["T"], g)
        m = network.curve(batch["X"], batch["T"])
        score = (h * (batch["Y"] - m - network.correction * h)).mean()
    assert network.correction.grad.item() == pytest.approx(-2 * float(score), rel=1e-4)


def test_without_targeting_the_correction_never_moves():
    study, _ = bent(300)
    fits = {b: yg.DragonNet(**SMALL | {"epochs": 50}, targeted_strength=b).fit(study).curves_.network for b in (0, 1)}
    assert fits[0].correction.item() == 0.0
    assert fits[1].correction.item() != 0.0


def test_an_outcome_of_two_values_is_corrected_on_the_log_odds():
    study, truth = bent(1500, binary=True)
    learner = yg.DragonNet(**SMALL).fit(study)
    assert off(learner.effects_, truth) < 0.14
    assert 0 < learner.predict(study.X * 10, 1).min() < learner.predict(study.X * 10, 1).max() < 1


@pytest.mark.parametrize("option", ["targeted_strength", "treatment_strength"])
def test_negative_strengths_are_refused(option):
    study, _ = bent(50)
    with pytest.raises(yg.DataError, match=option):
        yg.DragonNet(**{option: -1.0}).fit(study)
