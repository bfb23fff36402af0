"""Sensitivity to unmeasured confounding of the headline result."""

import numpy as np
import pytest
from report_toys import draw

import yinguo as yg
from yinguo.diagnose.e_value import e_value_mean_difference, e_value_risk_difference
from yinguo.diagnose.linear_sensitivity import regression_sensitivity
from yinguo.report.robustness import robustness_of


def test_a_continuous_outcome_gets_the_e_value_of_its_standardised_difference():
    study = draw()
    result = yg.AIPW().fit(study).result_
    found = robustness_of(result, study, "aipw")
    sd = np.sqrt(np.mean([study.Y[arm == study.T].var() for arm in (0, 1)]))
    expected = e_value_mean_difference(result.estimate, sd=sd, se=result.se)
    assert found.findings[0][2].sentence == expected.diagnostic.sentence


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_a_binary_outcome_gets_the_e_value_at_the_risk_without_treatment(estimand):
    study = draw(n=2000)
    study = yg.Study.from_arrays(study.X, study.T, (study.Y > 0).astype(float))
    result = yg.EntropyBalancing(estimand=estimand).fit(study).result_
    found = robustness_of(result, study, "eb")
    w = result.balance_weights
    # With balance weights the controls' weighted mean is the risk without treatment, whatever the estimand.
    risk = np.average(study.Y[study.T == 0], weights=w[study.T == 0])
    expected = e_value_risk_difference(result.estimate, control_risk=risk, ci=result.ci())
    assert found.findings[0][2].value == pytest.approx(expected.diagnostic.value)


def test_the_robustness_value_is_that_of_the_regression_on_the_same_covariates():
    study = draw()
    found = robustness_of(yg.AIPW().fit(study).result_, study, "aipw")
    expected = regression_sensitivity(Y=study.Y, T=study.T, X=study.X, names=study.covariates)
    assert found.findings[1][2].value == expected.diagnostic.value
    assert found.benchmarks == expected.benchmarks


def test_what_cannot_be_computed_is_said_with_its_reason():
    study = draw(n=30, p=40)
    result = yg.DifferenceInMeans().fit(study).result_
    found = robustness_of(result, study, "difference")
    assert any(reason.startswith("Robustness value: ") for reason in found.missing)
