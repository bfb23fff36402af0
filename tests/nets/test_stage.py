"""One stage: penalties on weights alone, a learning rate that ends at zero, the epoch kept by held-out rows."""

from itertools import pairwise

import numpy as np
import pytest

from yinguo.nets import torch
from yinguo.nets.blocks import make_generator, mlp, tensor
from yinguo.nets.stage import Stage, fit_stage, predicted, split_rows


class Line(Stage):
    """A line; counts the rows it learns from."""

    def __init__(self, **options):
        super().__init__(**options)
        self.net = mlp([1, 1], generator=make_generator(0))
        self.seen = set()

    def losses(self, batch):
        if self.training:
            self.seen |= set(batch["x"][:, 0].tolist())
        return {"squares": (batch["y"] - self.net(batch["x"])).square().mean()}


x = np.arange(20.0) / 20
DATA = {"x": tensor(x), "y": tensor(2 * x + 1)}


def fit(line, **options):
    train, held = split_rows(20, 0.25, np.random.default_rng(0))
    common = {"epochs": 5, "batch_size": 5, "patience": None, "generator": make_generator(1), "device": "cpu"}
    return train, held, fit_stage(line, DATA, train, held, says="held-out squares", **common | options)


def test_rows_are_split_once_and_never_to_nothing():
    train, held = split_rows(10, 0.3, np.random.default_rng(0))
    assert sorted([*train, *held]) == list(range(10))
    assert len(held) == 3
    for share in (0.0, 1.0):
        assert min(len(part) for part in split_rows(4, share, np.random.default_rng(0))) == 1


def test_held_out_rows_are_judged_and_not_learned_from():
    line = Line(learning_rate=0.1)
    train, held, history = fit(line)
    assert line.seen == set(DATA["x"][torch.as_tensor(train), 0].tolist())
    assert history.validation == "held-out squares"
    rows = torch.as_tensor(held)
    best = min(epoch.validation for epoch in history.epochs)
    with torch.no_grad():
        kept = (DATA["y"][rows] - line.net(DATA["x"][rows])).square().mean().item()
    assert kept == pytest.approx(best, rel=1e-6)


def test_the_penalty_is_on_squared_weights_and_spares_biases():
    line = Line(learning_rate=0.1, l2=3.0)
    weights, biases = line.phases()[0].optimiser.param_groups
    assert (weights["weight_decay"], biases.get("weight_decay")) == (6.0, 0)
    assert [p.shape for p in weights["params"]] == [(1, 1)]
    assert [p.shape for p in biases["params"]] == [(1,)]


def test_the_learning_rate_falls_to_zero_over_the_steps_of_all_epochs():
    line = Line(learning_rate=0.1)
    fit(line)
    assert line.steps == 5 * 3
    phase = line.phases()[0]
    rates = []
    for _ in range(line.steps):
        rates.append(phase.optimiser.param_groups[0]["lr"])
        phase.optimiser.step()
        phase.schedule.step()
    assert rates[0] == 0.1
    assert all(a > b for a, b in pairwise(rates))
    assert phase.optimiser.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-12)


def test_predicted_puts_columns_side_by_side():
    net = mlp([2, 1], generator=make_generator(0))
    a, b = tensor(x), tensor(x**2)
    assert predicted(net, a, b, device="cpu") == pytest.approx(net(torch.cat([a, b], 1))[:, 0].detach().numpy())
