"""Rows of the table ``tailor-minilm``: ways between an encoder before and after tuning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from yinguo.bench.tailor_sentences import Sentences, embed, head_accuracy, original_skills
from yinguo.language.tailor.merging import State, dare, graft, wise_ft
from yinguo.language.tailor.model import tailor_model
from yinguo.language.tailor.scores import h_score
from yinguo.nets import nn
from yinguo.nets.blocks import make_generator

__all__ = ["BetweenEncoders", "Encoder", "performance"]

#: Sentences of the new task that calibrate.
CALIBRATION = 64


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder before and after tuning, and what may be looked at.

    Attributes
    ----------
    model, tokenizer : of transformers
        A model to put states into.
    pretrained, tuned : states
    heads : mapping of original task to (d + 1, classes) tensor
        Fitted before tuning.
    new_head : (d + 1, 2) tensor
        Tuned with the model.
    train : Sentences
        Of the new task.
    validation : (Sentences, Sentences)
        Of the original tasks and of the new one.
    seed : int
    """

    model: nn.Module
    tokenizer: Any
    pretrained: State
    tuned: State
    heads: Mapping[str, Any]
    new_head: Any
    train: Sentences
    validation: tuple[Sentences, Sentences]
    seed: int


def performance(study: Encoder, state: State, given: tuple[Sentences, Sentences]) -> tuple[dict[str, float], float]:
    """Performance of a state on the original tasks and on the new one."""
    study.model.load_state_dict(state)
    old, _ = original_skills(study.model, study.tokenizer, given[0], study.heads)
    X = embed(study.model, study.tokenizer, given[1].texts)
    return old, head_accuracy(X, given[1].labels["direction"], study.new_head)


class BetweenEncoders:
    """A way between the two; of several settings the one with the best H-score on the validation sentences.

    Parameters
    ----------
    way : {"pretrained", "tuned", "tailor", "wise-ft", "dare", "graft"}
    grid : sequence of float
        Settings to choose from.
    options : mapping
        Of the way.
    """

    def __init__(self, *, way: str, grid: Sequence[float] = (0.0,), options: Mapping[str, Any] | None = None) -> None:
        self.way = way
        self.grid = grid
        self.options = options

    def fit(self, study: Encoder) -> Self:
        """The state, in ``state_``, and the setting chosen."""
        scores, states = [], []
        for setting in self.grid:
            states.append(self._state(study, setting))
            if len(self.grid) > 1:
                old, new = performance(study, states[-1], study.validation)
                scores.append(h_score(list(old.values()), [new]))
        best = int(np.argmax(scores)) if scores else 0
        self.state_, self.setting_ = states[best], self.grid[best]
        return self

    def _state(self, study: Encoder, setting: float) -> State:
        before, after = study.pretrained, study.tuned
        if self.way == "pretrained":
            return before
        if self.way == "tuned":
            return after
        if self.way == "wise-ft":
            return wise_ft(before, after, alpha=setting)
        if self.way == "dare":
            return dare(before, after, drop=setting, generator=make_generator(study.seed))
        if self.way == "graft":
            return graft(before, after, density=setting)
        study.model.load_state_dict(after)
        batch = dict(study.tokenizer(study.train.texts[:CALIBRATION], return_tensors="pt", padding=True))
        made = tailor_model(
            study.model, before, [batch], density=setting, recompute=False, layers=lambda name: "pooler" not in name,
            **(self.options or {}),
        )  # fmt: skip
        return made.state
