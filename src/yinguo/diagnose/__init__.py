"""Checks of an estimate: balance, overlap, sensitivity to what was not measured, refutation, Simpson's paradox."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS = {
    "balance_table": "balance",
    "effective_sample_size": "balance",
    "e_value_mean_difference": "e_value",
    "e_value_odds_ratio": "e_value",
    "e_value_risk_difference": "e_value",
    "e_value_risk_ratio": "e_value",
    "result_e_value": "study_level",
    "study_sensitivity": "study_level",
    "regression_sensitivity": "linear_sensitivity",
    "partially_linear_sensitivity": "linear_sensitivity",
    "rosenbaum_bounds": "rosenbaum",
    "mcnemar_bounds": "rosenbaum",
    "pair_differences": "rosenbaum",
    "effect_bounds": "rosenbaum_effect",
    "explain_simpson": "simpson",
    "explain_study": "simpson_study",
    "placebo_treatment": "placebo",
    "random_common_cause": "common_cause",
    "data_subset": "subset",
    "negative_control_outcome": "negative_control",
    "refute": "refute_all",
    "instrument_strength": "first_stage",
    "joint_strength": "joint_strength_of_instruments",
    "sargan_test": "over_identification",
    "basmann_test": "over_identification",
    "hansen_j_test": "over_identification",
    "likelihood_ratio_test": "over_identification",
    "wu_hausman_test": "endogeneity",
    "durbin_test": "endogeneity",
    "robust_exogeneity_test": "endogeneity",
    "anderson_rubin": "anderson_rubin_interval",
    "anderson_rubin_check": "anderson_rubin_interval",
    "pearl_inequality": "instrument_inequalities",
    "balke_pearl_bounds": "instrument_inequalities",
    "kitagawa_test": "late_inequalities",
    "huber_mellace_test": "late_inequalities",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
