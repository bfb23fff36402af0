"""Heckman's two steps and likelihood: the textbook's figures, coverage under the model, wrong use."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.bench.selection_coverage import draw
from yinguo.datasets import mroz_1987

WAGE = ["exper", "expersq"]
TOLD = {"outcome_covariates": ["x1", "x2"]}
#: Wooldridge, Introductory Econometrics, example 17.5, recomputed: (coefficient, standard error).
TWO_STEP = {
    "constant": (-0.57810, 0.30501), "educ": (0.10907, 0.01552), "exper": (0.04389, 0.01626),
    "expersq": (-0.00086, 0.00044),
}  # fmt: skip
PROBIT = {
    "constant": 0.2701, "nwifeinc": -0.0120, "educ": 0.1309, "exper": 0.1233, "expersq": -0.0019, "age": -0.0529,
    "kidslt6": -0.8683, "kidsge6": 0.0360,
}  # fmt: skip
LIKELIHOOD = {"constant": -0.5527, "educ": 0.10835, "exper": 0.04284, "expersq": -0.00084}


@pytest.fixture(scope="module")
def women():
    return mroz_1987().study


def test_the_two_steps_give_the_textbook_figures_and_errors(women):
    fit = yg.HeckmanTwoStep(outcome_covariates=WAGE, covariance="unadjusted").fit(women)
    for name, (size, error) in TWO_STEP.items():
        assert round(fit.coefficients_[name], 5) == size
        assert round(fit.standard_errors_[name], 5) == error
    for name, size in PROBIT.items():
        assert round(fit.probit_coefficients_[name], 4) == size
    extras = fit.result_.extras
    assert round(extras["probit_log_likelihood"], 3) == -401.302
    assert (round(extras["mills_coefficient"], 5), round(extras["mills_se"], 5)) == (0.03226, 0.13362)
    assert (round(fit.sigma_, 5), round(fit.rho_, 5)) == (0.66363, 0.04861)
    assert (round(fit.result_.estimate, 5), round(fit.result_.se, 5)) == TWO_STEP["educ"]


def test_the_likelihood_gives_the_textbook_figures(women):
    fit = yg.HeckmanML(outcome_covariates=WAGE, covariance="unadjusted").fit(women)
    for name, size in LIKELIHOOD.items():
        assert fit.coefficients_[name] == pytest.approx(size, abs=6e-6 if name != "constant" else 6e-5)
    assert (round(fit.sigma_, 5), round(fit.rho_, 4)) == (0.66340, 0.0266)
    assert round(fit.result_.extras["log_likelihood"], 3) == -832.885


def test_mroz_passes_its_checks_and_they_name_what_identifies(women):
    result = yg.HeckmanTwoStep(outcome_covariates=WAGE).fit(women).result_
    found = {d.name: d for d in result.diagnostics}
    assert {d.verdict for d in found.values()} == {"ok"}
    assert "kidslt6" in found["exclusion"].sentence
    without = {d.name: d for d in yg.HeckmanTwoStep().fit(women).result_.diagnostics}
    assert without["exclusion"].verdict == "look"
    assert without["mills-collinearity"].verdict != "ok"


@pytest.mark.parametrize("cls", [yg.HeckmanTwoStep, yg.HeckmanML], ids=lambda c: c.name)
def test_effects_are_right_where_least_squares_on_the_rows_seen_is_not(cls):
    found, naive = [], []
    for seed in range(60):
        study = draw(np.random.default_rng(seed), design="normal").study
        result = cls(**TOLD).fit(study).result_
        found.append((result.estimate, result.se))
        seen = study.S == 1
        D = np.column_stack([np.ones(study.n), study.X[:, :2], study.T])[seen]
        naive.append(np.linalg.lstsq(D, study.Y[seen], rcond=None)[0][3])
    size, error = np.array(found).T
    assert abs(size.mean() - 1) < 4 * size.std() / np.sqrt(len(size))
    assert error.mean() == pytest.approx(size.std(), rel=0.3)
    assert abs(np.mean(naive) - 1) > 10 * np.std(naive) / np.sqrt(len(naive))


@pytest.mark.parametrize("cls", [yg.HeckmanTwoStep, yg.HeckmanML], ids=lambda c: c.name)
def test_with_interactions_effects_differ_between_units_and_average_to_the_estimate(cls):
    rng = np.random.default_rng(0)
    n = 20_000
    X, T = rng.normal(size=(n, 2)), rng.integers(0, 2, n) * 1.0
    u, e = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=n).T
    S = (0.3 + 0.5 * X[:, 0] + T * (0.3 + 0.4 * X[:, 0]) + X[:, 1] + u > 0).astype(float)
    Y = 1 + X[:, 0] + T * (1 + 0.5 * X[:, 0]) + e
    study = yg.Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), S=S)
    fit = cls(outcome_covariates=["x1"], interactions=True).fit(study)
    assert fit.effect(study.X).mean() == pytest.approx(fit.result_.estimate)
    assert fit.coefficients_["t*x1"] == pytest.approx(0.5, abs=0.06)
    assert fit.result_.estimate == pytest.approx(1.0, abs=4 * fit.result_.se)
    assert abs(cls(outcome_covariates=["x1"]).fit(study).effect(study.X).std()) < 1e-12


def test_a_correlation_outside_of_its_range_is_a_stop_and_is_not_clipped():
    rng = np.random.default_rng(3)
    n = 300
    X, Z, T = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 2, n) * 1.0
    u = rng.normal(size=n)
    S = (0.3 * X + Z + u > 0).astype(float)
    Y = X + T + 3 * u  # the noise is that of being seen itself
    study = yg.Study.from_arrays(np.column_stack([X, Z]), T, np.where(S == 1, Y, np.nan), S=S)
    fit = yg.HeckmanTwoStep(outcome_covariates=["x1"]).fit(study)
    verdict = next(d.verdict for d in fit.result_.diagnostics if d.name == "correlation")
    assert (verdict == "stop") == (abs(fit.rho_) > 1)
    assert abs(fit.rho_) > 0.9


@pytest.mark.parametrize("cls", [yg.HeckmanTwoStep, yg.HeckmanML], ids=lambda c: c.name)
@pytest.mark.parametrize(
    ("options", "word"),
    [({"covariance": "hc3"}, "'hc3'"), ({"outcome_covariates": ["height"]}, "height"),
     ({"selection_covariates": ["x9"]}, "x9")],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_refused_by_name(cls, options, word):
    study = draw(np.random.default_rng(0), design="normal").study
    with pytest.raises(yg.DataError, match=word):
        cls(**options).fit(study)


def test_the_textbook_errors_are_refused_for_clusters():
    study = draw(np.random.default_rng(0), design="normal", clusters=True).study
    with pytest.raises(yg.DataError, match="groups"):
        yg.HeckmanML(covariance="unadjusted").fit(study)


@pytest.mark.parametrize("cls", [yg.HeckmanTwoStep, yg.HeckmanML], ids=lambda c: c.name)
def test_covariates_that_decide_who_is_seen_are_refused(cls):
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(200, 1)), rng.integers(0, 2, 200) * 1.0
    S = (X[:, 0] > 0).astype(float)
    study = yg.Study.from_arrays(X, T, np.where(S == 1, X[:, 0] + T, np.nan), S=S)
    with pytest.raises(yg.ConvergenceError, match="decide who is seen"):
        cls().fit(study)
