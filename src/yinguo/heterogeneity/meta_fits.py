"""The fits that the meta-learners share: nuisances of every row from other folds, and models of all rows.

A meta-learner has the options ``outcome_model``, ``propensity``, ``folds``, ``clip``, ``random_state`` and ``n_jobs``;
the functions here read them. Except for the S-learner, which has a single outcome model, all of them take the outcome
means of their average effect from one model per arm, whatever they learn the effects with: these means are learned on
other folds in one step, so that the interval of the average asks nothing of the effect model.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.crossfit import crossfit, fit_learner, make_folds
from yinguo.core.nuisances import check_propensity, crossfit_nuisances
from yinguo.core.study import Study
from yinguo.diagnose.overlap import clip_propensity
from yinguo.heterogeneity.default_learners import boosted_mean
from yinguo.kernels.nuisances import Nuisances

__all__ = ["Centred", "arm_nuisances", "centre", "fit_arms", "outcome_learner", "split"]


def outcome_learner(learner: Any, Y: np.ndarray) -> Any:
    """The outcome model asked for, boosted trees if none was."""
    return boosted_mean(Y) if learner.outcome_model is None else learner.outcome_model


def split(learner: Any, study: Study) -> np.ndarray:
    """(n,) fold of every row, clusters whole."""
    return make_folds(learner.folds, study.T, learner.random_state, study.groups)


def fit_arms(model: Any, X, y, T, s=None) -> tuple[Any, Any]:
    """Models of ``y`` fitted to all controls and to all treated."""
    control, treated = (
        fit_learner(model, X[arm == T], y[arm == T], None if s is None else s[arm == T]) for arm in (0.0, 1.0)
    )
    return control, treated


def arm_nuisances(learner: Any, study: Study, folds: np.ndarray) -> Nuisances:
    """Propensity, not clipped, and outcome means of every row, from models of other folds, one for each arm."""
    check_propensity(learner.propensity)
    return crossfit_nuisances(
        X_e=study.X, X_m=study.X, T=study.T, Y=study.Y, folds=folds, s=study.sample_weight,
        propensity=learner.propensity, outcome_model=outcome_learner(learner, study.Y), n_jobs=learner.n_jobs,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Centred:
    """Outcome and treatment without what the covariates say of them.

    Attributes
    ----------
    Y, T : (n,) float arrays
        ``Y - m(X)`` and ``T - e(X)``; the latter is never zero, because e is clipped.
    nuisances : Nuisances
        For the average effect.
    """

    Y: np.ndarray
    T: np.ndarray
    nuisances: Nuisances


def centre(learner: Any, study: Study) -> Centred:
    """Residuals of outcome and treatment, whose means given the covariates come from other folds."""
    folds, s = split(learner, study), study.sample_weight
    nuisances = arm_nuisances(learner, study, folds)
    model = outcome_learner(learner, study.Y)
    m = crossfit(model, study.X, study.Y, folds, s=s, n_jobs=learner.n_jobs)
    e = clip_propensity(nuisances.e, learner.clip, s=s).e
    return Centred(study.Y - m, study.T - e, nuisances)
