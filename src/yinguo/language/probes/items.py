r"""Questions with two answers, counterfactual pairs of them, and how to read the answers of a model.

The *margin* of an item is :math:`\log p(\text{first answer}) - \log p(\text{second answer})` given the question; any
rule that prefers answers can stand in for a model. What is read from margins are pairs: two items of one base that
differ in one condition.

* A swap of the condition that **decides** must move the margin towards the new right answer.
* A swap of a condition that should **not** matter must leave the answer as it is. Where the shortcut gives the right
  answer on one side and the wrong one on the other, the difference of the two shares is its price, with the exact test
  of McNemar.

Source of the test: McNemar (1947), Psychometrika 12(2), in its exact binomial form.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from yinguo.errors import DataError

__all__ = ["McNemar", "ProbeItem", "Question", "Reading", "mcnemar", "moved_right", "paired_reading", "pairs", "pull"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is shown.

    Attributes
    ----------
    prompt : str
        The question; it may be empty where a sentence is to be continued.
    lead : str
        How the answer begins, the same for both answers.
    answers : (str, str)
        Continuations of the lead, each with the blank it begins with.
    """

    prompt: str
    lead: str
    answers: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ProbeItem:
    """A question, what is right, and where it stands among its fellows.

    Attributes
    ----------
    base : int
        Items of one base differ in their conditions only.
    condition : mapping of str to str
    question : Question
    right : int or None
        0 or 1, which answer is right; None where the question does not say.
    shortcut : {"helps", "misleads", ""}
        Whether the shortcut of the probe gives the right answer here.
    """

    base: int
    condition: Mapping[str, str]
    question: Question
    right: int | None
    shortcut: str = ""


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two yes-or-no outcomes on the same pairs.

    Attributes
    ----------
    n : int
        Pairs.
    first_only, second_only : int
        Pairs in which one of the two is a yes and the other is not; the others say nothing of a difference.
    """

    n: int
    first_only: int
    second_only: int

    @property
    def difference(self) -> float:
        """Share of yes, first less second."""
        return (self.first_only - self.second_only) / self.n

    @property
    def se(self) -> float:
        """Standard error of the difference, pairs taken as independent."""
        discordant = self.first_only + self.second_only
        return float(np.sqrt(max(discordant - (self.first_only - self.second_only) ** 2 / self.n, 0.0)) / self.n)

    @property
    def p_value(self) -> float:
        """Two-sided and exact: given that a pair is discordant, either side is as likely under no difference."""
        discordant = self.first_only + self.second_only
        return 1.0 if discordant == 0 else float(binomtest(self.first_only, discordant).pvalue)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a probe found.

    Attributes
    ----------
    figures : mapping of str to float
        Shares between 0 and 1, or differences of margins in nats where the name says so.
    test : McNemar
        Right where the shortcut misleads (first) against right where it helps (second), one pair of each base.
    """

    figures: Mapping[str, float]
    test: McNemar


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """Count what two outcomes on the same pairs disagree on.

    Parameters
    ----------
    first, second : (n,) boolean arrays

    Examples
    --------
    >>> import numpy as np
    >>> test = mcnemar(np.array([True, True, True, True]), np.array([False, False, False, True]))
    >>> test.difference, test.p_value
    (0.75, 0.25)
    """
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if first.shape != second.shape or first.size == 0:
        raise DataError(f"outcomes have shapes {first.shape} and {second.shape}; give one of each for every pair.")
    return McNemar(first.size, int((first & ~second).sum()), int((second & ~first).sum()))


def pairs(items: Sequence[ProbeItem], swap: str, first: str, second: str, **where: str) -> np.ndarray:
    """Items that differ in one condition only, as an (m, 2) array of places.

    Parameters
    ----------
    items : sequence of ProbeItem
    swap : str
        The condition in which they differ.
    first, second : str
        Its values.
    **where : str
        Values that other conditions must have.
    """
    found: dict[tuple, dict[str, int]] = defaultdict(dict)
    for place, item in enumerate(items):
        rest = tuple(sorted((name, value) for name, value in item.condition.items() if name != swap))
        if all(item.condition.get(name) == value for name, value in where.items()):
            found[(item.base, rest)][item.condition[swap]] = place
    both = [(group[first], group[second]) for group in found.values() if first in group and second in group]
    return np.array(both, dtype=np.int64).reshape(-1, 2)


def pull(items: Sequence[ProbeItem], margins: np.ndarray, swap: str, first: str, second: str, **where: str) -> float:
    """Mean change of the margin when one condition goes from its second value to its first, in nats."""
    found = pairs(items, swap, first, second, **where)
    return float((margins[found[:, 0]] - margins[found[:, 1]]).mean())


def moved_right(
    items: Sequence[ProbeItem], margins: np.ndarray, swap: str, first: str, second: str, **where: str
) -> float:
    """Share of pairs whose margin moves towards the new right answer when the deciding condition is swapped.

    A constant preference for one answer, however strong, moves nothing; a coin gives a half.
    """
    found = pairs(items, swap, first, second, **where)
    sign = np.array([1.0 if items[i].right == 0 else -1.0 for i in found[:, 0]])
    return float((sign * (margins[found[:, 0]] - margins[found[:, 1]]) > 0).mean())


def paired_reading(
    items: Sequence[ProbeItem], margins: np.ndarray, swap: str, first: str, second: str, **where: str
) -> tuple[dict[str, float], McNemar]:
    """Right answers where the shortcut misleads and where it helps, on pairs that differ in nothing else.

    Parameters
    ----------
    items : sequence of ProbeItem
    margins : (n,) array
        A margin of exactly zero prefers neither answer, and is not right.
    swap, first, second, **where
        As :func:`pairs`.

    Returns
    -------
    figures : dict of str to float
        ``"right, shortcut misleads"``, ``"right, shortcut helps"`` and ``"right, both of a pair"``.
    test : McNemar
        Of one pair in each base, another in the next, since pairs of one base are not independent.
    """
    margins = checked(items, margins)
    found = pairs(items, swap, first, second, **where)
    told = np.array([{items[i].shortcut, items[j].shortcut} == {"misleads", "helps"} for i, j in found], dtype=bool)
    if not told.any():
        raise DataError(f"no two items differ in {swap!r} ({first} against {second}); read a probe by its own items.")
    found = found[told]
    misled = np.array([i if items[i].shortcut == "misleads" else j for i, j in found])
    helped = np.array([j if items[i].shortcut == "misleads" else i for i, j in found])
    right = np.array([item.right is not None and (m > 0 if item.right == 0 else m < 0)
                      for item, m in zip(items, margins, strict=True)])  # fmt: skip
    figures = {
        "right, shortcut misleads": float(right[misled].mean()),
        "right, shortcut helps": float(right[helped].mean()),
        "right, both of a pair": float((right[misled] & right[helped]).mean()),
    }
    of_base: dict[int, list[int]] = defaultdict(list)
    for place, i in enumerate(misled):
        of_base[items[i].base].append(place)
    one = [places[base % len(places)] for base, places in of_base.items()]
    return figures, mcnemar(right[misled[one]], right[helped[one]])


def checked(items: Sequence[ProbeItem], margins: np.ndarray) -> np.ndarray:
    """Margins as an array, one for each item, every one a number."""
    margins = np.asarray(margins, dtype=np.float64)
    if margins.shape != (len(items),) or not np.isfinite(margins).all():
        raise DataError(f"margins have shape {margins.shape} with {int((~np.isfinite(margins)).sum())} that are no "
                        f"number; there are {len(items)} items, so give a finite margin for each.")  # fmt: skip
    return margins
