r"""Effects for everybody when outcomes are missing because of what they are, by a shadow variable.

Outcomes are seen where S = 1, and who is seen depends on covariates, treatment and the outcome itself. A shadow
variable V has to do with the outcome among those seen but, given covariates, treatment and outcome, not with who is
seen. With :math:`Q(x, t, y) = P(S=1 \mid x, t, y)` that is

.. math:: E[S / Q(X, T, Y) \mid X, T, V] = 1,

an equation in seen outcomes only. Solved for Q (see :mod:`~yinguo.selection.shadow_odds_models`), 1/Q are the weights
with which those seen stand for everybody (:mod:`~yinguo.selection.shadow_effects`).

Source: d'Haultfoeuille (2010), J. Econometrics 154(1); Wang, Shao & Kim (2014), Statistica Sinica 24; Miao & Tchetgen
Tchetgen (2016), Biometrika 103(2).
"""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.nuisances import check_propensity
from yinguo.core.study import Study
from yinguo.core.unit_effects import UnitEffects
from yinguo.errors import DataError
from yinguo.kernels.shadow_moments import OddsFit
from yinguo.selection.shadow_checks import relevance_test, shadow_extras
from yinguo.selection.shadow_effects import MeansGivenCovariates, learn_arms, predicted_arms
from yinguo.selection.shadow_odds_models import FORMS, Seen, cell_odds, kernel_odds, logistic_odds, seen_parts
from yinguo.selection.shadow_result import AVERAGES, outcome_coefficient, shadow_result

__all__ = ["ShadowVariable"]

NO_INFERENCE = "the penalty of the smooth part biases the average; bootstrap it."


class ShadowVariable(UnitEffects):
    """Effects under selection that depends on the outcome, identified by a shadow variable.

    **Use it when** who is seen depends on the outcome, even given covariates and treatment, and some variable moves the
    outcome without otherwise bearing on who is seen: a better measured proxy of the outcome, an earlier value of it.
    **Not when** covariates and treatment explain who is seen (weighting by them is steadier), nor when some have no
    chance of being seen at all.

    **Assumes** a shadow variable as above, some chance of being seen for everybody, a selection model of the form
    chosen, and that covariates and shadow variables hold every common cause of treatment and outcome.

    **Inference**: for the average, from influence values with the errors of selection model and propensity; ``"dr"``
    learns its regressions on other folds. None for single units, and none where a kernel penalty was chosen.

    Parameters
    ----------
    form : {"parametric", "discrete", "kernel"}
        Odds of being seen: logistic in covariates, treatment and outcome; free in every cell of discrete variables;
        logistic plus a smooth part.
    average : {"dr", "ipw"}
        Doubly robust scores, or weights alone.
    interactions : bool
        Let the outcome matter differently for who is seen in the two arms (parametric form).
    rich : bool
        Use squares of the shadow variables and their products with treatment and covariates as moments too. They make
        the shadow variable testable.
    stabilise : bool
        Multiply moments and regression weights by the chance of being seen given covariates, treatment and shadow
        variable, which changes nothing in expectation and takes away most of their variance.
    outcome_model : regressor or classifier, optional
        Outcome given covariates and shadow variables in an arm, fitted with weights; None is least squares.
    effect_model : regressor, optional
        Averages over the shadow variables given the covariates; None is ``outcome_model``.
    propensity : {"logit", "probit"} or classifier
        Of the treatment, given covariates and shadow variables.
    folds : int or (n,) int array
        For the average, and for the penalty of the kernel form.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds.

    Examples
    --------
    >>> import yinguo as yg
    >>> from yinguo.datasets import collider_design
    >>> draw = collider_design(beta=3, n=5000, shadow=True)
    >>> result = yg.ShadowVariable().fit(draw.study).result_
    >>> bool(abs(result.estimate - draw.truth["ATE"]) < 0.2)
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
    name = "shadow-variable"

    def __init__(
        self,
        *,
        form: str = "parametric",
        average: str = "dr",
        interactions: bool = False,
        rich: bool = True,
        stabilise: bool = True,
        outcome_model: Any = None,
        effect_model: Any = None,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        random_state: Any = 0,
    ) -> None:
        self.form = form
        self.average = average
        self.interactions = interactions
        self.rich = rich
        self.stabilise = stabilise
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.random_state = random_state

    def fit(self, study: Study) -> "ShadowVariable":
        """Estimate on a study; see :class:`ShadowVariable`."""
        self.take(study)
        check_propensity(self.propensity)
        for name, allowed in (("form", FORMS), ("average", AVERAGES)):
            if getattr(self, name) not in allowed:
                raise DataError(f"{name} is {getattr(self, name)!r}; it must be one of {allowed}.")
        if self.effect_model is None and self.outcome_model is not None and is_classifier(self.outcome_model):
            raise DataError("outcome_model is a classifier; give effect_model, a regressor, to average its chances.")
        seen = seen_parts(study, stabilise=self.stabilise)
        folds = make_folds(self.folds, seen.T, self.random_state, study.groups)
        self.odds_, notes = self._odds(seen, folds)
        arms = learn_arms(self.outcome_model, seen, seen.a * (1 + self.odds_.w))
        average = self.effect_model or self.outcome_model
        self.means_ = MeansGivenCovariates(predicted_arms(arms, seen.C), seen.X, average, seen.s)
        extras = self.settle_effects(study) | shadow_extras(seen, self.odds_, relevance_test(seen, rich=self.rich))
        if self.form == "parametric":
            extras |= outcome_coefficient(seen, self.odds_)
        self.result_ = shadow_result(
            self, study, seen, self.odds_, folds=folds, average=self.average, extras=extras, notes=notes,
            no_inference=NO_INFERENCE if self.form == "kernel" else None,
        )  # fmt: skip
        return self

    def _odds(self, seen: Seen, folds: np.ndarray) -> tuple[OddsFit, tuple[str, ...]]:
        if self.form == "parametric":
            return logistic_odds(seen, interactions=self.interactions, rich=self.rich), ()
        if self.form == "kernel":
            fit, penalty = kernel_odds(seen, folds)
            return fit, (f"the smooth part of the selection model has penalty {penalty:g}, chosen on other folds.",)
        fit, lost = cell_odds(seen)
        notes = []
        if lost:
            notes.append(f"{lost} levels of the outcome were not seen in some cells and are taken not to occur there.")
        if (fit.theta == 0).any():
            notes.append(
                f"{int((fit.theta == 0).sum())} of {len(fit.theta)} odds of not being seen are at their bound of 0; "
                "the standard error takes them as known."
            )
        return fit, tuple(notes)

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.means_(X)
