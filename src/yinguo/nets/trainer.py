"""The one training loop: batches, alternating phases, early stopping, best weights, history, callbacks.

A network is a module with ``phases()``: what is minimised, by which optimiser, how many steps at a time. One phase
is ordinary training; several are an alternating scheme (DFIV) or, with losses of opposite sign, an adversarial one
(DeepGMM). On every batch the phases take their turns in order. No network writes a loop of its own.

>>> from yinguo.nets import nn, torch
>>> from yinguo.nets.blocks import make_generator, mlp
>>> class Line(nn.Module):
...     def __init__(self):
...         super().__init__()
...         self.net = mlp([1, 1], generator=make_generator(0))
...     def losses(self, batch):
...         return {"squared error": (batch["y"] - self.net(batch["x"])).square().mean()}
...     def phases(self):
...         return [Phase("fit", self.losses, torch.optim.Adam(self.parameters(), lr=0.1))]
>>> x = torch.linspace(-1, 1, 40)[:, None]
>>> line = Line()
>>> history = Trainer(epochs=200).fit(line, {"x": x, "y": 3 * x + 1})
>>> round(line.net[0].weight.item(), 3), round(line.net[0].bias.item(), 3), len(history.epochs)
(3.0, 1.0, 200)
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from yinguo.errors import ConvergenceError
from yinguo.nets import nn, torch

__all__ = ["Batch", "Epoch", "History", "Phase", "Trainable", "Trainer", "Validation"]

Batch = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Phase:
    """One turn of a training scheme.

    Attributes
    ----------
    name : str
        For the history and for messages.
    losses : callable (batch) -> mapping of name to scalar tensor
        Their sum is minimised; a player who maximises returns the negative.
    optimiser : torch.optim.Optimizer
        Holds the parameters that this phase moves; the others are held fixed.
    steps : int
        Steps in a row before the next phase has its turn.
    modules : sequence of nn.Module
        In training mode during this phase, all others in evaluation mode (batch normalisation, dropout); empty means
        the whole network trains.
    schedule : torch learning-rate scheduler, optional
        Stepped after each step of this phase.
    """

    name: str
    losses: Callable[[Batch], Mapping[str, torch.Tensor]]
    optimiser: torch.optim.Optimizer
    steps: int = 1
    modules: Sequence[nn.Module] = ()
    schedule: Any = None


class Trainable(Protocol):
    """A module that says how it is trained."""

    def phases(self) -> Sequence[Phase]:
        """The turns taken on every batch, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Validation:
    """A loss that decides which weights are kept and when to stop.

    Attributes
    ----------
    says : str
        What the loss is and on which rows, in words.
    loss : callable () -> float
        Called with the network in evaluation mode and without gradients.
    every : int
        Epochs between two looks.
    patience : int or None
        Looks without a new best after which training stops; None never stops early.
    burn_in : int
        Epochs before the first look.
    """

    says: str
    loss: Callable[[], float]
    every: int = 1
    patience: int | None = None
    burn_in: int = 0


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the data.

    Attributes
    ----------
    number : int
        Counted from 1.
    losses : mapping of "phase: loss" to its mean over the steps of the epoch
    validation : float or None
        None where no look was taken.
    """

    number: int
    losses: Mapping[str, float]
    validation: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What happened during training.

    Attributes
    ----------
    epochs : tuple of Epoch
    best : int or None
        Number of the epoch whose weights were kept; None where there was no validation: the last ones were.
    validation : str or None
        What the validation loss was, in words.
    stopped : str
        Why training ended: "all epochs", "no progress" or "callback".
    """

    epochs: tuple[Epoch, ...] = field(repr=False)
    best: int | None
    validation: str | None
    stopped: str


