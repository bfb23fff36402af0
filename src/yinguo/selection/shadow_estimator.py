r"""Effects under selection by the outcome as a mixture of those seen and those not, with a shadow variable V.

.. math:: E[Y \mid x, v, t] = \pi\, E[Y \mid x, v, t, S=1] + (1 - \pi)\, E[Y \mid x, v, t, S=0], \qquad
   \pi = P(S=1 \mid x, v, t),

.. math:: E[Y \mid x, v, t, S=0] = \frac{E[w Y \mid x, v, t, S=1]}{E[w \mid x, v, t, S=1]},

with w the odds of not being seen given covariates, treatment and outcome, which the shadow variable identifies. The
ratio is a regression among those seen with weights w.

Source: Li, Li, Xiong, Wu, Wu & Kuang (2024), ICML, PMLR 235, and the authors' published programme, for the paper's
form; Miao & Tchetgen Tchetgen (2016), Biometrika 103(2), for the law of the unseen.
"""

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import is_classifier

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import fit_learner, make_folds, predict_mean
from yinguo.core.nuisances import check_propensity
from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.core.unit_effects import UnitEffects
from yinguo.errors import DataError
from yinguo.kernels.glm import fit_binary
from yinguo.kernels.moments import ArrayMoments
from yinguo.selection.shadow_checks import relevance_test, shadow_extras
from yinguo.selection.shadow_effects import MeansGivenCovariates, learn_arms, predicted_arms
from yinguo.selection.shadow_odds_models import Seen, kernel_odds, logistic_odds, seen_parts
from yinguo.selection.shadow_result import outcome_coefficient, shadow_result

__all__ = ["ShadowEstimator"]

FORMS = ("parametric", "kernel")
VARIANTS = ("moment", "paper")


