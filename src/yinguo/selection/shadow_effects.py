r"""From odds of not being seen to effects: averages with their standard error, and outcome means for each unit.

With w the odds, 1/Q = 1 + w, S the indicator and :math:`b(x, v, t) = E[Y \mid x, v, t, S=0]
= E[w Y \mid x, v, t, S=1] / E[w \mid x, v, t, S=1]` (a regression with weights w),

.. math:: \tilde Y = S\,(1 + w)\,(Y - b) + b, \qquad E[\tilde Y \mid x, v, t] = E[Y \mid x, v, t]

if the odds are right, or if they are right up to a function of x and t and b is. The usual doubly robust scores of an
average effect with :math:`\tilde Y` for the outcome then average over everybody, seen or not.

Weights in a regression on all of x, v and t may be multiplied by any function of those: 1/Q becomes a(x, v, t) / Q with
a the chance of being seen given them, which varies far less and leaves the same mean to be learned.

Source: Miao & Tchetgen Tchetgen (2016), Biometrika 103(2), for the doubly robust outcome; Newey & McFadden (1994),
Handbook of Econometrics 4, section 6, for the error of the odds in that of the average.
"""

from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression

from yinguo.core.crossfit import fit_learner, predict_mean
from yinguo.core.nuisances import crossfit_propensities
from yinguo.errors import DataError
from yinguo.kernels.doubly_robust import aipw_scores
from yinguo.kernels.glm import LINKS, fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments, solve_gram
from yinguo.kernels.shadow_moments import OddsFit
from yinguo.selection.shadow_odds_models import Seen

__all__ = [
    "MeansGivenCovariates",
    "doubly_robust_average",
    "learn_arms",
    "least_squares",
    "predicted_arms",
    "weighted_average",
]


def least_squares() -> LinearRegression:
    """The learner where the caller names none: weights of a selection model are too uneven for most others."""
    return LinearRegression()


class MeansGivenCovariates:
    """Mean outcomes of the two arms given the covariates alone, from those given shadow variables too.

    Parameters
    ----------
    means : two (n,) float arrays
        Mean outcomes of rows, without and with treatment.
    X : (n, p) float array
        Their covariates; p may be 0.
    average : learner or None
        Regression of the one on the other; None is least squares.
    s : (n,) float array or None
    """

    def __init__(self, means, X, average: Any, s=None) -> None:
        self.models = [fit_learner(average or least_squares(), _padded(X), mean, s) for mean in means]

    def __call__(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, p) covariates to two (n,) arrays, without and with treatment."""
        return predicted_arms(self.models, _padded(X))


def _padded(X: np.ndarray) -> np.ndarray:
    """Learners want a column."""
    return X if X.shape[1] else np.zeros((len(X), 1))


def learn_arms(model: Any, seen: Seen, weights: np.ndarray, rows=None) -> tuple[Any, Any]:
    """A learner of the outcome on [X, V] for each arm, from the rows seen.

    Parameters
    ----------
    model : learner or None
        None is least squares.
    seen : Seen
    weights : (n,) float array
        Of the rows; sample weights come on top.
    rows : (n,) bool array, optional
        Rows that may be used.

    Raises
    ------
    DataError
        An arm without a row.
    """
    weights = weights if seen.s is None else weights * seen.s
    # Weights of zero are rows left out; scaling to mean 1 keeps learners with absolute penalties on one scale.
    usable = seen.rows & (weights > 0) if rows is None else seen.rows & rows & (weights > 0)
    fitted = []
    for arm in (0.0, 1.0):
        own = usable & (arm == seen.T)
        if not own.any():
            raise DataError(f"no row with treatment {arm:g} has an outcome among those to learn from; use fewer folds.")
        w = weights[own] / weights[own].mean()
        fitted.append(fit_learner(model or least_squares(), seen.C[own], seen.Y[own], w))
    return fitted[0], fitted[1]


def predicted_arms(models, C) -> tuple[np.ndarray, np.ndarray]:
    """(n,) predictions of the two arms' learners."""
    m0, m1 = (predict_mean(model, C) for model in models)
    return m0, m1


