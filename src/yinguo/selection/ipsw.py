r"""Inverse probability of selection weighting: those seen stand for those like them who were not.

.. math:: \hat\tau = \frac{\sum_i w_i T_i Y_i}{\sum_i w_i T_i} - \frac{\sum_i w_i (1 - T_i) Y_i}{\sum_i w_i (1 - T_i)},
   \qquad w_i = \frac{S_i}{\hat\pi(x_i, t_i)}\, h_i

with :math:`\pi(x, t) = P(S = 1 \mid x, t)` from all rows and h the inverse chance of the treatment met (ATE), or what
carries one arm to the other (ATT, ATC), or 1 where the treatment was randomised.

Source: Cole & Stuart (2010), American Journal of Epidemiology 172(1); Hernan, Hernandez-Diaz & Robins (2004),
Epidemiology 15(5), for selection bias and its weights.
"""

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.diagnose.balance import balance_check, weight_check
from yinguo.diagnose.overlap import clip_propensity, overlap_check
from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.glm import LINKS, fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments
from yinguo.kernels.selected_means import projected_scores, weighted_difference_of_means
from yinguo.kernels.weighting import arm_weights, normalised
from yinguo.selection.chances import (
    bounds_check,
    chance_check,
    clip_chance,
    seen_like_all_check,
    truncated,
)

__all__ = ["IPSW"]


class IPSW(Estimator):
    """Weighting by the inverse chance to be seen, times the inverse chance of treatment.

    **Use it when** treatment and covariates explain who answered, stayed or was approved, and you trust a model of
    that more than one of the outcome. **Not when** who is seen depends on the outcome itself (then no weight from
    covariates helps; see Heckman and shadow variables), or when some kind of person is hardly ever seen.

    **Assumes** unconfoundedness, selection on observables, and that both chances are modelled right and not near 0.

    **Inference**: influence values that account for the estimation of both chances by stacking their scores.

    ``chance_seen_`` holds the fitted chance to be seen of every row.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    selection_model : {"logit", "probit"}
        Link of the chance to be seen.
    propensity : {"logit", "probit"} or None
        Link of the chance of treatment; None where the treatment was randomised, and nothing is divided by its chance.
    interactions : bool
        Whether products of treatment and covariates stand in the model of being seen.
    clip : float
        Chances of treatment are moved into [clip, 1 - clip], chances to be seen raised to clip, on the side that
        divides.
    truncate : float
        Weights are moved inside their quantiles at this share and one minus it; 0 leaves them as they are.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(20000, 1)), rng.integers(0, 2, 20000) * 1.0
    >>> Y = X[:, 0] + T + T * X[:, 0]
    >>> S = (rng.random(20000) < 1 / (1 + np.exp(-X[:, 0]))) * 1.0
    >>> study = yg.Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), S=S)
    >>> print(f"{Y[(S == 1) & (T == 1)].mean() - Y[(S == 1) & (T == 0)].mean():.1f}")
    1.4
    >>> print(f"{yg.IPSW().fit(study).result_.estimate:.1f}")
    1.0
    """

    name = "ipsw"
    capabilities = Capabilities(
        needs=("covariates", "selection"),
        honours=("sample_weight", "groups"),
        inference="influence function, with both chances estimated",
        assumes=(
            "unconfounded", "overlap", "propensity_model", "selection_on_observables", "selection_positivity",
            "selection_model", "no_interference",
        ),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )  # fmt: skip

    def __init__(
        self, *, estimand: str = "ATE", selection_model: str = "logit", propensity: str | None = "logit",
        interactions: bool = False, clip: float = 0.0, truncate: float = 0.0,
    ) -> None:  # fmt: skip
        self.estimand = estimand
        self.selection_model = selection_model
        self.propensity = propensity
        self.interactions = interactions
        self.clip = clip
        self.truncate = truncate

    def fit(self, study: Study) -> "IPSW":
        """Estimate on a study; see :class:`IPSW`."""
        Y, T, X = self.take(study)
        S = study.S
        assert S is not None  # take says so
        for option, value in (("selection_model", self.selection_model), ("propensity", self.propensity)):
            if value not in LINKS and not (option == "propensity" and value is None):
                raise DataError(f"{option} is {value!r}; it must be one of {LINKS}.")
        s = np.ones(study.n) if study.sample_weight is None else study.sample_weight
        seen = S == 1
        products = [X * T[:, None]] if self.interactions else []
        design = ArrayMoments(np.column_stack([X, T, *products]))
        try:
            model = fit_binary(design, S, s=study.sample_weight, link=self.selection_model)
        except ConvergenceError as error:
            raise ConvergenceError(
                f"covariates and treatment decide {study.roles['selection']!r}: some rows had no chance to be seen, "
                "and no weight can make others stand for them. Leave out the covariate that decides it."
            ) from error
        pi, slope, score, _ = linear_predictor_terms(model.eta, S, self.selection_model)
        pi, raised, clipped = clip_chance(pi, self.clip, seen)
        e, h, of_treatment, noted = self._treatment(study, X, T, s)
        w, moved, cut = truncated(np.where(seen, s * h / pi, 0.0), self.truncate)
        estimate, phi, d_w = weighted_difference_of_means(Y=np.where(seen, Y, 0.0), T=T, w=w)
        still = moved | raised
        phi = phi + projected_scores(design, model.information, s * score, np.where(still, 0.0, -d_w * w * slope / pi))
        if of_treatment is not None:
            moments, information, treatment_score, d_h = of_treatment
            d_eta = np.where(moved, 0.0, d_w * np.where(seen, s / pi, 0.0) * d_h)
            phi = phi + projected_scores(moments, information, treatment_score, d_eta)
        self.__dict__["chance_seen_"] = pi
        inverse = np.where(seen, s / pi, 0.0)
        checks = (
            chance_check(pi, study.roles["selection"]),
            seen_like_all_check(inverse, S, study.sample_weight),
        )
        told = f"{study.roles['outcome']} was seen in {int(seen.sum()):,} of {study.n:,} rows."
        self.result_ = self.make_result(
            study, estimate, phi=phi, propensity=e, balance_weights=normalised(w, T),
            checks=(overlap_check, balance_check, weight_check, *checks, bounds_check),
            notes=(told, *noted, *clipped, *cut), extras={"chance_seen": [float(pi.min()), float(pi.max())]},
        )  # fmt: skip
        return self

    def _treatment(self, study: Study, X, T, s):
        """Chance of treatment, what it makes of the weights, and what its estimation adds."""
        if self.propensity is None:
            share = float(s @ T / s.sum())
            noted = ("the treatment was taken to be randomised: nothing is divided by its chance.",)
            return np.full(len(T), share), np.ones(len(T)), None, noted
        moments = ArrayMoments(X)
        fit = fit_binary(moments, T, s=study.sample_weight, link=self.propensity)
        e, slope, score, _ = linear_predictor_terms(fit.eta, T, self.propensity)
        clipping = clip_propensity(e, self.clip, self.estimand, study.sample_weight)
        h = arm_weights(T, clipping.e, self.estimand)
        treated, e = T == 1, clipping.e
        chance = np.where(treated, e, 1 - e)
        moves = {"ATE": T >= 0, "ATT": T == 0, "ATC": T == 1}[self.estimand] & ~clipping.touched
        d_h = np.where(moves, np.where(treated, -slope, slope) / np.where(moves, chance, 1.0) ** 2, 0.0)
        return e, h, (moments, fit.information, s * score, d_h), clipping.note(self.clip)
