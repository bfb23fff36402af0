"""The balancing neural network: one head, its limits, truth."""

import numpy as np
import pytest
from bent_outcomes import SMALL, bent, naive_error

import yinguo as yg


def test_with_two_heads_and_no_balance_it_is_tarnet_number_for_number():
    study, _ = bent(300)
    options = SMALL | {"epochs": 60}
    tarnet = yg.TARNet(**options).fit(study).effects_
    bnn = yg.BNN(**options, head_penalty=1e-4, two_heads=True, balance_strength=0.0).fit(study).effects_
    assert np.array_equal(bnn, tarnet)


@pytest.mark.parametrize("distance", ["wasserstein", "mmd-rbf"])
def test_with_two_heads_it_is_counterfactual_regression(distance):
    study, _ = bent(300)
    options = SMALL | {"epochs": 60, "head_penalty": 1e-3, "balance_strength": 0.2, "distance": distance}
    assert np.array_equal(yg.BNN(**options, two_heads=True).fit(study).effects_, yg.CFR(**options).fit(study).effects_)


def test_the_average_effect_is_found_where_means_mislead():
    study, truth = bent()
    learner = yg.BNN(**SMALL, balance_strength=0.1).fit(study)
    assert naive_error(study, truth) > 0.8
    assert abs(learner.result_.estimate - truth.mean()) < 0.25


def test_without_hidden_layers_in_its_head_the_effect_is_one_and_no_penalty_shrinks_it():
    study, truth = bent()
    options = SMALL | {"heads": (), "balance_strength": 0.0, "normalise": False}
    fits = {p: yg.BNN(**options, head_penalty=p).fit(study).effects_ for p in (0.0, 10.0)}
    for effects in fits.values():
        assert effects.std() < 1e-4
        assert abs(effects.mean() - truth.mean()) < 0.3
