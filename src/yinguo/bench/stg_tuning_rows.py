"""Rows of the Spurious Token Game with the small instruction model: with and without the loss on attention.

A method sees rows with their causes and nothing of the tests; what it answers is asked for by the table's measure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from yinguo.bench.spec import Material
from yinguo.language.answers import score_answers
from yinguo.language.causal_spans import CausalText
from yinguo.language.causal_tuning import CausalAttentionTuning
from yinguo.language.decoding import half_precision, score_candidates
from yinguo.language.stg import CAUSAL, LABELS, STGRow, stg_split

__all__ = ["AlwaysLow", "STGTuning", "draw", "measure"]


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


def draw(rng: np.random.Generator, *, size: str, test: int = 200, train: int | None = None) -> Material:
    """Rows to tune on, and two kinds of rows to be judged by.

    Parameters
    ----------
    rng : numpy Generator
    size : {"s", "m", "l"}
    test : int
    train : int, optional
        Only so many of the training rows.
    """
    extras = {}
    for name in ("iid", "ood"):
        rows = stg_split(f"test-{name}")
        extras[name] = tuple(rows[k] for k in rng.permutation(len(rows))[:test])
    return Material(study=stg_split(f"train-{size}")[:train], extras=extras)


def measure(fitted: Any, drawn: Any) -> Mapping[str, float]:
    """Accuracy on both kinds of rows, in percent, and the causal mass.

    Parameters
    ----------
    fitted : STGTuning
    drawn : Material, what :func:`draw` gave
    """
    found = {}
    for name, rows in drawn.extras.items():
        score = score_answers(
            fitted.answer(rows), [row.label for row in rows], majority="Low Risk", classes=("Low Risk", "High Risk")
        )
        found[f"{name.upper()} accuracy"] = 100 * score.accuracy
        found[f"{name.upper()} balanced"] = 100 * score.balanced_accuracy
    mass = fitted.mass()
    return {"OOD accuracy": found.pop("OOD accuracy"), **found, **({"causal mass": mass} if mass == mass else {})}
