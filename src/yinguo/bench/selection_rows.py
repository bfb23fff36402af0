"""Rows of the tables on selection that are no methods for it: what is done when the missing rows are forgotten.

Besides, what a table needs to put methods side by side: weighted regressions in each arm, with chances nobody knows as
the best that weights can do, and a study in which one covariate is named as the shadow variable.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.core.unit_effects import UnitEffects
from yinguo.kernels.glm import fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments

__all__ = ["NamesShadow", "SeenFeatures", "SeenLearner", "SeenOnly", "WeightedLines"]

EVERY_TREATMENT = ("binary", "multi-valued", "continuous")
NO_METHOD = "a row of a table, not a method."


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

    def effect(self, X, *treatments) -> np.ndarray:
        """Effects by the other; of a curve, between two treatments."""
        return self.inner_.effect(X, *treatments)

    def predict(self, X, T) -> np.ndarray:
        """The other's curve."""
        return self.inner_.predict(X, T)


class NamesShadow:
    """Another estimator, told which covariate is the shadow variable.

    Parameters
    ----------
    estimator : estimator
    shadow : str
        A covariate of the study; or, followed by a blank, what the names of several begin with.
    random_state : int or None
    """

    def __init__(self, *, estimator: Any, shadow: str = "x5", random_state: Any = None) -> None:
        self.estimator = estimator
        self.shadow = shadow
        self.random_state = random_state

    def fit(self, study: Study) -> "NamesShadow":
        """Estimate on a study in which the covariate has that role."""
        self.inner_ = self.estimator
        if self.random_state is not None and hasattr(self.inner_, "random_state"):
            self.inner_.random_state = self.random_state
        is_shadow = [name == self.shadow or name.startswith(f"{self.shadow} ") for name in study.covariates]
        self.place_ = np.flatnonzero(is_shadow)
        rest = [name for name, named in zip(study.covariates, is_shadow, strict=True) if not named]
        named = Study.from_arrays(
            np.delete(study.X, self.place_, axis=1), study.T, study.Y, S=study.S, V=study.X[:, self.place_],
            covariates=rest, treatment=study.roles["treatment"], outcome=study.roles["outcome"],
        )  # fmt: skip
        self.result_ = self.inner_.fit(named).result_
        return self

    def effect(self, X) -> np.ndarray:
        """Effects by the other, which averages over the shadow variable."""
        return self.inner_.effect(np.delete(X, self.place_, axis=1))


class WeightedLines(UnitEffects):
    """Least squares in each arm of the rows seen, with weights by some chance to be seen.

    Parameters
    ----------
    chance : {"one", "fitted", "true"}
        No weights; logistic in covariates and treatment; that of the collider design, which nobody knows.
    beta : float
        Strength of that design.
    penalty : float
        Ridge penalty of the logistic model, for tables on which it separates those seen from the others.
    """

    capabilities = Capabilities(estimands=("ATE",), needs=("selection", "covariates"), unit_effects="without intervals")
    name = "weighted-lines"

    def __init__(self, *, chance: str = "one", beta: float = 1.0, penalty: float = 0.0) -> None:
        self.chance = chance
        self.beta = beta
        self.penalty = penalty

    def fit(self, study: Study) -> "WeightedLines":
        """Estimate on a study."""
        Y, T, X = self.take(study)
        seen, chance = study.S == 1, np.ones(study.n)
        if self.chance == "fitted":
            fit = fit_binary(ArrayMoments(np.column_stack([X, T])), np.asarray(study.S), penalty=self.penalty)
            chance = linear_predictor_terms(fit.eta, T)[0]
        elif self.chance == "true":
            eta = self.beta * (0.5 * np.where(seen, Y, 0.0) + T - 1) + 0.3 * X[:, 0]
            chance = 1 / (1 + np.exp(-eta))
        lines = []
        for arm in (0.0, 1.0):
            rows = seen & (arm == T)
            root = 1 / np.sqrt(chance[rows])
            D = np.column_stack([np.ones(int(np.sum(rows))), X[rows]])
            lines.append(np.linalg.lstsq(D * root[:, None], Y[rows] * root, rcond=None)[0])
        self.lines_ = lines
        extras = self.settle_effects(study)
        self.result_ = self.make_result(study, extras["mean_of_effects"], no_inference=NO_METHOD, extras=extras)
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        D = np.column_stack([np.ones(len(X)), X])
        return D @ self.lines_[0], D @ self.lines_[1]


class SeenLearner(StructuralEstimator):
    """Any regressor of the outcome on covariates and treatment, on the rows seen, as if nothing were wrong.

    Parameters
    ----------
    learner : regressor
    """

    capabilities = Capabilities(treatment=EVERY_TREATMENT, estimands=("ATE",), needs=("selection",))
    name = "seen-learner"

    def __init__(self, *, learner: Any) -> None:
        self.learner = learner

    def fit(self, study: Study) -> "SeenLearner":
        """Estimate on a study."""
        Y, T, X, _ = self.take_roles(study)
        seen = study.S == 1
        self.fitted_ = self.learner.fit(np.column_stack([X, T])[seen], Y[seen])
        self.result_ = self.average_effect(study, no_inference=NO_METHOD)
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.fitted_.predict(np.column_stack([X, T]))


class SeenFeatures(StructuralEstimator):
    """The curve of two-stage shadow inclusion without residual and without weights, on the rows seen.

    Parameters
    ----------
    centres : int
    random_state : int, Generator or None
    """

    capabilities = Capabilities(treatment=EVERY_TREATMENT, estimands=("ATE",), needs=("selection",))
    name = "seen-features"

    def __init__(self, *, centres: int = 100, random_state: Any = 0) -> None:
        self.centres = centres
        self.random_state = random_state

    def fit(self, study: Study) -> "SeenFeatures":
        """Estimate on a study."""
        from yinguo.selection.feature_ridge import FeatureMap, ridge_by_folds

        Y, T, X, _ = self.take_roles(study)
        rng, seen = as_rng(self.random_state), study.S == 1
        self.features_ = FeatureMap(X, self.centres, rng)
        self.centre_, self.spread_ = float(T.mean()), float(T.std())
        self.level_, self.size_ = float(Y[seen].mean()), float(Y[seen].std())
        folds = make_folds(5, T[seen], rng)
        y = (Y[seen] - self.level_) / self.size_
        self.coefficients_ = ridge_by_folds(self._columns(X, T)[seen], y, np.ones(len(y)), folds).coefficients
        self.result_ = self.average_effect(study, no_inference=NO_METHOD)
        return self

    def _columns(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        P = self.features_(X)
        return np.column_stack([P, P * ((T - self.centre_) / self.spread_)[:, None]])

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.level_ + self.size_ * (self._columns(X, T) @ self.coefficients_)
