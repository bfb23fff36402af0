"""Conditional densities: likelihoods by hand, draws with the right moments, fits that find the truth."""

import numpy as np
import pytest
from scipy import stats

from yinguo.nets import torch
from yinguo.nets.blocks import make_generator, tensor
from yinguo.nets.conditional_density import ChoiceModel, MixtureDensity, log_density
from yinguo.nets.stage import fit_stage, split_rows


def fitted(stage, data, epochs=60):
    n = len(data["V"])
    train, held = split_rows(n, 0.1, np.random.default_rng(0))
    fit_stage(
        stage, data, train, held,
        epochs=epochs, batch_size=200, patience=None, generator=make_generator(1), device="cpu", says="likelihood",
    )  # fmt: skip
    return stage


def test_the_log_density_is_that_of_a_mixture():
    rng = np.random.default_rng(0)
    outputs, T = rng.normal(size=(7, 9)), rng.normal(size=7)
    odds, means, spreads = np.split(outputs, 3, axis=1)
    weights = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    by_hand = np.log((weights * stats.norm.pdf(T[:, None], means, np.exp(spreads))).sum(axis=1))
    assert log_density(torch.as_tensor(outputs), torch.as_tensor(T[:, None])).numpy() == pytest.approx(by_hand)


def test_draws_have_the_moments_of_the_mixture():
    weights, means, spreads = np.array([0.2, 0.8]), np.array([-2.0, 1.0]), np.array([0.5, 0.1])
    row = torch.as_tensor(np.concatenate([np.log(weights), means, np.log(spreads)]))[None]
    draws = MixtureDensity.draw(row, 100_000, make_generator(0)).numpy()[0]
    mean = weights @ means
    second = weights @ (means**2 + spreads**2)
    assert draws.mean() == pytest.approx(mean, abs=0.02)
    assert (draws**2).mean() == pytest.approx(second, abs=0.03)
    assert np.mean(draws < -0.5) == pytest.approx(0.2, abs=0.01)


def test_draws_repeat_with_the_seed_and_leave_global_randomness_alone():
    row, state = torch.zeros(3, 6), torch.get_rng_state()
    a, b = (MixtureDensity.draw(row, 4, make_generator(5)) for _ in range(2))
    assert torch.equal(a, b)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_spread_that_depends_on_the_instrument_is_found():
    rng = np.random.default_rng(1)
    z = rng.uniform(-1, 1, 3000)
    t = z + np.where(z > 0, 1.0, 0.2) * rng.normal(size=3000)
    data = {"V": tensor(z), "T": tensor(t)}
    stage = fitted(MixtureDensity(1, 1, hidden=(32,), generator=make_generator(0), learning_rate=1e-2), data)
    _, means, spreads = stage.parameters_at(tensor([-0.5, 0.5])).detach().numpy().T
    assert means == pytest.approx([-0.5, 0.5], abs=0.15)
    assert np.exp(spreads) == pytest.approx([0.2, 1.0], rel=0.25)


def test_two_branches_take_two_components():
    rng = np.random.default_rng(2)
    z, side = rng.uniform(-1, 1, 3000), rng.choice([-1.0, 1.0], 3000)
    data = {"V": tensor(z), "T": tensor(side + 0.2 * rng.normal(size=3000))}
    one, two = (
        fitted(MixtureDensity(1, k, hidden=(16,), generator=make_generator(0), learning_rate=1e-2), data)
        for k in (1, 2)
    )
    exact = -np.mean(
        np.log(0.5 * stats.norm.pdf(data["T"].numpy(), 1, 0.2) + 0.5 * stats.norm.pdf(data["T"].numpy(), -1, 0.2))
    )
    assert two.held_out_loss(data) == pytest.approx(exact, abs=0.05)
    assert one.held_out_loss(data) > exact + 0.3


def test_a_single_repeated_value_does_not_break_the_likelihood():
    data = {"V": tensor(np.linspace(-1, 1, 100)), "T": tensor(np.zeros(100))}
    stage = fitted(MixtureDensity(1, 2, hidden=(8,), generator=make_generator(0), learning_rate=0.1), data, epochs=50)
    assert np.isfinite(stage.held_out_loss(data))


def test_chances_are_found():
    rng = np.random.default_rng(3)
    z = rng.normal(size=4000)
    p = 1 / (1 + np.exp(-2 * z))
    data = {"V": tensor(z), "level": tensor((rng.random(4000) < p).astype(float))}
    stage = fitted(ChoiceModel(1, 2, hidden=(16,), generator=make_generator(0), learning_rate=1e-2), data, epochs=30)
    chances = stage.chances(tensor([-1.0, 0.0, 1.0])).detach().numpy()
    assert chances.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert chances[:, 1] == pytest.approx(1 / (1 + np.exp([2.0, 0.0, -2.0])), abs=0.08)
