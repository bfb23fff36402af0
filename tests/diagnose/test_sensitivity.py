"""Omitted-variable bias: the published Darfur figures and the algebraic identity itself."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from yinguo.diagnose.linear_sensitivity import partially_linear_sensitivity, regression_sensitivity
from yinguo.diagnose.omitted_variable import (
    adjusted_estimate,
    adjusted_se,
    benchmark_bound,
    bias,
    partial_r2,
    robustness_value,
)
from yinguo.diagnose.sensitivity import sensitivity_statistics
from yinguo.errors import DataError

# Cinelli & Hazlett (2020), section 5: exposure to violence in Darfur and attitude to peace; the digits beyond the
# paper's three, and the benchmark rows, are those which the authors' R package sensemakr asserts in its own tests.
DARFUR = {"estimate": 0.09731582, "se": 0.02325654, "dof": 783}
FEMALE_R2 = (0.00916428667504862, 0.0183285733500972, 0.0274928600251459)
FEMALE_R2_OUTCOME = (0.12464092303637, 0.249324064199975, 0.374050471038094)
FEMALE_ESTIMATE = (0.0752202698486415, 0.0529151689180575, 0.0303960178770157)
FEMALE_SE = (0.0218733298036818, 0.0203500639944344, 0.0186700665753491)


def least_squares(design, y):
    """Coefficients, classical standard errors, dof; written out so that nothing of ours is used."""
    tXX = np.linalg.inv(design.T @ design)
    coefficients = tXX @ design.T @ y
    residual = y - design @ coefficients
    dof = len(y) - design.shape[1]
    return coefficients, np.sqrt(np.diag(tXX) * (residual @ residual) / dof), dof


def draw(seed=0, n=60, p=3):
    rng = np.random.default_rng(seed)
    X, Z = rng.normal(size=(n, p)), rng.normal(size=n)
    T = X @ rng.normal(size=p) + 0.8 * Z + rng.normal(size=n)
    Y = X @ rng.normal(size=p) + T + 1.5 * Z + rng.normal(size=n)
    return Y, T, X, Z


def test_darfur_statistics_of_the_paper():
    found = sensitivity_statistics(**DARFUR)
    assert found.t == pytest.approx(4.18445, abs=1e-5)
    assert found.r2_outcome == pytest.approx(0.02187309, abs=1e-8)
    assert found.robustness_value == pytest.approx(0.1387764, abs=1e-7)
    assert found.robustness_value_alpha == pytest.approx(0.07625797, abs=5e-8)


def test_darfur_benchmark_rows_of_the_authors_package():
    # partial R2 of `female` with treatment and outcome, recovered from the published rows by inverting the bound
    r2_treatment = FEMALE_R2[0] / (1 + FEMALE_R2[0])
    r2_outcome = optimize.brentq(
        lambda r: benchmark_bound(r, r2_treatment)[0] - FEMALE_R2_OUTCOME[0], 0, 0.5, xtol=1e-15
    )
    found = sensitivity_statistics(**DARFUR, benchmarks={"female": (r2_outcome, r2_treatment)})
    np.testing.assert_allclose([b.r2_treatment for b in found.benchmarks], FEMALE_R2, rtol=1e-9)
    np.testing.assert_allclose([b.r2_outcome for b in found.benchmarks], FEMALE_R2_OUTCOME, rtol=1e-9)
    np.testing.assert_allclose([b.estimate for b in found.benchmarks], FEMALE_ESTIMATE, rtol=1e-9)
    np.testing.assert_allclose([b.se for b in found.benchmarks], FEMALE_SE, rtol=1e-9)
    assert "3 times as strong as 'female' would be enough" in found.sentence


@pytest.mark.peer
def test_darfur_regression_from_the_data_in_the_peer_wheel():
    pandas = pytest.importorskip("pandas")
    wheel = importlib.util.find_spec("sensemakr")
    if wheel is None:
        pytest.skip("needs the wheel PySensemakr, which carries the Darfur data")
    data = pandas.read_csv(Path(wheel.submodule_search_locations[0]) / "data" / "darfur.csv")
    names = ["female", "age", "farmer_dar", "herder_dar", "pastvoted", "hhsize_darfur"]
    X = pandas.concat([data[names], pandas.get_dummies(data["village"], drop_first=True)], axis=1).astype(float)
    found = regression_sensitivity(
        Y=data["peacefactor"], T=data["directlyharmed"], X=X, names=list(X.columns), benchmarks=["female"]
    )
    assert found.dof == 783
    assert found.estimate == pytest.approx(DARFUR["estimate"], abs=1e-8)
    assert found.robustness_value_alpha == pytest.approx(0.07625797, abs=1e-8)
    np.testing.assert_allclose([b.estimate for b in found.benchmarks], FEMALE_ESTIMATE, atol=1e-8)
    np.testing.assert_allclose([b.se for b in found.benchmarks], FEMALE_SE, atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_adding_the_real_confounder_gives_exactly_the_adjusted_estimate_and_se(seed):
    Y, T, X, Z = draw(seed)
    ones = np.ones((len(Y), 1))
    short, short_se, dof = least_squares(np.column_stack([T, X, ones]), Y)
    full, full_se, full_dof = least_squares(np.column_stack([T, X, ones, Z]), Y)
    r2_outcome = partial_r2(full[-1] / full_se[-1], full_dof)
    treatment, treatment_se, treatment_dof = least_squares(np.column_stack([X, ones, Z]), T)
    r2_treatment = partial_r2(treatment[-1] / treatment_se[-1], treatment_dof)
    strength = {"r2_outcome": r2_outcome, "r2_treatment": r2_treatment}
    toward_zero = abs(full[0]) < abs(short[0])
    assert bias(short_se[0], dof, **strength) == pytest.approx(abs(short[0] - full[0]), abs=1e-10)
    left = adjusted_estimate(short[0], short_se[0], dof, **strength, toward_zero=toward_zero)
    assert left == pytest.approx(full[0], abs=1e-10)
    assert adjusted_se(short_se[0], dof, **strength) == pytest.approx(full_se[0], abs=1e-10)


@given(st.floats(0.1, 80), st.floats(3, 5000), st.floats(0.1, 1.0))
def test_a_confounder_at_the_robustness_value_leaves_the_share_it_says(t, dof, q):
    rv = robustness_value(t, dof, q=q)
    left = adjusted_estimate(t, 1.0, dof, r2_outcome=rv, r2_treatment=rv)
    assert left == pytest.approx((1 - q) * t, abs=1e-6 * t)


@pytest.mark.parametrize("seed", range(25))
def test_significance_is_first_lost_at_the_robustness_value_alpha(seed):
    # Brute force over every confounder no stronger than r: the smallest r that brings |t| to the critical value.
    rng = np.random.default_rng(seed)
    dof, t = int(rng.integers(3, 200)), rng.uniform(0.5, 60)
    critical = stats.t.isf(0.025, dof - 1)

    def smallest_t(r):
        r2_outcome = np.linspace(0, r, 20_001)
        left = t - np.sqrt(dof * r2_outcome * r / (1 - r))
        return (left / np.sqrt((1 - r2_outcome) / (1 - r) * dof / (dof - 1))).min() - critical

    expected = 0.0 if smallest_t(0.0) <= 0 else optimize.brentq(smallest_t, 0, 1 - 1e-9)
    assert robustness_value(t, dof, alpha=0.05) == pytest.approx(expected, abs=1e-5)


def test_regression_is_the_textbook_one_and_the_group_strength_that_of_nested_regressions():
    Y, T, X, _ = draw(3)
    ones = np.ones((len(Y), 1))
    coefficients, se, dof = least_squares(np.column_stack([T, X, ones]), Y)
    found = regression_sensitivity(Y=Y, T=T, X=X, names=list("abc"), benchmarks={"a+c": ["a", "c"]}, multiples=(0.1,))
    assert (found.estimate, found.se, found.dof) == pytest.approx((coefficients[0], se[0], dof), rel=1e-10)

    def unexplained(columns, y):
        residual = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
        return residual @ residual

    rest, whole = np.column_stack([X[:, [1]], ones]), np.column_stack([X, ones])
    with_t = [np.column_stack([T, columns]) for columns in (rest, whole)]
    r2_outcome = 1 - unexplained(with_t[1], Y) / unexplained(with_t[0], Y)
    r2_treatment = 1 - unexplained(whole, T) / unexplained(rest, T)
    row, expected = found.benchmarks[0], benchmark_bound(r2_outcome, r2_treatment, multiple=0.1)
    assert (row.r2_outcome, row.r2_treatment) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_strongest_benchmark_is_the_one_whose_equal_shifts_the_estimate_most(seed):
    Y, T, X, _ = draw(seed, n=200, p=5)
    names = list("abcde")
    found = regression_sensitivity(Y=Y, T=T, X=np.column_stack([X, X]), names=[*names, *"ABCDE"], multiples=(0.1,))
    by_hand = {name: covariate_strength(Y, T, X, j) for j, name in enumerate(names)}
    assert {b.covariate for b in found.benchmarks} == {max(by_hand, key=by_hand.get)}


def covariate_strength(Y, T, X, j):
    """Product of the partial R2 with Y and the partial f2 with T of one column, by least squares."""
    ones = np.ones((len(Y), 1))
    coefficients, se, dof = least_squares(np.column_stack([X, ones, T]), Y)
    r2_outcome = partial_r2(coefficients[j] / se[j], dof)
    coefficients, se, dof = least_squares(np.column_stack([X, ones]), T)
    r2_treatment = partial_r2(coefficients[j] / se[j], dof)
    return r2_outcome * r2_treatment / (1 - r2_treatment)


def test_weighted_regression_with_whole_weights_equals_repeated_rows():
    Y, T, X, _ = draw(4, n=40)
    weight = np.random.default_rng(4).integers(1, 4, 40)
    weighted = regression_sensitivity(Y=Y, T=T, X=X, sample_weight=weight)
    repeated = regression_sensitivity(Y=np.repeat(Y, weight), T=np.repeat(T, weight), X=np.repeat(X, weight, axis=0))
    assert weighted.estimate == pytest.approx(repeated.estimate, rel=1e-10)


def test_partially_linear_fit_on_least_squares_residuals_is_the_regression():
    Y, T, X, _ = draw(5)
    design = np.column_stack([X, np.ones(len(Y))])
    Y_residual, T_residual = (y - design @ np.linalg.lstsq(design, y, rcond=None)[0] for y in (Y, T))
    found = partially_linear_sensitivity(Y_residual=Y_residual, T_residual=T_residual, dof=len(Y) - 5)
    expected = regression_sensitivity(Y=Y, T=T, X=X)
    for name in ("estimate", "se", "dof", "r2_outcome", "robustness_value", "robustness_value_alpha"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9)


def test_unit_of_outcome_and_treatment_does_not_matter():
    Y, T, X, _ = draw(6)
    one = regression_sensitivity(Y=Y, T=T, X=X, benchmarks=["x1"])
    other = regression_sensitivity(Y=-5 * Y + 3, T=7 * T - 2, X=X, benchmarks=["x1"])
    assert other.robustness_value_alpha == pytest.approx(one.robustness_value_alpha, rel=1e-9)
    assert other.benchmarks[0].r2_outcome == pytest.approx(one.benchmarks[0].r2_outcome, rel=1e-9)


def test_collinear_covariates_do_not_cost_degrees_of_freedom_twice():
    Y, T, X, _ = draw(7)
    assert regression_sensitivity(Y=Y, T=T, X=np.column_stack([X, X[:, 0]])).dof == len(Y) - 5


def test_a_benchmark_that_would_explain_all_of_the_treatment_is_left_out():
    found = sensitivity_statistics(1.0, 0.1, 100, benchmarks={"almost the treatment": (0.2, 0.4)})
    assert [b.multiple for b in found.benchmarks] == [1.0]
    with pytest.raises(DataError, match="smaller multiple"):
        benchmark_bound(0.2, 0.4, multiple=3)


def test_verdict_looks_when_a_confounder_like_a_measured_one_suffices():
    assert sensitivity_statistics(1.0, 0.1, 100, benchmarks={"weak": (0.001, 0.001)}).diagnostic.verdict == "ok"
    fragile = sensitivity_statistics(0.5, 0.1, 100, benchmarks={"strong": (0.3, 0.3)})
    assert fragile.diagnostic.verdict == "look"
    assert "One as strong as 'strong' would be enough" in fragile.sentence
    assert sensitivity_statistics(0.1, 0.1, 100).diagnostic.verdict == "look"


@pytest.mark.parametrize(
    "call",
    [
        lambda: sensitivity_statistics(1.0, 0.0, 100),
        lambda: sensitivity_statistics(1.0, 0.1, 1),
        lambda: bias(1.0, 10, r2_outcome=1.2, r2_treatment=0.1),
        lambda: bias(1.0, 10, r2_outcome=0.2, r2_treatment=1.0),
        lambda: robustness_value(1.0, 10, q=0),
        lambda: robustness_value(1.0, 10, alpha=1.5),
        lambda: regression_sensitivity(Y=2 * np.arange(9.0), T=np.arange(9.0) % 2, X=np.arange(9.0)[:, None]),
        lambda: regression_sensitivity(Y=np.arange(9.0), T=np.ones(9), X=np.zeros((9, 1))),
        lambda: regression_sensitivity(
            Y=np.arange(9.0) ** 2, T=np.arange(9.0) % 2, X=np.zeros((9, 1)), benchmarks=["z"]
        ),
        lambda: regression_sensitivity(
            Y=np.arange(9.0) ** 2, T=np.arange(9.0) % 2, X=np.zeros((9, 1)), benchmarks="best"
        ),
        lambda: regression_sensitivity(Y=np.arange(3.0), T=np.array([0.0, 1.0, 0.0]), X=np.array([[1.0], [2], [4]])),
        lambda: partially_linear_sensitivity(Y_residual=np.ones(5), T_residual=np.zeros(5)),
        lambda: partially_linear_sensitivity(Y_residual=np.ones(5), T_residual=np.ones(4)),
        lambda: partially_linear_sensitivity(Y_residual=np.array([1.0, np.nan]), T_residual=np.ones(2)),
    ],
)
def test_impossible_input_is_refused(call):
    with pytest.raises(DataError):
        call()
