r"""DragonNet's three heads and targeted regularisation.

Source: Shi, Blei & Veitch (2019), NeurIPS, and their programme for the constants that keep propensities off 0 and 1.
"""

from typing import Any

import numpy as np

from yinguo.heterogeneity.networks.common import ArmNetwork, Sample, outcome_loss, sample_rows, train_network
from yinguo.nets import nn, torch
from yinguo.nets.blocks import linear
from yinguo.nets.curve import ArmCurves
from yinguo.nets.outcome_heads import ByArm, OutcomeHeads
from yinguo.nets.trainer import Batch, Phase

__all__ = ["Dragon", "clever_covariate", "train"]


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`.

    Parameters
    ----------
    options : DragonNet
    Y, T : (n,) float arrays
    X : (n, p) float array
    binary : bool
        Whether the outcome has two values.
    rng : Generator
    """
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    return train_network(Dragon(options, sample), sample, options)


def clever_covariate(T: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
    """(n, 1) slopes h of the outcome along which the average effect is corrected.

    Parameters
    ----------
    T, g : (n, 1) tensors
        Treatment and its chance, which is moved a little off 0 and 1.
    """
    g = (g + 0.01) / 1.02
    return T / g - (1 - T) / (1 - g)


class Dragon(ArmNetwork):
    """Representation, a head for each arm, a linear head for the log-odds of treatment, and the scalar correction.

    **Shape**: (n, p) to (n, 2).

    Parameters
    ----------
    options : DragonNet
    sample : Sample
    """

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        self.chances = sample.chances
        self.curve = OutcomeHeads(
            sample.covariates, representation=options.representation, heads=options.heads, arms=True,
            normalise=options.normalise, chances=sample.chances, generator=sample.generator,
            init="small-normal" if options.normalise else "xavier",
        )  # fmt: skip
        self.treatment = linear(options.representation[-1], 1, generator=sample.generator, init="xavier")
        self.correction = nn.Parameter(torch.zeros(1))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outcomes without and with treatment, without the correction."""
        return torch.cat(self.curve.arms_of(self.curve.represent(X)), dim=1)

    def chance_of_treatment(self, X: torch.Tensor) -> torch.Tensor:
        """(n, p) to (n, 1)."""
        return torch.sigmoid(self.treatment(self.curve.represent(X)))

    def phases(self) -> list[Phase]:
        """One, with the penalty on the weights of the outcome heads."""
        return [self.turn("fit", self.losses, self, penalised=(self.curve.heads,))]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Errors of outcome and treatment, and of the corrected outcome."""
        T, Y, r = batch["T"], batch["Y"], self.curve.represent(batch["X"])
        g = torch.sigmoid(self.treatment(r))
        m = self.curve.taken(ByArm(r, T[:, 0] == 1))
        parts = {
            "outcome": outcome_loss(m, Y, chances=self.chances),
            "treatment": self.options.treatment_strength * nn.functional.binary_cross_entropy((g + 0.001) / 1.002, T),
        }
        if self.options.targeted_strength > 0:
            step = self.correction * clever_covariate(T, g)
            if self.chances:
                off = nn.functional.binary_cross_entropy_with_logits(torch.logit(m) + step, Y)
            else:
                off = (Y - m - step).square().mean()
            parts["targeted"] = self.options.targeted_strength * off
        return parts

    def objective(self, batch: Batch) -> torch.Tensor:
        """With the penalty on the heads, which the optimiser applies by itself."""
        return super().objective(batch) + self.options.head_penalty * self.curve.head_weights()
