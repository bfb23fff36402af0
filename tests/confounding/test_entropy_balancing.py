"""Entropy balancing: published figures, the identities that define it, its errors, and targets out of reach."""

import numpy as np
import pytest
from effect_toys import assert_influence, draw, replicate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import yinguo as yg
from yinguo.datasets import job_training
from yinguo.diagnose.balance import effective_sample_size

ESTIMANDS = ("ATT", "ATE", "ATC")

#: Card 0.1, 185 treated against CPS-1: estimate, effective number of controls, columns.
PUBLISHED = {"raw": (1406.30, 268.8, 10), "file": (1270.73, None, 8), "interaction": (1520.71, 102.5, 56)}


@pytest.mark.parametrize(("variables", "expected"), PUBLISHED.items())
def test_job_training_gives_the_published_figures(variables, expected):
    study = job_training(comparison="cps1", variables=variables).study
    result = yg.EntropyBalancing().fit(study).result_
    estimate, size, columns = expected
    assert result.estimate == pytest.approx(estimate, abs=6e-3)
    assert len(result.extras["balanced_terms"]) == columns
    if size is not None:
        assert effective_sample_size(result.balance_weights[study.T == 0]) == pytest.approx(size, abs=0.1)
    off = result.balance_weights @ (study.X * (2 * study.T - 1)[:, None]) / study.X[study.T == 0].std(axis=0)
    assert np.abs(off).max() < 1e-8


def test_moments_and_interactions_by_option_equal_the_columns_made_beforehand(cps):
    result = yg.EntropyBalancing(moments=2, interactions=True).fit(cps).result_
    assert result.estimate == pytest.approx(PUBLISHED["interaction"][0], abs=6e-3)
    assert len(result.extras["balanced_terms"]) == 56
    assert any(note.startswith("9 terms are collinear") for note in result.notes)


# -- identities --------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimand", ESTIMANDS)
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_it_makes_the_means_of_the_arms_equal(estimand, seed):
    study = draw(seed, n=200)
    w = yg.EntropyBalancing(estimand=estimand).fit(study).result_.balance_weights
    means = {arm: (w * (arm == study.T)) @ study.X for arm in (0, 1)}
    target = {"ATE": study.X, "ATT": study.X[study.T == 1], "ATC": study.X[study.T == 0]}[estimand].mean(axis=0)
    for arm in (0, 1):
        assert w[arm == study.T].sum() == pytest.approx(1.0, abs=1e-12)
        assert means[arm] == pytest.approx(target, abs=1e-8)
    assert (w > 0).all()


def test_log_weights_are_linear_in_the_covariates():
    study = draw(1)
    w = yg.EntropyBalancing().fit(study).result_.balance_weights[study.T == 0]
    D = np.column_stack([np.ones(len(w)), study.X[study.T == 0]])
    assert np.abs(np.log(w) - D @ np.linalg.lstsq(D, np.log(w), rcond=None)[0]).max() < 1e-9


def test_it_is_the_logit_fitted_by_balance_instead_of_likelihood():
    """Just-identified CBPS, or inverse probability tilting: odds exp(x'b) chosen so that the controls balance."""
    study = draw(2)
    Z = np.column_stack([np.ones(study.n), study.X])
    treated = study.T == 1

    def imbalance(b):
        return np.exp(Z[~treated] @ b) @ Z[~treated] - Z[treated].sum(axis=0)

    b = optimize.root(imbalance, np.zeros(4), tol=1e-12).x
    odds = np.exp(Z[~treated] @ b)
    tilted = study.Y[treated].mean() - odds @ study.Y[~treated] / odds.sum()
    assert yg.EntropyBalancing().fit(study).result_.estimate == pytest.approx(tilted, rel=1e-8)


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_adding_a_linear_function_of_the_covariates_to_the_outcome_changes_nothing(estimand):
    study = draw(3)
    moved = study.replace(Y=study.Y + study.X @ [100.0, -50.0, 7.0] + 1000.0)
    a, b = (yg.EntropyBalancing(estimand=estimand).fit(s).result_ for s in (study, moved))
    assert b.estimate == pytest.approx(a.estimate, abs=1e-6)
    if estimand == "ATT":  # the treated keep their own spread of X'b, so the error of other estimands may move
        assert b.se == pytest.approx(a.se, rel=1e-6)


def test_the_weighted_regression_of_the_outcome_gives_the_same_number():
    study = draw(4)
    result = yg.EntropyBalancing().fit(study).result_
    root = np.sqrt(result.balance_weights)[:, None]
    D = np.column_stack([study.T, np.ones(study.n), study.X])
    slope = np.linalg.lstsq(D * root, study.Y * root[:, 0], rcond=None)[0][0]
    assert slope == pytest.approx(result.estimate, rel=1e-8)


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_values_are_derivatives_in_the_weights(estimand, weighted):
    study = draw(5, n=100)
    if weighted:
        study = study.replace(sample_weight=np.random.default_rng(0).random(100) + 0.5)
    method = yg.EntropyBalancing(estimand=estimand, interactions=not weighted, tolerance=1e-13)
    assert_influence(method, study)


# -- truth -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_it_hits_the_truth_and_covers(estimand):
    found = replicate(yg.EntropyBalancing(estimand=estimand), estimand)
    assert abs(found.z) < 4
    assert 0.9 <= found.coverage <= 0.99


