r"""TARNet, counterfactual regression and the balancing network: outcome heads on a representation of close arms.

.. math:: \min_{\phi, h} \frac{1}{n} \sum_i w_i\, \ell\big(y_i, h_{t_i}(\phi(x_i))\big)
   + \alpha\, D\big(\{\phi(x_i)\}_{t_i = 1}, \{\phi(x_i)\}_{t_i = 0}\big) + \tfrac{\lambda}{2} \sum_W \|W\|^2

Source: Shalit, Johansson & Sontag (2017), ICML, and their programme; Johansson, Shalit & Sontag (2016), ICML.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yinguo.errors import DataError
from yinguo.heterogeneity.networks.common import (
    ArmNetwork,
    Sample,
    factual_weights,
    outcome_loss,
    sample_rows,
    train_network,
    unexplained,
)
from yinguo.nets import torch
from yinguo.nets.curve import ArmCurves
from yinguo.nets.mmd import linear_discrepancy, mmd_linear, mmd_rbf
from yinguo.nets.outcome_heads import ByArm, OutcomeHeads
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn
from yinguo.nets.trainer import Batch, Phase

__all__ = ["DISTANCES", "CounterfactualRegression", "train"]

#: Distances of treated and control representations by the name an option gives them.
DISTANCES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "wasserstein": lambda a, b: sinkhorn(a, b, **VARIANTS["cfrnet"]),
    "mmd-linear": mmd_linear,
    "mmd-rbf": mmd_rbf,
    "linear": linear_discrepancy,
}


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`.

    Parameters
    ----------
    options : TARNet, CFR or BNN
    Y, T : (n,) float arrays
    X : (n, p) float array
    binary : bool
        Whether the outcome has two values.
    rng : Generator
    """
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    return train_network(CounterfactualRegression(options, sample), sample, options)


class CounterfactualRegression(ArmNetwork):
    """Representation, heads and their objective.

    **Shape**: (n, p) to (n, 2).

    Parameters
    ----------
    options : estimator
        One without ``balance_strength`` has none; one with ``two_heads=False`` has one head for both arms.
    sample : Sample
    """

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        self.share, self.chances = sample.share, sample.chances
        self.strength = getattr(options, "balance_strength", 0.0)
        name = getattr(options, "distance", "wasserstein")
        if name not in DISTANCES:
            raise DataError(f"distance is {name!r}; it must be one of {', '.join(DISTANCES)}.")
        self.distance = DISTANCES[name]
        arms = getattr(options, "two_heads", True)
        self.curve = OutcomeHeads(
            sample.covariates, representation=options.representation, heads=options.heads, arms=arms,
            normalise=options.normalise, chances=sample.chances, generator=sample.generator,
        )  # fmt: skip
        #: A single linear head: its weight of the treatment is the effect, which a penalty would shrink to nothing.
        self.bare = not arms and not options.heads

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Outcomes without and with treatment."""
        return torch.cat(self.curve.arms_of(self.curve.represent(X)), dim=1)

    def phases(self) -> list[Phase]:
        """One, with the penalty on the weights of the heads."""
        return [self.turn("fit", self.losses, self, penalised=() if self.bare else (self.curve.heads,))]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Error of the outcome in the arm that was seen, and distance of the arms."""
        T = batch["T"]
        rows = ByArm(self.curve.represent(batch["X"]), T[:, 0] == 1)
        weights = factual_weights(T, self.share) if self.options.weighted else None
        m = self.curve.taken(rows)
        parts = {"outcome": outcome_loss(m, batch["Y"], chances=self.chances, weights=weights)}
        if self.strength > 0 and self.warmed_up():
            strength = self.strength * unexplained(parts["outcome"], chances=self.chances)
            parts["balance"] = strength * self.distance(rows.treatment, rows.control)
        if self.bare:
            parts["weights"] = self.penalty()
        return parts

    def objective(self, batch: Batch) -> torch.Tensor:
        """With the penalty on the heads, which the optimiser applies by itself."""
        loss = super().objective(batch)
        return loss if self.bare else loss + self.penalty()

    def penalty(self) -> torch.Tensor:
        """Of the weights of the heads; a scalar."""
        if self.bare:
            (weight,) = (p for p in self.curve.heads.parameters() if p.ndim > 1)
            return self.options.head_penalty * weight[:, :-1].square().sum() / 2
        return self.options.head_penalty * self.curve.head_weights()
