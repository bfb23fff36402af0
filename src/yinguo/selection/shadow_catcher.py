r"""Effects under selection by the outcome when nobody names a shadow variable: it is looked for among the covariates.

``variant="moment"`` tests every candidate covariate, alone and against the others
(:mod:`~yinguo.selection.shadow_search`), takes the one that says most of the outcome among those that agree, and
estimates as :class:`~yinguo.selection.shadow_variable.ShadowVariable` does. ``variant="paper"`` learns a function
:math:`z = g(x)` of the covariates that tells of the outcome and whose relation to covariates, treatment and outcome is
the same among the unseen as among the seen, and estimates with the networks of
:class:`~yinguo.selection.shadow_estimator.ShadowEstimator`.

Source: Li, Li, Xiong, Wu, Wu & Kuang (2024), "Learning shadow variable representation for treatment effect estimation
under collider bias", ICML, PMLR 235, and the authors' published programme, for the second; the first is ours.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.nuisances import check_propensity
from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.core.unit_effects import UnitEffects
from yinguo.errors import DataError
from yinguo.selection.shadow_checks import relevance_test, shadow_extras
from yinguo.selection.shadow_effects import learn_arms, predicted_arms
from yinguo.selection.shadow_odds_models import logistic_odds, seen_parts
from yinguo.selection.shadow_result import outcome_coefficient, shadow_result
from yinguo.selection.shadow_search import search

__all__ = ["VARIANTS", "ShadowCatcher"]

VARIANTS = ("moment", "paper")


class ShadowCatcher(UnitEffects):
    """Effects under selection that depends on the outcome, with a shadow variable found among the covariates.

    **Use it when** who is seen depends on the outcome and some covariates surely bear on who is seen through the
    outcome alone, but nobody can say which. **Not when** a shadow variable is known: use shadow-variable.

    **Assumes**, in the moment form, a selection model that is logistic in covariates, treatment and outcome, and more
    shadow variables among the candidates than agree on any one wrong answer. One shadow variable cannot be told from
    one impostor by any test: given two candidates that contradict each other, nothing says which is wrong. Besides,
    that the covariates hold every common cause of treatment and outcome, and that everybody had a chance to be seen.

    **Inference**: for the average, as in shadow-variable, the candidate chosen taken as given. None for single units,
    and none in the paper's form.

    **Where we differ from the paper or its code, and why**: the moment form is ours throughout; it tests which
    covariate is a shadow variable where the authors learn a function of all of them, because their test (a mean over
    all moments and rows, against a fixed 0.1) almost never rejects. The paper's form follows the authors' programme in
    its losses, widths and learning rates, with these departures: covariates and outcome are standardised, so that
    strengths and the threshold mean the same on every table; batch normalisation sees seen rows only, whole batches at
    a time; the ratio of the two conditional means stands the right way up (unseen over seen), which the programme has
    inverted. Kept as they are, and wrong in theory: conditional means in place of densities, so that the odds ratio
    would be constant if it were fitted without error; one value of it in place of the mean over its law. Use it to
    repeat the paper, and the moment form for answers.

    Parameters
    ----------
    variant : {"moment", "paper"}
    candidates : sequence of str, optional
        Covariates to look among; None is all. A text column is named by its indicators.
    level : float in (0, 1)
        Of the test of every candidate against the one chosen.
    weakest : float
        F of the outcome on a candidate below which it is no use.
    outcome_model : regressor or classifier, optional
        Moment form: outcome given all covariates in an arm; None is least squares.
    propensity : {"logit", "probit"} or classifier
        Moment form.
    folds : int or (n,) int array
        Moment form: for the average.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    epochs : int
        Paper's form: passes of each round of training, and of each network after it.
    batch_size : int
        Rows in a batch.
    learning_rate : float
        Of Adam.
    weight_decay : float
        Of Adam.
    balance_strength : float
        Of the transport distance between the arms in the outcome networks.
    rounds : int
        At most so many rounds of learning g and testing it.
    threshold : float
        The test passes below it; divided by 2, 3, ... in later rounds.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Folds; first weights, batches and held-out rows.

    Examples
    --------
    >>> import yinguo as yg
    >>> from yinguo.datasets import collider_design
    >>> found = yg.ShadowCatcher().fit(collider_design(beta=1, n=5000).study)
    >>> found.shadow_, [c.name for c in found.candidates_ if c.verdict == "rejected"]
    ('x5', ['x1'])
    """

    capabilities = Capabilities(
        estimands=("ATE",),
        needs=("selection", "covariates"),
        honours=("sample_weight", "groups"),
        inference="influence function, shadow variable as given",
        unit_effects="without intervals",
        assumes=(
            "some_shadow",
            "shadow_selection_model",
            "seen_by_chance",
            "unconfounded",
            "overlap",
            "no_interference",
        ),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_scale", "weights_constant"),
        all_rows=True,
    )
    name = "shadow-catcher"

    def __init__(
        self,
        *,
        variant: str = "moment",
        candidates: Sequence[str] | None = None,
        level: float = 0.05,
        weakest: float = 10.0,
        outcome_model: Any = None,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 0.03,
        weight_decay: float = 0.01,
        balance_strength: float = 0.001,
        rounds: int = 10,
        threshold: float = 0.1,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.variant = variant
        self.candidates = candidates
        self.level = level
        self.weakest = weakest
        self.outcome_model = outcome_model
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.balance_strength = balance_strength
        self.rounds = rounds
        self.threshold = threshold
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "ShadowCatcher":
        """Estimate on a study; see :class:`ShadowCatcher`."""
        self.take(study)
        for name in ("shadow_", "candidates_", "arms_", "curves_"):
            self.__dict__.pop(name, None)
        if self.variant not in VARIANTS:
            raise DataError(f"variant is {self.variant!r}; it must be one of {VARIANTS}.")
        if not 0 < self.level < 1:
            raise DataError(f"level is {self.level}; it must lie between 0 and 1, such as 0.05.")
        return self._fit_moments(study) if self.variant == "moment" else self._fit_networks(study)

    def _fit_moments(self, study: Study) -> "ShadowCatcher":
        check_propensity(self.propensity)
        names = study.covariates if self.candidates is None else tuple(self.candidates)
        study.columns(names)  # names them if they are no covariates
        self.candidates_ = search(study, names, level=self.level, weakest=self.weakest)
        self.shadow_ = next(c.name for c in self.candidates_ if c.verdict == "chosen")
        self.place_ = study.covariates.index(self.shadow_)
        seen = seen_parts(study, X=np.delete(study.X, self.place_, axis=1), V=study.X[:, [self.place_]])
        self.odds_ = logistic_odds(seen)
        self.arms_ = learn_arms(self.outcome_model, seen, seen.a * (1 + self.odds_.w))
        extras = self.settle_effects(study) | shadow_extras(seen, self.odds_, relevance_test(seen))
        extras |= outcome_coefficient(seen, self.odds_)
        extras |= {"shadow": self.shadow_, "candidates": [c.to_dict() for c in self.candidates_]}
        self.result_ = shadow_result(
            self, study, seen, self.odds_, extras=extras, checks=(agreement_check,),
            folds=make_folds(self.folds, seen.T, self.random_state, study.groups),
            notes=(f"{self.shadow_} was chosen as the shadow variable; the interval takes it as given.",),
        )  # fmt: skip
        return self

    def _fit_networks(self, study: Study) -> "ShadowCatcher":
        from yinguo.selection.networks.shadow_catcher import train  # PyTorch is loaded when it is needed

        for role in ("sample_weight", "groups"):
            if study.has(role):
                raise DataError(f"variant='paper' does not support {role}; leave it out or use variant='moment'.")
        self.shadow_ = "g(x)"
        self.curves_ = train(self, study, as_rng(self.random_state))
        extras = self.settle_effects(study) | {"shadow": self.shadow_, "tests": list(self.curves_.tests)}
        self.result_ = self.make_result(
            study,
            extras["mean_of_effects"],
            no_inference="the paper's form has no theory for an interval; use variant='moment'.",
            notes=(self.curves_.note,),
            extras=extras,
        )
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.variant == "paper":
            return self.curves_(X)
        C = np.column_stack([np.delete(X, self.place_, axis=1), X[:, self.place_]])
        return predicted_arms(self.arms_, C)


def agreement_check(result) -> Diagnostic:
    """Verdict on how many candidates speak for the one chosen."""
    found = result.extras["candidates"]
    chosen = next(c for c in found if c["verdict"] == "chosen")
    able = sum(c["coefficient"] is not None for c in found) - 1
    friends = len(chosen["agrees_with"])
    verdict = "ok" if friends and 2 * friends >= able else "look" if friends else "stop"
    said = f"{chosen['name']} was chosen as the shadow variable; {friends} of {able} other candidates agree with it"
    if not friends:
        said += ", so that it is taken on trust"
    return Diagnostic("candidates that agree", float(friends), "at least half", verdict, f"{said}.")
