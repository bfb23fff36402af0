r"""Estimators that give an effect for each unit: what they hand out and how they check what they are handed.

.. math:: \tau(x) = E[Y(1) - Y(0) \mid X = x]

``effect(X)`` evaluates what ``fit(study)`` learned, also for units never seen; ``predict(X, T)`` the mean outcomes
behind it where the method learns them. How the average effect in ``result_`` comes about is the method's own matter.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from yinguo.core.arrays import matrix
from yinguo.core.estimator import Estimator
from yinguo.core.inference import normal_quantile
from yinguo.core.study import Study
from yinguo.errors import DataError

__all__ = ["UnitEffects"]

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


class UnitEffects(Estimator):
    """Base of estimators with ``effect(X)``.

    A subclass stores its options, defines ``fit``, which calls :meth:`take` first and :meth:`settle_effects` when it
    has learned, and ``_effect(X)`` on arrays that have been checked. One that learns the mean outcome of each arm also
    defines ``_means(X)``, a pair of (n,) arrays; ``predict`` and the default ``_effect`` come from it. Where theory
    gives standard errors of single effects it defines ``_effect_se(X)`` and says in its capabilities where they come
    from; if they need options other than the defaults, ``intervals_with`` names these.

    Attributes
    ----------
    effects_ : (n,) float array
        Effects of the rows of the study, which were learned from.
    """

    intervals_with: ClassVar[Mapping[str, Any]] = {}
    effects_: np.ndarray

    def effect(self, X: Any) -> np.ndarray:
        """Effects of units with given covariates.

        Parameters
        ----------
        X : (n, p) array
            Encoded as in the study the method was fitted on.

        Returns
        -------
        (n,) float array, in the unit of the outcome.

        Raises
        ------
        DataError
            Before ``fit``; a width that does not match the study; values that are missing or infinite.
        """
        return np.asarray(self._effect(self._checked(X)), dtype=np.float64)

    def effect_interval(self, X: Any, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Intervals around the effects of units, each by itself: of many, some will miss.

        Parameters
        ----------
        X : (n, p) array
            As in :meth:`effect`.
        level : float

        Returns
        -------
        low, high : (n,) float arrays, in the unit of the outcome

        Raises
        ------
        DataError
            As :meth:`effect`; the method, with these options, has no valid standard errors of single effects.
        """
        X = self._checked(X)
        who = type(self).__name__
        if type(self)._effect_se is UnitEffects._effect_se:
            raise DataError(
                f"{who} has no valid interval for the effects of units; "
                'CausalForest and DRLearner(effect_model="linear") have one.'
            )
        lacking = {name: value for name, value in self.intervals_with.items() if not self._has(name, value)}
        if lacking:
            options = ", ".join(f"{name}={value!r}" for name, value in lacking.items())
            raise DataError(f"with these options {who} has no valid interval for the effects of units; set {options}.")
        half = normal_quantile(level) * np.asarray(self._effect_se(X), dtype=np.float64)
        middle = np.asarray(self._effect(X), dtype=np.float64)
        return middle - half, middle + half

    def _has(self, option: str, value: Any) -> bool:
        given = getattr(self, option)
        return type(given) is type(value) and given == value

    def _effect_se(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} does not define _effect_se")

    def predict(self, X: Any, T: Any) -> np.ndarray:
        """Mean outcome of units with given covariates under given treatments.

        Parameters
        ----------
        X : (n, p) array
        T : (n,) array or number, of 0 and 1

        Raises
        ------
        DataError
            As :meth:`effect`; the method learns differences only.
        """
        X = self._checked(X)
        T = np.asarray(T, dtype=np.float64)
        if not ((T == 0) | (T == 1)).all() or T.ndim > 1 or (T.ndim == 1 and len(T) != len(X)):
            raise DataError(f"T must be 0 or 1, one number or one for each of the {len(X)} rows of X.")
        if type(self)._means is UnitEffects._means:
            raise DataError(f"{type(self).__name__} learns effects, not outcomes; use effect(X).")
        m0, m1 = self._means(X)
        return np.where(T == 1, m1, m0)

    def settle_effects(self, study: Study) -> dict[str, Any]:
        """Set ``effects_`` and hand out what a result says of them.

        Parameters
        ----------
        study : Study

        Returns
        -------
        dict
            ``mean_of_effects`` over those whom the estimand means, ``sd_of_effects``, ``quantiles_of_effects``.
        """
        self.__dict__["n_covariates_"] = study.X.shape[1]
        self.effects_ = np.asarray(self._effect(study.X), dtype=np.float64)
        levels = np.quantile(self.effects_, SHARES)
        return {
            "mean_of_effects": float(np.average(self.effects_, weights=_members(study, self.estimand))),
            "sd_of_effects": float(self.effects_.std()),
            "quantiles_of_effects": {f"{share:g}": float(v) for share, v in zip(SHARES, levels, strict=True)},
        }

    def _effect(self, X: np.ndarray) -> np.ndarray:
        m0, m1 = self._means(X)
        return m1 - m0

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError(f"{type(self).__name__} defines neither _means nor _effect")

    def _checked(self, X: Any) -> np.ndarray:
        if "effects_" not in self.__dict__:
            raise DataError(f"this {type(self).__name__} is not fitted; call fit(study) first.")
        X = matrix(X, "X")
        width = self.__dict__["n_covariates_"]
        if X.shape[1] != width:
            raise DataError(f"X has {X.shape[1]} columns; the study this was fitted on has {width} covariates.")
        if not np.isfinite(X).all():
            raise DataError("X holds missing or infinite values; give complete arrays.")
        return X


def _members(study: Study, estimand: str) -> np.ndarray:
    """Weight of every row in an average over those whom the estimand means."""
    who = {"ATE": np.ones(study.n), "ATT": study.T, "ATC": 1 - study.T}[estimand]
    return who if study.sample_weight is None else who * study.sample_weight
