r"""DeR-CFR: representations of instruments, confounders and adjusters, held apart by their weights on the inputs.

The network learns in turns with a weight for every row that it learns from.

Source: Wu, Yuan, Kuang, Li, Wu, Zhu, Zhuang & Wu (2023), IEEE TKDE 35(5), and the authors' programme.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from yinguo.heterogeneity.networks.common import (
    ArmNetwork,
    Sample,
    factual_weights,
    outcome_loss,
    sample_rows,
    train_network,
)
from yinguo.heterogeneity.networks.parts import ArmHeads, Representation, contributions
from yinguo.nets import nn, torch
from yinguo.nets.blocks import mlp
from yinguo.nets.curve import ArmCurves
from yinguo.nets.mmd import mmd_linear
from yinguo.nets.trainer import Batch, Phase

__all__ = ["Decomposed", "balance", "orthogonality", "outcome_gap", "train"]

#: Weight of the momentum of Adam, in both turns; the authors'.
MOMENTUM = (0.5, 0.999)


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`."""
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    middle = 0.5 if binary else float(sample.training["Y"].median())
    parts = []
    for part in (sample.training, sample.held):
        rows = torch.arange(len(part["Y"]), device=part["Y"].device)[:, None]
        parts.append({**part, "high": (part["Y"] >= middle).float(), "row": rows})
    sample = replace(sample, training=parts[0], held=parts[1])
    return train_network(Decomposed(options, sample), sample, options)


def orthogonality(w_I: torch.Tensor, w_C: torch.Tensor, w_A: torch.Tensor) -> torch.Tensor:
    """Overlap of the contributions to three representations, and distance of the sum of each from 1; a scalar.

    Parameters
    ----------
    w_I, w_C, w_A : (p,) tensors

    Source
    ------
    Wu et al. (2023), the loss L_O.
    """
    overlap = (w_I * w_C + w_I * w_A + w_C * w_A).sum()
    return overlap + sum((w.sum() - 1).square() for w in (w_I, w_C, w_A))


def outcome_gap(I: torch.Tensor, T: torch.Tensor, high: torch.Tensor, omega: torch.Tensor) -> torch.Tensor:  # noqa: E741
    """Distance, within each arm, of the mean representation where the outcome is high and where it is low; a scalar.

    Parameters
    ----------
    I : (n, k) tensor
    T, high : (n, 1) tensors of 0 and 1
    omega : (n, 1) tensor
        Weights of the rows.

    Source
    ------
    Wu et al. (2023): the part of L_I that makes I independent of the outcome given the treatment.
    """
    weighted, total = omega * I, I.new_zeros(())
    for arm in (0, 1):
        members = T[:, 0] == arm
        total = total + mmd_linear(weighted[members & (high[:, 0] == 1)], weighted[members & (high[:, 0] == 0)])
    return total


def balance(C: torch.Tensor, T: torch.Tensor, omega: torch.Tensor) -> torch.Tensor:
    """Distance of the weighted means of the two arms, and of the mean weight of each arm from 1; a scalar.

    Parameters
    ----------
    C : (n, k) tensor
    T, omega : (n, 1) tensors

    Source
    ------
    Wu et al. (2023), the loss L_C_B.
    """
    treated = T[:, 0] == 1
    total = mmd_linear((omega * C)[treated], (omega * C)[~treated])
    for members in (treated, ~treated):
        if members.any():
            total = total + (omega[members].mean() - 1).square()
    return total


class RowWeights(nn.Module):
    """A positive weight for every row, 1 at first.

    **Shape**: (n, 1) row numbers to (n, 1) weights.

    Parameters
    ----------
    rows : int
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        # softplus(log(e - 1)) = 1
        self.raw = nn.Parameter(torch.full((rows, 1), math.log(math.e - 1)))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Weights of the rows of these numbers."""
        return nn.functional.softplus(self.raw[rows[:, 0]])


