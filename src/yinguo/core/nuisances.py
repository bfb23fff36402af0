"""Cross-fitted propensity and outcome means, from the default models or from anybody's learners.

One owner for every doubly robust method: each says which models it wants, all get them from here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from yinguo.core.crossfit import Target, arm_targets, crossfit_all, crossfit_propensity, fit_learner, predict_mean
from yinguo.errors import DataError
from yinguo.kernels.glm import LINKS, fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments
from yinguo.kernels.nuisances import Nuisances, glm_nuisances

__all__ = ["PropensityModel", "check_propensity", "crossfit_nuisances", "crossfit_propensities", "fit_propensity"]


def check_propensity(propensity: Any) -> None:
    """Refuse a propensity model that is neither a link by name nor an object that learns."""
    if isinstance(propensity, str) and propensity not in LINKS:
        raise DataError(f"propensity is {propensity!r}; it must be one of {LINKS} or a classifier.")


def crossfit_nuisances(
    *,
    X_e: np.ndarray,
    X_m: np.ndarray,
    T: np.ndarray,
    Y: np.ndarray,
    folds: np.ndarray,
    s: np.ndarray | None = None,
    propensity: Any = "logit",
    outcome_model: Any = None,
    penalty: float = 0.0,
    n_jobs: int = 1,
) -> Nuisances:
    """Propensity and outcome means of every row, from models that have not seen its fold.

    Parameters
    ----------
    X_e, X_m : (n, p) float arrays
        Covariates of the propensity and of the outcome model; the same object if they are the same.
    T, Y : (n,) float arrays
    folds : (n,) int array
    s : (n,) float array, optional
        Sample weights.
    propensity : {"logit", "probit"} or classifier
        Our own maximum likelihood, or any scikit-learn classifier.
    outcome_model : regressor or classifier, optional
        Fitted per arm; None is least squares by our own kernel.
    penalty : float
        Ridge on the slopes of the default propensity, per standard deviation.
    n_jobs : int
        Processes that share the fits of scikit-learn learners; our own models are one pass over the moments.
    """
    own_e, own_m = isinstance(propensity, str), outcome_model is None
    if own_m:
        both = glm_nuisances(
            X_e=X_e, X_m=X_m, T=T, Y=Y, folds=folds, s=s, link=propensity if own_e else None, penalty=penalty
        )
        if own_e:
            return both
        return Nuisances(crossfit_propensity(propensity, X_e, T, folds, s=s, n_jobs=n_jobs), both.m0, both.m1)
    targets = arm_targets(outcome_model, X_m, T, Y)
    if not own_e:
        # All in one pool, the largest fits first, so that no process waits for another.
        e, m0, m1 = crossfit_all([Target(propensity, X_e, T), *targets], folds, s=s, n_jobs=n_jobs)
        return Nuisances(e, m0, m1)
    e = crossfit_propensities(propensity, X_e, T, folds, s=s, penalty=penalty)
    return Nuisances(e, *crossfit_all(targets, folds, s=s, n_jobs=n_jobs))


def crossfit_propensities(propensity: Any, X, T, folds, *, s=None, penalty: float = 0.0, n_jobs: int = 1) -> np.ndarray:
    """(n,) chances of treatment from a model by name, or a classifier, that has not seen the fold of a row.

    Parameters are those of :func:`crossfit_nuisances`.
    """
    if not isinstance(propensity, str):
        return crossfit_propensity(propensity, X, T, folds, s=s, n_jobs=n_jobs)
    return glm_nuisances(X_e=X, X_m=X, T=T, Y=None, folds=folds, s=s, link=propensity, penalty=penalty).e


@dataclass(frozen=True, slots=True)
class PropensityModel:
    """A fitted propensity by name, for units it has not seen.

    Attributes
    ----------
    link : {"logit", "probit"}
    beta : (p+1,) float array
        On the covariates less ``centre``, over ``scale``, with intercept.
    centre, scale : (p,) float arrays
    """

    link: str
    beta: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    def predict(self, X) -> np.ndarray:
        """(n,) chances of treatment."""
        eta = self.beta[0] + (X - self.centre) / self.scale @ self.beta[1:]
        return linear_predictor_terms(eta, np.ones(len(X)), self.link)[0]


def fit_propensity(propensity: Any, X, T, *, s=None) -> Callable[[np.ndarray], np.ndarray]:
    """The chance of treatment as a function of the covariates, learned from all rows.

    Parameters are those of :func:`crossfit_nuisances`.
    """
    if isinstance(propensity, str):
        moments = ArrayMoments(X)
        fit = fit_binary(moments, T, s=s, link=propensity)
        return PropensityModel(propensity, fit.beta, moments.centre, moments.scale).predict
    return partial(predict_mean, fit_learner(propensity, X, T, s))
