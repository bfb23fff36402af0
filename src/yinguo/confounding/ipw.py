r"""Inverse propensity weighting.

.. math:: \hat\tau = \frac{\sum_i w_{1i} Y_i}{\sum_i d_{1i}} - \frac{\sum_i w_{0i} Y_i}{\sum_i d_{0i}}

with, for the ATE, :math:`w_1 = T/e`, :math:`w_0 = (1-T)/(1-e)`; for the ATT :math:`w_1 = T`,
:math:`w_0 = (1-T)e/(1-e)`; for the ATC the mirror image. Hajek: :math:`d_a = w_a`; Horvitz-Thompson:
:math:`d_a` counts the target population (1, T, or 1-T).

``e`` propensity with linear predictor ``eta``, ``phi`` influence values.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import fit_learner, predict_mean
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.diagnose.balance import balance_check, weight_check
from yinguo.diagnose.overlap import Clipping, clip_propensity, overlap_check
from yinguo.errors import DataError, OverlapError
from yinguo.kernels.glm import LINKS, fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments, solve_gram
from yinguo.kernels.weighting import arm_weights, normalised

__all__ = ["IPW", "WeightedDifference", "weighted_difference"]


@dataclass(frozen=True, slots=True)
class WeightedDifference:
    """A weighted difference of means with its first-order expansion.

    Attributes
    ----------
    estimate : float
    phi : (n,) float array
        Influence values with the propensities taken as known.
    d_eta : (n,) float array
        n times the derivative of the estimate with respect to each row's linear predictor.
    """

    estimate: float
    phi: np.ndarray
    d_eta: np.ndarray


def weighted_difference(*, Y, T, e, slope, estimand: str = "ATE", hajek: bool = True, s=None) -> WeightedDifference:
    """Inverse probability weighted difference of arm means.

    Parameters
    ----------
    Y, T, e : (n,) float arrays
        ``e`` strictly inside (0, 1) where it divides.
    slope : (n,) float array
        de/deta, 0 where ``e`` does not move with eta (clipped).
    estimand : {"ATE", "ATT", "ATC"}
    hajek : bool
        Divide by the sum of weights (True) or by the size of the target population.
    s : (n,) float array, optional
        Sample weights with mean 1; 0 leaves a row out.

    Source
    ------
    Horvitz & Thompson (1952), JASA 47; Hajek (1971); Hirano, Imbens & Ridder (2003), Econometrica 71(4).
    """
    s = np.ones(len(Y)) if s is None else s
    w = arm_weights(T, e, estimand, s)
    # Derivative of each row's weight in its own eta; the chance of the other arm may vanish and is left alone.
    treated, moves = T == 1, {"ATE": T >= 0, "ATT": T == 0, "ATC": T == 1}[estimand]
    own = np.where(moves, np.where(treated, e, 1 - e), 1.0)
    d_w = s * np.where(moves, np.where(treated, -slope, slope) / own**2, 0.0)
    population = s * {"ATE": np.ones(len(Y)), "ATT": T, "ATC": 1 - T}[estimand]
    estimate, phi, d_eta = 0.0, np.zeros(len(Y)), np.zeros(len(Y))
    for arm, sign in ((1.0, 1.0), (0.0, -1.0)):
        inside = arm == T
        w_arm = np.where(inside, w, 0.0)
        total = w_arm.sum() if hajek else population.sum()
        mean = w_arm @ Y / total
        scale = len(Y) / total
        phi += sign * scale * (w_arm * Y - mean * (w_arm if hajek else population))
        d_eta += sign * scale * np.where(inside, d_w, 0.0) * (Y - mean if hajek else Y)
        estimate += sign * mean
    return WeightedDifference(float(estimate), phi, d_eta)


class IPW(Estimator):
    """Inverse propensity weighting, normalised (Hajek) by default.

    **Use it when** you trust the model of treatment and want weights you can look at. **Not when**
    overlap is poor (weights explode) or the outcome is easier to model than the treatment (then AIPW).

    **Assumes** unconfoundedness, overlap and a right propensity model.

    **Inference**: influence values that account for the estimation of the propensity (they project the
    score of the propensity model out). With a learner of your own there is no such theory: no interval.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    propensity : {"logit", "probit"} or classifier
        Our own maximum likelihood, or any scikit-learn classifier fitted on all rows.
    normalize : bool
        True divides by the sum of weights; False is Horvitz-Thompson, which moves when a constant is
        added to the outcome.
    clip : float
        Propensities are moved into [clip, 1 - clip] on the side that divides; counted in the notes.
    trim : float
        Rows with a propensity outside [trim, 1 - trim] are left out, which changes the estimand to
        the effect among the rest (Crump et al. 2009 suggest 0.1). 0 keeps all rows.
    penalty : float
        Ridge on the slopes of the propensity model, per standard deviation.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> X = np.repeat([0.0, 1.0], 50)
    >>> T = np.r_[np.repeat([1.0, 0.0], [10, 40]), np.repeat([1.0, 0.0], [40, 10])]
    >>> yg.IPW().fit(yg.Study.from_arrays(X, T, 3 * X + T)).result_.estimate.__round__(6)
    1.0
    """

    capabilities = Capabilities(
        honours=("sample_weight", "groups"),
        inference="influence function, with estimated propensity",
        assumes=("unconfounded", "overlap", "propensity_model", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        propensity: Any = "logit",
        normalize: bool = True,
        clip: float = 0.0,
        trim: float = 0.0,
        penalty: float = 0.0,
    ) -> None:
        self.estimand = estimand
        self.propensity = propensity
        self.normalize = normalize
        self.clip = clip
        self.trim = trim
        self.penalty = penalty

    def fit(self, study: Study) -> "IPW":
        """Estimate on a study; see :class:`IPW`."""
        Y, T, X = self.take(study)
        s = study.sample_weight
        moments, e, slope, score, information = self._propensity(X, T, s)
        clipping = clip_propensity(e, self.clip, self.estimand, s)
        inside, notes = self._trim(e)
        weight = inside if s is None else s * inside
        _require_both_arms(T, weight, self.trim)
        fit = weighted_difference(
            Y=Y, T=T, e=clipping.e, slope=np.where(clipping.touched, 0.0, slope), estimand=self.estimand,
            hajek=self.normalize, s=None if s is None and self.trim == 0 else weight,
        )  # fmt: skip
        inference = {"no_inference": "no theory for weights from a learned propensity; use AIPW, which has one."}
        if moments is not None:
            projection = moments.D @ solve_gram(information, fit.d_eta @ moments.D, intercept=True)
            scores = projection * (score if s is None else s * score)
            inference = {"phi": fit.phi + scores - scores.mean()}  # the mean is 0 but for a ridge
        self.result_ = self._result(study, fit.estimate, clipping, weight, notes, inference)
        return self

    def _propensity(self, X, T, s):
        if not isinstance(self.propensity, str):
            e = predict_mean(fit_learner(self.propensity, X, T, s), X)
            return None, e, np.zeros(len(T)), None, None
        if self.propensity not in LINKS:
            raise DataError(f"propensity is {self.propensity!r}; it must be one of {LINKS} or a classifier.")
        moments = ArrayMoments(X)
        fit = fit_binary(moments, T, s=s, link=self.propensity, penalty=self.penalty)
        e, slope, score, _ = linear_predictor_terms(fit.eta, T, self.propensity)
        return moments, e, slope, score, fit.information

    def _trim(self, e) -> tuple[np.ndarray, tuple[str, ...]]:
        if not 0 <= self.trim < 0.5:
            raise DataError(f"trim is {self.trim}; it must be at least 0 and below 0.5.")
        inside = ((e >= self.trim) & (e <= 1 - self.trim)).astype(np.float64)
        out = int(len(e) - inside.sum())
        if out == 0:
            return inside, ()
        return inside, (
            f"{out} of {len(e)} rows have a propensity outside [{self.trim:g}, {1 - self.trim:g}] and were left out: "
            f"the effect is the {self.estimand} among the rest.",
        )

    def _result(self, study, estimate, clipping: Clipping, weight, notes, inference):
        w = arm_weights(study.T, clipping.e, self.estimand) * weight
        return self.make_result(
            study,
            estimate,
            n=int(np.count_nonzero(weight)),
            propensity=clipping.e,
            balance_weights=normalised(w, study.T),
            checks=(overlap_check, balance_check, weight_check),
            notes=(*clipping.note(self.clip), *notes),
            **inference,
        )


def _require_both_arms(T, weight, trim: float) -> None:
    for arm, label in ((1.0, "treated"), (0.0, "control")):
        if not (weight[arm == T] > 0).any():
            raise OverlapError(f"no {label} unit has a propensity inside [{trim:g}, {1 - trim:g}]; lower trim.")
