r"""X-learner: impute the effect of every unit from the other arm's model, learn it in each arm, blend.

.. math::

   D_i = \begin{cases} Y_i - \hat m_0(X_i) & T_i = 1 \\ \hat m_1(X_i) - Y_i & T_i = 0 \end{cases}, \qquad
   \hat\tau(x) = \hat e(x)\,\hat\tau_0(x) + (1 - \hat e(x))\,\hat\tau_1(x)

``m_t`` outcome model of arm t, ``tau_t`` regression of ``D`` on the covariates in arm t, ``e`` propensity: where few
are treated, the effects imputed for them by the many controls count most.

Source: Künzel, Sekhon, Bickel & Yu (2019), PNAS 116(10), 4156-4165.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import predict_mean
from yinguo.core.nuisances import check_propensity, fit_propensity
from yinguo.core.study import Study
from yinguo.heterogeneity.default_learners import boosted_effect
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.meta_fits import arm_nuisances, fit_arms, outcome_learner, split

__all__ = ["XLearner", "imputed_effects"]


def imputed_effects(*, Y, T, m0, m1) -> np.ndarray:
    """Outcome of every unit against what the other arm's model says of it.

    Parameters
    ----------
    Y, T : (n,) float arrays
    m0, m1 : (n,) float arrays
        E[Y | T=0, X] and E[Y | T=1, X]; only those of the other arm enter.

    Returns
    -------
    (n,) float array, unit of Y

    Source
    ------
    Künzel, Sekhon, Bickel & Yu (2019), PNAS 116(10), second step of their algorithm.
    """
    return np.where(T == 1, Y - m0, m1 - Y)


class XLearner(EffectLearner):
    """X-learner: effects imputed by the other arm's model, learned in each arm and blended by the propensity.

    Its models are fitted to all rows of their arm and not on folds: the model that imputes the effect of a unit is
    that of the other arm and has never seen the unit. Folds serve the average effect alone.

    **Use it when** one arm is much smaller than the other, and the effect is simpler than the outcome. **Not when** the
    arms differ so much that the outcome models extrapolate (see r-learner).

    **Assumes** unconfoundedness and overlap.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    outcome_model : regressor or classifier, optional
        Fitted per arm; None is boosted trees.
    effect_model : regressor, optional
        Of the imputed effects, fitted per arm; None is boosted trees with large leaves, stopped by
        held-out rows.
    propensity : {"logit", "probit"} or classifier
        For the blend and for the average.
    folds : int or (n,) int array
        For the average.
    clip : float
        For the average, propensities are moved into [clip, 1 - clip]; the blend divides by nothing and takes them as
        they are.
    random_state : int, Generator or None
        Draws the folds.
    n_jobs : int
        Processes that share the fits on folds; -1 is one for each core.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(500, 2)), (rng.random(500) < 0.1) * 1.0
    >>> learner = yg.XLearner(outcome_model=LinearRegression(), effect_model=LinearRegression())
    >>> effects = learner.fit(yg.Study.from_arrays(X, T, X[:, 1] + T * (1 + X[:, 0]))).effect([[2.0, 0.0]])
    >>> effects.round(6)
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

    def fit(self, study: Study) -> "XLearner":
        """Estimate on a study; see :class:`XLearner`."""
        Y, T, X = self.take(study)
        check_propensity(self.propensity)
        s = study.sample_weight
        m0, m1 = (predict_mean(model, X) for model in fit_arms(outcome_learner(self, Y), X, Y, T, s))
        D = imputed_effects(Y=Y, T=T, m0=m0, m1=m1)
        smaller_arm = int(min(T.sum(), (1 - T).sum()))
        effect_model = boosted_effect(smaller_arm) if self.effect_model is None else self.effect_model
        self.effect_models_ = fit_arms(effect_model, X, D, T, s)
        self.propensity_ = fit_propensity(self.propensity, X, T, s=s)
        self.finish(study, arm_nuisances(self, study, split(self, study)))
        return self

    def _effect(self, X: np.ndarray) -> np.ndarray:
        e = self.propensity_(X)
        tau0, tau1 = (predict_mean(model, X) for model in self.effect_models_)
        return e * tau0 + (1 - e) * tau1
