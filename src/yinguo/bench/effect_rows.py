"""Rows of the tables on effects of units that are no methods of yinguo: constants to beat, scaled neighbours."""

from typing import Any

import numpy as np

from yinguo.core.study import Study

__all__ = ["BestConstant", "ConstantEffect", "least_squares", "neighbors"]


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


def least_squares() -> Any:
    """Linear regression; named here because the digest of a row's code would go through all modules of scikit-learn."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def neighbors(n_neighbors: int = 5) -> Any:
    """Mean outcome of the nearest rows, all covariates scaled to one standard deviation."""
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), KNeighborsRegressor(n_neighbors=n_neighbors))
