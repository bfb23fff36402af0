"""DFL: a good regression, and therefore a confounded one."""

import numpy as np
import pytest
from network_toys import GRID, bent, shape_error

import yinguo as yg
from yinguo.instruments.networks.dfl import Features
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator

SHORT = {"epochs": 10, "learning_rate": 5e-3}


def test_without_hidden_confounding_the_curve_is_recovered_where_a_difference_in_means_is_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=1500)
    T = X + rng.normal(size=1500)
    study = yg.Study.from_arrays(X[:, None], T, np.abs(T) + 2 * X + 0.2 * rng.normal(size=1500))
    fitted = yg.DFL(**SHORT).fit(study)
    curve = np.mean([fitted.predict(np.full((41, 1), x), GRID) for x in (-1.0, 0.0, 1.0)], axis=0)
    assert shape_error(curve, np.abs(GRID)) < 0.2
    assert shape_error(np.polyval(np.polyfit(T, study.Y, 6), GRID), np.abs(GRID)) > 0.6


def test_with_hidden_confounding_it_is_wrong_however_many_rows_and_ignores_the_instrument():
    for n in (1000, 8000):
        study = bent(n=n)
        fitted = yg.DFL(**SHORT).fit(study)
        # The instrumented curve is |t|; the regression adds 2 E[U | t], a line of slope 0.62.
        assert shape_error(fitted.predict(None, GRID), np.abs(GRID) + 2 / 3.25 * GRID) < 0.25
        assert shape_error(fitted.predict(None, GRID), np.abs(GRID)) > 0.5
    assert any("instruments" in note and "not used" in note for note in fitted.result_.notes)
    other = study.replace(Z=-5 * study.Z)
    assert np.array_equal(yg.DFL(**SHORT).fit(other).predict(None, GRID), fitted.predict(None, GRID))


def test_the_loss_is_the_smallest_that_weights_can_give():
    network, made = Features(yg.DFL(penalty=0.01), 1, make_generator(0)), make_generator(1)
    network.eval()
    rows = {name: torch.randn(50, 1, generator=made) for name in ("Y", "T", "X")}
    F = network.features(rows["T"], rows["X"]).detach().numpy().astype(float)
    Y = rows["Y"].numpy().astype(float)
    assert F.shape == (50, 2 * 17)
    w = np.linalg.solve(F.T @ F + 0.5 * np.eye(34), F.T @ Y)
    smallest = (np.sum((Y - F @ w) ** 2) + 0.5 * np.sum(w**2)) / 50
    assert network.losses(rows)["loss"].item() == pytest.approx(smallest, rel=1e-4)
    network.settle(rows)
    assert network(rows["T"], rows["X"]).numpy(force=True) == pytest.approx(F @ w, abs=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"treatment_features": (8, 2)}, {"covariate_features": (8, 8, 4)}, {"penalty": 0.1}, {"treatment_steps": 3},
        {"covariate_steps": 3}, {"learning_rate": 1e-2}, {"validation": 0.4}, {"epochs": 1}, {"random_state": 1},
    ],
)  # fmt: skip
def test_every_option_matters(options):
    study = bent(n=150)
    study = study.replace(X=study.Z + 0.0, covariates=["x"])
    plain, other = (
        yg.DFL(**{"epochs": 3} | more).fit(study).predict(np.zeros((41, 1)), GRID) for more in ({}, options)
    )
    assert not np.array_equal(plain, other)


def test_patience_stops_training():
    assert len(yg.DFL(epochs=200, patience=1, learning_rate=0.1).fit(bent(n=100)).history_.epochs) < 200
