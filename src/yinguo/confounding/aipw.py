r"""Augmented inverse propensity weighting: right if either the propensity or the outcome model is.

.. math::

   \psi_i = m_1(X_i) - m_0(X_i) + \frac{T_i (Y_i - m_1(X_i))}{e(X_i)}
            - \frac{(1 - T_i)(Y_i - m_0(X_i))}{1 - e(X_i)}, \qquad
   \hat\tau_{ATE} = \frac1n \sum_i \psi_i

For the ATT only ``m0`` and the odds ``r = e/(1-e)`` enter:
mean over the treated of Y - m0, minus the r-weighted mean of the controls' Y - m0; the ATC mirrors it.

``e`` propensity, ``m0, m1`` outcome means, ``psi`` scores, ``phi`` influence values.

Source: Robins, Rotnitzky & Zhao (1994), JASA 89(427); for the effect on the treated Mercatanti & Li (2014), Annals of
Applied Statistics 8(4), here with normalised weights.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.estimator import Estimator
from yinguo.core.nuisances import check_propensity, crossfit_nuisances
from yinguo.core.study import Study
from yinguo.diagnose.balance import bridged_balance_check, weight_check
from yinguo.diagnose.overlap import clip_propensity, overlap_check
from yinguo.errors import DataError
from yinguo.kernels.doubly_robust import doubly_robust
from yinguo.kernels.glm import fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments, solve_gram
from yinguo.kernels.nuisances import Nuisances
from yinguo.kernels.weighting import arm_weights, normalised

__all__ = ["AIPW"]


class AIPW(Estimator):
    """Cross-fitted doubly robust estimate (augmented IPW).

    **Use it when** the confounders were measured: it is the default choice. **Not when** overlap is
    poor (then entropy balancing for the ATT degrades more gently) or n is below a few hundred.

    **Assumes** unconfoundedness and overlap; one of the two nuisance models may be wrong, and with
    flexible learners both need only converge faster than n^(-1/4).

    **Inference**: the variance of the scores, valid because every row's nuisances come from other folds.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    propensity : {"logit", "probit"} or classifier
        Our own maximum likelihood, or any scikit-learn classifier.
    outcome_model : regressor or classifier, optional
        Fitted per arm; None is least squares by our own kernel.
    propensity_covariates, outcome_covariates : sequences of names, optional
        Covariates of either model; None is all of them.
    folds : int or (n,) int array
        How many folds, or the fold of every row. 1 fits the default models on all rows; the standard
        error then accounts for their estimation by stacking their score equations.
    clip : float
        Propensities are moved into [clip, 1 - clip] on the side that divides; counted in the notes.
    penalty : float
        Ridge on the slopes of the default propensity, per standard deviation.
    random_state : int, Generator or None
        Draws the folds.
    n_jobs : int
        Processes that share the fits of scikit-learn learners on folds; -1 is one for each core.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> T = (rng.random(500) < 1 / (1 + np.exp(-X[:, 0]))) * 1.0
    >>> round(yg.AIPW().fit(yg.Study.from_arrays(X, T, X.sum(axis=1) + 2 * T)).result_.estimate, 6)
    2.0
    """

    capabilities = Capabilities(
        honours=("sample_weight", "groups"),
        inference="influence function, cross-fitted",
        assumes=("unconfounded", "overlap", "either_model", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        propensity: Any = "logit",
        outcome_model: Any = None,
        propensity_covariates: Sequence[str] | None = None,
        outcome_covariates: Sequence[str] | None = None,
        folds: Any = 5,
        clip: float = 0.01,
        penalty: float = 0.0,
        random_state: Any = 0,
        n_jobs: int = 1,
    ) -> None:
        self.estimand = estimand
        self.propensity = propensity
        self.outcome_model = outcome_model
        self.propensity_covariates = propensity_covariates
        self.outcome_covariates = outcome_covariates
        self.folds = folds
        self.clip = clip
        self.penalty = penalty
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, study: Study) -> "AIPW":
        """Estimate on a study; see :class:`AIPW`."""
        Y, T, X = self.take(study)
        X_e = X if self.propensity_covariates is None else study.columns(self.propensity_covariates)
        X_m = X if self.outcome_covariates is None else study.columns(self.outcome_covariates)
        check_propensity(self.propensity)
        if isinstance(self.folds, int | np.integer) and self.folds == 1:
            return self._fit_stacked(study, Y, T, X_e, X_m)
        s = study.sample_weight
        folds = make_folds(self.folds, T, self.random_state, study.groups)
        nuisances = crossfit_nuisances(
            X_e=X_e, X_m=X_m, T=T, Y=Y, folds=folds, s=s,
            propensity=self.propensity, outcome_model=self.outcome_model, penalty=self.penalty, n_jobs=self.n_jobs,
        )  # fmt: skip
        clipping = clip_propensity(nuisances.e, self.clip, self.estimand, s)
        estimate, phi = doubly_robust(self.estimand, Y=Y, T=T, e=clipping.e, m0=nuisances.m0, m1=nuisances.m1, s=s)
        return self._finish(study, estimate, phi, clipping)

    def _fit_stacked(self, study: Study, Y, T, X_e, X_m) -> "AIPW":
        """Both models on all rows; the influence values stack their score equations (M-estimation)."""
        if not isinstance(self.propensity, str) or self.outcome_model is not None:
            raise DataError("folds=1 needs the default models; with your own learners use folds of 2 or more.")
        s = study.sample_weight
        weight = np.ones(study.n) if s is None else s
        moments = ArrayMoments(X_e)
        fit = fit_binary(moments, T, s=s, link=self.propensity, penalty=self.penalty)
        e, slope, score, _ = linear_predictor_terms(fit.eta, T, self.propensity)
        D = moments.D if X_m is X_e else ArrayMoments(X_m).D
        grams = [(D * (weight * (arm == T))[:, None]).T @ D for arm in (0.0, 1.0)]
        means = [
            D @ solve_gram(A, (weight * (arm == T) * Y) @ D, intercept=True)
            for arm, A in zip((0.0, 1.0), grams, strict=True)
        ]
        nuisances = Nuisances(e, *means)
        clipping = clip_propensity(e, self.clip, self.estimand, s)
        estimate, phi = doubly_robust(self.estimand, Y=Y, T=T, e=clipping.e, m0=nuisances.m0, m1=nuisances.m1, s=s)
        d_eta, d_m0, d_m1 = _sensitivities(self.estimand, Y, T, clipping, slope, nuisances, weight)
        scores = moments.D @ solve_gram(fit.information, d_eta @ moments.D, intercept=True) * (weight * score)
        phi = phi + scores - scores.mean()  # the mean is 0 but for a ridge
        for arm, d, A, m in ((0.0, d_m0, grams[0], means[0]), (1.0, d_m1, grams[1], means[1])):
            phi = phi + D @ solve_gram(A, d @ D, intercept=True) * (weight * (arm == T) * (Y - m))
        return self._finish(study, estimate, phi, clipping)

    def _finish(self, study: Study, estimate, phi, clipping) -> "AIPW":
        w = arm_weights(study.T, clipping.e, self.estimand, study.sample_weight)
        self.result_ = self.make_result(
            study,
            estimate,
            phi=phi,
            propensity=clipping.e,
            balance_weights=normalised(w, study.T),
            checks=(overlap_check, bridged_balance_check, weight_check),
            notes=clipping.note(self.clip),
        )
        return self


def _sensitivities(estimand: str, Y, T, clipping, slope, nuisances: Nuisances, weight):
    """n times the derivative of the estimate with respect to each row's eta, m0 and m1, each (n,)."""
    e, m0, m1 = clipping.e, nuisances.m0, nuisances.m1
    slope = np.where(clipping.touched, 0.0, slope)
    if estimand == "ATE":
        d_eta = -slope * (T * (Y - m1) / e**2 + (1 - T) * (Y - m0) / (1 - e) ** 2)
        return weight * d_eta, weight * ((1 - T) / (1 - e) - 1), weight * (1 - T / e)
    if estimand == "ATC":
        d_eta, d_m1, d_m0 = _att_sensitivities(Y, 1 - T, 1 - e, m1, -slope, weight)
        return -d_eta, -d_m0, -d_m1
    return _att_sensitivities(Y, T, e, m0, slope, weight)


def _att_sensitivities(Y, T, e, m0, slope, weight):
    w1, w0 = weight * T, weight * (1 - T) * e / (1 - e)
    correction = w0 @ (Y - m0) / w0.sum()
    d_eta = -weight * (1 - T) * slope / (1 - e) ** 2 * (Y - m0 - correction) / w0.mean()
    return d_eta, w0 / w0.mean() - w1 / w1.mean(), np.zeros(len(Y))
