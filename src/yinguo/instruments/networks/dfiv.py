"""The feature networks of DFIV and the two ridge regressions between them.

Source: Xu, Chen, Srinivasan, de Freitas, Doucet & Gretton (2021), ICLR.
"""

from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.curve import Curve
from yinguo.nets.ridge import augmented, kron_rows, ridge_loss, ridge_weights
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = ["FeatureNetworks", "train"]


def train(options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, Z: np.ndarray, rng: np.random.Generator) -> Curve:
    """Learn the curve.

    Parameters
    ----------
    options : DFIV
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        Split of the rows and first weights.

    Source
    ------
    Xu et al. (2021), algorithm 1.
    """
    n = len(Y)
    order = rng.permutation(n)
    first = max(2, min(n - 2, round(options.split * n)))
    halves = {"1": order[:first], "2": order[first:]}
    scale_Y, scale_T, scale_X = Standardiser(Y), Standardiser(T), Standardiser(X)
    columns = {
        "Y": tensor(scale_Y(Y)),
        "T": tensor(scale_T(T)),
        "X": tensor(scale_X(X)),
        "ZX": tensor(np.column_stack([Standardiser(Z)(Z), scale_X(X)])),
    }
    data = {
        name + half: column[rows].to(options.device)
        for name, column in columns.items()
        for half, rows in halves.items()
    }
    network = FeatureNetworks(options, Z.shape[1], X.shape[1], make_generator(int(rng.integers(2**63))))
    held_out = Validation(
        "second-stage loss on the rows of the first stage, whose outcomes no stage learns from",
        lambda: network.held_out_loss(data),
        patience=options.patience,
    )
    history = Trainer(epochs=options.epochs, device=options.device).fit(network, data, held_out)
    network.settle(data)
    return Curve(network, scale_X, scale_T, scale_Y, history, options.device)


class FeatureNetworks(nn.Module):
    """The three feature networks and the two ridge regressions between them."""

    def __init__(self, options: Any, instruments: int, covariates: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        self.psi = mlp([1, *options.treatment_features], generator=generator)
        inside = options.instrument_features
        self.phi = mlp([instruments + covariates, *inside], generator=generator, batch_norm={len(inside) - 1})
        self.xi = None
        if covariates:
            widths = options.covariate_features
            self.xi = mlp([covariates, *widths], generator=generator, batch_norm={len(widths) - 2}, final="relu")
        self.predicted: torch.Tensor | None = None
        self.weights = torch.empty(0)  # solved, not trained: see settle

    def phases(self) -> list[Phase]:
        """phi on the first stage; xi, then psi, on the second."""
        adam = lambda module: torch.optim.Adam(module.parameters(), lr=self.options.learning_rate)  # noqa: E731
        turns = [Phase("stage 1", self.stage1_losses, adam(self.phi), self.options.stage1_steps, [self.phi])]
        if self.xi is not None:
            turns.append(
                Phase("covariates", self.covariate_losses, adam(self.xi), self.options.covariate_steps, [self.xi])
            )
        return [*turns, Phase("stage 2", self.stage2_losses, adam(self.psi), self.options.stage2_steps, [self.psi])]

    def forward(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """(n, 1) treatments and (n, p) covariates to (n, 1) values of g."""
        return self.joint(self.psi(T), X) @ self.weights

    def stage1_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly phi predicts the treatment features."""
        self.predicted = None
        penalty = self.options.stage1_penalty * len(batch["T1"])
        return {"loss": ridge_loss(augmented(self.phi(batch["ZX1"])), self.psi(batch["T1"]), penalty)}

    def covariate_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly the predicted treatment features and xi predict the outcome."""
        if self.predicted is None:  # the same for all steps of this turn: only xi moves
            with torch.no_grad():
                self.predicted = self.projected(batch)
        return self.outcome_losses(self.predicted, batch)

    def stage2_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The same loss as a function of psi, which changes the predicted features as well."""
        self.predicted = None
        return self.outcome_losses(self.projected(batch), batch)

    def outcome_losses(self, predicted: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        """The penalised squares of the second stage."""
        penalty = self.options.stage2_penalty * len(batch["Y2"])
        return {"loss": ridge_loss(self.joint(predicted, batch["X2"]), batch["Y2"], penalty)}

    def projected(self, batch: Batch, onto: str = "ZX2") -> torch.Tensor:
        """Treatment features as the first stage predicts them for other rows; linear in psi of the first half."""
        with torch.no_grad():  # phi stands still in every turn that asks for this
            one, two = (augmented(self.phi(batch[half])) for half in ("ZX1", onto))
        return two @ ridge_weights(one, self.psi(batch["T1"]), self.options.stage1_penalty * len(one))

    def joint(self, treatment: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """All products of treatment and covariate features, each with a constant."""
        features = augmented(treatment)
        return features if self.xi is None else kron_rows(features, augmented(self.xi(X)))

    def held_out_loss(self, data: Batch) -> float:
        """How well the second stage predicts the outcomes of the rows that only the first stage has seen."""
        self.settle(data)
        features = self.joint(self.projected(data, onto="ZX1"), data["X1"])
        return float((data["Y1"] - features @ self.weights).square().mean())

    @torch.no_grad()
    def settle(self, data: Batch) -> None:
        """Solve both stages with the final features."""
        features = self.joint(self.projected(data), data["X2"])
        self.weights = ridge_weights(features, data["Y2"], self.options.stage2_penalty * len(features))
