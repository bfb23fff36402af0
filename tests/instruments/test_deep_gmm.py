"""DeepGMM finds a bent effect curve, chooses it on rows set aside, and plays the game of the paper."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.instruments.deep_gmm import DeepGMM
from yinguo.instruments.networks.deep_gmm import Game, violations
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator

GRID = np.linspace(-3, 3, 25)


def bent(n: int, seed: int) -> yg.Study:
    """Y = |T| + 1.5 U + noise with T = Z + U."""
    rng = np.random.default_rng(seed)
    Z, U = rng.uniform(-3, 3, n), rng.normal(size=n)
    T = Z + U
    return yg.Study.from_arrays(np.empty((n, 0)), T, np.abs(T) + 1.5 * U + 0.1 * rng.normal(size=n), Z=Z)


def centred_error(curve: np.ndarray) -> float:
    gap = curve - np.abs(GRID)
    return float(np.mean((gap - gap.mean()) ** 2))


def test_deep_gmm_finds_the_absolute_value_where_regression_is_confounded():
    study = bent(2000, 0)
    confounded = np.polynomial.Polynomial.fit(study.T, study.Y, 6)
    assert centred_error(confounded(GRID)) > 0.2
    assert centred_error(DeepGMM(epochs=150).fit(study).predict(None, GRID)) < 0.1


def test_violations_are_those_of_a_slow_loop():
    generator = make_generator(0)
    f, e, w = torch.randn(3, 20, generator=generator), torch.randn(2, 20, generator=generator), torch.rand(20)
    table = violations(f, e, w)
    for k in range(2):
        for j in range(3):
            slow = sum(float(f[j, i] * e[k, i] - f[j, i] ** 2 * w[i] / 4) for i in range(20)) / 20
            assert table[k, j].item() == pytest.approx(slow, abs=1e-5)


def test_the_adversary_climbs_the_objective_and_the_response_descends_it():
    """At residual e and witness f the two losses are the two sides of mean(f e) - mean(f^2 e^2) / 4."""
    game = Game(DeepGMM(response=(4,), adversary=(4,)), 2, 3, make_generator(0))
    generator = make_generator(1)
    batch = {
        name: torch.randn(30, width, generator=generator) for name, width in (("Y", 1), ("T", 1), ("X", 1), ("ZX", 3))
    }
    with torch.no_grad():
        f, e = game.f(batch["ZX"]), batch["Y"] - game(batch["T"], batch["X"])
    objective = float((f * e).mean() - (f * e).square().mean() / 4)
    assert sum(v.item() for v in game.adversary_losses(batch).values()) == pytest.approx(-objective, rel=1e-5)
    assert game.response_losses(batch)["violation"].item() == pytest.approx(float((f * e).mean()), rel=1e-5)
    # The weight holds the residual fixed: g feels the violation alone.
    game.response_losses(batch)["violation"].backward()
    assert all(p.grad is None for p in game.f.parameters())


def test_the_curve_kept_has_the_smallest_worst_violation_of_those_met():
    fitted = DeepGMM(epochs=12, every=3, patience=None).fit(bent(300, 1))
    assert fitted.kept_epoch_ in (3, 6, 9, 12)
    assert len(fitted.history_.epochs) == 12
    short = DeepGMM(epochs=60, every=1, burn_in=5, patience=2).fit(bent(300, 1))
    assert short.history_.stopped == "callback"


def test_the_global_seed_of_torch_changes_nothing():
    curves = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        curves.append(DeepGMM(epochs=3).fit(bent(200, 2)).predict(None, GRID))
    assert np.array_equal(*curves)
