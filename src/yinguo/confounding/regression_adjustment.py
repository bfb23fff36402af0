r"""Regression adjustment (g-computation): model the outcome in each arm, average the predictions.

.. math:: \hat\tau = \frac{\sum_i t_i (x_i'\beta_1 - x_i'\beta_0)}{\sum_i t_i},
   \qquad \beta_a = \Big(\sum_{T_i=a} x_i x_i'\Big)^{-1} \sum_{T_i=a} x_i Y_i

with ``t`` = 1 (ATE), T (ATT) or 1-T (ATC).
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import fit_learner, predict_mean
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.diagnose.balance import bridged_balance_check
from yinguo.kernels.expand import independent_columns
from yinguo.kernels.moments import ArrayMoments, solve_gram

__all__ = ["RegressionAdjustment", "adjusted_difference"]


def adjusted_difference(*, D, Y, T, share, s=None) -> tuple[float, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Standardised difference of two least-squares fits, with influence values from the stacked equations.

    Parameters
    ----------
    D : (n, q) float array
        Design with intercept.
    Y, T : (n,) float arrays
    share : (n,) float array, mean 1
        Whom the predictions are averaged over.
    s : (n,) float array, optional
        Sample weights.

    Returns
    -------
    estimate : float
    phi : (n,) float array
    fits : two (n,) float arrays
        Predicted outcome under control and under treatment.

    Source
    ------
    Robins (1986), Mathematical Modelling 7, for standardisation over a fitted outcome model (g-computation); the
    stacked estimating equations are those of Newey & McFadden (1994), Handbook of Econometrics 4, section 6.
    """
    fits, phi = [], np.zeros(len(Y))
    average = share @ D  # n times the weighted mean row
    for arm, sign in ((0.0, -1.0), (1.0, 1.0)):
        rows = np.flatnonzero(arm == T)
        root = np.ones(len(rows)) if s is None else np.sqrt(s[rows])
        own = D[rows] if s is None else D[rows] * root[:, None]
        gram = own.T @ own
        m = D @ solve_gram(gram, (root * Y[rows]) @ own, intercept=True)
        phi[rows] += sign * root * (Y - m)[rows] * (own @ solve_gram(gram, average, intercept=True))
        fits.append(m)
    gain = fits[1] - fits[0]
    estimate = float(share @ gain / len(Y))
    return estimate, phi + share * (gain - estimate), (fits[0], fits[1])


class RegressionAdjustment(Estimator):
    """Outcome regression in each arm, averaged over the target population.

    **Use it when** the outcome is close to linear in the covariates and overlap is decent. **Not when**
    the arms differ much: the model then extrapolates, and nothing in the output warns you but balance.

    **Assumes** unconfoundedness and a right outcome model.

    **Inference**: influence values of the stacked least-squares equations. With a learner of your own
    there is no such theory: no interval.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    outcome_model : regressor or classifier, optional
        Fitted per arm on all its rows; None is least squares.

    Examples
    --------
    >>> import yinguo as yg
    >>> study = yg.Study.from_arrays([[1], [2], [3], [4], [5], [6]], [0, 1, 0, 1, 0, 1], [1.0, 4, 3, 6, 5, 8])
    >>> yg.RegressionAdjustment().fit(study).result_.estimate.__round__(6)
    2.0
    """

    capabilities = Capabilities(
        honours=("sample_weight", "groups"),
        inference="influence function",
        assumes=("unconfounded", "linear_outcome", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )

    def __init__(self, *, estimand: str = "ATE", outcome_model: Any = None) -> None:
        self.estimand = estimand
        self.outcome_model = outcome_model

    def fit(self, study: Study) -> "RegressionAdjustment":
        """Estimate on a study; see :class:`RegressionAdjustment`."""
        Y, T, X = self.take(study)
        s = study.sample_weight
        share = {"ATE": np.ones(study.n), "ATT": T, "ATC": 1 - T}[self.estimand] * (1.0 if s is None else s)
        share = share / share.mean()
        if self.outcome_model is not None:
            gains = [share @ _predictions(self.outcome_model, X, Y, arm == T, s) / study.n for arm in (0.0, 1.0)]
            reason = "no theory for plugged-in learners; use AIPW with this outcome model, which has one."
            self.result_ = self.make_result(
                study, gains[1] - gains[0], no_inference=reason, checks=(bridged_balance_check,)
            )
            return self
        estimate, phi, _ = adjusted_difference(D=ArrayMoments(X).D, Y=Y, T=T, share=share, s=s)
        self.result_ = self.make_result(
            study, estimate, phi=phi, checks=(bridged_balance_check,), notes=_unlearned(study)
        )
        return self


def _unlearned(study: Study) -> tuple[str, ...]:
    """One sentence per arm in which covariates are collinear that are not so overall."""
    overall = set(independent_columns(study.X).tolist())
    notes = []
    for arm, label in ((0.0, "controls"), (1.0, "treated")):
        lost = sorted(overall - set(independent_columns(study.X, rows=np.flatnonzero(arm == study.T)).tolist()))
        if lost:
            shown = ", ".join(study.covariates[j] for j in lost[:8]) + (", ..." if len(lost) > 8 else "")
            notes.append(
                f"{shown}: without variation of their own among the {label}, so their effect there cannot be learned "
                "and the prediction for the other arm is an extrapolation."
            )
    return tuple(notes)


def _predictions(learner, X, Y, rows, s) -> np.ndarray:
    return predict_mean(fit_learner(learner, X[rows], Y[rows], None if s is None else s[rows]), X)
