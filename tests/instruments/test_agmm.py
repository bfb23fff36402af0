"""AGMM: the game, its average, and a bent curve that a confounded regression misses."""

import numpy as np
import pytest
from network_toys import GRID, bent, regression_curve, shape_error

import yinguo as yg
from yinguo.instruments.networks.agmm import Game
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator

SMALL = {"learner_hidden": (32,), "adversary_hidden": (32,)}


def test_a_bent_curve_is_recovered_where_a_regression_is_confounded():
    study = bent()
    fitted = yg.AGMM(epochs=60, **SMALL).fit(study)
    assert shape_error(fitted.predict(None, GRID), np.abs(GRID)) < 0.35
    assert shape_error(regression_curve(study), np.abs(GRID)) > 0.6


def test_the_two_losses_are_the_two_sides_of_the_game():
    game, made = Game(yg.AGMM(**SMALL), 2, 2, make_generator(0)), make_generator(1)
    rows = {"Y": torch.randn(20, 1, generator=made), "TX": torch.randn(20, 2, generator=made)}
    rows["ZX"] = torch.randn(20, 2, generator=made)
    missed = (rows["Y"] - game.learner(rows["TX"])).detach().numpy()
    f = game.adversary(rows["ZX"]).detach().numpy()
    assert game.learner_losses(rows)["moment"].item() == pytest.approx(np.mean(missed * f), rel=1e-5)
    adversary = sum(game.adversary_losses(rows).values()).item()
    assert adversary == pytest.approx(-np.mean(missed * f) + np.mean(f**2), rel=1e-5)


def test_the_prediction_averages_the_learners_after_the_burn_in():
    study = bent(n=200)
    averaged, last = (yg.AGMM(epochs=4, predict_by=by, **SMALL).fit(study) for by in ("average", "last"))
    assert (len(learners(averaged)), len(learners(last))) == (2, 1)
    scale_T, scale_Y = averaged.curve_.scale_T, averaged.curve_.scale_Y
    inputs = torch.tensor(scale_T(GRID)[:, None], dtype=torch.float32)
    curves = [learner(inputs)[:, 0].detach().numpy() for learner in learners(averaged)]
    by_hand = scale_Y.back(np.mean(curves, axis=0).astype(float))
    assert averaged.predict(None, GRID) == pytest.approx(by_hand, rel=1e-5, abs=1e-6)
    assert last.predict(None, GRID) == pytest.approx(scale_Y.back(curves[-1].astype(float)), abs=1e-5)
    assert len(learners(yg.AGMM(epochs=4, burn_in=0.0, **SMALL).fit(study))) == 4


def learners(fitted: yg.AGMM):
    """The networks that the curve averages."""
    return fitted.curve_.network.network.networks


def test_the_way_to_predict_is_checked():
    with pytest.raises(yg.DataError, match="'best'"):
        yg.AGMM(predict_by="best").fit(bent(n=100))


@pytest.mark.parametrize(
    "options",
    [
        {"learner_hidden": (8,)}, {"adversary_hidden": (8,)}, {"dropout": 0.3}, {"learner_l2": 1.0},
        {"adversary_l2": 1.0}, {"learner_rate": 1e-2}, {"adversary_rate": 1e-2}, {"betas": (0.0, 0.5)},
        {"predict_by": "last"}, {"burn_in": 0.0}, {"batch_size": 20}, {"epochs": 5}, {"random_state": 1},
    ],
)  # fmt: skip
def test_every_option_matters(options):
    study = bent(n=150)
    common = {"epochs": 4, **SMALL}
    plain, other = (yg.AGMM(**common | more).fit(study).predict(None, GRID) for more in ({}, options))
    assert not np.array_equal(plain, other)
