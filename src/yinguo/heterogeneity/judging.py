"""All effect learners of a comparison judged on one set of scores, so that they can be told apart."""

from typing import Any

from yinguo.core.compare import Comparison
from yinguo.core.result import EffectResult
from yinguo.diagnose.held_out_effects import effect_scores
from yinguo.diagnose.judgement import JudgedEffects, judge_effects
from yinguo.errors import DataError
from yinguo.heterogeneity.default_learners import boosted_mean

__all__ = ["judge_learners"]


def judge_learners(
    comparison: Comparison,
    *,
    cost: float = 0.0,
    share: float = 0.2,
    level: float = 0.95,
    propensity: Any = "logit",
    outcome_model: Any = None,
    random_state: Any = 0,
) -> dict[str, JudgedEffects]:
    """Judge every effect learner of a comparison that gave an answer.

    Parameters
    ----------
    comparison : Comparison
        From :func:`yinguo.compare`.
    cost : float
        Of treating one unit, in the unit of the outcome.
    share : float in (0, 1]
        The value of treating this best share is told.
    level : float
        Of all intervals.
    propensity : {"logit", "probit"} or classifier
        For the scores.
    outcome_model : regressor or classifier, optional
        For the scores; None is boosted trees.
    random_state : int, Generator or None
        Draws the folds.

    Returns
    -------
    dict of method to JudgedEffects
        In the order of the comparison.

    Raises
    ------
    DataError
        No method of the comparison estimates effects of units; too few rows for five folds.
    """
    learners = {
        row.method: estimator
        for row, estimator in zip(comparison.rows, comparison.estimators, strict=True)
        if isinstance(row, EffectResult) and estimator.capabilities.unit_effects != "no"
    }
    if not learners:
        run = ", ".join(row.method for row in comparison.rows)
        raise DataError(f"none of the methods that gave an answer ({run}) estimates effects of units.")
    study = comparison.study
    model = boosted_mean(study.Y) if outcome_model is None else outcome_model
    scores = effect_scores(study, propensity=propensity, outcome_model=model, random_state=random_state)
    return {
        name: judge_effects(study, learner, scores=scores, cost=cost, share=share, level=level)
        for name, learner in learners.items()
    }
