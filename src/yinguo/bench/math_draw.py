"""Word problems to tune on and to be judged by, and the figures of a table of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.bench.spec import Material
from yinguo.language.word_problems import WordProblem, same_number, word_problems

__all__ = ["ARMS", "SETS", "draw", "mcnemar_p", "measure"]

#: Part to tune on and part to be judged by, of each set.
SETS = {"mawps": ("train", "test"), "asdiv": ("all", "all"), "svamp": ("all", "all"), "gsm8k": ("train", "test")}
ARMS = ("untuned", "plain", "CAT")


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
