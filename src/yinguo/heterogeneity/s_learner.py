r"""S-learner: one outcome model, the treatment a column among others.

.. math:: \hat\tau(x) = \hat m(x, 1) - \hat m(x, 0)

A model that shrinks or selects shrinks the effect with everything else.

Source: Künzel, Sekhon, Bickel & Yu (2019), PNAS 116(10), 4156-4165, for the name and its comparison.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import Target, crossfit_all, fit_learner, predict_mean
from yinguo.core.nuisances import check_propensity, crossfit_propensities
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.meta_fits import outcome_learner, split
from yinguo.kernels.nuisances import Nuisances

__all__ = ["SLearner", "with_treatment"]


def with_treatment(X: np.ndarray, T: Any) -> np.ndarray:
    """(n, p+1) covariates with the treatment, one value or one for each row, as last column."""
    return np.column_stack([X, np.broadcast_to(np.asarray(T, dtype=np.float64), len(X))])


class SLearner(EffectLearner):
    """S-learner: one outcome model with the treatment as a column.

    **Use it when** the effect is small and simple next to what the covariates do to the outcome, or one arm is small:
    the arms borrow from each other. **Not when** the effect is what matters most: a regularised model may drop the
    treatment (see dr-learner), and a model linear in its columns gives everybody the same effect.

    **Assumes** unconfoundedness and overlap.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    outcome_model : regressor or classifier, optional
        Of the covariates and, as last column, the treatment; None is boosted trees.
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
    >>> learner = yg.SLearner(outcome_model=LinearRegression())
    >>> learner.fit(yg.Study.from_arrays(X, T, X[:, 1] + 2 * T)).effect([[2.0, 0.0]]).round(6)
    array([2.])
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

    def fit(self, study: Study) -> "SLearner":
        """Estimate on a study; see :class:`SLearner`."""
        Y, T, X = self.take(study)
        check_propensity(self.propensity)
        s, model = study.sample_weight, outcome_learner(self, Y)
        self.model_ = fit_learner(model, with_treatment(X, T), Y, s)
        folds = split(self, study)
        arms = (with_treatment(X, 0.0), with_treatment(X, 1.0))
        m0, m1 = crossfit_all([Target(model, with_treatment(X, T), Y, at=arms)], folds, s=s, n_jobs=self.n_jobs)
        e = crossfit_propensities(self.propensity, X, T, folds, s=s, n_jobs=self.n_jobs)
        self.finish(study, Nuisances(e, m0, m1))
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m0, m1 = (predict_mean(self.model_, with_treatment(X, arm)) for arm in (0.0, 1.0))
        return m0, m1
