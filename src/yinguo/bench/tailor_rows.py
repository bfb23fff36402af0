"""Rows of the table ``tailor``: ways between a model before and after tuning, one setting or the best of a few."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from yinguo.bench.tailor_tasks import ORIGINAL, accuracy, new_model, train
from yinguo.language.tailor.l2_sp import L2SP
from yinguo.language.tailor.merging import State, dare, graft, merge_patches, task_arithmetic, ties, wise_ft
from yinguo.language.tailor.model import tailor_model
from yinguo.language.tailor.scores import h_score
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator

__all__ = ["WAYS", "Between", "Tuning", "tune"]

#: Rows of the new task that calibrate.
CALIBRATION = 128


@dataclass(frozen=True, slots=True)
class Tuning:
    """A pre-trained model and what is known when it is to learn new tasks.

    Attributes
    ----------
    pretrained : state
    tuned : tuple of states
        Tuned on each of the new tasks, from ``pretrained``.
    new : tuple of str
        The new tasks, in the order in which they come.
    train : mapping of new task to tokens
    validation : mapping of task to tokens
        Rows of all tasks to choose settings by.
    merged : bool
        Whether the models tuned apart are to be merged; if not, tasks come one after another, and each is tuned from
        what the method made of the one before.
    seed : int
        Of the order of rows in tuning.
    """

    pretrained: State
    tuned: tuple[State, ...]
    new: tuple[str, ...]
    train: Mapping[str, torch.Tensor]
    validation: Mapping[str, torch.Tensor]
    merged: bool
    seed: int


@dataclass(frozen=True, slots=True)
class _Stage:
    """What a way is given: where tuning began, where it ended, and on what."""

    start: State
    tuned: tuple[State, ...]
    tokens: tuple[torch.Tensor, ...]
    seed: int
    options: Mapping[str, Any] = field(default_factory=dict)


def tune(start: State, tokens: torch.Tensor, seed: int, strength: float = 0.0) -> dict[str, torch.Tensor]:
    """Tune on one task, with a penalty on the distance from the start if it has a strength."""
    model = new_model(0)
    model.load_state_dict(start)
    penalty = L2SP(model, strength=strength) if strength else None
    train(model, tokens, epochs=2, rate=1e-3, seed=seed, penalty=penalty)
    return {name: value.clone() for name, value in model.state_dict().items()}


def _tailored(stage: _Stage, density: float) -> State:
    made = []
    for state, tokens in zip(stage.tuned, stage.tokens, strict=True):
        model = new_model(0)
        model.load_state_dict(state)
        batch = tokens[:CALIBRATION, :-1]
        made.append(tailor_model(model, stage.start, [batch], density=density, **stage.options).state)
    return made[0] if len(made) == 1 else merge_patches(stage.start, made)


def _dropped(stage: _Stage, drop: float) -> State:
    generator = make_generator(stage.seed)
    made = [dare(stage.start, state, drop=drop, generator=generator) for state in stage.tuned]
    return made[0] if len(made) == 1 else task_arithmetic(stage.start, made, **stage.options)


def _penalised(stage: _Stage, strength: float) -> State:
    return tune(stage.start, stage.tokens[0], stage.seed, strength)


#: What a setting of each way makes of a stage. WiSE-FT and task arithmetic are the same for one task.
WAYS: Mapping[str, Callable[[_Stage, float], State]] = {
    "pretrained": lambda stage, _: stage.start,
    "tuned": lambda stage, _: stage.tuned[0],
    "tailor": _tailored,
    "dare": _dropped,
    "wise-ft": lambda stage, alpha: wise_ft(stage.start, stage.tuned[0], alpha=alpha),
    "arithmetic": lambda stage, scale: task_arithmetic(stage.start, stage.tuned, scale=scale),
    "graft": lambda stage, density: graft(stage.start, stage.tuned[0], density=density),
    "ties": lambda stage, scale: ties(stage.start, stage.tuned, scale=scale, **stage.options),
    "l2-sp": _penalised,
}


class Between:
    """A way between two models; of several settings the one with the best H-score on the validation rows.

    Parameters
    ----------
    way : str
        Of :data:`WAYS`.
    grid : sequence of float
        Settings to choose from.
    options : mapping
        Further options of the way.
    random_state : int
    """

    def __init__(
        self, *, way: str, grid: Sequence[float] = (0.0,), options: Mapping[str, Any] | None = None,
        random_state: int = 0,
    ) -> None:  # fmt: skip
        self.way = way
        self.grid = grid
        self.options = options
        self.random_state = random_state

    def fit(self, study: Tuning) -> Self:
        """State after every stage in ``path_``, after the last in ``state_``; ``settings_`` are those chosen."""
        state = study.pretrained
        self.path_: list[State] = []
        self.settings_: list[float] = []
        stages = [study.new] if study.merged else [(task,) for task in study.new]
        for place, tasks in enumerate(stages):
            tokens = tuple(study.train[task] for task in tasks)
            if study.merged or place == 0:
                tuned = study.tuned if study.merged else study.tuned[:1]
            elif self.way in ("pretrained", "l2-sp"):
                tuned = ()
            else:
                tuned = (tune(state, tokens[0], study.seed + place),)
            stage = _Stage(state, tuned, tokens, study.seed + place, self.options or {})
            old = ORIGINAL if study.merged else (*ORIGINAL, *study.new[:place])
            state = self._best(stage, study.validation, old, tasks)
            self.path_.append(state)
        self.state_ = state
        return self

    def _best(
        self, stage: _Stage, validation: Mapping[str, torch.Tensor], old: Sequence[str], new: Sequence[str]
    ) -> State:
        if len(self.grid) == 1:
            self.settings_.append(self.grid[0])
            return WAYS[self.way](stage, self.grid[0])
        model = new_model(0)
        states, scores = [], []
        for setting in self.grid:
            states.append(WAYS[self.way](stage, setting))
            model.load_state_dict(states[-1])
            scores.append(h_score(*([accuracy(model, validation[task]) for task in tasks] for tasks in (old, new))))
        best = int(np.argmax(scores))
        self.settings_.append(self.grid[best])
        return states[best]
