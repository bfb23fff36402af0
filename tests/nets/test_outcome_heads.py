"""Heads on a shared representation: mixing, normalisation, squashing, the penalty."""

import pytest

from yinguo.nets import torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.outcome_heads import ByArm, OutcomeHeads

SIZES = {"representation": (8, 6), "heads": (5,)}


def heads(**options) -> OutcomeHeads:
    chosen = SIZES | {"arms": True, "normalise": True, "chances": False} | options
    return OutcomeHeads(3, generator=make_generator(0), **chosen).requires_grad_(False)


def test_a_chance_of_treatment_mixes_the_two_arms():
    net, X = heads(), torch.randn(7, 3, generator=make_generator(1))
    zero, one = net(X, torch.zeros(7, 1)), net(X, torch.ones(7, 1))
    assert torch.allclose(net(X, torch.full((7, 1), 0.3)), 0.3 * one + 0.7 * zero)
    assert not torch.equal(zero, one)


@pytest.mark.parametrize("normalise", [True, False])
def test_representations_have_length_one_if_asked_for(normalise):
    r = heads(normalise=normalise).represent(torch.randn(7, 3, generator=make_generator(1)))
    assert bool(torch.allclose(r.norm(dim=1), torch.ones(7))) == normalise


def test_chances_stay_inside_their_bounds_in_each_arm():
    net = heads(chances=True)
    for p in net.parameters():
        p.mul_(100.0)
    for t in (0.0, 0.5, 1.0):
        m = net(10 * torch.randn(50, 3, generator=make_generator(1)), torch.full((50, 1), t))
        assert float(m.min()) >= 0.0024
        assert float(m.max()) <= 0.9976


def test_a_single_head_takes_the_treatment_as_an_input_and_the_penalty_counts_head_weights_only():
    net = heads(arms=False)
    assert net.heads[0][0].in_features == 7
    expected = sum(float(layer.weight.square().sum()) for layer in net.heads[0] if hasattr(layer, "weight")) / 2
    assert float(net.head_weights()) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("treated", [[1, 0, 0, 1, 0, 1, 1], [0] * 7, [1] * 7], ids=["both", "no treated", "no control"])
@pytest.mark.parametrize("arms", [True, False])
def test_the_outcome_of_the_arm_that_was_taken_comes_in_the_order_of_the_rows(treated, arms):
    net, X = heads(arms=arms), torch.randn(7, 3, generator=make_generator(1))
    T = torch.tensor(treated) == 1
    r = net.represent(X)
    assert torch.allclose(net.taken(ByArm(r, T)), net.outcome(r, T[:, None].float()), atol=1e-6)
