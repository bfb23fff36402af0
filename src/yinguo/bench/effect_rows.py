"""Rows of the tables on effects of units that are no methods of yinguo: constants to beat, plain learners."""

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from yinguo.core.study import Study

__all__ = ["BestConstant", "ConstantEffect", "LeastSquaresMean", "NeighborMean"]


class ConstantEffect:
    """The average effect, by AIPW, for everybody: what a method for effects of units has to beat.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    random_state : int or None
    """

    def __init__(self, *, estimand: str = "ATE", random_state: Any = 0) -> None:
        self.estimand = estimand
        self.random_state = random_state

    def fit(self, study: Study) -> "ConstantEffect":
        """Estimate on a study."""
        from yinguo.confounding import AIPW

        self.result_ = AIPW(estimand=self.estimand, random_state=self.random_state).fit(study).result_
        return self

    def effect(self, X: np.ndarray) -> np.ndarray:
        """The same for every row."""
        return np.full(len(X), float(self.result_.estimate))


class BestConstant(ConstantEffect):
    """An oracle: the constant nearest to the true effects of the very rows it is judged on. No data could give it.

    Its result is that of :class:`ConstantEffect`, since a fit never sees the truth.
    """

    def effect_knowing(self, truth: np.ndarray) -> np.ndarray:
        """The mean of the true effects for every row."""
        return np.full(len(truth), float(np.mean(truth)))


class LeastSquaresMean:
    """A learner of mean outcomes: linear, of smallest coefficients where columns are collinear."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> "LeastSquaresMean":
        """Learn from rows of covariates and outcomes."""
        self.centre_, self.mean_ = X.mean(axis=0), float(y.mean())
        self.coefficients_ = np.linalg.lstsq(X - self.centre_, y - self.mean_, rcond=None)[0]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) means."""
        return self.mean_ + (X - self.centre_) @ self.coefficients_


class NeighborMean:
    """A learner of mean outcomes: that of the nearest rows.

    Parameters
    ----------
    neighbors : int
    scaled : bool
        Covariates are scaled to one standard deviation first.
    """

    def __init__(self, *, neighbors: int = 5, scaled: bool = False) -> None:
        self.neighbors = neighbors
        self.scaled = scaled

    def fit(self, X: np.ndarray, y: np.ndarray) -> "NeighborMean":
        """Learn from rows of covariates and outcomes."""
        spread = X.std(axis=0) if self.scaled else np.ones(X.shape[1])
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.rows_, self.outcomes_ = cKDTree(X / self.scale_), y
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) means."""
        nearest = self.rows_.query(X / self.scale_, k=np.arange(1, min(self.neighbors, len(self.outcomes_)) + 1))[1]
        return self.outcomes_[nearest].mean(axis=1)
