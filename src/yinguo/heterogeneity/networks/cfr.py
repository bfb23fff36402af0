r"""TARNet and counterfactual regression: two outcome heads on a representation in which the arms are close.

.. math:: \min_{\phi, h} \frac{1}{n} \sum_i w_i\, \ell\big(y_i, h_{t_i}(\phi(x_i))\big)
   + \alpha\, D\big(\{\phi(x_i)\}_{t_i = 1}, \{\phi(x_i)\}_{t_i = 0}\big) + \tfrac{\lambda}{2} \sum_W \|W\|^2

Source: Shalit, Johansson & Sontag (2017), ICML, and their programme.
"""

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
from yinguo.nets import torch
from yinguo.nets.curve import ArmCurves
from yinguo.nets.mmd import mmd_linear, mmd_rbf
from yinguo.nets.outcome_heads import OutcomeHeads
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn
from yinguo.nets.trainer import Batch, Phase

__all__ = ["DISTANCES", "CounterfactualRegression", "train"]

#: Distances of two samples of representations by the name an option gives them.
DISTANCES = {
    "wasserstein": lambda a, b: sinkhorn(a, b, **VARIANTS["cfrnet"]),
    "mmd-linear": mmd_linear,
    "mmd-rbf": mmd_rbf,
}


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`."""
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    return train_network(CounterfactualRegression(options, sample), sample, options)


class CounterfactualRegression(ArmNetwork):
    """The network and its objective; without a ``balance_strength`` among the options it is TARNet.

    **Shape**: (n, p) to (n, 2).
    """

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        self.share, self.chances = sample.share, sample.chances
        self.strength = getattr(options, "balance_strength", 0.0)
        self.curve = OutcomeHeads(
            sample.covariates, representation=options.representation, heads=options.heads, arms=True,
            normalise=options.normalise, chances=sample.chances, generator=sample.generator,
        )  # fmt: skip

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outcomes without and with treatment."""
        return torch.cat(self.curve.arms_of(self.curve.represent(X)), dim=1)

    def phases(self) -> list[Phase]:
        """One, with the penalty on the weights of the heads."""
        return [self.turn("fit", self.losses, self, penalised=(self.curve.heads,))]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Error of the outcome in the arm that was seen, and distance of the arms."""
        T, r = batch["T"], self.curve.represent(batch["X"])
        weights = factual_weights(T, self.share) if self.options.weighted else None
        m = self.curve.outcome(r, T)
        parts = {"outcome": outcome_loss(m, batch["Y"], chances=self.chances, weights=weights)}
        if self.strength > 0:
            distance = DISTANCES[self.options.distance](r[T[:, 0] == 1], r[T[:, 0] == 0])
            parts["balance"] = self.strength * distance
        return parts

    def objective(self, batch: Batch) -> torch.Tensor:
        """With the penalty on the heads, which the optimiser applies by itself."""
        return super().objective(batch) + self.options.head_penalty * self.curve.head_weights()
