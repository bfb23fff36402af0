"""The two networks of NN2SLS, one after the other."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.nets import torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.curve import Curve, Joined
from yinguo.nets.stage import Stage, fit_stage, predicted, split_rows
from yinguo.nets.trainer import Batch

__all__ = ["Regression", "train"]


def train(options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, Z: np.ndarray, rng: np.random.Generator) -> Curve:
    """Fit the treatment, then the outcome to the treatment fitted.

    Parameters
    ----------
    options : NN2SLS
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        Split of the rows, first weights, batches.

    Source
    ------
    Two-stage least squares with networks in both stages; no paper (2019 and later programmes).
    """
    training, held = split_rows(len(Y), options.validation, rng)
    generator = make_generator(int(rng.integers(2**63)))
    scale_Y, scale_T, scale_X = Standardiser(Y), Standardiser(T), Standardiser(X)
    covariates = tensor(scale_X(X))
    V = torch.cat([tensor(Standardiser(Z)(Z)), covariates], dim=1)
    how: dict[str, Any] = {
        "epochs": options.epochs, "batch_size": options.batch_size, "patience": options.patience,
        "generator": generator, "device": options.device,
    }  # fmt: skip
    first = Regression(options, V.shape[1], generator)
    rows = {"inputs": V, "target": tensor(scale_T(T))}
    one = fit_stage(first, rows, training, held, says="squared error of the treatment on held-out rows", **how)
    second = Regression(options, 1 + X.shape[1], generator)
    fitted = tensor(predicted(first.net, V, device=options.device))
    rows = {"inputs": torch.cat([fitted, covariates], dim=1), "target": tensor(scale_Y(Y))}
    two = fit_stage(second, rows, training, held, says="squared error of the outcome on held-out rows", **how)
    return Curve(Joined(second.net), scale_X, scale_T, scale_Y, (one, two), options.device)


class Regression(Stage):
    """Least squares by a network."""

    def __init__(self, options: Any, inputs: int, generator: torch.Generator) -> None:
        super().__init__(learning_rate=options.learning_rate, l2=options.l2)
        self.net = mlp([inputs, *options.hidden, 1], generator=generator)

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Squared error."""
        return {"squares": (batch["target"] - self.net(batch["inputs"])).square().mean()}
