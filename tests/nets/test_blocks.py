"""Layers drawn from a generator, standardisation, ridge and the optimistic optimiser."""

import numpy as np
import pytest

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Dropout, Standardiser, linear, make_generator, mlp, tensor
from yinguo.nets.optimistic_adam import OptimisticAdam
from yinguo.nets.ridge import augmented, kron_rows, ridge_loss, ridge_weights


def test_an_mlp_has_the_layers_asked_for_in_order():
    net = mlp([3, 8, 4, 2], generator=make_generator(0), activation="elu", final="tanh", batch_norm={1}, dropout=0.5)
    kinds = [type(layer).__name__ for layer in net]
    assert kinds == ["Linear", "ELU", "Dropout", "Linear", "BatchNorm1d", "ELU", "Dropout", "Linear", "Tanh"]
    assert net(torch.zeros(5, 3)).shape == (5, 2)


@pytest.mark.parametrize(("init", "spread"), [("uniform", 0.1 / 3**0.5), ("small-normal", 0.01), ("xavier", 0.1)])
def test_first_weights_have_the_spread_of_their_kind(init, spread):
    layer = linear(100, 100, generator=make_generator(1), init=init)
    assert layer.weight.std().item() == pytest.approx(spread, rel=0.05)
    assert (init == "uniform") == bool(layer.bias.abs().sum() > 0)


def test_an_unknown_initialisation_is_refused():
    with pytest.raises(ValueError, match="small-normal"):
        linear(1, 1, generator=make_generator(0), init="zeros")


def test_uniform_weights_stay_inside_the_bound_that_torch_uses():
    ours, theirs = linear(16, 500, generator=make_generator(0)), nn.Linear(16, 500)
    for a, b in ((ours.weight, theirs.weight), (ours.bias, theirs.bias)):
        assert a.abs().max().item() <= 0.25
        assert a.std().item() == pytest.approx(b.std().item(), rel=0.1)


def test_dropout_keeps_the_mean_while_training_and_rests_otherwise():
    layer = Dropout(0.4, make_generator(0))
    ones = torch.ones(20_000)
    dropped = layer(ones)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.02)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.4, abs=0.02)
    assert torch.equal(layer.eval()(ones), ones)


def test_standardising_a_constant_column_centres_it_and_comes_back():
    array = np.column_stack([np.arange(5.0), np.full(5, 0.1)])
    scale = Standardiser(array)
    assert scale(array).std(axis=0) == pytest.approx([1.0, 0.0])
    assert scale.back(scale(array)) == pytest.approx(array)


def test_a_vector_becomes_a_column():
    assert tensor(np.arange(3)).shape == (3, 1)


def test_ridge_weights_solve_the_normal_equations():
    F, Y = torch.randn(50, 4, generator=make_generator(0)), torch.randn(50, 2, generator=make_generator(1))
    W = ridge_weights(F, Y, 3.0)
    assert torch.allclose(F.T @ (Y - F @ W), 3.0 * W, atol=1e-4)


def test_the_gradient_of_the_ridge_loss_is_that_of_the_minimum():
    generator = make_generator(0)
    F = torch.randn(30, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    Y = torch.randn(30, 2, generator=generator, dtype=torch.float64)
    ridge_loss(F, Y, 2.0).backward()
    step = torch.zeros_like(F)
    for i, j in ((0, 0), (7, 2), (29, 1)):
        step.zero_()[i, j] = 1e-6
        numeric = (ridge_loss(F + step, Y, 2.0) - ridge_loss(F - step, Y, 2.0)).item() / 2e-6
        assert F.grad[i, j].item() == pytest.approx(numeric, rel=1e-5)


def test_rows_of_products_and_the_constant_column():
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]])
    assert kron_rows(a, augmented(b)).tolist() == [[3.0, 5.0, 1.0, 6.0, 10.0, 2.0]]


def test_optimistic_steps_settle_a_game_that_plain_steps_circle():
    def play(optimiser):
        u, v = (torch.nn.Parameter(torch.tensor(1.0)) for _ in range(2))
        turns = [optimiser([u]), optimiser([v])]
        for _ in range(3000):
            for turn, sign in zip(turns, (1, -1), strict=True):
                turn.zero_grad()
                (sign * u * v).backward()
                turn.step()
        return float(u.detach() ** 2 + v.detach() ** 2)

    assert play(lambda p: OptimisticAdam(p, lr=0.01, betas=(0.5, 0.9))) < 0.01
    assert play(lambda p: torch.optim.SGD(p, lr=0.01)) > 1.0


def test_optimistic_adam_takes_twice_the_new_step_less_the_last():
    w = torch.nn.Parameter(torch.tensor([1.0]))
    optimiser = OptimisticAdam([w], lr=0.1, betas=(0.0, 0.0), eps=0.0)
    steps = []
    for gradient in (1.0, 1.0, -1.0):
        before = w.item()
        w.grad = torch.tensor([gradient])
        optimiser.step()
        steps.append(w.item() - before)
    assert steps == pytest.approx([-0.2, -0.1, 0.3])
