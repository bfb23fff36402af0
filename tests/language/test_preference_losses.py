"""Objectives against slow loops, finite differences and each other."""

import json
import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from yinguo.language.preference_losses import (  # noqa: E402
    batch_weights,
    clipped_ratio_loss,
    divergence_estimate,
    dpo_loss,
    entropy_estimate,
    reward_weighted_loss,
    simpo_loss,
    value_objective,
)
from yinguo.nets.blocks import make_generator  # noqa: E402

REFERENCE = Path(__file__).parents[1] / "reference" / "preference_losses" / "trl.json"
DRAW = torch.randn(6, 12, generator=make_generator(0), dtype=torch.float64)
Y, ELL, G, G_DRAWN, ELL_DRAWN, LOG_P = DRAW
BATCH = {"Y": Y, "log_ratio": ELL, "g": G, "g_drawn": G_DRAWN, "log_ratio_drawn": ELL_DRAWN}


def slow_value(normalise, clip, c_ipw=1.0, c_out=1.0):
    def weights(ells):
        found = [math.exp(min(max(ell, -clip), clip)) for ell in ells.tolist()]
        return [w / (sum(found) / len(found)) for w in found] if normalise else found

    n = len(Y)
    read = sum(w * (y - g) for w, y, g in zip(weights(ELL), Y.tolist(), G.tolist(), strict=True)) / n
    drawn = sum(w * g for w, g in zip(weights(ELL_DRAWN), G_DRAWN.tolist(), strict=True)) / n
    return c_ipw * read + c_out * drawn


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("clip", [0.5, 100.0])
def test_the_value_is_that_of_a_slow_loop(normalise, clip):
    found = value_objective(**BATCH, normalise=normalise, clip=clip, c_ipw=0.7, c_out=1.3)
    assert found.item() == pytest.approx(slow_value(normalise, clip, 0.7, 1.3), abs=1e-12)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("clip", [None, 0.8])
def test_gradients_of_the_value_are_finite_differences(normalise, clip):
    def value(ell, ell_drawn):
        return value_objective(
            Y=Y, g=G, g_drawn=G_DRAWN, log_ratio=ell, log_ratio_drawn=ell_drawn, normalise=normalise, clip=clip
        )

    assert torch.autograd.gradcheck(value, (ELL.clone().requires_grad_(), ELL_DRAWN.clone().requires_grad_()))


def test_gradients_of_the_baselines_are_finite_differences():
    one, two = ELL.clone().requires_grad_(), LOG_P.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: dpo_loss(a, b, strength=0.3), (one, two))
    assert torch.autograd.gradcheck(lambda a, b: simpo_loss(a, b, strength=2.0, margin=0.5), (one, two))
    assert torch.autograd.gradcheck(lambda a: reward_weighted_loss(a, Y, temperature=0.7), (one,))
    assert torch.autograd.gradcheck(lambda a: divergence_estimate(a), (one,))
    assert torch.autograd.gradcheck(lambda a, b: entropy_estimate(a, b), (one, two))
    scored = torch.ones(12, 1, dtype=torch.bool)
    assert torch.autograd.gradcheck(
        lambda a: clipped_ratio_loss(a[:, None], scored, Y, clip=0.2), ((0.1 * ELL).requires_grad_(),)
    )


def test_without_its_first_term_the_doubly_robust_objective_is_the_outcome_only_one():
    alone = value_objective(g_drawn=G_DRAWN, log_ratio_drawn=ELL_DRAWN)
    assert value_objective(**BATCH, c_ipw=0.0).item() == alone.item()


def test_without_an_outcome_model_the_doubly_robust_objective_is_that_of_cpo():
    zero = torch.zeros_like(G)
    both = value_objective(**{**BATCH, "g": zero, "g_drawn": zero})
    assert both.item() == pytest.approx(value_objective(Y=Y, log_ratio=ELL).item(), abs=1e-12)


def test_a_bound_far_away_is_no_bound_and_one_that_binds_stops_the_gradient():
    assert torch.equal(batch_weights(ELL, clip=1e6), batch_weights(ELL))
    ell = ELL.clone().requires_grad_()
    (batch_weights(ell, normalise=False, clip=0.5) * Y).sum().backward()
    assert torch.equal(ell.grad == 0, ELL.abs() > 0.5)


