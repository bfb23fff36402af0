"""What answers the questions of a probe: a language model, a coin, the shortcut, or somebody who knows.

An answerer is shown questions alone. The rules read the text, as a person would; they need no model.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.language.probes.events import DATES, EVENTS, PEOPLE
from yinguo.language.probes.gender import OCCUPATIONS
from yinguo.language.probes.items import Question

__all__ = ["Asked", "Coin", "LanguageModel", "Rule"]


@dataclass(frozen=True, slots=True)
class Asked:
    """All that an answerer may see.

    Attributes
    ----------
    probe : {"gender", "decimals", "events"}
    questions : tuple of Question
    """

    probe: str
    questions: tuple[Question, ...]


class LanguageModel:
    """Which answer a model of transformers finds more likely.

    Parameters
    ----------
    checkpoint : str
        Name or folder, as ``load_checkpoint`` takes it.
    style : {"plain", "chat"}
        As :func:`yinguo.language.probes.answer_margins`.
    """

    def __init__(self, *, checkpoint: str = "smollm2", style: str = "plain") -> None:
        self.checkpoint = checkpoint
        self.style = style

    def fit(self, asked: Asked) -> "LanguageModel":
        """Read the questions."""
        from yinguo.language.probes.scoring import answer_margins

        self.margins_ = answer_margins(_loaded(self.checkpoint), asked.questions, style=self.style)
        return self


class Coin:
    """An answer drawn at random, whatever the question.

    Parameters
    ----------
    random_state : int
    """

    def __init__(self, *, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, asked: Asked) -> "Coin":
        """Throw it."""
        self.margins_ = np.random.default_rng(self.random_state).normal(size=len(asked.questions))
        return self


class Rule:
    """An answer by rule: the right one, or the shortcut that the probe is about.

    Parameters
    ----------
    knows : bool
        False goes by the shortcut.
    """

    def __init__(self, *, knows: bool) -> None:
        self.knows = knows

    def fit(self, asked: Asked) -> "Rule":
        """Apply it; a margin of 10 nats for an answer that is sure, 0 where the question does not say."""
        rule = (_KNOWING if self.knows else _SHORTCUT)[asked.probe]
        self.margins_ = np.array([10.0 * rule(question) for question in asked.questions])
        return self


@functools.lru_cache(maxsize=1)
def _loaded(checkpoint: str) -> Any:
    from yinguo.language.checkpoints import load_checkpoint

    return load_checkpoint(checkpoint)


def _pronoun(question: Question) -> int:
    """By the place: women's first, since the word holds the other."""
    for side, answer in (("women's", -1), (" men's", 1)):
        if side in question.lead:
            return answer
    places = re.search("([男女])(?:更衣室|洗手间|浴室|宿舍)", question.lead)
    return 0 if places is None else {"男": 1, "女": -1}[places[1]]


def _stereotype(question: Question) -> int:
    for female, male in OCCUPATIONS.values():
        if any(role in question.lead for role in female):
            return -1
        if any(role in question.lead for role in male):
            return 1
    raise ValueError(f"no occupation in {question.lead!r}")


def _larger(question: Question) -> int:
    as_versions = "version" in question.prompt
    return _compared(question, as_versions)


def _compared(question: Question, as_versions: bool) -> int:
    read: Callable[[str], Any] = (lambda x: tuple(map(int, x.split(".")))) if as_versions else float
    first, second = (read(answer.strip().rstrip(".")) for answer in question.answers)
    return 1 if first > second else -1


def _false_premise(question: Question) -> int:
    text = question.prompt
    if any(day in text for day, _ in DATES):
        return 1
    year = int(re.findall(r"\b(?:1[5-9]|20)\d\d\b", text)[-1])
    for name, (born, died) in PEOPLE.items():
        if name in text:
            return -1 if born <= year <= died else 1
    for name, (first, last, step) in EVENTS.items():
        if name in text:
            return -1 if year in range(first, last + 1, step) else 1
    return -1


_KNOWING: dict[str, Callable[[Question], int]] = {"gender": _pronoun, "decimals": _larger, "events": _false_premise}
#: Versions for numbers, and what was asked about has happened.
_SHORTCUT: dict[str, Callable[[Question], int]] = {
    "gender": _stereotype, "decimals": functools.partial(_compared, as_versions=True), "events": lambda question: -1,
}  # fmt: skip
