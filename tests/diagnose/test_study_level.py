"""Sensitivity of a whole study and of finished results."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from yinguo import DifferenceInMeans, Study
from yinguo.diagnose.e_value import e_value_risk_ratio
from yinguo.diagnose.linear_sensitivity import regression_sensitivity
from yinguo.diagnose.study_level import result_e_value, study_sensitivity
from yinguo.errors import DataError


def draw(n=400, binary=False, seed=0, **roles):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    T = (X[:, 0] + rng.normal(size=n) > 0) * 1.0
    Y = X @ [1, 0.5, 0] + T + rng.normal(size=n)
    return Study.from_arrays(X, T, (Y > 0.5) * 1.0 if binary else Y, **roles)


def test_without_learners_it_is_the_linear_regression_of_the_study():
    study = draw(sample_weight=np.random.default_rng(1).uniform(0.5, 2, 400))
    expected = regression_sensitivity(
        Y=study.Y, T=study.T, X=study.X, names=study.covariates, sample_weight=study.sample_weight
    )
    assert study_sensitivity(study) == expected
    assert expected.benchmarks[0].covariate == "x1"


def test_cross_fitted_linear_learners_agree_with_the_regression_up_to_sampling():
    study = draw(n=4000)
    crossed = study_sensitivity(study, outcome_model=LinearRegression(), treatment_model=LinearRegression())
    plain = study_sensitivity(study)
    assert crossed.estimate == pytest.approx(plain.estimate, abs=0.02)
    assert crossed.robustness_value == pytest.approx(plain.robustness_value, abs=0.01)
    assert crossed.benchmarks == ()


def test_one_learner_alone_is_refused():
    with pytest.raises(DataError, match="both"):
        study_sensitivity(draw(), outcome_model=LinearRegression())


def test_e_value_of_a_difference_in_means_does_not_depend_on_the_unit_of_the_outcome():
    study = draw()
    one = result_e_value(DifferenceInMeans().fit(study).result_)
    other = result_e_value(DifferenceInMeans().fit(study.replace(Y=10 * study.Y + 3)).result_)
    assert one.measure == "mean difference"
    within = np.sqrt(np.mean([study.Y[arm == study.T].var() for arm in (0, 1)]))
    gap = study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean()
    assert one.ratio == pytest.approx(np.exp(0.91 * gap / within))
    assert other.point == pytest.approx(one.point)


@pytest.mark.parametrize("estimand", ["ATT", "ATC"])
def test_e_value_of_a_risk_difference_is_that_of_the_risk_ratio_of_the_arms(estimand):
    study = draw(binary=True)
    found = result_e_value(DifferenceInMeans(estimand=estimand).fit(study).result_)
    ratio = study.Y[study.T == 1].mean() / study.Y[study.T == 0].mean()
    assert found.point == pytest.approx(e_value_risk_ratio(ratio).point)
    assert 1 <= found.limit < found.point


def test_e_value_of_an_average_effect_uses_the_risk_without_treatment():
    study = draw(binary=True)
    found = result_e_value(DifferenceInMeans().fit(study).result_)
    # Under randomisation everybody's risk less the gain of the treated is the risk of the controls.
    ratio = study.Y[study.T == 1].mean() / study.Y[study.T == 0].mean()
    assert found.ratio == pytest.approx(ratio)


def test_a_result_without_its_study_is_refused_with_the_remedy():
    result = DifferenceInMeans().fit(draw()).result_
    lost = pickle.loads(pickle.dumps(result))
    with pytest.raises(DataError, match="pass study="):
        result_e_value(lost)
    assert result_e_value(lost, draw()) == result_e_value(result)
