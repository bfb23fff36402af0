"""Learner and adversary of AGMM."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.curve import Average, Curve, Joined
from yinguo.nets.optimistic_adam import OptimisticAdam
from yinguo.nets.trainer import Batch, Epoch, Phase, Trainer

__all__ = ["Game", "train"]


def train(options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, Z: np.ndarray, rng: np.random.Generator) -> Curve:
    """Play the game; the curve is the average of the learners along the way, or the last one.

    Parameters
    ----------
    options : AGMM
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        First weights, batches, dropout.

    Source
    ------
    Dikkala, Lewis, Mackey & Syrgkanis (2020), NeurIPS.
    """
    generator = make_generator(int(rng.integers(2**63)))
    scale_Y, scale_T, scale_X = Standardiser(Y), Standardiser(T), Standardiser(X)
    data = {
        "Y": tensor(scale_Y(Y)),
        "TX": tensor(np.column_stack([scale_T(T), scale_X(X)])),
        "ZX": tensor(np.column_stack([Standardiser(Z)(Z), scale_X(X)])),
    }
    game = Game(options, data["TX"].shape[1], data["ZX"].shape[1], generator)
    learners: list[nn.Module] = []
    first = int(options.burn_in * options.epochs)

    def keep(epoch: Epoch, network: Any) -> None:
        if options.predict_by == "last":
            learners.clear()
        if epoch.number > first or options.predict_by == "last":
            learners.append(copy.deepcopy(network.learner).eval().requires_grad_(False))

    trainer = Trainer(
        epochs=options.epochs,
        batch_size=options.batch_size,
        generator=generator,
        device=options.device,
        callbacks=[keep],
    )
    history = trainer.fit(game, data)
    return Curve(Joined(Average(learners)), scale_X, scale_T, scale_Y, history, options.device)


class Game(nn.Module):
    """Learner and adversary."""

    def __init__(self, options: Any, inputs: int, instruments: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        make: dict[str, Any] = {"generator": generator, "dropout": options.dropout, "activation": "leaky-relu"}
        self.learner = mlp([inputs, *options.learner_hidden, 1], **make)
        self.adversary = mlp([instruments, *options.adversary_hidden, 1], **make)

    def phases(self) -> list[Phase]:
        """One step each."""
        o = self.options
        return [
            Phase("learner", self.learner_losses, self.optimiser(self.learner, o.learner_rate, o.learner_l2), 1,
                  [self.learner]),
            Phase("adversary", self.adversary_losses, self.optimiser(self.adversary, o.adversary_rate, o.adversary_l2),
                  1, [self.adversary]),
        ]  # fmt: skip

    def optimiser(self, net: nn.Module, rate: float, l2: float) -> OptimisticAdam:
        """Optimistic Adam with a penalty on weights and none on biases."""
        weights = [p for p in net.parameters() if p.ndim > 1]
        biases = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": weights, "weight_decay": l2}, {"params": biases}]
        return OptimisticAdam(groups, lr=rate, betas=self.options.betas)

    def learner_losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """How well the adversary predicts the errors."""
        missed = batch["Y"] - self.learner(batch["TX"])
        return {"moment": (missed * self.adversary(batch["ZX"])).mean()}

    def adversary_losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The same with the sign turned, and the penalty on its size."""
        f = self.adversary(batch["ZX"])
        missed = batch["Y"] - self.learner(batch["TX"])
        return {"moment": -(missed * f).mean(), "size": f.square().mean()}