def doubly_robust_average(
    seen: Seen, odds: OddsFit, *, folds, model: Any, propensity: Any, clip
) -> tuple[float, np.ndarray, Any]:
    """Average effect over everybody and influence values with the error of the odds.

    Parameters
    ----------
    seen : Seen
    odds : OddsFit
        Fitted to all rows.
    folds : (n,) int array
        Regressions and propensity are those of the other folds.
    model : learner or None
        Of the outcome, for b and for the means.
    propensity : {"logit", "probit"} or classifier
    clip : callable (n,) array -> Clipping

    Returns
    -------
    estimate : float
    phi : (n,) float array
    clipping : Clipping
    """
    n, own = len(seen.T), seen.T.astype(np.intp)
    b, m = np.zeros(n), np.empty((2, n))
    for k in range(int(folds.max()) + 1):
        out = folds == k
        all_means = learn_arms(model, seen, seen.a * (1 + odds.w), ~out)
        # Odds of zero leave nobody to learn the unseen from; then there are none, and b has weight 0.
        there = all(odds.w[~out & seen.rows & (arm == seen.T)].any() for arm in (0, 1))
        unseen = learn_arms(model, seen, seen.a / (1 - 0.999 * seen.a) * odds.w, ~out) if there else all_means
        for arm in (0, 1):
            m[arm, out] = predict_mean(all_means[arm], seen.C[out])
            rows = out & (own == arm)
            if rows.any():
                b[rows] = predict_mean(unseen[arm], seen.C[rows])
    clipping = clip(crossfit_propensities(propensity, seen.C, seen.T, folds, s=seen.s))
    e = clipping.e
    pseudo = seen.S * (1 + odds.w) * (seen.Y - b) + b
    psi = aipw_scores(Y=pseudo, T=seen.T, e=e, m0=m[0], m1=m[1])
    s = np.ones(n) if seen.s is None else seen.s
    estimate = float(np.average(psi, weights=s))
    arm_weight = np.where(seen.T == 1, 1 / e, -1 / (1 - e))
    slope = (s * arm_weight * seen.S * (seen.Y - b)) @ odds.slopes / n
    return estimate, s * (psi - estimate) + odds.phi @ slope, clipping


def weighted_average(seen: Seen, odds: OddsFit, *, propensity: Any, clip) -> tuple[float, np.ndarray, Any]:
    """The same by weights alone, S / (Q e), normalised in each arm; no outcome is modelled.

    Parameters
    ----------
    seen, odds, propensity, clip
        As in :func:`doubly_robust_average`; the propensity by name only.
    """
    if not isinstance(propensity, str):
        raise DataError(
            f"propensity is {propensity!r}; average='ipw' takes one of {LINKS}. Use average='dr' for others."
        )
    n, s = len(seen.T), np.ones(len(seen.T)) if seen.s is None else seen.s
    moments = ArrayMoments(seen.C)
    fit = fit_binary(moments, seen.T, s=seen.s, link=propensity)
    e, de, score, _ = linear_predictor_terms(fit.eta, seen.T, propensity)
    clipping = clip(e)
    e, de = clipping.e, np.where(clipping.touched, 0.0, de)
    estimate, phi, by_odds, by_eta = 0.0, np.zeros(n), np.zeros(n), np.zeros(n)
    for arm, sign in ((1.0, 1.0), (0.0, -1.0)):
        chance = e if arm == 1 else 1 - e
        base = s * seen.S * (arm == seen.T) / chance
        w = base * (1 + odds.w)
        mean = w @ seen.Y / w.sum()
        gap = sign * (seen.Y - mean) / w.mean()
        estimate += sign * mean
        phi += w * gap
        by_odds += base * gap
        by_eta -= w * gap / chance * (de if arm == 1 else -de)
    projection = moments.D @ solve_gram(fit.information, by_eta @ moments.D, intercept=True)
    phi += projection * s * score + odds.phi @ (by_odds @ odds.slopes / n)
    return float(estimate), phi, clipping
