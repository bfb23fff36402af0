r"""DR-learner: a regression of doubly robust scores on the covariates.

.. math::

   \psi_i = \hat m_1(X_i) - \hat m_0(X_i) + \frac{T_i (Y_i - \hat m_1(X_i))}{\hat e(X_i)}
            - \frac{(1 - T_i)(Y_i - \hat m_0(X_i))}{1 - \hat e(X_i)}, \qquad
   \hat\tau(x) = \hat E[\psi \mid X = x]

``e`` propensity, ``m_t`` outcome models of the arms, all learned on other folds than that of row i, so that the second
regression meets scores that have not seen their own row; the mean of ``psi`` is the AIPW estimate.

Source: Kennedy (2023), Electronic Journal of Statistics 17(2), 3008-3049; for the line through the scores and its
interval Semenova & Chernozhukov (2021), Econometrics Journal 24(2), 264-289.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import fit_learner, predict_mean
from yinguo.core.roles import positions
from yinguo.core.study import Study
from yinguo.diagnose.overlap import clip_propensity
from yinguo.errors import DataError
from yinguo.heterogeneity.default_learners import boosted_effect
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.meta_fits import arm_nuisances, split
from yinguo.kernels.doubly_robust import aipw_scores
from yinguo.kernels.projection import linear_projection

__all__ = ["DRLearner"]


class DRLearner(EffectLearner):
    """DR-learner: doubly robust scores, regressed on the covariates.

    **Use it when** in doubt: it weighs all units alike, its average is the AIPW estimate, and with
    ``effect_model="linear"`` the effects have intervals. **Not when** overlap is poor: single scores are then huge
    (see r-learner).

    **Assumes** unconfoundedness and overlap.

    **Inference**: for the average, from the scores themselves. For units with ``effect_model="linear"``: robust
    (HC1; with groups, clustered) errors of the line through the scores, which hold for the best line of the effect in
    the covariates chosen, whether or not the effect is a line.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds; the effects of units are the same for all three.
    outcome_model : regressor or classifier, optional
        Fitted per arm; None is boosted trees.
    effect_model : regressor, "linear" or None
        Of the scores; "linear" is least squares with intervals, None is boosted trees
        with large leaves, stopped by held-out rows.
    effect_covariates : sequence of names, optional
        Covariates that the effect may depend on; None is all. The scores still adjust for all of them.
    propensity : {"logit", "probit"} or classifier
    folds : int or (n,) int array
        Nuisances of a row come from the other folds.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds.
    n_jobs : int
        Processes that share the fits on folds; -1 is one for each core.

    Attributes
    ----------
    pseudo_outcomes_ : (n,) float array
        The scores.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(500, 2)), rng.integers(0, 2, 500) * 1.0
    >>> study = yg.Study.from_arrays(X, T, X[:, 1] + T * (1 + X[:, 0]) + rng.normal(size=500))
    >>> learner = yg.DRLearner(outcome_model=LinearRegression(), effect_model="linear").fit(study)
    >>> low, high = learner.effect_interval([[2.0, 0.0]])
    >>> bool(low < 3 < high)
    True
    """

    capabilities = Capabilities(
        honours=("sample_weight", "groups"),
        inference=INFERENCE,
        unit_effects="robust errors of a line through the scores",
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
        all_rows=True,
    )
    intervals_with: ClassVar[Mapping[str, Any]] = {"effect_model": "linear"}

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        outcome_model: Any = None,
        effect_model: Any = None,
        effect_covariates: Sequence[str] | None = None,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        random_state: Any = 0,
        n_jobs: int = 1,
    ) -> None:
        self.estimand = estimand
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.effect_covariates = effect_covariates
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, study: Study) -> "DRLearner":
        """Estimate on a study; see :class:`DRLearner`."""
        Y, T, X = self.take(study)
        if isinstance(self.effect_model, str) and self.effect_model != "linear":
            raise DataError(f'effect_model is {self.effect_model!r}; it must be "linear", a regressor or None.')
        s = study.sample_weight
        names = study.covariates if self.effect_covariates is None else self.effect_covariates
        self.columns_ = positions(names, study.covariates)
        nuisances = arm_nuisances(self, study, split(self, study))
        # Whatever the average is over, both chances divide in the effect of a unit, so both are clipped.
        e = clip_propensity(nuisances.e, self.clip, s=s).e
        self.pseudo_outcomes_ = psi = aipw_scores(Y=Y, T=T, e=e, m0=nuisances.m0, m1=nuisances.m1)
        V = X[:, self.columns_]
        if self.effect_model == "linear":
            self.effect_model_ = linear_projection(psi, V, s=s, groups=study.groups)
        else:
            effect_model = boosted_effect(study.n) if self.effect_model is None else self.effect_model
            self.effect_model_ = fit_learner(effect_model, V, psi, s)
        self.finish(study, nuisances)
        return self

    def _effect(self, X: np.ndarray) -> np.ndarray:
        return predict_mean(self.effect_model_, X[:, self.columns_])

    def _effect_se(self, X: np.ndarray) -> np.ndarray:
        return self.effect_model_.se(X[:, self.columns_])
