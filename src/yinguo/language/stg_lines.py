"""Reference lines of the Spurious Token Game: what a constant, a straight line and the nearest row achieve.

They read the numbers, not the text. A line through the three causes is all but perfect on both tests; through all
eight numbers it is as good on rows of the training law and right in 72 to 74 % of the shifted ones. A tuned model
below that has learned less than a line, and one below the constant has learned worse than nothing.

>>> from yinguo.language.stg import stg_split
>>> line = LogisticLine(names=("Smoking", "Weight", "Exercise")).fit(stg_split("train-l"))
>>> test = stg_split("test-ood")
>>> sum(told == row.label for told, row in zip(line.predict(test), test, strict=True)) / len(test)
1.0
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from yinguo.errors import DataError
from yinguo.language.checks import check_fitted
from yinguo.language.stg import NAMES, STGRow, stg_values

__all__ = ["LogisticLine", "MajorityLine", "NearestRow"]

_HIGH, _LOW = "High Risk", "Low Risk"


class MajorityLine:
    """Always the most frequent label of the training rows."""

    def fit(self, rows: Sequence[STGRow]) -> "MajorityLine":
        """Count the labels."""
        if not rows:
            raise DataError("there are no training rows; give at least one.")
        self.label_ = Counter(row.label for row in rows).most_common(1)[0][0]
        return self

    def predict(self, rows: Sequence[STGRow]) -> list[str]:
        """The same for every row."""
        return [self.label_] * len(rows)


class LogisticLine:
    """Logistic regression of high risk on standardised numbers, with a penalty of half the squared coefficients.

    Parameters
    ----------
    names : sequence of str
        Items to read; the default is all eight.
    """

    def __init__(self, *, names: Sequence[str] = NAMES) -> None:
        self.names = names

    def fit(self, rows: Sequence[STGRow]) -> "LogisticLine":
        """Fit on the training rows."""
        unknown = [name for name in self.names if name not in NAMES]
        if unknown or not self.names:
            raise DataError(f"names is {tuple(self.names)}; take some of {', '.join(NAMES)}.")
        values = self._columns(rows)
        self.mean_, self.spread_ = values.mean(axis=0), values.std(axis=0)
        same = [name for name, spread in zip(self.names, self.spread_, strict=True) if not spread > 0]
        if same:
            raise DataError(
                f"{same[0]!r} has one value in all {len(rows)} rows; leave it out of names, or give more rows."
            )
        if len({row.label == _HIGH for row in rows}) < 2:
            raise DataError(f"the {len(rows)} rows are all {'' if rows[0].label == _HIGH else 'not '}{_HIGH!r}; a line "
                            "needs rows of both sides.")  # fmt: skip
        # The default tolerance stops before the last row has chosen its side.
        self.model_ = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
        self.model_.fit(self._standard(rows), [row.label == _HIGH for row in rows])
        return self

    def predict(self, rows: Sequence[STGRow]) -> list[str]:
        """High or low risk: the third label has all but no rows, and is not modelled."""
        check_fitted(self, "model_")
        return [_HIGH if high else _LOW for high in self.model_.predict(self._standard(rows))]

    def _columns(self, rows: Sequence[STGRow]) -> np.ndarray:
        return stg_values(rows)[:, [NAMES.index(name) for name in self.names]]

    def _standard(self, rows: Sequence[STGRow]) -> np.ndarray:
        return (self._columns(rows) - self.mean_) / self.spread_


class NearestRow:
    """The label, high or low, of the training row with the nearest eight numbers; the first of those as near."""

    def fit(self, rows: Sequence[STGRow]) -> "NearestRow":
        """Keep the training rows."""
        self.values_ = stg_values(rows)
        self.high_ = np.array([row.label == _HIGH for row in rows])
        return self

    def predict(self, rows: Sequence[STGRow]) -> list[str]:
        """High or low risk."""
        check_fitted(self, "values_")
        values = stg_values(rows)
        # Whole numbers, so that equal distances are equal to the last bit.
        squares = (values**2).sum(1)[:, None] - 2 * values @ self.values_.T + (self.values_**2).sum(1)
        return [_HIGH if self.high_[place] else _LOW for place in squares.argmin(axis=1)]