class ShadowEstimator(UnitEffects):
    """Mean outcomes of those seen and those not, mixed, with a shadow variable.

    **Use it when** a shadow variable is known and effects of units are wanted from learners of your own: the outcome of
    those seen is learned without weights, and only what the unseen differ by depends on the odds. **Not when** the
    average is all you want (shadow-variable needs fewer parts), or when some have no chance of being seen.

    **Assumes** a shadow variable (it moves the outcome and, given covariates, treatment and outcome, has nothing to do
    with who is seen), the selection model of the form chosen, some chance for everybody to be seen, and that covariates
    and shadow variables hold every common cause of treatment and outcome.

    **Inference**: for the average, by the doubly robust scores of shadow-variable with the same odds. None for single
    units, none with the kernel form, none in the paper's form.

    **Where we differ from the paper or its code, and why**: the moment form solves the moments of the shadow variable
    for the odds, and learns the unseen by regression with these as weights. The paper's form follows the authors'
    programme (widths, losses, learning rates), with covariates and outcome standardised, batch normalisation in whole
    batches, several shadow variables allowed, and the ratio the right way up (unseen over seen), which the programme
    has inverted. Kept as they are: conditional means of the shadow variable in place of densities, neither of which
    sees its value, so that their ratio is the same for every outcome and what is learned of the odds ratio is the error
    of its fit; and one value of it in place of the mean over its law.

    Parameters
    ----------
    variant : {"moment", "paper"}
    form : {"parametric", "kernel"}
        Moment form: odds logistic in covariates, treatment and outcome, or that plus a smooth part.
    outcome_model : regressor, optional
        Moment form: outcome given covariates and shadow variables in an arm, of the seen and of the unseen; None is
        least squares.
    selection_model : classifier, optional
        Moment form: chance of being seen given covariates, shadow variables and treatment; None is logistic.
    effect_model : regressor, optional
        Averages over the shadow variables given the covariates; None is ``outcome_model``.
    propensity : {"logit", "probit"} or classifier
        Moment form, for the average.
    folds : int or (n,) int array
        Moment form, for the average and for the penalty of the kernel form.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    epochs : int
        Paper's form: passes of each network.
    batch_size : int
        Rows in a batch.
    learning_rate : float
        Of Adam.
    weight_decay : float
        Of Adam.
    balance_strength : float
        Of the transport distance between the arms in the outcome networks.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Folds; first weights and batches.

    Examples
    --------
    >>> import yinguo as yg
    >>> from yinguo.datasets import collider_design
    >>> draw = collider_design(beta=1, n=5000, shadow=True)
    >>> effects = yg.ShadowEstimator().fit(draw.study).effects_
    >>> bool(abs(effects - draw.extras["tau"]).mean() < 0.15)
    True
    """

    capabilities = Capabilities(
        estimands=("ATE",),
        needs=("selection", "shadow"),
        honours=("sample_weight", "groups"),
        inference="influence function, with estimated selection model",
        unit_effects="without intervals",
        assumes=("shadow", "shadow_selection_model", "seen_by_chance", "unconfounded", "overlap", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_constant"),
        all_rows=True,
    )
    name = "shadow-estimator"

    def __init__(
        self,
        *,
        variant: str = "moment",
        form: str = "parametric",
        outcome_model: Any = None,
        selection_model: Any = None,
        effect_model: Any = None,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 0.03,
        weight_decay: float = 0.01,
        balance_strength: float = 0.001,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.variant = variant
        self.form = form
        self.outcome_model = outcome_model
        self.selection_model = selection_model
        self.effect_model = effect_model
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.balance_strength = balance_strength
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "ShadowEstimator":
        """Estimate on a study; see :class:`ShadowEstimator`."""
        self.take(study)
        for name, allowed in (("variant", VARIANTS), ("form", FORMS)):
            if getattr(self, name) not in allowed:
                raise DataError(f"{name} is {getattr(self, name)!r}; it must be one of {allowed}.")
        return self._fit_moments(study) if self.variant == "moment" else self._fit_networks(study)

    def _fit_moments(self, study: Study) -> "ShadowEstimator":
        check_propensity(self.propensity)
        if self.outcome_model is not None and is_classifier(self.outcome_model):
            raise DataError("outcome_model is a classifier; ShadowEstimator mixes means, give a regressor.")
        seen = seen_parts(study)
        folds = make_folds(self.folds, seen.T, self.random_state, study.groups)
        notes: tuple[str, ...] = ()
        if self.form == "parametric":
            self.odds_ = logistic_odds(seen)
        else:
            self.odds_, penalty = kernel_odds(seen, folds)
            notes = (f"the smooth part of the selection model has penalty {penalty:g}, chosen on other folds.",)
        average = self.effect_model or self.outcome_model
        self.means_ = MeansGivenCovariates(self._mixed(seen), seen.X, average, seen.s)
        extras = self.settle_effects(study) | shadow_extras(seen, self.odds_, relevance_test(seen))
        if self.form == "parametric":
            extras |= outcome_coefficient(seen, self.odds_)
        why = None if self.form == "parametric" else "the penalty of the smooth part biases the average; bootstrap it."
        self.result_ = shadow_result(
            self, study, seen, self.odds_, folds=folds, extras=extras, notes=notes, no_inference=why
        )
        return self

    def _mixed(self, seen: Seen) -> list[np.ndarray]:
        """Mean outcomes of every row in both arms, those seen and those not mixed by their chance."""
        n, w = len(seen.T), self.odds_.w
        there = all(w[seen.rows & (arm == seen.T)].any() for arm in (0.0, 1.0))
        of_seen = predicted_arms(learn_arms(self.outcome_model, seen, np.ones(n)), seen.C)
        of_unseen = of_seen
        if there:
            # Any function of covariates, shadow variable and treatment may multiply the weights; this one evens them.
            weights = w * seen.a / (1 - 0.999 * seen.a)
            of_unseen = predicted_arms(learn_arms(self.outcome_model, seen, weights), seen.C)
        found = []
        for arm in (0.0, 1.0):
            own = np.asarray(arm == seen.T)
            if self.selection_model is None:
                chance = _logistic(seen.C, seen.S, own, seen.s)
            else:
                s = None if seen.s is None else seen.s[own]
                chance = predict_mean(fit_learner(self.selection_model, seen.C[own], seen.S[own], s), seen.C)
            found.append(chance * of_seen[int(arm)] + (1 - chance) * of_unseen[int(arm)])
        return found

    def _fit_networks(self, study: Study) -> "ShadowEstimator":
        from yinguo.selection.networks.shadow_estimator import train  # PyTorch is loaded when it is needed

        for role in ("sample_weight", "groups"):
            if study.has(role):
                raise DataError(f"variant='paper' does not support {role}; leave it out or use variant='moment'.")
        means = train(self, study, as_rng(self.random_state))
        self.means_ = MeansGivenCovariates(means, study.X, self.effect_model)
        extras = self.settle_effects(study)
        self.result_ = self.make_result(
            study,
            extras["mean_of_effects"],
            no_inference="the paper's form has no theory for an interval; use variant='moment'.",
            extras=extras,
        )
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.means_(X)


def _logistic(C: np.ndarray, S: np.ndarray, own: np.ndarray, s) -> np.ndarray:
    """Chance of being seen of every row, learned on the rows of one arm; all of an arm may be seen, or none."""
    if S[own].min() == S[own].max():
        return np.full(len(C), S[own][0])
    moments = ArrayMoments(C[own])
    beta = fit_binary(moments, S[own], s=None if s is None else s[own]).beta
    return expit(beta[0] + (C - moments.centre) / moments.scale @ beta[1:])
