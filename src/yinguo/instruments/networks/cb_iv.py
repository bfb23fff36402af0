"""Outcome heads of CB-IV on a balanced representation.

Source: Wu, Kuang, Li & Wu (2022), ICML.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.instruments.networks.treatment_regression import predicted_treatment
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, tensor
from yinguo.nets.club import ConditionalGaussian
from yinguo.nets.curve import Average, Curve, Joined
from yinguo.nets.outcome_heads import OutcomeHeads
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn
from yinguo.nets.stage import split_rows
from yinguo.nets.trainer import Batch, History, Phase, Trainer, Validation

__all__ = ["Balanced", "train"]

#: Held-out rows beyond this many are not looked at: the transport distance needs all pairs.
MOST_HELD = 2000


def train(
    options: Any,
    Y: np.ndarray,
    T: np.ndarray,
    X: np.ndarray,
    Z: np.ndarray,
    rng: np.random.Generator,
    *,
    rows: tuple[np.ndarray, np.ndarray] | None,
    kinds: tuple[bool, bool],
) -> tuple[Curve, np.ndarray]:
    """Predict the treatment, then learn representation and heads, several times over.

    Parameters
    ----------
    options : CBIV
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        Splits of the rows, folds, first weights, batches.
    rows : two int arrays, or None
        Rows to learn from, and rows whose objective decides which weights are kept; None splits them at random, anew
        for each network.
    kinds : (bool, bool)
        Whether the treatment, and the outcome, have two values.

    Returns
    -------
    curve : Curve
        The mean of the networks; its history is a tuple with one for each.
    predicted : (n,) float array
        The treatment as the second stage saw it.

    Source
    ------
    Wu et al. (2022), section 4.
    """
    binary, chances = kinds
    learned = slice(None) if rows is None else rows[0]
    unchanged = Standardiser(np.array([-1.0, 1.0]))
    scale_Y = unchanged if binary and chances else Standardiser(Y[learned])
    scale_T, scale_X = unchanged if binary else Standardiser(T), Standardiser(X)
    columns = {"Y": scale_Y(Y), "T": scale_T(T), "X": scale_X(X)}
    generator = make_generator(int(rng.integers(2**63)))
    columns["S"] = columns["T"]
    if options.two_stage:
        columns["S"] = predicted_treatment(
            T=columns["T"], Z=Standardiser(Z)(Z), X=columns["X"], binary=binary, layers=options.treatment_layers,
            folds=options.treatment_folds, repeats=options.treatment_repeats, epochs=options.treatment_epochs,
            batch_size=options.batch_size, learning_rate=options.treatment_learning_rate, generator=generator,
            device=options.device,
        )  # fmt: skip
    networks, histories = [], []
    for _ in range(options.networks):
        network = Balanced(options, X.shape[1], binary, binary and chances, generator)
        training, held = split_rows(len(Y), options.validation, rng) if rows is None else rows
        histories.append(_learn(network, columns, training, held, generator))
        networks.append(network)
    curve = Curve(Joined(Average(networks)), scale_X, scale_T, scale_Y, tuple(histories), options.device)
    return curve, scale_T.back(columns["S"])


def _learn(
    network: "Balanced", columns: Mapping[str, np.ndarray], training: np.ndarray, held: np.ndarray, generator
) -> History:
    """Train one network on some rows and keep the best weights by others, of the later steps."""
    options = network.options
    looked_at = {name: tensor(values[held[:MOST_HELD]]).to(options.device) for name, values in columns.items()}
    before = int(options.look_from * options.epochs)
    looks = Validation(
        "objective on held-out rows",
        lambda: sum(float(part) for part in network.losses(looked_at).values()),
        every=max(1, min(options.look_every, options.epochs - before)),
        burn_in=before,
    )
    trainer = Trainer(
        epochs=options.epochs, batch_size=options.batch_size, steps_per_epoch=1, generator=generator,
        device=options.device,
    )  # fmt: skip
    return trainer.fit(network, {name: tensor(values[training]) for name, values in columns.items()}, looks)


class Balanced(nn.Module):
    """Outcome heads on a representation, with the penalty for what it tells about the treatment."""

    def __init__(self, options: Any, covariates: int, binary: bool, chances: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.options, self.binary, self.chances = options, binary, chances
        self.curve = OutcomeHeads(
            covariates, representation=options.representation, heads=options.heads, arms=binary,
            normalise=options.normalise, chances=chances, generator=generator,
        )  # fmt: skip
        width = options.representation[-1]
        self.law = None if binary else ConditionalGaussian(width, 1, hidden=width // 2, generator=generator)

    def forward(self, TX: torch.Tensor) -> torch.Tensor:
        """(n, 1 + p) treatments and covariates side by side to (n, 1) outcomes."""
        return self.curve(TX[:, 1:], TX[:, :1])

    def phases(self) -> list[Phase]:
        """The law of the treatment given the representation where one is needed, then the outcome."""
        turns = [self.turn("outcome", self.losses, self.curve, 1)]
        if self.law is not None and self.options.balance_strength > 0:
            turns.insert(0, self.turn("information", self.law_losses, self.law, self.options.information_steps))
        return turns

    def turn(self, name: str, losses, module: nn.Module, steps: int) -> Phase:
        """A phase of Adam with a falling learning rate."""
        # Some twenty small tensors: fused, a step takes a third of the time.
        adam = torch.optim.Adam(module.parameters(), lr=self.options.learning_rate, fused=True)
        schedule: torch.optim.lr_scheduler.LRScheduler
        if self.options.schedule == "cosine":
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.options.epochs * steps)
        else:
            schedule = torch.optim.lr_scheduler.StepLR(adam, 100, 0.97)
        return Phase(name, losses, adam, steps, schedule=schedule)

    def law_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly the law predicts the treatment from the representation."""
        return {"likelihood": self.law.likelihood_loss(self.curve.represent(batch["X"]).detach(), batch["T"])}  # type: ignore[union-attr]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The objective on a batch, part by part."""
        r = self.curve.represent(batch["X"])
        m, Y, T = self.curve.outcome(r, batch["S"]), batch["Y"], batch["T"]
        if self.chances:
            parts = {"cross-entropy": nn.functional.binary_cross_entropy(m, Y)}
        else:
            parts = {"squares": (Y - m).square().mean()}
        if self.options.balance_strength > 0:
            if self.law is None:
                distance = sinkhorn(r[T[:, 0] == 1], r[T[:, 0] == 0], **VARIANTS["cfrnet"])
            else:
                distance = self.law.bound(r, T).square()
            parts["balance"] = self.options.balance_strength * distance
        return parts | {"weights": self.options.head_penalty * self.curve.head_weights()}
