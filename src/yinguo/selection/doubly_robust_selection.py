r"""Doubly robust effects under selection on observables: right if the outcome model is, or both chances are.

.. math::

   \psi_t = m_t(X) + \frac{1[T = t]\, S}{e_t(X)\, \pi(X, t)} (Y - m_t(X)), \qquad
   m_t(x) = E[Y \mid x, t, S = 1], \quad e_t = P(T = t \mid x), \quad \pi = P(S = 1 \mid x, t)

and the effect is the mean of :math:`\psi_1 - \psi_0` over all rows, seen or not. Every row's models come from other
folds.

Source: Bia, Huber & Laffers (2024), Journal of Business & Economic Statistics 42(3), "Double machine learning for
sample selection models"; Robins, Rotnitzky & Zhao (1994), JASA 89(427).
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import crossfit, make_folds
from yinguo.core.estimator import Estimator
from yinguo.core.nuisances import check_propensity, crossfit_propensities
from yinguo.core.study import Study
from yinguo.diagnose.balance import bridged_balance_check, weight_check
from yinguo.diagnose.overlap import clip_propensity, overlap_check
from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.glm import LINKS
from yinguo.kernels.nuisances import glm_nuisances
from yinguo.kernels.selected_means import doubly_robust_selected
from yinguo.kernels.weighting import arm_weights, normalised
from yinguo.selection.chances import bounds_check, chance_check, clip_chance, seen_like_all_check

__all__ = ["DoublyRobustSelection"]


class DoublyRobustSelection(Estimator):
    """Cross-fitted doubly robust effect where treatment and covariates explain who is seen.

    **Use it when** both the confounders and what decides about being seen were measured: it is the default choice
    there. **Not when** who is seen depends on the outcome itself: it is then biased by design (see Heckman and shadow
    variables), or when some kind of person is hardly ever seen.

    **Assumes** unconfoundedness, selection on observables, chances of treatment and of being seen away from 0; the
    outcome model or the models of both chances may be wrong.

    **Inference**: the variance of the scores, valid because every row's models come from other folds.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    propensity : {"logit", "probit"} or classifier
        Of the treatment.
    selection_model : {"logit", "probit"} or classifier
        Of being seen, given covariates and treatment.
    outcome_model : regressor or classifier, optional
        Fitted per arm to the rows seen; None is least squares by our own kernel.
    by_arm : bool
        Whether the chance to be seen is fitted in each arm for itself, rather than with the treatment as a covariate.
    folds : int or (n,) int array
        How many folds, or the fold of every row.
    clip : float
        Chances of treatment are moved into [clip, 1 - clip], chances to be seen raised to clip.
    random_state : int, Generator or None
        Draws the folds.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(2000, 1)), rng.integers(0, 2, 2000) * 1.0
    >>> Y = X[:, 0] + T
    >>> S = (rng.random(2000) < 1 / (1 + np.exp(-X[:, 0] - T))) * 1.0
    >>> study = yg.Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), S=S)
    >>> round(yg.DoublyRobustSelection().fit(study).result_.estimate, 6)
    1.0
    """

    name = "dr-selection"
    capabilities = Capabilities(
        needs=("covariates", "selection"),
        honours=("sample_weight", "groups"),
        inference="influence function, cross-fitted",
        assumes=(
            "unconfounded", "overlap", "selection_on_observables", "selection_positivity", "either_selection_model",
            "no_interference",
        ),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )  # fmt: skip

    def __init__(
        self, *, estimand: str = "ATE", propensity: Any = "logit", selection_model: Any = "logit",
        outcome_model: Any = None, by_arm: bool = False, folds: Any = 5, clip: float = 0.01, random_state: Any = 0,
    ) -> None:  # fmt: skip
        self.estimand = estimand
        self.propensity = propensity
        self.selection_model = selection_model
        self.outcome_model = outcome_model
        self.by_arm = by_arm
        self.folds = folds
        self.clip = clip
        self.random_state = random_state

    def fit(self, study: Study) -> "DoublyRobustSelection":
        """Estimate on a study; see :class:`DoublyRobustSelection`."""
        Y, T, X = self.take(study)
        S, s = study.S, study.sample_weight
        assert S is not None  # take says so
        check_propensity(self.propensity)
        if isinstance(self.selection_model, str) and self.selection_model not in LINKS:
            raise DataError(f"selection_model is {self.selection_model!r}; it must be one of {LINKS} or a classifier.")
        seen = S == 1
        # Folds are balanced over the four kinds of rows, because each model learns from some of them only.
        folds = make_folds(self.folds, T if self._own_folds() else 2 * T + S, self.random_state, study.groups)
        _refuse_empty(folds, T, seen)
        e = crossfit_propensities(self.propensity, X, T, folds, s=s)
        pi = self._chance_seen(X, T, S, folds, s, study.roles["selection"])
        m0, m1 = self._means(X, T, np.where(seen, Y, 0.0), seen, folds, s)
        clipping = clip_propensity(e, self.clip, self.estimand, s)
        pi, _, clipped = clip_chance(pi, self.clip, seen)
        estimate, phi = doubly_robust_selected(
            self.estimand, Y=np.where(seen, Y, 0.0), T=T, S=S, e=clipping.e, pi=pi, m0=m0, m1=m1, s=s
        )
        self.__dict__["chance_seen_"] = pi
        inverse = np.where(seen, (1.0 if s is None else s) / pi, 0.0)
        w = arm_weights(T, clipping.e, self.estimand) * inverse
        checks = (chance_check(pi, study.roles["selection"]), seen_like_all_check(inverse, S, s))
        self.result_ = self.make_result(
            study, estimate, phi=phi, propensity=clipping.e, balance_weights=normalised(w, T),
            checks=(overlap_check, bridged_balance_check, weight_check, *checks, bounds_check),
            notes=(
                f"{study.roles['outcome']} was seen in {int(seen.sum()):,} of {study.n:,} rows.",
                *clipping.note(self.clip), *clipped,
            ),
            extras={"chance_seen": [float(pi.min()), float(pi.max())]},
        )  # fmt: skip
        return self

    def _own_folds(self) -> bool:
        return not isinstance(self.folds, int | np.integer)

    def _chance_seen(self, X, T, S, folds, s, name: str) -> np.ndarray:
        model = self.selection_model
        try:
            if not self.by_arm:
                return crossfit_propensities(model, np.column_stack([X, T]), S, folds, s=s)
            out = np.empty(len(T))
            for arm in (0.0, 1.0):
                inside = arm == T
                weight = np.where(inside, 1.0 if s is None else s, 0.0)
                if isinstance(model, str):
                    fitted = crossfit_propensities(model, X, S, folds, s=weight)
                else:
                    fitted = crossfit(model, X, S, folds, rows=inside, s=s)
                out[inside] = fitted[inside]
            return out
        except ConvergenceError as error:
            raise ConvergenceError(
                f"covariates and treatment decide {name!r}: some rows had no chance to be seen, and no others can "
                "stand for them. Leave out the covariate that decides it, or pass a classifier that shrinks."
            ) from error

    def _means(self, X, T, Y, seen, folds, s) -> tuple[np.ndarray, np.ndarray]:
        if self.outcome_model is None:
            # Least squares with weight 0 on the rows not seen is least squares on the others.
            weight = seen * (1.0 if s is None else s)
            fit = glm_nuisances(X_e=X, X_m=X, T=T, Y=Y, folds=folds, s=weight, link=None)
            return fit.m0, fit.m1
        m0, m1 = (crossfit(self.outcome_model, X, Y, folds, rows=(arm == T) & seen, s=s) for arm in (0.0, 1.0))
        return m0, m1


def _refuse_empty(folds, T, seen) -> None:
    """Every model must have rows to learn from outside each fold."""
    for arm, label in ((1.0, "treated"), (0.0, "control")):
        members = (arm == T) & seen
        if len(np.unique(folds[members])) < 2:
            raise DataError(
                f"the {int(members.sum())} {label} rows with an outcome are all in one fold, so no other fold can "
                "learn from them; use fewer folds, or another random_state."
            )
