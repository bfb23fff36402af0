"""Approximate residual balancing: its formulas by hand, its limits, the paper's misspecified design."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.confounding.approximate_residual_balancing import OutcomeModel, residual_balanced_mean
from yinguo.datasets import arb_first, arb_misspec
from yinguo.kernels.balance_qp import balancing_weights

ARB = yg.ApproximateResidualBalancing


@pytest.fixture(scope="module")
def wide() -> yg.Study:
    """150 rows, 200 covariates."""
    return arb_first(n=150, p=200, random_state=0).study


def arb_and_truth(draw, **options):
    return ARB(**options).fit(draw.study).result_, draw.truth["ATT"]


def test_the_att_is_the_formula_of_the_paper(wide):
    fit = ARB().fit(wide)
    model, w, treated = fit.outcome_models_["control"], fit.result_.balance_weights, wide.T == 1
    Y, X = wide.Y[~treated], wide.X[~treated]
    prediction = model.intercept + wide.X[treated].mean(axis=0) @ model.coef
    correction = w[~treated] @ (Y - model.intercept - X @ model.coef)
    assert fit.result_.estimate == pytest.approx(wide.Y[treated].mean() - prediction - correction, rel=1e-12)


def test_the_weights_solve_the_programme_on_columns_of_unit_variance(wide):
    w, treated = ARB().fit(wide).result_.balance_weights, wide.T == 1
    Z = wide.X / wide.X.std(axis=0, ddof=1)
    m = np.count_nonzero(~treated)
    expected = balancing_weights(X=Z[~treated], target=Z[treated].mean(axis=0), cap=m ** (-2 / 3)).gamma
    assert w[~treated] == pytest.approx(expected, abs=1e-9)
    assert w[treated] == pytest.approx(np.full(treated.sum(), 1 / treated.sum()))
    assert w[~treated].max() <= m ** (-2 / 3)


@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE"])
def test_the_standard_error_is_that_of_the_authors_code(wide, estimand):
    fit = ARB(estimand=estimand).fit(wide)
    variance = 0.0
    for arm, label in ((1.0, "treated"), (0.0, "control")):
        rows, model = arm == wide.T, fit.outcome_models_[label]
        residual = wide.Y[rows] - model.intercept - wide.X[rows] @ model.coef
        m = rows.sum()
        factor = m / max(1, m - model.df)
        variance += np.sum((fit.result_.balance_weights[rows] * residual) ** 2) * factor
    assert fit.result_.se == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert fit.result_.scores.mean() == pytest.approx(fit.result_.estimate)


def test_a_zero_outcome_model_leaves_the_weighted_mean(wide):
    rows = wide.T == 0
    gamma = ARB().fit(wide).result_.balance_weights[rows]
    nothing = OutcomeModel(0.0, np.zeros(200))
    part = residual_balanced_mean(X=wide.X[rows], Y=wide.Y[rows], target=np.ones(200), gamma=gamma, model=nothing)
    assert part.mean == pytest.approx(gamma @ wide.Y[rows])


def test_exactly_balancing_weights_give_the_entropy_balancing_answer_for_any_outcome_model(cps):
    balanced = yg.EntropyBalancing().fit(cps).result_
    rows, target = cps.T == 0, cps.X[cps.T == 1].mean(axis=0)
    gamma = balanced.balance_weights[rows]
    for scale in (0.0, 1.0, 1e3):
        model = OutcomeModel(-scale, scale * np.random.default_rng(0).normal(size=10) / cps.X.std(axis=0))
        part = residual_balanced_mean(X=cps.X[rows], Y=cps.Y[rows], target=target, gamma=gamma, model=model)
        assert cps.Y[~rows].mean() - part.mean == pytest.approx(1406.30, abs=0.01)


def test_without_a_cap_and_with_balance_all_that_counts_the_model_no_longer_matters(cps):
    rows = cps.T == 0
    fit = ARB(zeta=0.9999, cap=False).fit(cps).result_
    assert fit.extras["control"]["largest_imbalance"] < 1e-5
    weighted = cps.Y[~rows].mean() - fit.balance_weights[rows] @ cps.Y[rows]
    assert fit.estimate == pytest.approx(weighted, abs=0.05)
    # Exact balance: a linear function of X added to everybody's outcome cancels.
    moved = ARB(zeta=0.9999, cap=False).fit(cps.replace(Y=cps.Y + cps.X @ (100 / cps.X.std(axis=0)))).result_
    assert moved.estimate == pytest.approx(fit.estimate, abs=0.05)


def test_the_weights_never_see_the_outcome(wide):
    other = wide.replace(Y=np.random.default_rng(0).normal(size=wide.n))
    assert np.array_equal(ARB().fit(wide).result_.balance_weights, ARB().fit(other).result_.balance_weights)


def test_a_binding_cap_is_said_and_taking_it_off_balances_better(cps):
    capped, free = ARB().fit(cps).result_, ARB(cap=False).fit(cps).result_
    assert any("weights of the control arm are at the cap" in note for note in capped.notes)
    assert not any("cap" in note for note in free.notes)
    assert free.extras["control"]["largest_imbalance"] < 0.1 * capped.extras["control"]["largest_imbalance"]


def test_binary_columns_keep_their_unit_unless_all_are_scaled(cps):
    default, every, none = (ARB(scaling=scaling).fit(cps).result_ for scaling in ("non-binary", "all", "none"))
    assert len({default.estimate, every.estimate, none.estimate}) == 3
    # In raw dollars only the earnings columns count.
    dollars = [cps.covariates.index(name) for name in ("re74", "re75")]
    gap = none.balance_weights[cps.T == 0] @ cps.X[cps.T == 0] - cps.X[cps.T == 1].mean(axis=0)
    assert np.abs(gap[dollars]).max() < 1.0
    gap = default.balance_weights[cps.T == 0] @ cps.X[cps.T == 0] - cps.X[cps.T == 1].mean(axis=0)
    assert np.abs(gap[dollars]).max() > 1.0


@pytest.mark.parametrize(
    "options",
    [{"zeta": 0.9}, {"mixing": 0.3}, {"cap": False}, {"folds": 5}, {"lambda_rule": "min"}, {"random_state": 2}],
    ids=str,
)
def test_every_option_reaches_the_estimate(options):
    # A far target, so that the cap binds, and a dense outcome, so that the penalty matters.
    study = arb_first(outcome="dense", n=120, p=100, random_state=5).study
    assert ARB(**options).fit(study).result_.estimate != ARB().fit(study).result_.estimate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lambda_rule": "2se"}, "lambda_rule is '2se'"),
        ({"scaling": "sd"}, "scaling is 'sd'"),
        ({"zeta": 1.0}, "zeta = 1.0"),
        ({"mixing": 0.0}, "mixing = 0.0"),
    ],
)
def test_an_impossible_option_is_refused_by_name(wide, options, message):
    with pytest.raises(yg.DataError, match=message):
        ARB(**options).fit(wide)


def test_rows_of_weight_zero_are_as_good_as_absent():
    rng = np.random.default_rng(1)
    study = arb_first(n=150, p=120, random_state=1).study
    keep, folds = rng.random(150) < 0.8, np.arange(150) % 5
    s = np.where(keep, rng.uniform(0.5, 2, 150), 0.0)
    whole = study.replace(sample_weight=s)  # a study built with these weights would leave the rows out itself
    part = yg.Study.from_arrays(study.X[keep], study.T[keep], study.Y[keep], sample_weight=s[keep])
    a, b = ARB(folds=folds).fit(whole).result_, ARB(folds=folds[keep]).fit(part).result_
    assert a.estimate == pytest.approx(b.estimate, rel=1e-6)
    assert a.se == pytest.approx(b.se, rel=1e-2)


def test_clusters_of_one_row_change_nothing_and_shared_noise_widens_the_interval():
    study = arb_first(n=200, p=100, random_state=2).study
    folds = np.arange(200) % 5
    alone = yg.Study.from_arrays(study.X, study.T, study.Y, groups=np.arange(200))
    plain = ARB(folds=folds).fit(study).result_
    assert ARB(folds=folds).fit(alone).result_.se == pytest.approx(plain.se)
    order = np.argsort(study.T, kind="stable")  # clusters inside arms
    groups = np.empty(200, dtype=int)
    groups[order] = np.arange(200) // 10
    Y = study.Y + 3 * np.random.default_rng(0).normal(size=20)[groups]
    clustered = yg.Study.from_arrays(study.X, study.T, Y, groups=groups)
    assert ARB().fit(clustered).result_.se > 1.5 * ARB().fit(study.replace(Y=Y)).result_.se


def test_a_sparse_effect_is_found_among_more_columns_than_rows_where_the_raw_difference_fails():
    errors, raw = [], []
    for seed in range(12):
        draw = arb_first(propensity="sparse", n=150, p=160, random_state=seed)
        result, truth = arb_and_truth(draw, folds=5, lambda_rule="min")
        errors.append(result.estimate - truth)
        Y, T = draw.study.Y, draw.study.T
        raw.append(Y[T == 1].mean() - Y[T == 0].mean() - truth)
    bound = 4 * np.std(errors) / np.sqrt(12)
    assert abs(np.mean(errors)) < bound
    assert abs(np.mean(raw)) > bound


@pytest.mark.slow
def test_the_misspecified_design_gives_the_published_error():
    pairs = (arb_and_truth(arb_misspec(random_state=seed)) for seed in range(100))
    errors = [result.estimate - truth for result, truth in pairs]
    # Published 0.249; the standard error of an RMSE over 100 draws is about 0.018.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(0.249, abs=0.05)


@pytest.mark.slow
def test_intervals_cover_in_a_sparse_linear_design():
    hits = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(400, 20))
        T = (rng.random(400) < 1 / (1 + np.exp(-0.5 * X[:, 0] - 0.5 * X[:, 1]))).astype(float)
        Y = X[:, :3].sum(axis=1) + T + rng.normal(size=400)
        low, high = ARB(folds=5).fit(yg.Study.from_arrays(X, T, Y)).result_.ci()
        hits.append(low <= 1 <= high)
    # Two standard errors of 200 draws around 95 %.
    assert 0.915 <= np.mean(hits) <= 0.985
