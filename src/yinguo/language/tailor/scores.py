r"""How much is kept and how much is learned: H-score, average, forgetting.

.. math:: H = \frac{2 P_{orig} P_{new}}{P_{orig} + P_{new}}

with P the mean performance on the original and on the new tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError

__all__ = ["ForgettingCurve", "average_score", "h_score"]


def h_score(original: Sequence[float], new: Sequence[float]) -> float:
    """Harmonic mean of the mean performances on original and new tasks; 0 where one of them is 0.

    >>> round(h_score([0.9, 0.7], [0.4]), 4)
    0.5333
    """
    kept, learned = _mean("original", original), _mean("new", new)
    if min(kept, learned) < 0:
        raise DataError(f"mean performances are {kept} and {learned}; a harmonic mean needs them at least 0.")
    return 2 * kept * learned / (kept + learned) if kept + learned > 0 else 0.0


def average_score(original: Sequence[float], new: Sequence[float]) -> float:
    """Mean performance over all tasks."""
    _mean("original", original)
    _mean("new", new)
    return float(np.mean([*original, *new]))


def _mean(name: str, values: Sequence[float]) -> float:
    if isinstance(values, str) or not np.size(values) or np.asarray(values).dtype.kind not in "fiub":
        raise DataError(f"{name} is {values!r}; give the performance on at least one task, as numbers.")
    mean = float(np.mean(values))
    if not np.isfinite(mean):
        raise DataError(f"{name} has performances that are not finite; leave out tasks that were not measured.")
    return mean


@dataclass(frozen=True, slots=True)
class ForgettingCurve:
    """Performance on every task after every stage of tuning.

    Attributes
    ----------
    label : str
        The method.
    stages : tuple of str
        "pre-trained", then the task that was learned last.
    performance : mapping of task to tuple of float
        One value for each stage.
    """

    label: str
    stages: tuple[str, ...]
    performance: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        for task, values in self.performance.items():
            if not len(values) == len(self.stages) > 0:
                raise DataError(f"{task!r} has {len(values)} values and there are {len(self.stages)} stages; give one "
                                "for each.")  # fmt: skip

    def forgotten(self) -> dict[str, float]:
        """For each task, the best performance of any stage less that of the last."""
        return {task: max(values) - values[-1] for task, values in self.performance.items()}

    def plot(self):
        """Draw it; needs the extra ``report``."""
        from yinguo.core.lazy import require

        return require("yinguo.report.forgetting", "report").forgetting_picture([self])
