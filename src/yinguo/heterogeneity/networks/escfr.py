r"""ESCFR's objective: counterfactual regression with relaxed transport between batches.

Source: Wang, Chen, Fan, Li, Liu, Liu, Dai, Wang, Dong & Tang (2023), NeurIPS, from its abstract and from memory.
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
    unexplained,
)
from yinguo.nets import torch
from yinguo.nets.curve import ArmCurves
from yinguo.nets.outcome_heads import OutcomeHeads
from yinguo.nets.sinkhorn import VARIANTS, distances, sinkhorn
from yinguo.nets.trainer import Batch, Phase

__all__ = ["RelaxedRegression", "outcome_costs", "train"]


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`.

    Parameters
    ----------
    options : ESCFR
    Y, T : (n,) float arrays
    X : (n, p) float array
    binary : bool
        Whether the outcome has two values.
    rng : Generator
    """
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    return train_network(RelaxedRegression(options, sample), sample, options)


def outcome_costs(
    *, Y1: torch.Tensor, Y0: torch.Tensor, m0_treated: torch.Tensor, m1_control: torch.Tensor
) -> torch.Tensor:
    """(n, m) squared differences between what one unit would have had in the other's arm and what the other had.

    Parameters
    ----------
    Y1, Y0 : (n, 1) and (m, 1) tensors
        Outcomes of the treated and of the control units.
    m0_treated, m1_control : (n, 1) and (m, 1) tensors
        Predicted outcomes of the treated without and of the control units with treatment.
    """
    return (m0_treated - Y0.T).square() + (Y1 - m1_control.T).square()


class RelaxedRegression(ArmNetwork):
    """Representation, a head for each arm, and their objective.

    **Shape**: (n, p) to (n, 2).

    Parameters
    ----------
    options : ESCFR
    sample : Sample
    """

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        self.share, self.chances = sample.share, sample.chances
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
        """Error of the outcome in the arm that was seen, and cost of the relaxed plan between the arms."""
        T, Y, r = batch["T"], batch["Y"], self.curve.represent(batch["X"])
        treated = T[:, 0] == 1
        m0, m1 = self.curve.arms_of(r)
        weights = factual_weights(T, self.share) if self.options.weighted else None
        m = torch.where(T == 1, m1, m0)
        parts = {"outcome": outcome_loss(m, Y, chances=self.chances, weights=weights)}
        if self.options.balance_strength > 0 and self.warmed_up():
            cost = distances(r[treated], r[~treated], "squared")
            if self.options.outcome_cost > 0:
                cost = cost + self.options.outcome_cost * outcome_costs(
                    Y1=Y[treated], Y0=Y[~treated], m0_treated=m0[treated], m1_control=m1[~treated]
                )
            strength = self.options.balance_strength * unexplained(parts["outcome"], chances=self.chances)
            parts["balance"] = strength * self.transport(r[treated], r[~treated], cost)
        return parts

    def transport(self, treated: torch.Tensor, control: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
        """Cost of the relaxed plan; a scalar."""
        chosen = {"cost": cost, "price": self.options.price, "entropy": self.options.entropy}
        return sinkhorn(treated, control, **{**VARIANTS["escfr"], **chosen})

    def objective(self, batch: Batch) -> torch.Tensor:
        """With the penalty on the heads, which the optimiser applies by itself."""
        return super().objective(batch) + self.options.head_penalty * self.curve.head_weights()
