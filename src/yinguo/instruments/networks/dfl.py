"""Both feature networks of DFL and the ridge regression on their products."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.curve import Curve
from yinguo.nets.ridge import augmented, kron_rows, ridge_loss, ridge_weights
from yinguo.nets.stage import split_rows
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = ["Features", "train"]


def train(options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, Z: np.ndarray, rng: np.random.Generator) -> Curve:
    """Learn the features; the instruments are not looked at.

    Parameters
    ----------
    options : DFL
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        Split of the rows, first weights.

    Source
    ------
    Xu, Chen, Srinivasan, de Freitas, Doucet & Gretton (2021), ICLR, the baseline.
    """
    training, held = split_rows(len(Y), options.validation, rng)
    scale_Y, scale_T, scale_X = Standardiser(Y), Standardiser(T), Standardiser(X)
    columns = {"Y": tensor(scale_Y(Y)), "T": tensor(scale_T(T)), "X": tensor(scale_X(X))}
    data, judge = (
        {name: column[torch.as_tensor(rows)].to(options.device) for name, column in columns.items()}
        for rows in (training, held)
    )
    network = Features(options, X.shape[1], make_generator(int(rng.integers(2**63))))
    held_out = Validation(
        "squared error on held-out rows", lambda: network.held_out_loss(data, judge), patience=options.patience
    )
    history = Trainer(epochs=options.epochs, device=options.device).fit(network, data, held_out)
    network.settle(data)
    return Curve(network, scale_X, scale_T, scale_Y, history, options.device)


class Features(nn.Module):
    """Both feature networks and the ridge regression on their products."""

    def __init__(self, options: Any, covariates: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        self.phi = mlp([1, *options.treatment_features], generator=generator)
        self.psi = None
        if covariates:
            widths = options.covariate_features
            self.psi = mlp([covariates, *widths], generator=generator, batch_norm={len(widths) - 2}, final="relu")
        self.weights = torch.empty(0)  # until the first solution

    def phases(self) -> list[Phase]:
        """phi, then psi, on the same loss."""
        turns = [(self.phi, self.options.treatment_steps), (self.psi, self.options.covariate_steps)]
        return [
            Phase(name, self.losses, torch.optim.Adam(net.parameters(), lr=self.options.learning_rate), steps, [net])
            for name, (net, steps) in zip(("treatment", "covariates"), turns, strict=True)
            if net is not None
        ]

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Smallest penalised squares that weights can give."""
        penalty = self.options.penalty * len(batch["Y"])
        return {"loss": ridge_loss(self.features(batch["T"], batch["X"]), batch["Y"], penalty)}

    def forward(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """(n, 1) treatments and (n, p) covariates to (n, 1) values of g."""
        return self.features(T, X) @ self.weights

    def features(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """All products of treatment and covariate features, each with a constant."""
        treatment = augmented(self.phi(T))
        return treatment if self.psi is None else kron_rows(treatment, augmented(self.psi(X)))

    def held_out_loss(self, data: Batch, judge: Batch) -> float:
        """Squared error on other rows, with weights from the rows that train."""
        self.settle(data)
        return float((judge["Y"] - self(judge["T"], judge["X"])).square().mean())

    @torch.no_grad()
    def settle(self, data: Batch) -> None:
        """Solve for the weights with the features as they are, in evaluation mode."""
        features = self.features(data["T"], data["X"])
        self.weights = ridge_weights(features, data["Y"], self.options.penalty * len(features))
