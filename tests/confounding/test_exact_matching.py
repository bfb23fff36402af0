"""Exact matching: strata by hand, the published experiment, and what is said about those left out."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import job_training
from yinguo.errors import DataError

FOUR = ("age", "education", "re74", "re75")


def strata_study(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, size=(n, 2)).astype(float)
    e = 0.2 + 0.2 * X[:, 0] + 0.05 * X[:, 1]
    T = (rng.random(n) < e).astype(float)
    Y = X.sum(axis=1) ** 2 + T * (1 + X[:, 0]) + rng.normal(size=n) * (1 + X[:, 1])
    return yg.Study.from_arrays(X, T, Y)


def by_hand(study, estimand):
    """Stratified means and their variance, stratum by stratum."""
    cells = [np.flatnonzero((row == study.X).all(axis=1)) for row in np.unique(study.X, axis=0)]
    parts = []
    for cell in cells:
        one, zero = (study.Y[cell[study.T[cell] == arm]] for arm in (1, 0))
        size = {"ATE": len(cell), "ATT": len(one), "ATC": len(zero)}[estimand]
        v = one.var(ddof=1) / len(one) + zero.var(ddof=1) / len(zero)
        parts.append((size, one.mean() - zero.mean(), v))
    w, tau, v = (np.array(column) for column in zip(*parts, strict=True))
    w = w / w.sum()
    return w @ tau, w**2 @ v


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_estimate_and_sample_variance_are_those_of_stratified_means(estimand):
    study = strata_study()
    result = yg.ExactMatching(estimand=estimand, target="sample").fit(study).result_
    estimate, variance = by_hand(study, estimand)
    assert result.estimate == pytest.approx(estimate)
    assert result.se == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("estimand", ["ATE", "ATT"])
def test_the_population_interval_covers_the_population_effect(estimand):
    truth = {"ATE": 2.0, "ATT": None}[estimand]
    if truth is None:  # E[(1 + X1) e] / E[e] over the nine equally likely cells
        x1, x2 = np.meshgrid([0, 1, 2], [0, 1, 2])
        e = 0.2 + 0.2 * x1 + 0.05 * x2
        truth = ((1 + x1) * e).sum() / e.sum()
    z = []
    for seed in range(300):
        result = yg.ExactMatching(estimand=estimand).fit(strata_study(400, seed)).result_
        z.append((result.estimate - truth) / result.se)
    assert 0.91 < np.mean(np.abs(z) < 1.96) < 0.985
    assert abs(np.mean(z)) < 4 / np.sqrt(300)


def test_the_experiment_gives_the_published_estimate_for_the_169_men_with_an_exact_match():
    study = job_training(variables="file").study
    exact = yg.ExactMatching(estimand="ATE", covariates=FOUR, variance="homoscedastic", target="sample")
    result = exact.fit(study).result_
    assert result.estimate == pytest.approx(1369.289, abs=5e-3)
    assert result.n == 169
    assert result.extras["n_unmatched"] == 276
    # R's Matching prints 404.23, counting the 276 it dropped; see tests/kernels/test_matching.py.
    assert result.se == pytest.approx(929.011, abs=5e-3)


def test_units_left_out_are_counted_and_the_change_of_estimand_is_said():
    study = job_training(variables="file").study
    result = yg.ExactMatching().fit(study).result_
    left_out = result.extras["n_unmatched"]
    assert 0 < left_out < 185
    assert any(f"{left_out} of 185 treated units have no match" in note for note in result.notes)
    assert any("strata" in note for note in result.notes)
    matched = next(d for d in result.diagnostics if d.name == "matched")
    assert matched.verdict == "stop"
    assert result.balance_weights[study.T == 1].sum() == pytest.approx(1.0)


def test_matched_arms_have_identical_covariates():
    study = strata_study()
    result = yg.ExactMatching().fit(study).result_
    w = result.balance_weights
    means = [w[arm == study.T] @ study.X[arm == study.T] for arm in (0, 1)]
    assert np.allclose(*means)
    assert w[study.T == 1] @ study.Y[study.T == 1] - w[study.T == 0] @ study.Y[study.T == 0] == pytest.approx(
        result.estimate
    )


def test_only_the_named_columns_must_agree():
    rng = np.random.default_rng(0)
    study = strata_study()
    wide = yg.Study.from_arrays(np.column_stack([study.X, rng.normal(size=study.n)]), study.T, study.Y)
    with pytest.raises(DataError, match="No target unit has a match"):
        yg.ExactMatching().fit(wide)
    named = yg.ExactMatching(covariates=("x1", "x2")).fit(wide).result_
    assert named.estimate == pytest.approx(yg.ExactMatching().fit(study).result_.estimate)


def test_a_unit_alone_in_its_stratum_borrows_the_variance_of_its_arm():
    X = [0, 0, 0, 0, 1, 1, 1, 0]
    T = [1, 1, 0, 0, 1, 0, 0, 0]
    Y = [1.0, 3.0, 0.0, 2.0, 9.0, 4.0, 8.0, 1.0]
    result = yg.ExactMatching(target="sample").fit(yg.Study.from_arrays(X, T, Y)).result_
    assert result.estimate == pytest.approx((1 + 1 - 2 + 9 - 6 + 2) / 3)
    # Treated: s^2 = 2 in stratum 0, borrowed in stratum 1. Controls: 1 (3 units) and 8 (2 units).
    wanted = (2 / 3) ** 2 * (2 / 2 + 1 / 3) + (1 / 3) ** 2 * (2 / 1 + 8 / 2)
    assert result.se == pytest.approx(np.sqrt(wanted))


@pytest.mark.parametrize("option", [{"variance": "robust"}, {"target": "everyone"}, {"covariates": ("x9",)}])
def test_unknown_options_are_refused(option):
    with pytest.raises(DataError, match=str(next(iter(option.values())))[-4:-2]):
        yg.ExactMatching(**option).fit(strata_study())
