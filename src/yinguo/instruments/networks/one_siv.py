"""Treatment and outcome network of OneSIV under one loss."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.curve import Curve, Joined
from yinguo.nets.stage import Stage, fit_stage, split_rows
from yinguo.nets.trainer import Batch

__all__ = ["Joint", "train"]


def train(
    options: Any,
    Y: np.ndarray,
    T: np.ndarray,
    X: np.ndarray,
    Z: np.ndarray,
    rng: np.random.Generator,
    *,
    few_values: bool,
) -> Curve:
    """Train both networks together.

    Parameters
    ----------
    options : OneSIV
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        Split of the rows, first weights, batches, dropout.
    few_values : bool
        Whether the treatment has few values, over which the expectation is exact.

    Source
    ------
    Lin, Lu, Xuan, Zhu & Zhang (2019), ICDM.
    """
    training, held = split_rows(len(Y), options.validation, rng)
    generator = make_generator(int(rng.integers(2**63)))
    scale_Y, scale_T, scale_X = Standardiser(Y), Standardiser(T), Standardiser(X)
    data = {
        "Y": tensor(scale_Y(Y)),
        "T": tensor(scale_T(T)),
        "X": tensor(scale_X(X)),
        "V": tensor(np.column_stack([Standardiser(Z)(Z), scale_X(X)])),
    }
    levels: torch.Tensor | None = None
    if few_values:
        values, which = np.unique(T, return_inverse=True)
        data["T"] = tensor(which)
        levels = tensor(scale_T(values))[:, 0].to(options.device)
    joint = Joint(options, data["V"].shape[1], 1 + X.shape[1], levels, generator)
    history = fit_stage(
        joint, data, training, held,
        epochs=options.epochs, batch_size=options.batch_size, patience=options.patience, generator=generator,
        device=options.device, says="joint loss on held-out rows",
    )  # fmt: skip
    return Curve(Joined(joint.outcome), scale_X, scale_T, scale_Y, history, options.device)


class Joint(Stage):
    """Treatment and outcome networks under one loss."""

    def __init__(
        self,
        options: Any,
        instruments: int,
        inputs: int,
        levels: torch.Tensor | None,
        generator: torch.Generator,
    ) -> None:
        super().__init__(learning_rate=options.learning_rate, l2=options.l2)
        self.options = options
        self.levels = levels
        values = 1 if levels is None else len(levels)
        make: dict[str, Any] = {"generator": generator, "dropout": options.dropout}
        self.treatment = mlp([instruments, *options.hidden, values], **make)
        self.outcome = mlp([inputs, *options.hidden, 1], **make)

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Both losses, weighted."""
        said = self.treatment(batch["V"])
        if self.levels is None:
            outcome = self.outcome(torch.cat([said, batch["X"]], dim=1))[:, 0]
            missed = (batch["T"] - said).square().mean()
        else:
            outcome = (torch.softmax(said, dim=1) * self.at_levels(batch["X"])).sum(dim=1)
            missed = nn.functional.cross_entropy(said, batch["T"][:, 0].long())
        squares = (batch["Y"][:, 0] - outcome).square().mean()
        return {"outcome": self.options.outcome_weight * squares, "treatment": self.options.treatment_weight * missed}

    def at_levels(self, X: torch.Tensor) -> torch.Tensor:
        """(n, p) covariates to (n, values): the outcome network at every value of the treatment."""
        columns = [torch.cat([level.expand(len(X), 1), X], dim=1) for level in self.levels]  # type: ignore[union-attr]
        return torch.cat([self.outcome(column) for column in columns], dim=1)
