"""The row of the table of word problems: one small model tuned twice, without and with the loss on attention.

It sees problems with their answers and nothing of the tests; what it answers is asked for by the table's measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.language.arithmetic_spans import annotate
from yinguo.language.causal_tuning import CausalAttentionTuning
from yinguo.language.checkpoints import Checkpoint, load_checkpoint
from yinguo.language.decoding import answer_log_probabilities, greedy_answers, half_precision
from yinguo.language.word_problems import WordProblem

__all__ = ["Judged", "PairedMathTuning"]

ASK = "Answer:"


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


class PairedMathTuning:
    """The same model tuned twice on word problems, from the same start in the same order: without and with the loss.

    Both arms in one fit, for their answers are compared problem by problem.

    Parameters
    ----------
    checkpoint : str
        Name or folder of the model.
    gamma, alpha
        Of the second arm.
    epochs, learning_rate, batch_size
        Of both.
    random_state : int
    """

    def __init__(
        self,
        *,
        checkpoint: str = "smollm2",
        gamma: float = 0.1,
        alpha: float = 2.0,
        epochs: int = 1,
        learning_rate: float = 1e-3,
        batch_size: int = 8,
        random_state: int = 0,
    ) -> None:
        self.checkpoint = checkpoint
        self.gamma = gamma
        self.alpha = alpha
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, problems: Sequence[WordProblem]) -> "PairedMathTuning":
        """Annotate by rule, and tune both arms."""
        texts = [annotate(problem.question, problem.answer, ask=ASK) for problem in problems]
        self.arms_ = {"untuned": load_checkpoint(self.checkpoint)}
        self.mass_ = {}
        for name, gamma in (("plain", 0.0), ("CAT", self.gamma)):
            tuning = CausalAttentionTuning(
                self.checkpoint, gamma=gamma, alpha=self.alpha, epochs=self.epochs, learning_rate=self.learning_rate,
                batch_size=self.batch_size, random_state=self.random_state, bf16=True,
            ).fit(texts, shown=texts[:8])  # fmt: skip
            self.arms_[name] = Checkpoint(tuning.model_, tuning.tokenizer_, name)
            self.mass_[name] = float(np.nanmean([reading.mass for reading in tuning.after_]))
        return self

    def answer(self, problems: Sequence[WordProblem], arm: str) -> Judged:
        """What one arm makes of problems: ``"untuned"``, ``"plain"`` or ``"CAT"``."""
        loaded: Any = self.arms_[arm]
        prompts = [f"{problem.question} {ASK}" for problem in problems]
        right = [problem.answer for problem in problems]
        with half_precision(loaded.model):
            texts = greedy_answers(loaded.model, loaded.tokenizer, prompts, max_new_tokens=7)
            scores = answer_log_probabilities(loaded.model, loaded.tokenizer, prompts, right)
        return Judged(tuple(texts), scores)
