"""Unmeasured confounding of an effect of a study, and of an estimate already made, in one call each.

* :func:`study_sensitivity`: robustness value of the treatment's coefficient, by least squares or on the cross-fitted
  residuals of any two learners.
* :func:`result_e_value`: E-value of an effect estimate, on the scale that its outcome asks for.
"""

from typing import Any

import numpy as np

from yinguo.core.crossfit import crossfit, make_folds
from yinguo.diagnose.e_value import EValue, e_value_mean_difference, e_value_risk_difference
from yinguo.diagnose.linear_sensitivity import partially_linear_sensitivity, regression_sensitivity
from yinguo.diagnose.sensitivity import OmittedVariableSensitivity
from yinguo.errors import DataError

__all__ = ["result_e_value", "study_sensitivity"]


def study_sensitivity(
    study,
    *,
    outcome_model: Any = None,
    treatment_model: Any = None,
    folds: Any = 5,
    benchmarks: Any = "strongest",
    random_state: Any = 0,
    **options: Any,
) -> OmittedVariableSensitivity:
    """How strong a confounder outside the study would have to be.

    Parameters
    ----------
    study : Study
    outcome_model, treatment_model : scikit-learn style learners, optional
        Predict outcome and treatment from the covariates, out of fold. Without them the outcome is regressed linearly
        on treatment and covariates.
    folds : int or (n,) int array
        Folds for the learners.
    benchmarks : "strongest", names of covariates, or dict of label to names
        What to compare the confounder with; for the linear regression only.
    random_state : int, Generator or None
        Draws the folds.
    **options
        ``q``, ``alpha``, ``multiples`` of :func:`yinguo.diagnose.sensitivity.sensitivity_statistics`.

    Returns
    -------
    OmittedVariableSensitivity

    Raises
    ------
    DataError
        If only one of the learners is given, or the study does not determine the coefficient.

    Source
    ------
    Cinelli & Hazlett (2020), JRSS-B 82(1); with learners, Chernozhukov et al. (2022), see
    :mod:`yinguo.diagnose.linear_sensitivity`.
    """
    Y, T, X, s = study.Y, study.T, study.X, study.sample_weight
    if outcome_model is None and treatment_model is None:
        return regression_sensitivity(
            Y=Y, T=T, X=X, names=study.covariates, benchmarks=benchmarks, sample_weight=s, **options
        )
    if outcome_model is None or treatment_model is None:
        raise DataError("give both outcome_model and treatment_model, or neither for a linear regression.")
    assigned = make_folds(folds, T, random_state, study.groups)
    residuals = [y - crossfit(model, X, y, assigned, s=s) for model, y in ((outcome_model, Y), (treatment_model, T))]
    return partially_linear_sensitivity(Y_residual=residuals[0], T_residual=residuals[1], sample_weight=s, **options)


def result_e_value(result, study=None, *, level: float = 0.95) -> EValue:
    """E-value of an estimate made by any method.

    Parameters
    ----------
    result : EffectResult
        A binary outcome is taken as a risk difference, at the risk without treatment in the target population; any
        other as a difference in means, in standard deviations of the outcome within the arms.
    study : Study, optional
        Needed if the result has lost it, as it does in a pickle.
    level : float
        Of the interval for a binary outcome; the conversion of a mean difference is made for 95 %.

    Returns
    -------
    EValue

    Raises
    ------
    DataError
        If there is no study, or the outcome does not vary within the arms.

    Source
    ------
    VanderWeele & Ding (2017), see :mod:`yinguo.diagnose.e_value`.
    """
    study = result.study if study is None else study
    if study is None:
        raise DataError("the result has no study (it came out of a pickle); pass study= as well.")
    s = np.ones(study.n) if study.sample_weight is None else study.sample_weight
    if study.outcome_kind != "binary":
        return e_value_mean_difference(result.estimate, sd=_spread_within_arms(study, s), se=result.se)
    risk = float(np.clip(_untreated_risk(result, study, s), 1e-9, 1 - 1e-9))
    return e_value_risk_difference(result.estimate, control_risk=risk, ci=result.ci(level))


def _spread_within_arms(study, s) -> float:
    """Root of the mean variance of the two arms; of all rows if the treatment is not binary."""
    arms = [study.T == 1, study.T == 0] if study.treatment_kind == "binary" else [np.ones(study.n, bool)]
    means = [np.average(study.Y[arm], weights=s[arm]) for arm in arms]
    variances = [np.average((study.Y[arm] - mean) ** 2, weights=s[arm]) for arm, mean in zip(arms, means)]
    return float(np.sqrt(np.mean(variances)))


def _untreated_risk(result, study, s) -> float:
    """Risk without treatment in the population of the estimand, as far as the result tells it."""
    if result.estimand == "ATT":
        return np.average(study.Y, weights=s * study.T) - result.estimate
    if result.estimand == "ATC":
        return np.average(study.Y, weights=s * (1 - study.T))
    if result.balance_weights is not None:
        return np.average(study.Y, weights=result.balance_weights * (1 - study.T))
    # Everybody's risk less what the treated gained: exact if the effect is the same for all.
    return np.average(study.Y, weights=s) - np.average(study.T, weights=s) * result.estimate
