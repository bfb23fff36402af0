"""The learners used where the caller names none: boosted trees on binned columns, by scikit-learn."""

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

__all__ = ["boosted_effect", "boosted_mean", "boosted_regressor"]

#: Smaller steps and smaller trees than scikit-learn's defaults, which overfit the hundreds of rows of a usual study.
OPTIONS = {"learning_rate": 0.05, "max_iter": 150, "max_leaf_nodes": 15, "early_stopping": False}


def boosted_regressor() -> HistGradientBoostingRegressor:
    """For targets of any size."""
    return HistGradientBoostingRegressor(**OPTIONS, random_state=0)


#: For targets that are mostly noise, as imputed effects and doubly robust scores are, whose spread is that of the
#: outcome and more: large leaves, and as many trees as lower the loss on a quarter of the rows held out. Settled on
#: simulated designs, none of them a benchmark of this package.
EFFECT_OPTIONS = {
    "learning_rate": 0.05, "max_iter": 300, "max_leaf_nodes": 8, "min_samples_leaf": 40, "early_stopping": True,
    "validation_fraction": 0.25, "n_iter_no_change": 10,
}  # fmt: skip
#: Rows below which nothing is held out; leaves of 40 then allow one or two cuts at most.
FEW = 100


def boosted_effect(n: int) -> HistGradientBoostingRegressor:
    """For effects, learned from ``n`` rows of something that only has the effect as its mean."""
    options = EFFECT_OPTIONS if n >= FEW else EFFECT_OPTIONS | {"early_stopping": False, "max_iter": 50}
    return HistGradientBoostingRegressor(**options, random_state=0)


def boosted_mean(Y: np.ndarray) -> Any:
    """For the mean of an outcome: a classifier if it has two values, else a regressor."""
    if ((Y == 0) | (Y == 1)).all() and Y.min() < Y.max():
        return HistGradientBoostingClassifier(**OPTIONS, random_state=0)
    return boosted_regressor()
