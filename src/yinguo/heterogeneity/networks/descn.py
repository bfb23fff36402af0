r"""DESCN's four heads and five losses.

Source: Zhong, Xiao, Ren, Liang, Yao, Yang & Cen (2022), KDD, and their programme.
"""

from typing import Any

import numpy as np

from yinguo.errors import DataError
from yinguo.heterogeneity.networks.common import ArmNetwork, Sample, factual_weights, sample_rows, train_network
from yinguo.nets import nn, torch
from yinguo.nets.blocks import mlp
from yinguo.nets.curve import ArmCurves
from yinguo.nets.trainer import Batch, Phase

__all__ = ["EntireSpace", "train"]


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`.

    Parameters
    ----------
    options : DESCN
    Y, T : (n,) float arrays
    X : (n, p) float array
    binary : bool
        Whether the outcome has two values.
    rng : Generator

    Raises
    ------
    DataError
        A negative strength.
    """
    strengths = (options.treatment_strength, options.entire_strength, *options.cross_strengths)
    if len(strengths) != 4 or min(strengths) < 0:
        raise DataError(
            f"treatment_strength, entire_strength and cross_strengths are {strengths}; they must be one number, one "
            "and two, none negative."
        )
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    return train_network(EntireSpace(options, sample), sample, options)


class EntireSpace(ArmNetwork):
    """Representation and heads for treatment, both outcomes and the effect.

    **Shape**: (n, p) to (n, 2).

    Parameters
    ----------
    options : DESCN
    sample : Sample
    """

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        self.chances = sample.chances
        self.share = sample.share if options.weighted else 0.5
        generator, width = sample.generator, options.representation[-1]
        self.phi = mlp([sample.covariates, *options.representation], generator=generator, activation="elu", final="elu")
        self.heads = nn.ModuleDict(
            {
                name: mlp([width, *options.heads, 1], generator=generator, activation="elu")
                for name in ("treatment", "control", "treated", "effect")
            }
        )

    def represent(self, X: torch.Tensor) -> torch.Tensor:
        """(n, p) to (n, representation[-1])."""
        r = self.phi(X)
        return nn.functional.normalize(r, dim=1) if self.options.normalise else r

    def mean(self, score: torch.Tensor) -> torch.Tensor:
        """A score as a mean outcome: the chance with these log-odds, or itself."""
        return torch.sigmoid(score) if self.chances else score

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outcomes without and with treatment."""
        r = self.represent(X)
        return self.mean(torch.cat([self.heads["control"](r), self.heads["treated"](r)], dim=1))

    def chance_of_treatment(self, X: torch.Tensor) -> torch.Tensor:
        """(n, p) to (n, 1); the head learns it where the arms count alike, this undoes the weights."""
        score = self.heads["treatment"](self.represent(X))
        return torch.sigmoid(score + float(np.log(self.share / (1 - self.share))))

    def phases(self) -> list[Phase]:
        """One, with the penalty on the weights of the heads."""
        return [self.turn("fit", self.losses, self, penalised=(self.heads,))]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Errors of the treatment, of outcomes through it, and of outcomes across the arms."""
        T, Y, r, options = batch["T"], batch["Y"], self.represent(batch["X"]), self.options
        weights = factual_weights(T, self.share)
        score = {name: head(r) for name, head in self.heads.items()}
        e = torch.sigmoid(score["treatment"]).clamp(0.001, 0.999)
        across = torch.where(T == 1, score["control"] + score["effect"], score["treated"] - score["effect"])
        off = self.errors(self.mean(across), Y)
        b1, b0 = options.cross_strengths
        return {
            "treatment": options.treatment_strength
            * (weights * nn.functional.binary_cross_entropy(e, T, reduction="none")).mean(),
            "entire treated": options.entire_strength
            * (weights * self.errors(e * self.mean(score["treated"]), Y * T)).mean(),
            "entire control": options.entire_strength
            * (weights * self.errors((1 - e) * self.mean(score["control"]), Y * (1 - T))).mean(),
            # Means over the rows of an arm; a batch may have none of it.
            "cross treated": b1 * (T * off).sum() / T.sum().clamp_min(1),
            "cross control": b0 * ((1 - T) * off).sum() / (1 - T).sum().clamp_min(1),
        }

    def errors(self, m: torch.Tensor, Y: torch.Tensor) -> torch.Tensor:
        """(n, 1) cross-entropies or squares."""
        if self.chances:
            return nn.functional.binary_cross_entropy(m, Y, reduction="none")
        return (Y - m).square()

    def objective(self, batch: Batch) -> torch.Tensor:
        """With the penalty on the heads, which the optimiser applies by itself."""
        squares = sum((p.square().sum() for p in self.heads.parameters() if p.ndim > 1), torch.zeros(()))
        return super().objective(batch) + self.options.head_penalty * squares / 2
