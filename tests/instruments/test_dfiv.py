"""DFIV finds a bent effect curve that a confounded regression misses, and its parts are what the paper says."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.instruments.dfiv import DFIV
from yinguo.instruments.networks.dfiv import FeatureNetworks
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.ridge import augmented, ridge_weights


def bent(n: int, seed: int) -> yg.Study:
    """Y = |T| + 1.5 U + noise with T = Z + U: the regression of Y on T is steeper on the right, flat on the left."""
    rng = np.random.default_rng(seed)
    Z, U = rng.uniform(-3, 3, n), rng.normal(size=n)
    T = Z + U
    return yg.Study.from_arrays(np.empty((n, 0)), T, np.abs(T) + 1.5 * U + 0.1 * rng.normal(size=n), Z=Z)


GRID = np.linspace(-3, 3, 25)


def centred_error(curve: np.ndarray) -> float:
    gap = curve - np.abs(GRID)
    return float(np.mean((gap - gap.mean()) ** 2))


def test_dfiv_finds_the_absolute_value_where_regression_is_confounded():
    study = bent(1500, 0)
    ours = centred_error(DFIV(epochs=50, random_state=0).fit(study).predict(None, GRID))
    # What infinitely flexible regression would learn, fitted by local means in narrow bins.
    bins = np.digitize(study.T, np.linspace(-3.25, 3.25, 27))
    confounded = np.array([study.Y[bins == k].mean() for k in range(2, 27)])
    assert ours < 0.12
    assert centred_error(np.interp(GRID, np.linspace(-3, 3, 25), confounded)) > 0.2


def test_covariates_change_the_effect():
    rng = np.random.default_rng(3)
    n = 1000
    Z, U, X = rng.uniform(-2, 2, n), rng.normal(size=n), rng.integers(0, 2, n)
    T = Z + 0.5 * U
    Y = (1 + 2 * X) * T + U
    curve = DFIV(epochs=25, random_state=1).fit(yg.Study.from_arrays(X[:, None], T, Y, Z=Z))
    slopes = curve.effect(np.array([[0.0], [1.0]]), -1.0, 1.0) / 2
    assert slopes == pytest.approx([1.0, 3.0], abs=0.35)


def test_the_kept_round_is_the_one_with_the_lowest_held_out_loss():
    fitted = DFIV(epochs=8, random_state=0).fit(bent(300, 1))
    losses = [epoch.validation for epoch in fitted.history_.epochs]
    assert fitted.history_.best == 1 + int(np.argmin(losses))
    assert "first stage" in fitted.history_.validation


def network_and_data(covariates: int = 2):
    network = FeatureNetworks(DFIV(), 1, covariates, make_generator(0))
    generator = make_generator(1)
    rows = {"1": 40, "2": 30}
    widths = {"Y": 1, "T": 1, "X": covariates, "ZX": 1 + covariates}
    data = {k + h: torch.randn(rows[h], w, generator=generator) for k, w in widths.items() for h in rows}
    return network.eval(), data


def test_predicted_features_are_those_of_the_first_stage_ridge():
    network, data = network_and_data()
    with torch.no_grad():
        one, two = (augmented(network.phi(data[k])) for k in ("ZX1", "ZX2"))
        V = ridge_weights(one, network.psi(data["T1"]), 0.1 * 40)
        assert torch.allclose(network.projected(data), two @ V, atol=1e-6)


def test_the_second_stage_gradient_passes_through_the_first_stage_to_psi():
    network, data = network_and_data()
    network.double()
    data = {k: v.double() for k, v in data.items()}
    weight = network.psi[0].weight
    network.stage2_losses(data)["loss"].backward()
    step = 1e-6
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[3, 0] += sign * step
            values.append(float(network.stage2_losses(data)["loss"]))
            weight[3, 0] -= sign * step
    assert weight.grad[3, 0].item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)


def test_settled_weights_are_solved_with_the_final_features():
    network, data = network_and_data()
    network.settle(data)
    before = network.weights.clone()
    with torch.no_grad():
        network.psi[0].weight.mul_(2.0)
    network.settle(data)
    assert not torch.allclose(network.weights, before)


def test_without_covariates_there_is_no_covariate_network():
    network, _ = network_and_data(covariates=0)
    assert network.xi is None
    assert [phase.name for phase in network.phases()] == ["stage 1", "stage 2"]


def test_the_global_seed_of_torch_changes_nothing():
    curves = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        curves.append(DFIV(epochs=2).fit(bent(200, 2)).predict(None, GRID))
    assert np.array_equal(*curves)
