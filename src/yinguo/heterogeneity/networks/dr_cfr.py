r"""DR-CFR: three representations, of which one predicts the treatment alone, one both, and one the outcome alone.

Source: Hassanpour & Greiner (2020), ICLR; Hassanpour & Greiner (2019), IJCAI, for the weights.
"""

from typing import Any

import numpy as np

from yinguo.heterogeneity.networks.common import (
    ArmNetwork,
    Sample,
    chance,
    factual_weights,
    outcome_loss,
    sample_rows,
    train_network,
)
from yinguo.heterogeneity.networks.parts import ArmHeads, Representation, contributions
from yinguo.nets import nn, torch
from yinguo.nets.blocks import linear
from yinguo.nets.curve import ArmCurves
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn
from yinguo.nets.trainer import Batch, Phase

__all__ = ["Disentangled", "context_weights", "train"]

#: Penalty on the squared weights of the regression behind the row weights; that of the programmes in use.
WEIGHT_PENALTY = 1e-3


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`."""
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    return train_network(Disentangled(options, sample), sample, options)


def context_weights(T: torch.Tensor, e: torch.Tensor, share: float, largest: float) -> torch.Tensor:
    r"""Weights that make the rows of an arm count for those of the other arm as well, (n, 1).

    .. math:: \omega_i = \frac12 \Big[1 + \frac{P(t_i)}{P(1 - t_i)} \frac{\pi(1 - t_i)}{\pi(t_i)}\Big]

    The fraction is that of the densities of the two arms, so that :math:`\omega` is the density of all rows, both arms
    counting alike, over that of the row's own arm, and averages 1 in each.

    Parameters
    ----------
    T : (n, 1) tensor of 0 and 1
    e : (n, 1) tensor in (0, 1)
        :math:`\pi(1)`, the chance of treatment.
    share : float in (0, 1)
        P(1), of the treated.
    largest : float
        Weights above it are cut to it.

    Source
    ------
    Hassanpour & Greiner (2019), IJCAI. They write the weight without the half.
    """
    odds = T * (1 - e) / e * (share / (1 - share)) + (1 - T) * e / (1 - e) * ((1 - share) / share)
    return (0.5 * (1 + odds)).clamp_max(largest)


class Disentangled(ArmNetwork):
    """The network and its objective.

    **Shape**: (n, p) to (n, 2).
    """

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        self.share, self.chances = sample.share, sample.chances
        generator, width = sample.generator, options.representation[-1]

        def represent() -> Representation:
            return Representation(
                sample.covariates, options.representation, normalise=options.normalise, init="small-normal",
                generator=generator,
            )  # fmt: skip

        self.treatment_only, self.both, self.outcome_only = represent(), represent(), represent()
        self.heads = ArmHeads(
            2 * width, options.heads, chances=sample.chances, init="small-normal", generator=generator
        )
        self.treatment = linear(2 * width, 1, generator=generator, init="small-normal")
        self.weigher = linear(width, 1, generator=generator, init="small-normal")
        if options.context_weights:
            # The regression starts from the share treated, at which every weight is 1.
            nn.init.constant_(self.weigher.bias, float(np.log(sample.share / (1 - sample.share))))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outcomes without and with treatment."""
        return self.heads(torch.cat([self.both(X), self.outcome_only(X)], dim=1))

    def contributions(self) -> torch.Tensor:
        """Those of each covariate to the three representations, (3, p)."""
        return torch.stack([contributions(part) for part in (self.treatment_only, self.both, self.outcome_only)])

    def phases(self) -> list[Phase]:
        """The objective, and then the regression behind the weights, through which the others get no gradient."""
        moved = (self.treatment_only, self.both, self.outcome_only, self.treatment, self.heads)
        turns = [self.turn("outcome", self.losses, *moved, penalised=(self.heads,))]
        if self.options.context_weights:
            turns.append(self.turn("weights", self.weight_losses, self.weigher))
        return turns

    def weights(self, T: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
        """Weights of the rows, (n, 1); no gradient goes through them."""
        weights = factual_weights(T, self.share) if self.options.weighted else torch.ones_like(T)
        if not self.options.context_weights:
            return weights
        with torch.no_grad():
            e = chance(self.weigher(both))
            return weights * context_weights(T, e, self.share, self.options.largest_weight)

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Error of the outcome, distance of the arms and error of the treatment."""
        X, T = batch["X"], batch["T"]
        both, outcome_only = self.both(X), self.outcome_only(X)
        m = self.heads.received(torch.cat([both, outcome_only], dim=1), T)
        parts = {"outcome": outcome_loss(m, batch["Y"], chances=self.chances, weights=self.weights(T, both))}
        if self.options.balance_strength > 0:
            apart = sinkhorn(outcome_only[T[:, 0] == 1], outcome_only[T[:, 0] == 0], **VARIANTS["cfrnet"])
            parts["balance"] = self.options.balance_strength * apart
        if self.options.treatment_strength > 0:
            logit = self.treatment(torch.cat([self.treatment_only(X), both], dim=1))
            error = nn.functional.binary_cross_entropy_with_logits(logit, T)
            parts["treatment"] = self.options.treatment_strength * error
        return parts

    def weight_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Error of the regression behind the weights."""
        with torch.no_grad():
            both = self.both(batch["X"])
        error = nn.functional.binary_cross_entropy_with_logits(self.weigher(both), batch["T"])
        return {"error": error, "penalty": WEIGHT_PENALTY / 2 * self.weigher.weight.square().sum()}
