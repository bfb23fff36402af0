"""Cross-fitted propensity and outcome means, from the default models or from anybody's learners.

One owner for every doubly robust method: each says which models it wants, all get them from here.
"""

from typing import Any

import numpy as np

from yinguo.core.crossfit import crossfit_outcomes, crossfit_propensity
from yinguo.errors import DataError
from yinguo.kernels.glm import LINKS
from yinguo.kernels.nuisances import Nuisances, glm_nuisances

__all__ = ["check_propensity", "crossfit_nuisances", "crossfit_propensities"]


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
    """
    own_e, own_m = isinstance(propensity, str), outcome_model is None
    if own_m:
        both = glm_nuisances(
            X_e=X_e, X_m=X_m, T=T, Y=Y, folds=folds, s=s, link=propensity if own_e else None, penalty=penalty
        )
        return both if own_e else Nuisances(crossfit_propensity(propensity, X_e, T, folds, s=s), both.m0, both.m1)
    e = crossfit_propensities(propensity, X_e, T, folds, s=s, penalty=penalty)
    return Nuisances(e, *crossfit_outcomes(outcome_model, X_m, T, Y, folds, s=s))


def crossfit_propensities(propensity: Any, X, T, folds, *, s=None, penalty: float = 0.0) -> np.ndarray:
    """(n,) chances of treatment from a model by name, or a classifier, that has not seen the fold of a row.

    Parameters are those of :func:`crossfit_nuisances`.
    """
    if not isinstance(propensity, str):
        return crossfit_propensity(propensity, X, T, folds, s=s)
    return glm_nuisances(X_e=X, X_m=X, T=T, Y=None, folds=folds, s=s, link=propensity, penalty=penalty).e
