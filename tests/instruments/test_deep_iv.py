"""DeepIV: exact where it integrates, unbiased where it draws, right where a regression is confounded."""

import numpy as np
import pytest
from network_toys import GRID, bent, effect_errors, regression_curve, regression_effect, shape_error, two_arms

import yinguo as yg
from yinguo.instruments.networks.deep_iv import Response
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.conditional_density import MixtureDensity

SHORT = {"epochs": 30, "hidden": (32, 16)}


def response(**options):
    """A second stage with a small network of one treatment and one covariate."""
    method = yg.DeepIV(**options)
    made = Response(method, 2, 0, hidden=(8,), generator=make_generator(1), dropout=0.0, learning_rate=1e-3, l2=0.0)
    made.double()
    return made


def batch(n=5, components=2, seed=0):
    """Outcomes, covariates and mixtures in double precision."""
    made = make_generator(seed)
    normal = lambda k: torch.randn(n, k, generator=made).double()  # noqa: E731
    Y, X, weights = normal(1), normal(1), torch.log_softmax(normal(components), 1)
    return {"Y": Y, "X": X, "mixture": torch.cat([weights, normal(2 * components)], 1)}


def test_two_arms_are_recovered_where_a_regression_is_confounded():
    errors = effect_errors(yg.DeepIV(**SHORT))
    assert abs(errors.mean()) < 4 * errors.std(ddof=1) / np.sqrt(len(errors))
    assert errors.std() < 0.25
    study, truth = two_arms()
    fitted = yg.DeepIV(**SHORT).fit(study)
    assert regression_effect(study) - truth > 0.8
    # The effect grows by 1/2 per unit of the covariate.
    gain = fitted.effect(np.array([[-1.0], [1.0]]))
    assert gain[1] - gain[0] == pytest.approx(1.0, abs=0.5)


@pytest.mark.parametrize("model", ["gaussian", "mixture"])
def test_a_bent_curve_is_recovered_where_a_regression_is_confounded(model):
    study = bent()
    fitted = yg.DeepIV(treatment_model=model, components=3, **SHORT).fit(study)
    assert shape_error(fitted.predict(None, GRID), np.abs(GRID)) < 0.3
    assert shape_error(regression_curve(study), np.abs(GRID)) > 0.4


def test_the_published_default_of_one_squared_error_per_draw_flattens_the_curve():
    # It adds the variance of g over the treatment to the loss; the truth climbs by 2.
    study = bent()
    right, flat = (
        yg.DeepIV(unbiased_gradient=unbiased, **SHORT).fit(study).effect(None, 0.0, np.array([2.0]))[0]
        for unbiased in (True, False)
    )
    assert flat < 0.8
    assert 1.0 < right < 2.4


def test_with_few_values_the_integral_is_the_sum_over_them():
    made, rows = response(), batch()
    made.levels = torch.tensor([-1.0, 1.0, 2.0]).double()
    chances = torch.softmax(torch.randn(5, 3, generator=make_generator(3)), 1).double()
    by_hand = 0.0
    for i in range(5):
        g = [made.net(torch.tensor([[t, float(rows["X"][i, 0])]]).double()).item() for t in (-1.0, 1.0, 2.0)]
        by_hand += (rows["Y"][i, 0].item() - sum(p * v for p, v in zip(chances[i].tolist(), g, strict=True))) ** 2 / 5
    del rows["mixture"]
    assert made.squares(rows | {"chances": chances}, 1, True, None).item() == pytest.approx(by_hand, rel=1e-12)


def test_the_unbiased_loss_is_the_product_of_the_errors_of_different_draws():
    made, rows = response(), batch()
    loss = made.squares(rows, 4, True, make_generator(5)).item()
    g = made.curves(MixtureDensity.draw(rows["mixture"], 4, make_generator(5)), rows["X"])
    missed = (rows["Y"] - g).detach().numpy()
    pairs = [(r, s) for r in range(4) for s in range(4) if r != s]
    assert loss == pytest.approx(np.mean([(missed[:, r] * missed[:, s]).mean() for r, s in pairs]), rel=1e-10)


def test_the_unbiased_gradient_is_that_of_the_integral_and_the_other_is_not():
    made, rows = response(), batch(n=3)

    def gradient(loss):
        made.zero_grad()
        loss.backward()
        return torch.cat([p.grad.flatten() for p in made.parameters()]).numpy()

    draws = MixtureDensity.draw(rows["mixture"], 100_000, make_generator(9))
    exact = gradient((rows["Y"][:, 0] - made.curves(draws, rows["X"]).mean(1)).square().mean())
    generator = make_generator(2)
    for unbiased in (True, False):
        found = np.array([gradient(made.squares(rows, 2, unbiased, generator)) for _ in range(1000)])
        z = (found.mean(0) - exact) / (found.std(0) / np.sqrt(len(found)) + 1e-12)
        assert (np.abs(z).max() < 5) == unbiased


def test_the_treatment_model_follows_the_kind_of_treatment_and_is_checked():
    study, _ = two_arms(n=200)
    assert yg.DeepIV()._model(study) == "logistic"
    assert yg.DeepIV()._model(bent(n=200)) == "mixture"
    with pytest.raises(yg.DataError, match="at most 50"):
        yg.DeepIV(treatment_model="logistic").fit(bent(n=200))
    with pytest.raises(yg.DataError, match="'poisson'"):
        yg.DeepIV(treatment_model="poisson").fit(study)
    with pytest.raises(yg.DataError, match="at least 2 draws"):
        yg.DeepIV(samples=1).fit(bent(n=200))


@pytest.mark.parametrize(("n", "share"), [(2222, 1 / 3), (200, 0.5)])
def test_dropout_none_is_the_published_share_of_the_rows_that_train(n, share):
    study = bent(n=n)
    common = {"epochs": 1, "hidden": (8, 4)}
    published, stated, none = (
        yg.DeepIV(dropout=dropout, **common).fit(study).predict(None, GRID) for dropout in (None, share, 0.0)
    )
    assert np.array_equal(published, stated)
    assert not np.array_equal(published, none)


@pytest.mark.parametrize(
    "options",
    [
        {"treatment_model": "gaussian"}, {"components": 2}, {"hidden": (8,)}, {"dropout": 0.3}, {"stage1_l2": 0.1},
        {"stage2_l2": 0.1}, {"samples": 5}, {"unbiased_gradient": False}, {"batch_size": 20}, {"learning_rate": 1e-2},
        {"validation": 0.4}, {"epochs": 4}, {"random_state": 1},
    ],
)  # fmt: skip
def test_every_option_matters(options):
    study = bent(n=150)
    common = {"epochs": 3, "hidden": (8, 4)}
    plain, other = (yg.DeepIV(**common | more).fit(study).predict(None, GRID) for more in ({}, options))
    assert not np.array_equal(plain, other)


def test_patience_stops_a_stage():
    fitted = yg.DeepIV(epochs=200, patience=2, hidden=(8,), learning_rate=0.05).fit(bent(n=150))
    assert all(len(history.epochs) < 200 and history.stopped == "no progress" for history in fitted.histories_)
