r"""Causal forest: the effect near x, from units that the trees of a forest put next to x.

.. math::

   \hat\tau(x) = \frac{\sum_i \alpha_i(x)\,(\tilde T_i - \bar T_\alpha)(\tilde Y_i - \bar Y_\alpha)}
                      {\sum_i \alpha_i(x)\,(\tilde T_i - \bar T_\alpha)^2}, \qquad
   \tilde Y_i = Y_i - \hat m(X_i), \quad \tilde T_i = T_i - \hat e(X_i)

``alpha_i(x)`` share of the trees in whose leaf row i and x are together, bars means under these weights, ``m`` mean
outcome and ``e`` propensity from other folds: the local centring that confounded data need. Trees split where the
effects of the children differ most; leaves are estimated from rows that did not choose the splits (honesty).

The forest itself is that of the package econml, behind this interface.

Source: Wager & Athey (2018), JASA 113(523), 1228-1242; Athey, Tibshirani & Wager (2019), Annals of Statistics 47(2),
1148-1178, also for the variance by groups of trees that share a half sample.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.lazy import require
from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.meta_fits import centre

__all__ = ["CausalForest"]

#: Trees that share a half sample; the spread between such groups gives the variance.
GROUP = 4
#: Rows predicted at a time: the forest holds several arrays of that length for every tree.
BLOCK = 20_000


class CausalForest(EffectLearner):
    """Causal forest on centred data, by econml, with intervals for single units.

    **Use it when** the effect depends on a few covariates in an unknown way, there are thousands of rows, and the
    effects of units need intervals. **Not when** there are hundreds of rows, or fewer than three covariates, or the
    effect is close to a line (see dr-learner).

    **Assumes** unconfoundedness and overlap.

    **Inference**: for the average, from cross-fitted doubly robust scores, whose outcome means come from a model of
    each arm, not from the forest. For units, a normal interval with the forest's own variance; it leaves out the bias
    of the forest, which is small only where the effect is smooth and rows are many. With groups there is none for
    units, because the half samples of the forest do not keep clusters whole.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    trees : int
        A multiple of 4. More make the intervals smoother, not shorter.
    min_leaf : int
        Fewest rows of a leaf.
    sample_share : float in (0, 0.5]
        Share of the rows that each tree is grown from.
    outcome_model : regressor or classifier, optional
        For centring and, fitted per arm, for the average; None is boosted trees.
    propensity : {"logit", "probit"} or classifier
    folds : int or (n,) int array
        Nuisances of a row come from the other folds.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds and the trees.
    n_jobs : int
        Processes that share the fits on folds, and threads that share the trees; -1 is one for each core.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(1000, 3)), rng.integers(0, 2, 1000) * 1.0
    >>> study = yg.Study.from_arrays(X, T, X[:, 1] + T * (X[:, 0] > 0) + 0.1 * rng.normal(size=1000))
    >>> forest = yg.CausalForest(trees=40, outcome_model=LinearRegression())
    >>> forest.fit(study).effect([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).round()            # doctest: +SKIP
    array([0., 1.])
    """

    capabilities = Capabilities(
        honours=("sample_weight", "groups"),
        inference=INFERENCE,
        unit_effects="variance between groups of trees",
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
        all_rows=True,
        extra="forest",
    )

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        trees: int = 200,
        min_leaf: int = 5,
        sample_share: float = 0.45,
        outcome_model: Any = None,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        random_state: Any = 0,
        n_jobs: int = 1,
    ) -> None:
        self.estimand = estimand
        self.trees = trees
        self.min_leaf = min_leaf
        self.sample_share = sample_share
        self.outcome_model = outcome_model
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, study: Study) -> "CausalForest":
        """Estimate on a study; see :class:`CausalForest`."""
        _, _, X = self.take(study)
        self._check_options()
        grf = require("econml.grf", "forest")
        left = centre(self, study)
        forest = grf.CausalForest(
            n_estimators=self.trees, min_samples_leaf=self.min_leaf, max_samples=self.sample_share,
            subforest_size=GROUP, n_jobs=self.n_jobs, random_state=int(as_rng(self.random_state).integers(2**31)),
        )  # fmt: skip
        self.forest_ = forest.fit(X, left.T, left.Y, sample_weight=study.sample_weight)
        self.clustered_ = study.groups is not None
        self.finish(study, left.nuisances)
        return self

    def _check_options(self) -> None:
        if self.trees % GROUP:
            raise DataError(f"trees is {self.trees!r}; it must be a multiple of {GROUP}, such as 200.")
        if not 0 < self.sample_share <= 0.5:
            raise DataError(f"sample_share is {self.sample_share!r}; intervals need one above 0 and at most 0.5.")

    def _effect(self, X: np.ndarray) -> np.ndarray:
        return np.concatenate([self.forest_.predict(part)[:, 0] for part in _blocks(X)])

    def _effect_se(self, X: np.ndarray) -> np.ndarray:
        if self.clustered_:
            raise DataError("the study has groups, and the forest's variance does not know of them; leave groups out.")
        return np.concatenate([np.sqrt(self.forest_.predict_var(part)[:, 0, 0]) for part in _blocks(X)])


def _blocks(X: np.ndarray) -> list[np.ndarray]:
    return [X[start : start + BLOCK] for start in range(0, len(X), BLOCK)] or [X]
