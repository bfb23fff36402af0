r"""One stage of a method: a network fitted to its training rows by one loss, judged on rows it did not train on.

Adam with a learning rate that falls to zero along a half cosine, penalties on weights and not on biases, and the
weights of the epoch with the smallest loss on the held-out rows: what several instrumental-variable networks do once or
twice, said once.

>>> import numpy as np
>>> from yinguo.nets.blocks import make_generator, mlp, tensor
>>> class Curve(Stage):
...     def __init__(self, **options):
...         super().__init__(**options)
...         self.net = mlp([1, 16, 1], generator=make_generator(0))
...     def losses(self, batch):
...         return {"squares": (batch["y"] - self.net(batch["x"])).square().mean()}
>>> x = np.linspace(-1, 1, 200)
>>> curve = Curve(learning_rate=0.05)
>>> train, held = split_rows(200, 0.2, np.random.default_rng(0))
>>> fitted = fit_stage(curve, {"x": tensor(x), "y": tensor(x**2)}, train, held, epochs=60, batch_size=20,
...                    patience=None, generator=make_generator(1), device="cpu", says="squares on held-out rows")
>>> bool(abs(curve.net(tensor([0.5])).item() - 0.25) < 0.05)
True
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.trainer import Batch, History, Phase, Trainer, Validation

__all__ = ["Stage", "fit_stage", "predicted", "split_rows"]


class Stage(nn.Module):
    """A network with one loss; a subclass defines ``losses(batch)``, a mapping of name to scalar tensor.

    Parameters
    ----------
    learning_rate : float
        Of Adam, in the first step; the steps after it follow a half cosine down to zero.
    l2 : float
        Penalty on the sum of squared weights, biases exempt, against the mean loss.
    """

    def __init__(self, *, learning_rate: float, l2: float = 0.0) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.l2 = l2
        self.steps: int | None = None

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """What is minimised on a batch, in training mode."""
        raise NotImplementedError(f"{type(self).__name__} does not define losses")

    def held_out_loss(self, batch: Batch) -> float:
        """What decides which epoch is kept; the loss itself unless a subclass knows better."""
        return torch.stack(list(self.losses(batch).values())).sum().item()

    def phases(self) -> list[Phase]:
        """One phase that moves everything."""
        weights = [p for p in self.parameters() if p.ndim > 1]
        biases = [p for p in self.parameters() if p.ndim <= 1]
        # Adam adds weight_decay times the weight to the gradient, and the penalty's gradient is twice the weight.
        groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": 2 * self.l2}, {"params": biases}]
        optimiser = torch.optim.Adam(groups, lr=self.learning_rate)
        schedule = None
        if self.steps is not None:
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps)
        return [Phase("fit", self.losses, optimiser, schedule=schedule)]


def fit_stage(
    stage: Stage,
    data: Batch,
    train: np.ndarray,
    held: np.ndarray,
    *,
    epochs: int,
    batch_size: int | None,
    patience: int | None,
    generator: torch.Generator,
    device: str,
    says: str,
) -> History:
    """Train on some rows and keep the epoch that does best on others.

    Parameters
    ----------
    stage : Stage
        Ends with its best weights, in evaluation mode, on ``device``.
    data : mapping of name to (n, k) tensor
    train, held : int arrays
        Rows to learn from and rows to judge by.
    epochs, batch_size, device
        As :class:`~yinguo.nets.trainer.Trainer`.
    patience : int or None
        Epochs without a new best after which training stops.
    generator : torch.Generator
        Order of the rows.
    says : str
        What the loss on the held-out rows is, in words.

    Returns
    -------
    History
    """
    held_out = {name: value[torch.as_tensor(held)].to(device) for name, value in data.items()}
    learned = {name: value[torch.as_tensor(train)] for name, value in data.items()}
    stage.steps = epochs * (1 if batch_size is None else max(1, round(len(train) / batch_size)))
    trainer = Trainer(epochs=epochs, batch_size=batch_size, generator=generator, device=device)
    return trainer.fit(stage, learned, Validation(says, lambda: stage.held_out_loss(held_out), patience=patience))


def split_rows(n: int, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from and rows to judge by, drawn at random; at least one of each.

    Parameters
    ----------
    n : int
    share : float
        Of the rows to judge by.
    rng : Generator
    """
    order = rng.permutation(n)
    held = max(1, min(n - 1, round(share * n)))
    return order[held:], order[:held]


@torch.no_grad()
def predicted(network: nn.Module, *inputs: torch.Tensor, device: str) -> np.ndarray:
    """First column of what a network makes of tensors side by side, as a (n,) array.

    Parameters
    ----------
    network : nn.Module
    *inputs : (n, k) tensors
    device : str
        Where the network is.
    """
    return network(torch.cat([x.to(device) for x in inputs], dim=1))[:, 0].cpu().numpy().astype(np.float64)