def test_normalised_weights_do_not_see_a_constant_in_the_log_probabilities():
    assert torch.allclose(batch_weights(ELL + 7), batch_weights(ELL))
    assert not torch.allclose(batch_weights(ELL + 7, normalise=False), batch_weights(ELL, normalise=False))
    up = value_objective(Y=Y + 5, log_ratio=ELL)
    assert up.item() == pytest.approx(value_objective(Y=Y, log_ratio=ELL).item() + 5)


def test_nothing_to_maximise_is_an_error():
    with pytest.raises(ValueError, match="neither texts read nor texts drawn"):
        value_objective(Y=Y, log_ratio=ELL, c_ipw=0.0)


def test_the_divergence_is_nought_for_equal_models_and_right_for_a_law_counted_out():
    assert divergence_estimate(torch.full((9,), 3.0)).item() == pytest.approx(0, abs=1e-6)
    # Texts drawn in exact proportion to f0 = (1/2, 1/4, 1/4); f = (1/4, 1/4, 1/2).
    f0, f = torch.tensor([0.5, 0.25, 0.25]), torch.tensor([0.25, 0.25, 0.5])
    drawn = torch.tensor([0, 0, 1, 2])
    ratio = (f / f0).log()[drawn]
    assert divergence_estimate(ratio).item() == pytest.approx((f * (f / f0).log()).sum().item(), abs=1e-6)
    assert entropy_estimate(f.log()[drawn], ratio).item() == pytest.approx(-(f * f.log()).sum().item(), abs=1e-6)


def test_dpo_and_simpo_before_the_first_step_cost_what_a_coin_does():
    zero = torch.zeros(4)
    assert dpo_loss(zero, zero, strength=0.1).item() == pytest.approx(math.log(2))
    assert simpo_loss(zero, zero, strength=2.0, margin=0.0).item() == pytest.approx(math.log(2))


def test_reward_weighted_regression_at_a_high_temperature_is_plain_likelihood():
    assert reward_weighted_loss(LOG_P, Y, temperature=1e9).item() == pytest.approx(-LOG_P.mean().item(), abs=1e-6)
    cold = reward_weighted_loss(LOG_P, Y, temperature=1e-3).item()
    assert cold == pytest.approx(-LOG_P[Y.argmax()].item(), abs=1e-6)


def test_the_clipped_objective_is_that_of_a_slow_loop_and_at_first_the_policy_gradient():
    by_token = 0.4 * torch.randn(3, 4, generator=make_generator(1), dtype=torch.float64)
    scored = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)
    gain = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    total, count = 0.0, 0
    for i in range(3):
        for t in range(4):
            if scored[i, t]:
                ratio = math.exp(by_token[i, t])
                total += min(ratio * gain[i].item(), min(max(ratio, 0.8), 1.2) * gain[i].item())
                count += 1
    assert clipped_ratio_loss(by_token, scored, gain, clip=0.2).item() == pytest.approx(-total / count)
    start = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    clipped_ratio_loss(start, scored, gain, clip=0.2).backward()
    assert torch.allclose(start.grad, -gain[:, None] * scored / count)


@pytest.mark.skipif(not REFERENCE.exists(), reason="no reference figures")
def test_dpo_and_simpo_agree_with_trl():
    """Figures of trl's own trainers on the same log-probabilities; the file names its version and the calls."""
    kept = json.loads(REFERENCE.read_text())
    won, lost, first_won, first_lost = (torch.tensor(kept["inputs"][k], dtype=torch.float64) for k in (
        "won", "lost", "first_won", "first_lost"))  # fmt: skip
    for case in kept["dpo"]:
        found = dpo_loss(won - first_won, lost - first_lost, strength=case["beta"])
        assert found.item() == pytest.approx(case["loss"], abs=1e-6)
    for case in kept["simpo"]:
        found = simpo_loss(won, lost, strength=case["beta"], margin=case["gamma"])
        assert found.item() == pytest.approx(case["loss"], abs=1e-6)
