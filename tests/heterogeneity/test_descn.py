"""DESCN: truth for both kinds of outcome, its losses at the truth, its propensity."""

import numpy as np
import pytest
from bent_outcomes import SMALL, bent, naive_error, off

import yinguo as yg
from yinguo.heterogeneity.networks.common import factual_weights
from yinguo.nets import torch
from yinguo.nets.blocks import tensor

OPTIONS = SMALL | {"heads": (32, 32)}


def test_effects_on_a_chance_are_found_where_means_mislead():
    study, truth = bent(1500, binary=True)
    learner = yg.DESCN(**OPTIONS).fit(study)
    assert naive_error(study, truth) > 0.2
    assert off(np.zeros(study.n), truth) > 0.13
    assert off(learner.effects_, truth) < 0.13
    assert abs(learner.result_.estimate - truth.mean()) < 0.08


def test_our_extension_finds_effects_on_an_outcome_of_any_size():
    study, truth = bent()
    learner = yg.DESCN(**OPTIONS).fit(study)
    assert naive_error(study, truth) > 0.8
    assert off(learner.effects_, truth) < 0.45


@pytest.mark.parametrize("weighted", [True, False])
def test_the_true_chances_are_where_every_term_has_no_slope(weighted):
    """At one value of the covariates, with expectations for means: pi, mu0, mu1 and tau of the truth are stationary.

    With weights for the products and none, or others, for the propensity they would not be.
    """
    e, mu0, mu1, share = 0.2, 0.3, 0.6, 0.35
    weights = factual_weights(tensor(np.array([0.0, 1.0])), share if weighted else 0.5)[:, 0].double()
    odds = torch.tensor([e * weights[1] / ((1 - e) * weights[0]), mu0 / (1 - mu0), mu1 / (1 - mu1)]).double()
    score = torch.cat([odds.log(), (odds[2:] / odds[1:2]).log()]).requires_grad_(True)
    pi, m0, m1 = torch.sigmoid(score[:3])
    bce = lambda p, y: -(y * p.log() + (1 - y) * (1 - p).log())  # noqa: E731
    total = 0.0
    for t, y, chance in ((0, 0, (1 - e) * (1 - mu0)), (0, 1, (1 - e) * mu0), (1, 0, e * (1 - mu1)), (1, 1, e * mu1)):
        across = torch.sigmoid(score[1] + score[3] if t else score[2] - score[3])
        entire = bce(pi, t) + bce(pi * m1, y * t) + bce((1 - pi) * m0, y * (1 - t))
        total = total + chance * (weights[t] * entire + bce(across, y))
    total.backward()
    assert score.grad.abs().max() < 1e-12


def test_the_propensity_is_told_without_the_weights_of_the_arms():
    study, _ = bent(3000, binary=True)
    true = 1 / (1 + np.exp(-2.5 * (np.abs(study.X[:, 0]) - 0.9)))
    rare = np.flatnonzero((study.T == 0) | (np.random.default_rng(0).random(study.n) < 0.2))
    odds = 0.2 * true / (1 - true)
    learner = yg.DESCN(**OPTIONS).fit(study.take(rare))
    e = learner.curves_.propensity(study.X)
    assert off(e, odds / (1 + odds)) < 0.1
    # With the weights of the arms left in, the mean would be near one half.
    assert e.mean() == pytest.approx((odds / (1 + odds)).mean(), abs=0.05)


def test_strengths_are_checked():
    study, _ = bent(50, binary=True)
    for options in ({"cross_strengths": (1.0,)}, {"entire_strength": -1.0}):
        with pytest.raises(yg.DataError, match=next(iter(options))):
            yg.DESCN(**options).fit(study)
