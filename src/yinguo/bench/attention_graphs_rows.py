"""An encoder that learns to fill in hidden tokens, with attention and penalties to choose."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.language.gcn_attention import GCNCausalAttention
from yinguo.language.graph_penalties import GraphPenalty
from yinguo.language.small_encoder import SmallEncoder
from yinguo.language.small_gpt import SelfAttention
from yinguo.nets import nn, torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.trainer import Batch, Phase, Trainer

__all__ = ["Filler", "Sentences"]

ATTENTION: dict[str, Any] = {
    "plain": SelfAttention,
    "matched": functools.partial(GCNCausalAttention, second="map"),
    "two hops": GCNCausalAttention,
}


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sequences of tokens, to learn from.

    Attributes
    ----------
    tokens : (n, T) int array
        Values 0 to levels - 1.
    levels : int
        The token that means "hidden" is the one after the last value.
    """

    tokens: np.ndarray
    levels: int


class Filler(nn.Module):
    """Learns to fill in two hidden tokens of each sequence.

    Parameters
    ----------
    attention : {"plain", "matched", "two hops"}
    cycles : bool
        Whether the augmented Lagrangian of the penalty on cycles is added, with its default schedule.
    boundary_strength : float
        Penalty on the size of Markov boundaries.
    width, layers, heads, epochs, batch_size : int
    learning_rate : float
        Of Adam, falling to zero along a half cosine.
    random_state : int
    """

    def __init__(
        self,
        *,
        attention: str = "two hops",
        cycles: bool = False,
        boundary_strength: float = 0.0,
        width: int = 32,
        layers: int = 1,
        heads: int = 2,
        epochs: int = 30,
        batch_size: int = 100,
        learning_rate: float = 5e-3,
        random_state: int = 0,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.cycles, self.boundary_strength = cycles, boundary_strength
        self.width, self.layers, self.heads = width, layers, heads
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, sentences: Sentences) -> "Filler":
        """Train on all sequences; which tokens are hidden is drawn anew for every batch."""
        n, length = sentences.tokens.shape
        self.hidden_ = sentences.levels
        self.generator_ = make_generator(self.random_state)
        self.network = SmallEncoder(
            vocabulary=sentences.levels + 1, length=length, width=self.width, layers=self.layers, heads=self.heads,
            dropout=0.0, attention=ATTENTION[self.attention], generator=self.generator_,
        )  # fmt: skip
        self.steps_ = self.epochs * max(1, round(n / self.batch_size))
        penalised = self.cycles or self.boundary_strength > 0
        self.penalty_ = GraphPenalty(rho=1e-3 if self.cycles else 0.0, boundary_strength=self.boundary_strength)
        trainer = Trainer(
            epochs=self.epochs, batch_size=self.batch_size, generator=self.generator_,
            callbacks=(self.penalty_,) if penalised else (),
        )  # fmt: skip
        self.penalised_ = penalised
        self.history_ = trainer.fit(self, {"tokens": torch.tensor(sentences.tokens)})
        return self

    def phases(self) -> list[Phase]:
        """One phase that moves everything."""
        optimiser = torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps_)
        return [Phase("fit", self.losses, optimiser, schedule=schedule)]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Cross-entropy of the hidden tokens, and what the penalties add."""
        tokens = batch["tokens"]
        order = torch.rand(tokens.shape, generator=self.generator_).argsort(dim=1)
        away = order < 2
        reading = self.network(tokens.masked_fill(away, self.hidden_))
        terms = {"filling in": nn.functional.cross_entropy(reading.logits[away], tokens[away])}
        return terms | (self.penalty_.losses(reading.attentions) if self.penalised_ else {})

    @torch.no_grad()
    def read(self, tokens: np.ndarray, place: int) -> tuple[np.ndarray, tuple[torch.Tensor, ...]]:
        """Guesses of the token at one place, hidden, and the attention behind them.

        Parameters
        ----------
        tokens : (n, T) int array
        place : int
        """
        shown = torch.tensor(tokens)
        shown[:, place] = self.hidden_
        reading = self.network(shown)
        return reading.logits[:, place, : self.hidden_].argmax(-1).numpy(), reading.attentions
