"""The learners used where the caller names none: boosted trees on binned columns, by scikit-learn."""

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

__all__ = ["boosted_mean", "boosted_regressor"]

#: Smaller steps and smaller trees than scikit-learn's defaults, which overfit the hundreds of rows of a usual study.
OPTIONS = {"learning_rate": 0.05, "max_iter": 150, "max_leaf_nodes": 15, "early_stopping": False}


def boosted_regressor() -> HistGradientBoostingRegressor:
    """For effects and other targets of any size."""
    return HistGradientBoostingRegressor(**OPTIONS, random_state=0)


def boosted_mean(Y: np.ndarray) -> Any:
    """For the mean of an outcome: a classifier if it has two values, else a regressor."""
    if ((Y == 0) | (Y == 1)).all() and Y.min() < Y.max():
        return HistGradientBoostingClassifier(**OPTIONS, random_state=0)
    return boosted_regressor()
