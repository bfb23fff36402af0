"""The second stage of DeepIV, after a conditional density of the treatment."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yinguo.nets import torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.conditional_density import ChoiceModel, MixtureDensity
from yinguo.nets.curve import Curve, Joined
from yinguo.nets.stage import Stage, fit_stage, split_rows
from yinguo.nets.trainer import Batch

__all__ = ["Response", "dropout_share", "train"]

#: Draws per row for the loss on held-out rows, made once.
HELD_OUT_DRAWS = 32


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, Z: np.ndarray, rng: np.random.Generator, *, model: str
) -> Curve:
    """Learn the treatment's density, then the curve through its integral.

    Parameters
    ----------
    options : DeepIV
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        Split of the rows, first weights, batches, draws of the treatment.
    model : {"logistic", "gaussian", "mixture"}
        Of the treatment.

    Source
    ------
    Hartford, Lewis, Leyton-Brown & Taddy (2017), ICML.
    """
    split = split_rows(len(Y), options.validation, rng)
    generator = make_generator(int(rng.integers(2**63)))
    scale_Y, scale_T, scale_X = Standardiser(Y), Standardiser(T), Standardiser(X)
    data = {
        "Y": tensor(scale_Y(Y)),
        "T": tensor(scale_T(T)),
        "X": tensor(scale_X(X)),
        "V": tensor(np.column_stack([Standardiser(Z)(Z), scale_X(X)])),
    }
    network: dict[str, Any] = {
        "hidden": options.hidden, "generator": generator, "learning_rate": options.learning_rate,
        "dropout": dropout_share(options.dropout, len(split[0])),
    }  # fmt: skip
    training: dict[str, Any] = {
        "epochs": options.epochs, "batch_size": options.batch_size, "patience": options.patience,
        "generator": generator, "device": options.device,
    }  # fmt: skip
    first: ChoiceModel | MixtureDensity
    levels = np.empty(0)
    if model == "logistic":
        levels, which = np.unique(T, return_inverse=True)
        data["level"] = tensor(which)
        first = ChoiceModel(data["V"].shape[1], len(levels), l2=options.stage1_l2, **network)
    else:
        count = options.components if model == "mixture" else 1
        first = MixtureDensity(data["V"].shape[1], count, l2=options.stage1_l2, **network)
    one = fit_stage(first, data, *split, says="negative log-likelihood of the treatment on held-out rows", **training)
    with torch.no_grad():
        inputs = data["V"].to(options.device)
        if isinstance(first, ChoiceModel):
            data["chances"] = torch.as_tensor(options._chances(first.chances(inputs).cpu()))
        else:
            data["mixture"] = first.parameters_at(inputs).cpu()
    second = Response(options, 1 + X.shape[1], int(rng.integers(2**63)), l2=options.stage2_l2, **network)
    second.levels = tensor(scale_T(levels))[:, 0].to(options.device)
    two = fit_stage(second, data, *split, says="squared error of the integrated curve on held-out rows", **training)
    return Curve(Joined(second.net), scale_X, scale_T, scale_Y, (one, two), options.device)


def dropout_share(given: float | None, n: int) -> float:
    """Share of hidden units left out: the one given, or the published rule for n rows."""
    return min(1000 / (1000 + n), 0.5) if given is None else given


class Response(Stage):
    """g, fitted through the integral over the treatment."""

    def __init__(
        self,
        options: Any,
        inputs: int,
        held_out_seed: int,
        *,
        hidden: Sequence[int],
        generator: torch.Generator,
        dropout: float,
        learning_rate: float,
        l2: float,
    ) -> None:
        super().__init__(learning_rate=learning_rate, l2=l2)
        self.options = options
        self.generator = generator
        self.held_out_seed = held_out_seed
        self.levels = torch.empty(0)
        self.net = mlp([inputs, *hidden, 1], generator=generator, dropout=dropout)

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Squared error of the integral."""
        return {"squares": self.squares(batch, self.options.samples, self.options.unbiased_gradient, self.generator)}

    def held_out_loss(self, batch: Batch) -> float:
        """The same with many draws, the same ones at every look, and without their variance."""
        return self.squares(batch, HELD_OUT_DRAWS, True, make_generator(self.held_out_seed)).item()

    def squares(self, batch: Batch, draws: int, unbiased: bool, generator: torch.Generator) -> torch.Tensor:
        """Mean squared gap between the outcome and the integrated curve."""
        Y, X = batch["Y"][:, 0], batch["X"]
        if "chances" in batch:
            g = self.curves(self.levels.expand(len(Y), -1), X)
            return (Y - (batch["chances"] * g).sum(dim=1)).square().mean()
        g = self.curves(MixtureDensity.draw(batch["mixture"], draws, generator), X)
        if not unbiased:
            return (Y[:, None] - g).square().mean()
        return ((Y - g.mean(dim=1)).square() - g.var(dim=1) / draws).mean()

    def curves(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """(n, k) treatments and (n, p) covariates to (n, k) values of g."""
        n, k = T.shape
        rows = X[:, None, :].expand(n, k, X.shape[1])
        return self.net(torch.cat([T[:, :, None], rows], dim=2))[:, :, 0]
