"""Rows of the tables on selection that are no methods for it: what is done when the missing rows are forgotten."""

from typing import Any

import numpy as np

from yinguo.core.study import Study

__all__ = ["SeenOnly"]


class SeenOnly:
    """Another estimator on the rows with an outcome, as if there were no others.

    Parameters
    ----------
    estimator : estimator
    random_state : int or None
    """

    def __init__(self, *, estimator: Any, random_state: Any = None) -> None:
        self.estimator = estimator
        self.random_state = random_state

    def fit(self, study: Study) -> "SeenOnly":
        """Estimate on the rows seen."""
        self.inner_ = self.estimator
        if self.random_state is not None and hasattr(self.inner_, "random_state"):
            self.inner_.random_state = self.random_state
        seen = np.isfinite(study.Y)
        self.result_ = self.inner_.fit(study.take(seen).replace(S=None)).result_
        return self

    def effect(self, X, t0=0.0, t1=1.0) -> np.ndarray:
        """Differences of the other's curve."""
        return self.inner_.effect(X, t0, t1)