class Trainer:
    """Trains a network by its phases.

    Parameters
    ----------
    epochs : int
        Passes over the data; with ``steps_per_epoch``, that many batches each.
    batch_size : int, optional
        Rows in a batch, about: the rows are dealt into batches of equal size, so that none is tiny. None is all rows at
        once, and then the tensors need not have equal lengths.
    steps_per_epoch : int, optional
        Draw so many batches at random instead of dealing out all rows.
    generator : torch.Generator, optional
        Order of the rows; needed for batches.
    callbacks : sequence of callables (Epoch, network) -> bool or None
        Called after each epoch; True ends training. Progress bars and recorders hang here.
    device : str
        Where the network and the data are put, "cpu" or "cuda".
    """

    def __init__(
        self,
        *,
        epochs: int,
        batch_size: int | None = None,
        steps_per_epoch: int | None = None,
        generator: torch.Generator | None = None,
        callbacks: Sequence[Callable[[Epoch, Any], bool | None]] = (),
        device: str = "cpu",
    ) -> None:
        if batch_size is not None and generator is None:
            raise ValueError("batches need a generator, or the order of the rows would come from global randomness")
        self.epochs = epochs
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch
        self.generator = generator
        self.callbacks = tuple(callbacks)
        self.device = device

    def fit(self, network: Any, data: Batch, validation: Validation | None = None) -> History:
        """Train; the network ends with its best weights, in evaluation mode, on ``device``.

        Parameters
        ----------
        network : nn.Module with ``phases()``
        data : mapping of name to tensor
        validation : Validation, optional

        Raises
        ------
        ConvergenceError
            A loss that is no longer a number; the message names phase and epoch.
        """
        network.to(self.device)
        data = {name: value.to(self.device) for name, value in data.items()}
        turns = [_Turn(network, phase) for phase in network.phases()]
        epochs: list[Epoch] = []
        best_loss, best_epoch, best_weights = math.inf, None, None
        looks_since_best, stopped = 0, "all epochs"
        at_turn: _Turn | None = None
        for number in range(1, self.epochs + 1):
            for batch in self._batches(data):
                for turn in turns:
                    if turn is not at_turn:
                        turn.begin()
                        at_turn = turn
                    turn.take(batch)
            losses = {name: mean for turn in turns for name, mean in turn.settle(number).items()}
            look = None
            if validation is not None and number > validation.burn_in and number % validation.every == 0:
                look = _looked(network, validation)
                looks_since_best += 1
                if look < best_loss:
                    best_loss, best_epoch, looks_since_best = look, number, 0
                    best_weights = copy.deepcopy(network.state_dict())
            epochs.append(Epoch(number, losses, look))
            if look is not None or self.callbacks:
                at_turn = None  # they may have left the network in another mode
            # Every callback is called, even after one of them has asked for the end.
            if any([callback(epochs[-1], network) for callback in self.callbacks]):
                stopped = "callback"
                break
            if validation is not None and validation.patience is not None and looks_since_best >= validation.patience:
                stopped = "no progress"
                break
        if best_weights is not None:
            network.load_state_dict(best_weights)
        network.requires_grad_(True)
        network.eval()
        return History(tuple(epochs), best_epoch, None if validation is None else validation.says, stopped)

    def _batches(self, data: Batch) -> Iterator[Batch]:
        if self.batch_size is None:
            for _ in range(self.steps_per_epoch or 1):
                yield data
            return
        n = len(next(iter(data.values())))
        if self.steps_per_epoch is None:
            order = torch.randperm(n, generator=self.generator)
            parts = torch.tensor_split(order, max(1, round(n / self.batch_size)))
        else:
            size = min(self.batch_size, n)
            parts = tuple(torch.randperm(n, generator=self.generator)[:size] for _ in range(self.steps_per_epoch))
        for rows in parts:
            yield {name: value[rows] for name, value in data.items()}


class _Turn:
    """A phase at work, with the sums of its losses since the last epoch."""

    def __init__(self, network: nn.Module, phase: Phase) -> None:
        self.network, self.phase = network, phase
        self.own = [p for group in phase.optimiser.param_groups for p in group["params"]]
        self.alone = {id(p) for p in self.own} == {id(p) for p in network.parameters()}
        self.sums: dict[str, torch.Tensor] = {}
        self.count = 0

    def begin(self) -> None:
        """Put the network into the mode of this phase; costs a twentieth of a small step, so not at every step."""
        network, phase = self.network, self.phase
        if not self.alone:  # no gradient is computed for parameters that another phase moves
            network.requires_grad_(False)
            for parameter in self.own:
                parameter.requires_grad_(True)
        network.train(not phase.modules)
        for module in phase.modules:
            module.train()

    def take(self, batch: Batch) -> None:
        """The steps of this phase on a batch."""
        phase = self.phase
        for _ in range(phase.steps):
            for parameter in self.own:
                parameter.grad = None
            parts = phase.losses(batch)
            sum(parts.values()).backward()  # type: ignore[union-attr]
            phase.optimiser.step()
            if phase.schedule is not None:
                phase.schedule.step()
            for name, value in parts.items():
                key = f"{phase.name}: {name}"
                self.sums[key] = self.sums.get(key, 0.0) + value.detach()
            self.count += 1

    def settle(self, epoch: int) -> dict[str, float]:
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        for name, mean in means.items():
            if not math.isfinite(mean):
                raise ConvergenceError(
                    f"training diverged: {name} is {mean} in epoch {epoch}. Lower the learning rate or raise a penalty."
                )
        self.sums, self.count = {}, 0
        return means


def _looked(network: nn.Module, validation: Validation) -> float:
    network.eval()
    with torch.no_grad():
        value = float(validation.loss())
    if math.isnan(value):
        raise ConvergenceError(f"training diverged: the validation loss ({validation.says}) is not a number.")
    return value
