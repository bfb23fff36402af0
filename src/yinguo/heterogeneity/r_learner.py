r"""R-learner: the effect that explains what is left of the outcome by what is left of the treatment.

.. math::

   \hat\tau = \arg\min_\tau \sum_i \big[(Y_i - \hat m(X_i)) - (T_i - \hat e(X_i))\, \tau(X_i)\big]^2
            = \arg\min_\tau \sum_i (T_i - \hat e(X_i))^2
              \Big[\frac{Y_i - \hat m(X_i)}{T_i - \hat e(X_i)} - \tau(X_i)\Big]^2

``m`` mean outcome and ``e`` chance of treatment given the covariates, both learned on other folds. Any regressor that
takes weights minimises the right-hand side. Errors of ``m`` and ``e`` enter as products only.

Source: Nie & Wager (2021), Biometrika 108(2), 299-319; the residuals are those of Robinson (1988), Econometrica 56(4).
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import fit_learner, predict_mean
from yinguo.core.study import Study
from yinguo.heterogeneity.default_learners import boosted_effect
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.meta_fits import centre

__all__ = ["RLearner", "ratio_of_residuals"]


def ratio_of_residuals(*, Y_left, T_left) -> tuple[np.ndarray, np.ndarray]:
    """Target and weights of the regression that minimises the R-loss.

    Parameters
    ----------
    Y_left, T_left : (n,) float arrays
        Y - m(X) and T - e(X), the latter nowhere zero.

    Returns
    -------
    target : (n,) float array, unit of Y
    weight : (n,) float array

    Source
    ------
    Nie & Wager (2021), Biometrika 108(2), with the factor of tau taken out of the square.
    """
    return Y_left / T_left, T_left**2


class RLearner(EffectLearner):
    """R-learner: a weighted regression of outcome residuals over treatment residuals.

    **Use it when** the effect is simpler than the outcome and the treatment was confounded: whatever the covariates do
    to outcome and treatment is taken out first. **Not when** the effect in regions of poor overlap matters: their
    weights (T - e)^2 are small on average (see dr-learner, which weighs all units alike).

    **Assumes** unconfoundedness and overlap.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units. The outcome
    means in the scores come from a model of each arm. They could be had from what is there already, as m - e tau and
    m + (1 - e) tau, but the effect of a row would have to be learned from nuisances that have not seen the row either,
    a cross-fit inside every fold; and its smoothing would be that of an effect, chosen for the R-loss. With models of
    their own the interval asks nothing of the effect model.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    outcome_model : regressor or classifier, optional
        Of the outcome whatever the treatment and, for the average, fitted per arm; None is boosted trees.
    effect_model : regressor, optional
        Of the ratio of the residuals; must take ``sample_weight``. None is boosted trees
        with large leaves, stopped by held-out rows.
    propensity : {"logit", "probit"} or classifier
    folds : int or (n,) int array
        Nuisances of a row come from the other folds.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds.
    n_jobs : int
        Processes that share the fits on folds; -1 is one for each core.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(4000, 2)), rng.integers(0, 2, 4000) * 1.0
    >>> learner = yg.RLearner(outcome_model=LinearRegression(), effect_model=LinearRegression())
    >>> effects = learner.fit(yg.Study.from_arrays(X, T, X[:, 1] + T * (1 + X[:, 0]))).effect([[2.0, 0.0]])
    >>> effects.round(1)
    array([3.])
    """

    capabilities = Capabilities(
        honours=("sample_weight", "groups"),
        inference=INFERENCE,
        unit_effects="without intervals",
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        outcome_model: Any = None,
        effect_model: Any = None,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        random_state: Any = 0,
        n_jobs: int = 1,
    ) -> None:
        self.estimand = estimand
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, study: Study) -> "RLearner":
        """Estimate on a study; see :class:`RLearner`."""
        _, _, X = self.take(study)
        s = study.sample_weight
        left = centre(self, study)
        target, weight = ratio_of_residuals(Y_left=left.Y, T_left=left.T)
        effect_model = boosted_effect(study.n) if self.effect_model is None else self.effect_model
        self.effect_model_ = fit_learner(effect_model, X, target, weight if s is None else weight * s)
        self.finish(study, left.nuisances)
        return self

    def _effect(self, X: np.ndarray) -> np.ndarray:
        return predict_mean(self.effect_model_, X)
