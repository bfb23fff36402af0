"""Rows of the tables that tune the small instruction model: with and without the loss on attention.

A method sees rows with their causes and nothing of the tests; what it answers is asked for by the table's measure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from yinguo.language.arithmetic_spans import annotate
from yinguo.language.causal_spans import CausalText
from yinguo.language.causal_tuning import CausalAttentionTuning
from yinguo.language.checkpoints import Checkpoint, load_checkpoint
from yinguo.language.decoding import answer_log_probabilities, greedy_answers, score_candidates
from yinguo.language.stg import CAUSAL, LABELS, STGRow

__all__ = ["AlwaysLow", "Judged", "PairedMathTuning", "Problem", "STGTuning"]

#: Where the model comes from; tests put a tiny one here.
CHECKPOINT: Callable[[], Checkpoint] = lambda: load_checkpoint("smollm2")  # noqa: E731
ASK = "Answer:"


@dataclass(frozen=True, slots=True)
class Problem:
    """A question and its plain number."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model makes of test problems.

    Attributes
    ----------
    texts : tuple of str
        Its answers, decoded greedily.
    log_probability : (n,) float array
        Of the right answer.
    """

    texts: tuple[str, ...]
    log_probability: np.ndarray


class STGTuning:
    """Tune on rows of the Spurious Token Game; answer by the likeliest of the three labels.

    Parameters
    ----------
    gamma, alpha, decay, per_head
        As in :class:`~yinguo.language.causal_tuning.CausalAttentionTuning`; gamma 0 is plain tuning.
    oracle : bool, default False
        Show the model the causal items alone, in training and in the test: what could be reached.
    epochs, steps, learning_rate, batch_size
        Of the tuning.
    random_state : int
    """

    def __init__(
        self,
        *,
        gamma: float = 0.0,
        alpha: float = 2.0,
        decay: float = 1.0,
        per_head: bool = False,
        oracle: bool = False,
        epochs: int = 1,
        steps: int | None = None,
        learning_rate: float = 1e-3,
        batch_size: int = 8,
        random_state: int = 0,
    ) -> None:
        self.gamma = gamma
        self.alpha = alpha
        self.decay = decay
        self.per_head = per_head
        self.oracle = oracle
        self.epochs = epochs
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, rows: Sequence[STGRow]) -> "STGTuning":
        """Tune on rows."""
        shown = [self._seen(row) for row in rows]
        texts = [CausalText.from_phrases(row.prompt, row.label, {row.label: row.causes}) for row in shown]
        self.tuning_ = CausalAttentionTuning(
            CHECKPOINT(), gamma=self.gamma, alpha=self.alpha, decay=self.decay, per_head=self.per_head,
            epochs=self.epochs, steps=self.steps, learning_rate=self.learning_rate, batch_size=self.batch_size,
            random_state=self.random_state,
        ).fit(texts, shown=texts[:8])  # fmt: skip
        return self

    def answer(self, rows: Sequence[STGRow]) -> list[str]:
        """The likeliest label of each row."""
        prompts = [self._seen(row).prompt for row in rows]
        scores = score_candidates(self.tuning_.model_, self.tuning_.tokenizer_, prompts, LABELS)
        return [LABELS[k] for k in scores.argmax(axis=1)]

    def mass(self) -> float:
        """Share of attention on the causal items where the answer is predicted, over some training rows."""
        return float(np.mean([reading.mass for reading in self.tuning_.after_]))

    def _seen(self, row: STGRow) -> STGRow:
        return replace(row, items=tuple(item for item in row.items if item[0] in CAUSAL)) if self.oracle else row


class AlwaysLow:
    """The constant that tables of accuracy are to be held against."""

    def fit(self, rows: Sequence[STGRow]) -> "AlwaysLow":
        """The most frequent label."""
        labels = [row.label for row in rows]
        self.label_ = max(LABELS, key=labels.count)
        return self

    def answer(self, rows: Sequence[STGRow]) -> list[str]:
        """That label for each row."""
        return [self.label_] * len(rows)

    def mass(self) -> float:
        """It looks nowhere."""
        return float("nan")


class PairedMathTuning:
    """The same model tuned twice on word problems, from the same start in the same order: without and with the loss.

    Both arms in one fit, for their answers are compared problem by problem.

    Parameters
    ----------
    gamma, alpha
        Of the second arm.
    epochs, learning_rate, batch_size
        Of both.
    random_state : int
    """

    def __init__(
        self,
        *,
        gamma: float = 0.1,
        alpha: float = 2.0,
        epochs: int = 1,
        learning_rate: float = 1e-3,
        batch_size: int = 8,
        random_state: int = 0,
    ) -> None:
        self.gamma = gamma
        self.alpha = alpha
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, problems: Sequence[Problem]) -> "PairedMathTuning":
        """Annotate by rule, and tune both arms."""
        texts = [annotate(problem.question, problem.answer, ask=ASK) for problem in problems]
        self.arms_ = {"untuned": CHECKPOINT()}
        self.mass_ = {}
        for name, gamma in (("plain", 0.0), ("CAT", self.gamma)):
            tuning = CausalAttentionTuning(
                CHECKPOINT(), gamma=gamma, alpha=self.alpha, epochs=self.epochs, learning_rate=self.learning_rate,
                batch_size=self.batch_size, random_state=self.random_state,
            ).fit(texts, shown=texts[:8])  # fmt: skip
            self.arms_[name] = Checkpoint(tuning.model_, tuning.tokenizer_, name)
            self.mass_[name] = float(np.nanmean([reading.mass for reading in tuning.after_]))
        return self

    def answer(self, problems: Sequence[Problem], arm: str) -> Judged:
        """What one arm makes of problems: ``"untuned"``, ``"plain"`` or ``"CAT"``."""
        loaded: Any = self.arms_[arm]
        prompts = [f"{problem.question} {ASK}" for problem in problems]
        texts = greedy_answers(loaded.model, loaded.tokenizer, prompts, max_new_tokens=7)
        right = [problem.answer for problem in problems]
        return Judged(tuple(texts), answer_log_probabilities(loaded.model, loaded.tokenizer, prompts, right))
