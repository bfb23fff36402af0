"""Rows of published tables that were made with ``glmnet``, run as their authors ran them.

What people should use stands in :mod:`yinguo.confounding`; these are baselines of experiments that differ from it
on purpose: no cross-fitting, weights without an outcome model, a propensity penalised until little is left of it.
None of them has an interval.

Source
------
Athey, Imbens & Wager (2018), JRSS-B 80(4), and the code of its experiments (package balanceHD): elastic net with
mixing 0.9 for outcomes and 0.5 for propensities, ten folds, the one-standard-error penalty; for the effect on the
treated, propensities are capped at 0.95 and never raised.
"""

from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.bench.logistic_net import logistic_lasso, logistic_net_1se
from yinguo.confounding.approximate_residual_balancing import fit_outcome_model
from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.kernels.balance_qp import balancing_weights
from yinguo.kernels.doubly_robust import att_scores

__all__ = ["BalanceOnly", "ElasticNetOutcome", "ElasticNetPropensity", "InSampleAIPW", "OvershrunkPropensity"]

#: Largest propensity that may weight a control when the effect is on the treated.
CAP = 0.95
FOLDS = 10


class ElasticNetOutcome:
    """Elastic-net regression at the one-standard-error penalty, with scikit-learn's ``fit`` and ``predict``.

    Parameters
    ----------
    mixing : float
        Share of the lasso penalty.
    random_state : int or None
        Draws the folds.
    """

    def __init__(self, *, mixing: float = 0.9, random_state: Any = 0) -> None:
        self.mixing = mixing
        self.random_state = random_state

    def fit(self, X, y) -> "ElasticNetOutcome":
        """Choose the penalty by cross-validation and fit."""
        self.model_ = fit_outcome_model(X=X, Y=y, folds=_folds(len(y), self.random_state), mixing=self.mixing)
        return self

    def predict(self, X) -> np.ndarray:
        """(n,) predicted outcomes."""
        return self.model_.intercept + X @ self.model_.coef


class _Classifier:
    """What a learner of a binary treatment must offer."""

    classes_ = (0.0, 1.0)
    propensity_: Any

    def predict_proba(self, X) -> np.ndarray:
        """(n, 2) chances of control and treatment."""
        e = self.propensity_(X)
        return np.column_stack([1 - e, e])


class ElasticNetPropensity(_Classifier):
    """Elastic-net logistic regression at the one-standard-error penalty.

    Parameters
    ----------
    mixing : float
    random_state : int or None
        Draws the folds.
    """

    def __init__(self, *, mixing: float = 0.5, random_state: Any = 0) -> None:
        self.mixing = mixing
        self.random_state = random_state

    def fit(self, X, y) -> "ElasticNetPropensity":
        """Choose the penalty by cross-validation and fit."""
        folds = _folds(len(y), self.random_state)
        self.propensity_ = logistic_net_1se(X=X, T=y, folds=folds, mixing=self.mixing).propensity
        return self


class OvershrunkPropensity(_Classifier):
    """Lasso logistic regression at a stated share of the penalty that removes every covariate.

    Not a way to estimate a propensity: it shows what a table looks like when one was hardly fitted.

    Parameters
    ----------
    share : float in (0, 1]
    """

    def __init__(self, *, share: float = 1 / 3) -> None:
        self.share = share

    def fit(self, X, y) -> "OvershrunkPropensity":
        """Fit at the stated share of the largest penalty."""
        intercept, coef = logistic_lasso(X=X, T=y, share=self.share)
        self.propensity_ = lambda rows: expit(intercept + rows @ coef)
        return self


class BalanceOnly(Estimator):
    """Approximately balancing weights without an outcome model: the first half of residual balancing.

    Parameters
    ----------
    zeta : float
    cap : bool
        Bound every weight by the number of controls to the power -2/3.
    """

    capabilities = Capabilities(estimands=("ATT",), inference="none")

    def __init__(self, *, estimand: str = "ATT", zeta: float = 0.5, cap: bool = True) -> None:
        self.estimand = estimand
        self.zeta = zeta
        self.cap = cap

    def fit(self, study: Study) -> "BalanceOnly":
        """Estimate on a study."""
        Y, T, X = self.take(study)
        binary = ((X == 0) | (X == 1)).all(axis=0)
        X = X / np.where(binary, 1.0, X.std(axis=0, ddof=1))
        controls = T == 0
        cap = controls.sum() ** (-2 / 3) if self.cap else None
        fit = balancing_weights(X=X[controls], target=X[~controls].mean(axis=0), zeta=self.zeta, cap=cap)
        estimate = Y[~controls].mean() - fit.gamma @ Y[controls]
        self.result_ = self.make_result(study, estimate, no_inference="a baseline of a published experiment")
        return self


class InSampleAIPW(Estimator):
    """Augmented weighting for the effect on the treated, both models fitted on the rows they are used on.

    Parameters
    ----------
    propensity : classifier
    outcome_model : regressor
        Fitted on the controls.
    """

    capabilities = Capabilities(estimands=("ATT",), inference="none")

    def __init__(self, *, estimand: str = "ATT", propensity: Any = None, outcome_model: Any = None) -> None:
        self.estimand = estimand
        self.propensity = propensity
        self.outcome_model = outcome_model

    def fit(self, study: Study) -> "InSampleAIPW":
        """Estimate on a study."""
        Y, T, X = self.take(study)
        propensity = self.propensity or ElasticNetPropensity()
        outcome_model = self.outcome_model or ElasticNetOutcome()
        e = np.minimum(propensity.fit(X, T).predict_proba(X)[:, 1], CAP)
        m0 = outcome_model.fit(X[T == 0], Y[T == 0]).predict(X)
        estimate, _ = att_scores(Y=Y, T=T, e=e, m0=m0)
        self.result_ = self.make_result(study, estimate, no_inference="a baseline of a published experiment")
        return self


def _folds(n: int, random_state: Any) -> np.ndarray:
    return as_rng(random_state).permutation(n) % FOLDS
