r"""What the networks of this package share: the rows they learn from, the steps, the looks, the loss of the outcome.

A network learns from a :class:`Sample` of standardised rows by random batches and is looked at, every so many steps,
on rows held out of it; the weights with the smallest held-out objective are kept. Its squared errors or cross-entropies
:math:`\ell_i` are averaged as

.. math:: \frac{1}{n} \sum_i w_i \ell_i, \qquad w_i = \frac{t_i}{2u} + \frac{1 - t_i}{2(1 - u)},

with u the share treated, so that the two arms count alike.

Source: Shalit, Johansson & Sontag (2017), ICML, and their programme.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.errors import DataError
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, tensor
from yinguo.nets.curve import ArmCurves
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = [
    "ArmNetwork",
    "Sample",
    "chance",
    "factual_weights",
    "outcome_loss",
    "sample_rows",
    "scale_covariates",
    "train_network",
]

#: Held-out rows beyond this many are not looked at: distances between the arms need all pairs.
MOST_HELD = 2000


@dataclass(frozen=True, slots=True)
class Sample:
    """Standardised rows to learn from and to look at.

    Attributes
    ----------
    training, held : mapping of "X", "T", "Y" to (n, p) or (n, 1) tensors
    share : float
        u, of the treated among the rows to learn from.
    chances : bool
        Whether the outcome has two values; it is then 0 or 1 and not standardised.
    scale_X, scale_Y : Standardiser
    generator : torch.Generator
        First weights and batches.
    """

    training: Batch
    held: Batch
    share: float
    chances: bool
    scale_X: Standardiser
    scale_Y: Standardiser
    generator: torch.Generator

    @property
    def covariates(self) -> int:
        """Columns of X."""
        return self.training["X"].shape[1]


def sample_rows(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> Sample:
    """Hold out a share of each arm, and standardise.

    Parameters
    ----------
    options : estimator
        Its ``validation`` is the share, its ``device`` where the held-out rows are put.
    Y, T : (n,) float arrays
    X : (n, p) float array
    binary : bool
        Whether the outcome has two values.
    rng : Generator

    Raises
    ------
    DataError
        An arm without two rows.
    """
    held = np.zeros(len(T), dtype=bool)
    for arm, name in ((0.0, "control"), (1.0, "treated")):
        members = rng.permutation(np.flatnonzero(arm == T))
        if len(members) < 2:
            raise DataError(
                f"the network has {len(members)} {name} rows to learn from and be judged by; it needs 2 of each arm. "
                "Use folds=None or fewer folds, or a method that trains no networks."
            )
        held[members[: min(len(members) - 1, max(1, round(options.validation * len(members))))]] = True
    scale_X = scale_covariates(X)
    scale_Y = Standardiser(np.array([-1.0, 1.0]) if binary else Y[~held])
    columns = {"X": scale_X(X), "T": T, "Y": scale_Y(Y)}
    looked_at = rng.permutation(np.flatnonzero(held))[:MOST_HELD]
    return Sample(
        training={name: tensor(values[~held]) for name, values in columns.items()},
        held={name: tensor(values[looked_at]).to(options.device) for name, values in columns.items()},
        share=float(T[~held].mean()),
        chances=binary,
        scale_X=scale_X,
        scale_Y=scale_Y,
        generator=make_generator(int(rng.integers(2**63))),
    )


def scale_covariates(X: np.ndarray) -> Standardiser:
    """Standardises columns; those of two values become 0 and 1 instead.

    A rare mark has a small standard deviation: divided by it, a handful of rows would stand far from all others and the
    network would learn them by heart.
    """
    scale = Standardiser(X)
    low, high = X.min(axis=0), X.max(axis=0)
    marks = (low < high) & ((low == X) | (high == X)).all(axis=0)
    scale.mean, scale.spread = np.where(marks, low, scale.mean), np.where(marks, high - low, scale.spread)
    return scale


class ArmNetwork(nn.Module):
    """Base of the networks: gives (n, 2) outcomes for (n, p) covariates, and says what it minimises.

    A subclass defines ``forward(X)`` and ``losses(batch)``; and ``objective(batch)`` where the held-out rows are judged
    by something else than the sum of the losses, ``phases()`` where it learns in turns.

    Parameters
    ----------
    options : estimator
        With ``learning_rate`` and ``head_penalty``.
    """

    def __init__(self, options: Any) -> None:
        super().__init__()
        self.options = options
        self.steps = 0

    def warmed_up(self) -> bool:
        """Whether a penalty on the representation counts: after ``options.warm_up`` steps, and whenever looked at.

        Asked once in each step. Before the heads have learned anything, only the penalty moves the representation, and
        it would be drawn into a point.
        """
        if not self.training:
            return True
        self.steps += 1
        return self.steps > self.options.warm_up

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """What is minimised on a batch, part by part."""
        raise NotImplementedError(f"{type(self).__name__} does not define losses")

    def objective(self, batch: Batch) -> torch.Tensor:
        """What decides, on the held-out rows, which weights are kept."""
        return torch.stack(list(self.losses(batch).values())).sum()

    def phases(self) -> list[Phase]:
        """One phase that moves everything."""
        return [self.turn("fit", self.losses, self)]

    def turn(self, name: str, losses: Any, *modules: nn.Module, penalised: Sequence[nn.Module] = ()) -> Phase:
        r"""A phase of Adam whose learning rate falls by 3 % every 100 steps.

        Parameters
        ----------
        name : str
        losses : callable (batch) -> mapping of name to scalar tensor
        *modules : nn.Module
            What it moves.
        penalised : sequence of nn.Module
            Those of which half the sum of squared weights, biases exempt, is penalised by ``head_penalty``. The
            penalty goes to the gradient directly, which is the same and saves a tenth of the time of a step.
        """
        held_down = {id(p) for module in penalised for p in module.parameters() if p.ndim > 1}
        moved = [p for module in modules for p in module.parameters()]
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in moved if id(p) in held_down],
                "weight_decay": self.options.head_penalty,
            },
            {"params": [p for p in moved if id(p) not in held_down]},
        ]
        adam = torch.optim.Adam([g for g in groups if g["params"]], lr=self.options.learning_rate, fused=True)
        return Phase(name, losses, adam, schedule=torch.optim.lr_scheduler.StepLR(adam, 100, 0.97))


def train_network(network: ArmNetwork, sample: Sample, options: Any) -> ArmCurves:
    """Take ``options.epochs`` steps and keep the weights that do best on the held-out rows.

    Parameters
    ----------
    network : ArmNetwork
    sample : Sample
    options : estimator
        With ``epochs`` (steps), ``batch_size``, ``look_every``, ``patience`` and ``device``.
    """
    looks = Validation(
        "objective on held-out rows",
        lambda: float(network.objective(sample.held)),
        every=max(1, min(options.look_every, options.epochs)),
        patience=options.patience,
    )
    trainer = Trainer(
        epochs=options.epochs, batch_size=options.batch_size, steps_per_epoch=1, generator=sample.generator,
        device=options.device,
    )  # fmt: skip
    history = trainer.fit(network, sample.training, looks)
    return ArmCurves(network, sample.scale_X, sample.scale_Y, history, options.device)


def factual_weights(T: torch.Tensor, share: float) -> torch.Tensor:
    """(n, 1) weights w that make the two arms count alike; their mean over the training rows is 1.

    Parameters
    ----------
    T : (n, 1) tensor of 0 and 1
    share : float in (0, 1)
        u.
    """
    return T / (2 * share) + (1 - T) / (2 * (1 - share))


def chance(logit: torch.Tensor) -> torch.Tensor:
    """A logit as a chance that stays off 0 and 1 by 0.0025, so that no cross-entropy is without bound."""
    return 0.995 * torch.sigmoid(logit) + 0.0025


def outcome_loss(
    m: torch.Tensor, Y: torch.Tensor, *, chances: bool, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean squared error of outcomes, or mean cross-entropy of chances, weighted; a scalar.

    **Shape**: (n, 1), (n, 1) and (n, 1) to ().

    Parameters
    ----------
    m : (n, 1) tensor
        Means of the outcome, strictly inside (0, 1) with ``chances``.
    Y : (n, 1) tensor
    chances : bool
        The outcome has two values.
    weights : (n, 1) tensor, optional
        Averages are divided by the number of rows and not by the sum of the weights.
    """
    if chances:
        losses = nn.functional.binary_cross_entropy(m, Y, reduction="none")
    else:
        losses = (Y - m).square()
    return (losses if weights is None else weights * losses).mean()


def unexplained(loss: torch.Tensor, *, chances: bool) -> torch.Tensor:
    """The unit in which penalties are measured against the outcome: its unexplained variance, or 1 for chances.

    A strength times this means the same whatever share of the outcome the covariates explain. The step is that of the
    logarithm of the squared error plus the penalty, a Gaussian likelihood whose variance is fitted along.

    Parameters
    ----------
    loss : scalar tensor
        Mean squared error, or cross-entropy.
    chances : bool
        The outcome has two values; cross-entropies have a unit of their own.
    """
    return torch.ones_like(loss) if chances else loss.detach()
