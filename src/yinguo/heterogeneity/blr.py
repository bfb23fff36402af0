r"""Balancing linear regression: ridge regression on covariates reweighted to make the arms alike.

.. math:: \min_{w, \beta, \gamma}\; \frac{1}{n} \sum_i \big(y_i - k\, (w \circ x_i)^\top \beta - \gamma t_i\big)^2
   + \lambda \|\beta\|^2 + \alpha\, D(w), \qquad w \ge 0,\; \sum_j w_j = 1,

with D the discrepancy of factual and counterfactual pairs for linear outcome models, see
:mod:`~yinguo.kernels.balanced_ridge`. The effect is :math:`\gamma`, the same for every unit.

Source: Johansson, Shalit & Sontag (2016), "Learning representations for counterfactual inference", ICML, and the
programme of Shalit, Johansson & Sontag (2017), which contains it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.checks import check_number
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.training import fit_by_training
from yinguo.kernels.balanced_ridge import BalancedRidge, balanced_ridge

__all__ = ["BLR"]


class BLR(EffectLearner):
    r"""Balancing linear regression.

    **Use it when** the ancestor of balanced representations is wanted for comparison, or a line in few of many
    covariates will do. **Not when** effects differ between units: it gives all of them the same (see t-learner,
    tarnet). Nor for the average alone: aipw and arb are made for it.

    **Assumes** unconfoundedness, overlap, and an outcome linear in the covariates with one effect for all.

    **Where we differ from the paper or its code, and why**: covariates and outcome are standardised, and reweighted
    covariates multiplied by their number k, so that at equal weights the penalty is that of ordinary ridge regression.
    For each w the regression is solved exactly and w minimises what is left, by a quadratic-programming method, where
    the authors' programme takes gradient steps in all at a time and projects w. The treatment is not penalised.

    **Inference**: for the average only, from cross-fitted doubly robust scores.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    balance_strength : float
        :math:`\alpha`, against the mean squared error of the standardised outcome.
    penalty : float
        :math:`\lambda`.
    propensity : {"logit", "probit"} or classifier
        For the average.
    folds : int, (n,) int array or None
        For the average; None gives no interval.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds.

    Attributes
    ----------
    covariate_weights_ : (k,) float array
        w.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 3))
    >>> T = (X[:, 0] + rng.normal(size=500) > 0) * 1.0
    >>> study = yg.Study.from_arrays(X, T, X[:, 0] + 2 * T + 0.1 * rng.normal(size=500))
    >>> yg.BLR(balance_strength=0.0).fit(study).effect([[0.0, 0.0, 0.0]]).round(1)
    array([2.])
    """

    capabilities = Capabilities(
        inference=INFERENCE,
        unit_effects="without intervals",
        assumes=("unconfounded", "overlap", "linear_outcome", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_scale"),
        all_rows=True,
    )
    name = "blr"
    curves_: Any

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        balance_strength: float = 0.1,
        penalty: float = 1e-3,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.balance_strength = balance_strength
        self.penalty = penalty
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.random_state = random_state

    def fit(self, study: Study) -> "BLR":
        """Estimate on a study; see :class:`BLR`."""
        check_number("penalty", self.penalty, above=0)
        fit_by_training(self, study, _learn)
        self.covariate_weights_ = self.curves_.model.w
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.curves_(X)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Two parallel lines in the units of the study."""

    model: BalancedRidge
    x_mean: np.ndarray
    x_spread: np.ndarray
    t_mean: float
    y_mean: float
    y_spread: float
    history: None = None

    def __call__(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        line = (X - self.x_mean) / self.x_spread @ self.model.slopes
        m0, m1 = (self.y_mean + self.y_spread * (line + self.model.effect * (t - self.t_mean)) for t in (0.0, 1.0))
        return m0, m1


def _learn(
    options: BLR, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> _Lines:
    """One fit; nothing in it is random."""
    x_mean, x_spread = X.mean(axis=0), _spread(X)
    y_spread = float(_spread(Y))
    model = balanced_ridge(
        Y=(Y - Y.mean()) / y_spread,
        T=T,
        X=(X - x_mean) / x_spread,
        balance_strength=options.balance_strength,
        penalty=options.penalty,
    )
    return _Lines(model, x_mean, x_spread, float(T.mean()), float(Y.mean()), y_spread)


def _spread(array: np.ndarray) -> Any:
    """Standard deviations, 1 for what is constant up to rounding."""
    spread = array.std(axis=0)
    return np.where(spread > 1e-12 * np.maximum(1.0, np.abs(array.mean(axis=0))), spread, 1.0)
