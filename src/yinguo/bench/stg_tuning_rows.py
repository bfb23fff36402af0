"""Rows of the Spurious Token Game with the small instruction model: with and without the loss on attention.

A method sees rows with their causes and nothing of the tests; what it answers is asked for by the table's measure.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from yinguo.language.causal_spans import CausalText
from yinguo.language.causal_tuning import CausalAttentionTuning
from yinguo.language.decoding import half_precision, score_candidates
from yinguo.language.stg import CAUSAL, LABELS, STGRow

__all__ = ["AlwaysLow", "STGTuning"]


class STGTuning:
    """Tune on rows of the Spurious Token Game; answer by the likeliest of the three labels.

    Parameters
    ----------
    checkpoint : str
        Name or folder of the model.
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
        checkpoint: str = "smollm2",
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
        self.checkpoint = checkpoint
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
            self.checkpoint, gamma=self.gamma, alpha=self.alpha, decay=self.decay, per_head=self.per_head,
            epochs=self.epochs, steps=self.steps, learning_rate=self.learning_rate, batch_size=self.batch_size,
            random_state=self.random_state, bf16=True,
        ).fit(texts, shown=texts[:8])  # fmt: skip
        return self

    def answer(self, rows: Sequence[STGRow]) -> list[str]:
        """The likeliest label of each row."""
        prompts = [self._seen(row).prompt for row in rows]
        with half_precision(self.tuning_.model_):
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