def test_a_wrong_balance_set_misses_the_truth():
    gaps = []
    for seed in range(50):
        study = draw(seed)
        part = yg.Study.from_arrays(study.X[:, 2:], study.T, study.Y)
        gaps.append(yg.EntropyBalancing(estimand="ATE").fit(part).result_.estimate - 1.0)
    assert np.mean(gaps) > 10 * np.std(gaps) / np.sqrt(50)


def test_clustered_errors_are_those_of_the_scores():
    study = draw(6, groups=40)
    result = yg.EntropyBalancing().fit(study).result_
    phi, G = result.scores - result.estimate, 40
    slow = np.sqrt(G / (G - 1) * sum(phi[study.groups == g].sum() ** 2 for g in range(G))) / study.n
    assert result.se == pytest.approx(slow, rel=1e-10)


# -- out of reach, extreme, odd ----------------------------------------------------------------------


def far(shift: float) -> yg.Study:
    rng = np.random.default_rng(0)
    T = np.arange(300) % 3 == 0
    X = rng.uniform(-1, 1, (300, 2))
    X[:, 1] += shift * T
    return yg.Study.from_arrays(X, T, X.sum(axis=1), covariates=["age", "income"])


def test_a_target_outside_the_other_arm_is_refused_and_the_covariate_named():
    with pytest.raises(yg.OverlapError, match=r"'income' stays .* standard deviations off.*Drop that term"):
        yg.EntropyBalancing().fit(far(2.5))


def test_a_target_near_the_edge_is_reached_by_a_few_units_and_the_weights_say_so():
    result = yg.EntropyBalancing().fit(far(0.9)).result_
    verdicts = {d.name: d.verdict for d in result.diagnostics}
    assert verdicts == {"balance": "ok", "weights": "stop"}
    assert result.balance_weights.max() > 0.1


@pytest.mark.parametrize(("estimand", "refused"), [("ATT", True), ("ATE", True), ("ATC", False)])
def test_a_level_that_one_arm_lacks_cannot_be_balanced_by_it(estimand, refused):
    study = draw(7)
    only = np.zeros(study.n)
    only[np.flatnonzero(study.T == 1)[:30]] = 1.0
    wider = study.replace(X=np.column_stack([study.X, only]), covariates=["a", "b", "c", "only_treated"])
    method = yg.EntropyBalancing(estimand=estimand)
    if refused:
        # It is collinear with the constant among the controls; dropping it as such would hide the imbalance.
        with pytest.raises(yg.OverlapError, match=r"'only_treated' stays .* standard deviations off"):
            method.fit(wider)
    else:
        assert np.abs(method.fit(wider).result_.balance_weights[only == 1]).max() < 1e-6


def test_collinear_terms_are_left_out_by_name_and_change_nothing():
    study = draw(8)
    X = np.column_stack([study.X, study.X[:, 0] + 2 * study.X[:, 1]])
    result = yg.EntropyBalancing().fit(study.replace(X=X, covariates=["a", "b", "c", "sum"])).result_
    assert result.notes == ("1 terms are collinear with others in a reweighted arm and were left out: sum.",)
    assert result.estimate == pytest.approx(yg.EntropyBalancing().fit(study).result_.estimate, rel=1e-8)


@pytest.mark.parametrize("moments", [1, 2])
def test_means_of_a_million_standard_deviations_and_tiny_units_change_nothing(moments):
    study = draw(9)
    wild = study.replace(X=study.X * [1.0, 1e-9, 1e9] + [1e6, 0.0, 0.0])
    a, b = (yg.EntropyBalancing(moments=moments).fit(s).result_ for s in (study, wild))
    assert b.estimate == pytest.approx(a.estimate, rel=1e-5)
    assert len(b.extras["balanced_terms"]) == len(a.extras["balanced_terms"])


def test_the_square_of_a_dummy_that_halves_the_sample_is_no_term_of_its_own():
    rng = np.random.default_rng(0)
    half = np.tile([0.0, 1.0], 100)  # centred and squared: the constant 1/4, up to rounding
    X = np.column_stack([rng.normal(size=200), half])
    T = rng.random(200) < 1 / (1 + np.exp(-X[:, 0]))
    study = yg.Study.from_arrays(X, T, X[:, 0] + T)
    result = yg.EntropyBalancing(moments=2).fit(study).result_
    assert result.extras["balanced_terms"] == ("x1", "x2", "x1^2")
    assert result.estimate == pytest.approx(1.0, abs=1e-6)


def test_heavy_tails_are_balanced_too():
    rng = np.random.default_rng(1)
    T = rng.random(2000) < 0.3
    X = np.column_stack([np.exp(2 * rng.normal(size=2000)), rng.standard_t(2, size=2000)])
    study = yg.Study.from_arrays(X, T, X[:, 1] + T)
    w = yg.EntropyBalancing().fit(study).result_.balance_weights
    assert np.abs(w @ (X * (2 * T - 1)[:, None]) / X.std(axis=0)).max() < 1e-8


@pytest.mark.parametrize(
    ("options", "message"),
    [({"moments": 4}, "moments is 4"), ({"moments": 0}, "moments is 0"), ({"tolerance": 0.0}, "tolerance is 0.0")],
)
def test_an_option_outside_its_range_is_named_with_its_value(study, options, message):
    with pytest.raises(yg.DataError, match=message):
        yg.EntropyBalancing(**options).fit(study)


def test_every_option_changes_the_result(study):
    plain = yg.EntropyBalancing().fit(study).result_.estimate
    for options in ({"estimand": "ATE"}, {"moments": 2}, {"moments": 3}, {"interactions": True}, {"tolerance": 0.05}):
        assert yg.EntropyBalancing(**options).fit(study).result_.estimate != plain