class Decomposed(ArmNetwork):
    """The network, its row weights and its objective.

    **Shape**: (n, p) to (n, 2).
    """

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        self.share, self.chances = sample.share, sample.chances
        generator, width, init = sample.generator, options.representation[-1], options.first_weights

        def represent() -> Representation:
            return Representation(
                sample.covariates, options.representation, normalise=options.normalise, init=init,
                generator=generator,
            )  # fmt: skip

        def heads(inputs: int) -> ArmHeads:
            return ArmHeads(inputs, options.heads, chances=sample.chances, init=init, generator=generator)

        self.instruments, self.confounders, self.adjusters = represent(), represent(), represent()
        self.heads, self.adjuster_heads = heads(2 * width), heads(width)
        self.treatment = mlp([width, *options.treatment_layers, 1], generator=generator, activation="elu", init=init)
        self.row_weights = RowWeights(len(sample.training["Y"]))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outcomes without and with treatment."""
        return self.heads(torch.cat([self.confounders(X), self.adjusters(X)], dim=1))

    def contributions(self) -> torch.Tensor:
        """Those of each input to I, C and A, (3, p)."""
        return torch.stack([contributions(part) for part in (self.instruments, self.confounders, self.adjusters)])

    def phases(self) -> list[Phase]:
        """The network with the row weights held fixed, and then the row weights with the network held fixed."""
        penalised = (self.heads, self.adjuster_heads, self.treatment)
        moved = [p for name, p in self.named_parameters() if not name.startswith("row_weights")]
        held_down = {id(p) for module in penalised for p in module.parameters() if p.ndim > 1}
        groups = [
            {"params": [p for p in moved if id(p) in held_down], "weight_decay": self.options.head_penalty},
            {"params": [p for p in moved if id(p) not in held_down]},
        ]
        rate = self.options.learning_rate
        adam = torch.optim.Adam(groups, lr=rate, betas=MOMENTUM, fused=True)
        turns = [Phase("network", self.losses, adam)]
        if self.options.row_weights:
            own = torch.optim.Adam(self.row_weights.parameters(), lr=rate, betas=MOMENTUM, fused=True)
            turns.append(Phase("row weights", self.weight_losses, own))
        return turns

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """L_R + L_A + L_I + L_O on a batch, part by part; the row weights have no gradient."""
        with torch.no_grad():
            omega = self.row_weights(batch["row"])
        return self._parts(batch, omega)

    def objective(self, batch: Batch) -> torch.Tensor:
        """The same on held-out rows, which have no weights of their own."""
        parts = self._parts(batch, torch.ones_like(batch["T"]))
        return torch.stack(list(parts.values())).sum()

    def weight_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """L_R + L_C_B, of which only the row weights have a gradient."""
        with torch.no_grad():
            C, A = self.confounders(batch["X"]), self.adjusters(batch["X"])
            m = self.heads.received(torch.cat([C, A], dim=1), batch["T"])
        omega = self.row_weights(batch["row"])
        strength = self.options.balance_strength
        return {"outcome": self._outcome(m, batch, omega), "balance": strength * balance(C, batch["T"], omega)}

    def _parts(self, batch: Batch, omega: torch.Tensor) -> dict[str, torch.Tensor]:
        X, T, chosen = batch["X"], batch["T"], self.options
        C, A = self.confounders(X), self.adjusters(X)
        parts = {"outcome": self._outcome(self.heads.received(torch.cat([C, A], dim=1), T), batch, omega)}
        if chosen.adjuster_strength > 0:
            alone = outcome_loss(self.adjuster_heads.received(A, T), batch["Y"], chances=self.chances)
            treated = T[:, 0] == 1
            parts["adjusters"] = chosen.adjuster_strength * (mmd_linear(A[treated], A[~treated]) + alone)
        if chosen.instrument_strength > 0:
            I = self.instruments(X)  # noqa: E741
            error = nn.functional.binary_cross_entropy_with_logits(self.treatment(I), T)
            gap = chosen.gap_strength * outcome_gap(I, T, batch["high"], omega)
            parts["instruments"] = chosen.instrument_strength * (gap + error)
        if chosen.orthogonality_strength > 0:
            parts["orthogonality"] = chosen.orthogonality_strength * orthogonality(*self.contributions())
        return parts

    def _outcome(self, m: torch.Tensor, batch: Batch, omega: torch.Tensor) -> torch.Tensor:
        if self.options.weighted:
            omega = omega * factual_weights(batch["T"], self.share)
        return outcome_loss(m, batch["Y"], chances=self.chances, weights=omega)
