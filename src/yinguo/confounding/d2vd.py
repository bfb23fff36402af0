r"""D2VD: separate confounders from adjustment variables, weight by the first, subtract the second.

A confounder drives the treatment, an adjustment variable only the outcome. With propensity e of the confounders and a
linear function :math:`B\alpha` of the adjustment variables,

.. math:: Y^+ = (Y - B\alpha)\,\frac{T - e}{e(1 - e)}, \qquad \mathrm{ATE} = E[Y^+],

because the fraction has mean 0 given the covariates: any function of the adjustment variables may be subtracted, and
a good one makes :math:`Y^+` less variable. Both sets are found in one programme
(:mod:`yinguo.kernels.decomposition_objective`), then refitted (:mod:`yinguo.kernels.decomposition_choice`).

Kuang, Cui, Li, Jiang, Yang & Wang (2017), AAAI; Kuang, Cui, Zou, Li, Tao, Wu & Yang (2022), IEEE TKDE 34(5).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.diagnose.balance import balance_check, weight_check
from yinguo.diagnose.overlap import overlap_check
from yinguo.errors import DataError
from yinguo.kernels.decomposition_choice import (
    VariableSets,
    choose_lasso,
    emptying_lasso,
    refit,
    separate,
    transformed_outcome,
)
from yinguo.kernels.decomposition_objective import DecompositionProblem
from yinguo.kernels.variable_decomposition import Decomposition, decompose
from yinguo.kernels.weighting import normalised

__all__ = ["D2VD", "DecomposedEffect", "check_options", "decomposed_effect", "result_parts"]

NO_INFERENCE = (
    "the variables were chosen on the same rows, and an interval that takes the choice for given is too narrow where "
    "a confounder is weak; compare with a method that has an interval, such as AIPW."
)


@dataclass(frozen=True, slots=True)
class DecomposedEffect:
    """What the programme and the refit leave.

    Attributes
    ----------
    estimate : float
        Mean of Y+, in the unit of the outcome.
    regression_estimate : float
        Mean of the regression of Y+ on the covariates; equal, because its constant is not penalised.
    propensity : (n,) float array
        Chances as used: where the chance of the arm received is below ``clip`` it counts as ``clip``.
    cut : int
        How many rows that concerns.
    sets : VariableSets
    solution : Decomposition
    parts : penalties used for alpha, beta, gamma, as parts of the penalty that empties each
    """

    estimate: float
    regression_estimate: float
    propensity: np.ndarray
    cut: int
    sets: VariableSets
    solution: Decomposition
    parts: tuple[float, ...]


def decomposed_effect(
    *, B, groups, T, Y, folds, penalties=(None, None, None), propensity_strength=100.0, clip=0.01, max_iter=1000
) -> DecomposedEffect:
    """Separate the variables, refit on the sets, average the transformed outcome.

    Parameters
    ----------
    B : (n, p) float array, column 0 constant, the others standardised
    groups : (p,) int array, the variable each column belongs to, 0 for the constant
    T, Y : (n,) float arrays
    folds : (n,) int array, for choosing penalties
    penalties : three of float in (0, 1] or None, for alpha, beta, gamma
    propensity_strength, clip : float
    max_iter : int

    Returns
    -------
    DecomposedEffect
    """
    level, scale = Y.mean(), Y.std() or 1.0
    problem = DecompositionProblem(B, T, (Y - level) / scale, groups, propensity=propensity_strength)
    lasso = choose_lasso(problem, folds, penalties)
    solution = decompose(problem, lasso=lasso, max_iter=max_iter)
    sets = separate(solution, groups)
    alpha, beta, gamma = refit(problem, sets, bound=1 / clip)
    psi = transformed_outcome(problem, alpha, beta, bound=1 / clip)
    e = expit(B @ beta)
    used = np.where(T == 1, np.maximum(e, clip), np.minimum(e, 1 - clip))
    top = emptying_lasso(problem)
    return DecomposedEffect(
        estimate=float(scale * psi.mean()),
        regression_estimate=float(scale * np.mean(B @ gamma)),
        propensity=used,
        cut=int((used != e).sum()),
        sets=sets,
        solution=solution,
        parts=tuple(a / b if b > 0 else 0.0 for a, b in zip(lasso, top, strict=True)),
    )


class D2VD(Estimator):
    """Inverse weighting by the confounders of an outcome freed from its adjustment variables.

    **Use it when** many covariates were collected without knowing their part, some drive the outcome alone, and the
    separation itself is of interest. **Not when** you need an interval, when a weak confounder would go unnoticed
    (it is then left out of the propensity), or when propensity and outcome are far from linear: see ``ND2VD``.

    **Assumes** unconfoundedness, overlap, a logistic propensity, and separateness: the covariates split into
    confounders, variables that move the outcome alone, and irrelevant ones.

    **Inference**: none that allows for the choice of variables, hence no standard error.

    **Where we differ** from the papers, which leave tuning and solver open: penalties choose the sets and both models
    are refitted on them without penalty (on our design the penalised coefficients themselves are biased by more than
    half of the effect); alpha is refitted by least squares without inverse weights (with them the bias is 0.10
    instead of 0.01 of an effect of 1); within the programme inverse weights are cut at 5; a variable that keeps both
    parts counts as a confounder; penalties come from held-out losses with the one-standard-error rule.

    Parameters
    ----------
    outcome_penalty, treatment_penalty, effect_penalty : float in (0, 1], optional
        Lasso penalties of the outcome part, the propensity, and the regression of Y+, as parts of the penalty that
        empties each. None chooses by held-out loss on a grid from 0.7 down to 0.06.
    propensity_strength : float
        Weight of the log-loss against the squared residual of Y+. Smaller lets more variables through as confounders.
    clip : float in (0, 0.5)
        A chance of the treatment received below this counts as this.
    folds : int or (n,) int array
        For choosing penalties.
    max_iter : int
        Iterations at each strength of the coupling between the two parts.
    random_state : int, Generator or None
        Draws the folds.

    Examples
    --------
    >>> import yinguo as yg
    >>> draw = yg.datasets.d2vd_design(n=500, p=10, confounders=2, adjusters=2)
    >>> result = yg.D2VD().fit(draw.study).result_
    >>> result.extras["confounders"], result.extras["adjusters"]
    (('x1', 'x2'), ('x3', 'x4'))
    """

    capabilities = Capabilities(
        estimands=("ATE",),
        inference="none",
        assumes=("unconfounded", "overlap", "separateness", "propensity_model", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_scale"),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        outcome_penalty: float | None = None,
        treatment_penalty: float | None = None,
        effect_penalty: float | None = None,
        propensity_strength: float = 100.0,
        clip: float = 0.01,
        folds: Any = 3,
        max_iter: int = 1000,
        random_state: Any = 0,
    ) -> None:
        self.outcome_penalty = outcome_penalty
        self.treatment_penalty = treatment_penalty
        self.effect_penalty = effect_penalty
        self.propensity_strength = propensity_strength
        self.clip = clip
        self.folds = folds
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, study: Study) -> "D2VD":
        """Estimate on a study; see :class:`D2VD`."""
        Y, T, X = self.take(study)
        check_options(self)
        B = np.column_stack([np.ones(study.n), (X - X.mean(axis=0)) / X.std(axis=0)])
        fitted = decomposed_effect(
            B=B, groups=np.arange(B.shape[1]), T=T, Y=Y,
            folds=make_folds(self.folds, T, self.random_state),
            penalties=(self.outcome_penalty, self.treatment_penalty, self.effect_penalty),
            propensity_strength=self.propensity_strength, clip=self.clip, max_iter=self.max_iter,
        )  # fmt: skip
        self.result_ = self.make_result(study, fitted.estimate, **result_parts(fitted, study, self.clip))
        return self


def check_options(estimator) -> None:
    """Ranges of the options that D2VD and its non-linear form share."""
    for name in ("outcome_penalty", "treatment_penalty", "effect_penalty"):
        value = getattr(estimator, name)
        if value is not None and not 0 < value <= 1:
            raise DataError(f"{name} is {value!r}; it must lie in (0, 1], or be None to be chosen.")
    if not 0 < estimator.clip < 0.5:
        raise DataError(f"clip is {estimator.clip!r}; it must lie strictly between 0 and 0.5.")
    if not estimator.propensity_strength > 0:
        raise DataError(f"propensity_strength is {estimator.propensity_strength!r}; it must be positive.")


def result_parts(fitted: DecomposedEffect, study: Study, clip: float) -> dict[str, Any]:
    """Fields of the result that D2VD and its non-linear form share: sets by name, weights, checks, notes."""
    sets = fitted.sets
    named = {
        label: tuple(name for name, chosen in zip(study.covariates, mask[1:], strict=True) if chosen)
        for label, mask in (
            ("confounders", sets.confounders), ("adjusters", sets.adjusters),
            ("modifiers", sets.modifiers), ("contested", sets.contested),
        )
    }  # fmt: skip
    notes = []
    if not named["confounders"]:
        notes.append("no covariate was found to drive the treatment; the arms are compared without weights.")
    if fitted.cut:
        notes.append(
            f"{fitted.cut} of {study.n} rows had less than {clip:g} chance of the treatment they got and count as "
            f"{clip:g}; this trades variance for bias."
        )
    if not fitted.solution.converged:
        notes.append("the separation stopped at max_iter before its objective settled; raise max_iter.")
    e = fitted.propensity
    return {
        "no_inference": NO_INFERENCE,
        "propensity": e,
        "balance_weights": normalised(np.where(study.T == 1, 1 / e, 1 / (1 - e)), study.T),
        "checks": (overlap_check, balance_check, weight_check),
        "notes": notes,
        "extras": named
        | {
            "regression_estimate": fitted.regression_estimate,
            "penalties": dict(zip(("outcome", "treatment", "effect"), fitted.parts, strict=True)),
            "iterations": fitted.solution.iterations,
        },
    }
