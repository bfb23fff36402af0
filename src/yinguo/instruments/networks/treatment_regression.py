r"""Predicted treatments whose errors a second stage may ignore: networks on other folds, then recalibrated.

Two-stage regression puts a prediction s of the treatment in its place and needs the error T - s to be unrelated to
what the second stage regresses on, s itself and the covariates. Least squares has that by construction; a network has
not. Fitted to the same rows it has learned some of their noise, and stopped early it is too close to the mean: in both
cases the slope of T on s given the covariates is not 1, and every effect is off by that factor. So each row is
predicted by networks that have not learned from it, one for each deal of the rows into folds (their mean errs less than
any of them), and the predictions p are recalibrated,

.. math:: \mathrm{logit}\, s = a + b\, \mathrm{logit}\, p + c^\top x \qquad\text{or}\qquad s = a + b\, p + c^\top x,

by logistic regression for a treatment of two values, by least squares for any other, so that the errors are
uncorrelated with the covariates and (on the scale of the fit) with the prediction.

Source: Wu, Kuang, Li & Wu (2022), ICML, for the network; fitting on other folds is that of Chernozhukov et al. (2018),
Econometrics Journal 21, and recalibration that of Cox (1958), Biometrika 45, with the covariates added.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from yinguo.nets import nn, torch
from yinguo.nets.blocks import mlp, tensor
from yinguo.nets.stage import Stage, fit_stage, predicted
from yinguo.nets.trainer import Batch

__all__ = ["predicted_treatment"]


def predicted_treatment(
    *,
    T: np.ndarray,
    Z: np.ndarray,
    X: np.ndarray,
    binary: bool,
    layers: Sequence[int],
    folds: int,
    repeats: int = 1,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    generator: torch.Generator,
    device: str = "cpu",
) -> np.ndarray:
    """Prediction of each row's treatment by instruments and covariates, from other rows and recalibrated.

    Parameters
    ----------
    T : (n,) float array
        Treatment, 0 and 1 if ``binary``, else standardised.
    Z : (n, q) float array
        Instruments, standardised.
    X : (n, p) float array
        Covariates, standardised.
    binary : bool
        Chances of a treatment of two values instead of means.
    layers : sequence of int
        Widths of the hidden layers.
    folds : int
        Parts that the rows are dealt into at random.
    repeats : int
        Deals; log odds, or means, are averaged over them before they are recalibrated.
    epochs : int
        At most so many passes; the pass that predicts the fold best is kept, and ten without a better one end training.
    batch_size : int
    learning_rate : float
    generator : torch.Generator
        Folds, first weights, order of the rows.
    device : str

    Returns
    -------
    (n,) float array
    """
    n = len(T)
    data = {"T": tensor(T), "inputs": tensor(np.column_stack([Z, X]))}
    raw = np.zeros(n)
    for _ in range(repeats):
        fold = np.arange(n)[torch.randperm(n, generator=generator).numpy()] % max(2, min(folds, n))
        for k in range(fold.max() + 1):
            inside, outside = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
            network = _Treatment(
                [data["inputs"].shape[1], *layers, 1], binary=binary, learning_rate=learning_rate, generator=generator
            )
            fit_stage(
                network, data, outside, inside,
                epochs=epochs, batch_size=batch_size, patience=10, generator=generator, device=device,
                says="error of the predicted treatment in the fold left out",
            )  # fmt: skip
            raw[inside] += predicted(network.net, data["inputs"][torch.as_tensor(inside)], device=device) / repeats
    design = np.column_stack([raw, X])
    if not binary:
        design = np.column_stack([np.ones(n), design])
        return design @ np.linalg.lstsq(design, T, rcond=None)[0]
    # The slight penalty is for covariates that tell the arms apart without error.
    return LogisticRegression(C=100.0, max_iter=1000).fit(design, T).predict_proba(design)[:, 1]


class _Treatment(Stage):
    """Log odds, or the mean, of the treatment."""

    def __init__(self, sizes: Sequence[int], *, binary: bool, learning_rate: float, generator: torch.Generator) -> None:
        super().__init__(learning_rate=learning_rate)
        self.binary = binary
        self.net = mlp(sizes, generator=generator)

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Minus the log-likelihood, or the squared error."""
        found = self.net(batch["inputs"])
        if self.binary:
            return {"likelihood": nn.functional.binary_cross_entropy_with_logits(found, batch["T"])}
        return {"squares": (batch["T"] - found).square().mean()}
