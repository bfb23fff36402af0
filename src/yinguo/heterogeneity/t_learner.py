r"""T-learner: one outcome model for each arm.

.. math:: \hat\tau(x) = \hat m_1(x) - \hat m_0(x)

Errors of the two models add up, and each is tuned to its arm and not to the difference.

Source: Künzel, Sekhon, Bickel & Yu (2019), PNAS 116(10), 4156-4165, for the name and its comparison.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import predict_mean
from yinguo.core.nuisances import check_propensity
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.meta_fits import arm_nuisances, fit_arms, outcome_learner, split

__all__ = ["TLearner"]


class TLearner(EffectLearner):
    """T-learner: one outcome model for each arm.

    **Use it when** both arms have many rows and respond differently. **Not when** one arm is small (see x-learner) or
    the effect is much simpler than the outcome (see r-learner, dr-learner).

    **Assumes** unconfoundedness and overlap.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    outcome_model : regressor or classifier, optional
        Fitted per arm; None is boosted trees.
    propensity : {"logit", "probit"} or classifier
        For the average.
    folds : int or (n,) int array
        For the average.
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
    >>> X, T = rng.normal(size=(500, 2)), rng.integers(0, 2, 500) * 1.0
    >>> learner = yg.TLearner(outcome_model=LinearRegression())
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
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        random_state: Any = 0,
        n_jobs: int = 1,
    ) -> None:
        self.estimand = estimand
        self.outcome_model = outcome_model
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, study: Study) -> "TLearner":
        """Estimate on a study; see :class:`TLearner`."""
        Y, T, X = self.take(study)
        check_propensity(self.propensity)
        self.models_ = fit_arms(outcome_learner(self, Y), X, Y, T, study.sample_weight)
        self.finish(study, arm_nuisances(self, study, split(self, study)))
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m0, m1 = (predict_mean(model, X) for model in self.models_)
        return m0, m1
