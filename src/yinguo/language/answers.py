"""Score answers of a model, always beside what a constant would have scored.

Accuracy alone flatters where one label is frequent: on the shifted rows of the Spurious Token Game always saying "Low
Risk" is right in 66.5 % of rows, which several published figures stay below. So the majority line and balanced
accuracy stand beside it.

>>> print(score_answers([" yes", "no", "no", "no"], ["yes", "yes", "no", "no"], majority="no").summary())
4 answers: accuracy 75.0 % ± 21.7 (always 'no': 50.0 %), balanced accuracy 75.0 %
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yinguo.errors import DataError

__all__ = ["AnswerScore", "score_answers"]


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """How often answers were right.

    Attributes
    ----------
    n : int
    accuracy : float
        Share of answers that equal their target, spaces around them aside.
    se : float
        Binomial standard error of the accuracy.
    balanced_accuracy : float
        Mean over the classes of the share that was right within the class; one half for a constant, if there are two.
    recalls : mapping of label to float
        Share that was right within each class.
    majority : str
        The label of the constant to compare with.
    majority_accuracy : float
        What it scores.
    """

    n: int
    accuracy: float
    se: float
    balanced_accuracy: float
    recalls: Mapping[str, float]
    majority: str
    majority_accuracy: float

    def summary(self) -> str:
        """One line, with the constant beside the accuracy."""
        return (
            f"{self.n} answers: accuracy {self.accuracy:.1%} ± {100 * self.se:.1f} (always {self.majority!r}: "
            f"{self.majority_accuracy:.1%}), balanced accuracy {self.balanced_accuracy:.1%}"
        ).replace("%", " %")


def score_answers(
    answers: Sequence[object],
    targets: Sequence[object],
    *,
    majority: str | None = None,
    classes: Sequence[str] | None = None,
) -> AnswerScore:
    """Compare answers with their targets by exact match, spaces around them aside.

    Parameters
    ----------
    answers, targets : sequences of the same length
        Texts, or numbers, which are written out.
    majority : str, optional
        Label of the constant to compare with, as a rule the most frequent one in the training rows; None takes the most
        frequent target.
    classes : sequence of str, optional
        Classes that balanced accuracy is the mean over; None takes all that occur among the targets. Leave out a class
        with a handful of rows: its share counts as much as that of the others, and is mostly chance.

    Returns
    -------
    AnswerScore

    Raises
    ------
    DataError
        No rows, different lengths, a target that is missing, or a class without a target.
    """
    for name, given in (("answers", answers), ("targets", targets)):
        if given is None or isinstance(given, str):
            raise DataError(f"{name} is {given!r}; give a list, one entry for each question.")
    if len(answers) != len(targets) or not len(targets):
        raise DataError(f"there are {len(answers)} answers and {len(targets)} targets; give one answer for each.")
    told, right = [str(answer).strip() for answer in answers], [str(target).strip() for target in targets]
    blank = [k for k, target in enumerate(targets) if target is None or target != target]
    if blank:
        raise DataError(f"{len(blank)} targets are missing, the first is target {blank[0]}; leave those rows out.")
    counts = Counter(right)
    hits = Counter(target for answer, target in zip(told, right, strict=True) if answer == target)
    missing = [name for name in classes or () if name not in counts]
    if missing:
        raise DataError(f"no target is {missing[0]!r}; the targets are {', '.join(map(repr, counts))}.")
    recalls = {name: hits[name] / count for name, count in counts.items()}
    averaged = [recalls[name] for name in classes or counts]
    n, accuracy = len(right), hits.total() / len(right)
    constant = counts.most_common(1)[0][0] if majority is None else str(majority).strip()
    return AnswerScore(
        n=n,
        accuracy=accuracy,
        se=(accuracy * (1 - accuracy) / n) ** 0.5,
        balanced_accuracy=sum(averaged) / len(averaged),
        recalls=recalls,
        majority=constant,
        majority_accuracy=counts[constant] / n,
    )
