"""Word problems for the table of that name, and its row: one small model tuned twice, without and with the loss.

The row sees problems with their answers and nothing of the tests; what it answers is asked for by ``measure``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.bench.spec import Material
from yinguo.language.arithmetic_spans import annotate
from yinguo.language.causal_tuning import CausalAttentionTuning
from yinguo.language.checkpoints import Checkpoint, load_checkpoint
from yinguo.language.decoding import answer_log_probabilities, greedy_answers, half_precision, same_number
from yinguo.language.word_problems import WordProblem, word_problems

__all__ = ["SETS", "Judged", "PairedMathTuning", "draw", "mcnemar_p", "measure"]

SETS = {"mawps": ("train", "test"), "asdiv": ("all", "all"), "svamp": ("all", "all"), "gsm8k": ("train", "test")}
ARMS = ("untuned", "plain", "CAT")
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


def draw(rng: np.random.Generator, *, name: str, train: int = 240, test: int = 100, words: int = 45) -> Material:
    """Problems to tune on, and others to be judged by.

    Parameters
    ----------
    rng : numpy Generator
    name : {"mawps", "asdiv", "svamp", "gsm8k"}
    train, test : int
    words : int
        Longest question.
    """
    first, second = SETS[name]
    learned = _chosen(rng, word_problems(name, first), train, words, set())
    asked = _chosen(rng, word_problems(name, second), test, words, {problem.question for problem in learned})
    return Material(study=tuple(learned), extras={"test": tuple(asked)})


def measure(fitted: Any, drawn: Any) -> Mapping[str, float]:
    """Accuracy of the three arms, what CAT gains and loses, and the gain in log-probability.

    Parameters
    ----------
    fitted : PairedMathTuning
    drawn : Material, what :func:`draw` gave
    """
    problems = drawn.extras["test"]
    judged = {arm: fitted.answer(problems, arm) for arm in ARMS}
    right = {
        arm: np.array([same_number(a, p.answer) for a, p in zip(found.texts, problems, strict=True)])
        for arm, found in judged.items()
    }
    gained, lost = int((right["CAT"] & ~right["plain"]).sum()), int((right["plain"] & ~right["CAT"]).sum())
    gain = judged["CAT"].log_probability - judged["plain"].log_probability
    return {
        **{f"{arm}, accuracy": 100 * float(values.mean()) for arm, values in right.items()},
        "gained": gained,
        "lost": lost,
        "p": mcnemar_p(gained, lost),
        "log-probability": float(gain.mean()),
        "its se": float(gain.std(ddof=1) / len(gain) ** 0.5),
        **{f"{arm}, attention mass": value for arm, value in fitted.mass_.items()},
    }


def mcnemar_p(gained: int, lost: int) -> float:
    """Two-sided p-value of McNemar's exact test: is the split of the discordant pairs that of a fair coin?

    >>> mcnemar_p(3, 3), round(mcnemar_p(8, 0), 6)
    (1.0, 0.007812)
    """
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _chosen(
    rng: np.random.Generator, problems: list[WordProblem], count: int, words: int, taken: set[str]
) -> list[WordProblem]:
    """So many problems that are short enough and not taken, no question twice."""
    left = {p.question: p for p in problems if len(p.question.split()) <= words and p.question not in taken}
    fit = list(left.values())
    return [fit[k] for k in rng.permutation(len(fit))[:count]]
