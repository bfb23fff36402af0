"""Causal regression: every structure of the reconstruction, violations that are noticed, one that cannot be."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.bench.causal_regression import draw
from yinguo.datasets import causal_regression_design, var_design
from yinguo.datasets.causal_regression_design import STRUCTURES

#: Total and direct effect of t on y.
TRUTH = {
    "effect": (0.5, 0.5), "hidden": (0.5, 0.5), "chain": (0.49, 0.0), "fork": (0.0, 0.0), "collider": (0.0, 0.0),
    "m": (0.0, 0.0), "reverse": (0.0, 0.0), "confounder": (0.0, 0.0),
}  # fmt: skip
#: What the estimates come to where an assumption fails: c / a more for a lagged edge of size c.
WRONG = {"memory": 0.80, "lag edge": 0.5 + 0.3 / 0.8}


@pytest.fixture(scope="module")
def fits():
    """Three draws of every structure: total and direct."""
    found = {}
    for structure in STRUCTURES:
        draws = [causal_regression_design(structure=structure, random_state=seed).study for seed in range(3)]
        found[structure] = [
            [yg.CausalRegression(effect=effect).fit(study).result_ for study in draws] for effect in ("total", "direct")
        ]
    return found


def checks(result):
    return {d.name: d for d in result.diagnostics}


@pytest.mark.parametrize("structure", TRUTH)
def test_total_and_direct_effects_are_right_whatever_connects_the_two(fits, structure):
    for results, truth in zip(fits[structure], TRUTH[structure], strict=True):
        assert np.mean([r.estimate for r in results]) == pytest.approx(truth, abs=0.05)
        assert all(checks(r)["first-stage"].verdict == "ok" for r in results)


@pytest.mark.parametrize("structure", [name for name in TRUTH if name != "m"])
def test_least_squares_on_the_same_step_is_wrong_on_the_same_draws(structure):
    study = causal_regression_design(structure=structure, random_state=0).study
    D = np.column_stack([np.ones(study.n), study.T, study.X])
    for truth in TRUTH[structure]:
        assert abs(np.linalg.lstsq(D, study.Y, rcond=None)[0][1] - truth) > 0.2


@pytest.mark.parametrize("structure", WRONG)
def test_violations_lead_where_theory_says_and_are_noticed(fits, structure):
    for results in fits[structure]:
        assert np.mean([r.estimate for r in results]) == pytest.approx(WRONG[structure], abs=0.05)
        name, verdict = ("memory", "stop") if structure == "memory" else ("residual-correlation", "look")
        assert all(checks(r)[name].verdict == verdict for r in results)


def test_a_weak_instrument_is_a_stop_in_most_draws(fits):
    total, direct = fits["weak"]
    assert sum(checks(r)["first-stage"].verdict == "stop" for r in (*total, *direct)) >= 4


def test_the_memory_check_keeps_its_level_where_there_is_no_memory():
    rejected = []
    for seed in range(150):
        study = causal_regression_design(structure="hidden", steps=400, random_state=seed).study
        rejected.append(checks(yg.CausalRegression().fit(study).result_)["memory"].verdict == "stop")
    assert np.mean(rejected) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 150)


def test_a_lagged_edge_and_a_larger_effect_with_a_hidden_cause_follow_the_same_law():
    """Why no check can tell them apart: equal lag matrices and equal noise give equal moments of every order."""
    a, edge, effect = np.array([0.8, 0.7]), 0.3, 0.5
    B, A = np.array([[0, 0], [effect, 0]]), np.diag(a) + np.array([[0, 0], [edge, 0]])
    M = np.linalg.inv(np.eye(2) - B)
    other = np.array([[0, 0], [effect + edge / a[0], 0]])
    M_other = np.linalg.inv(np.eye(2) - other)
    assert pytest.approx(M_other @ np.diag(a)) == M @ A
    noise = np.linalg.inv(M_other) @ M @ M.T @ np.linalg.inv(M_other).T  # of the other's errors: a hidden cause
    assert noise[0, 1] != 0
    assert np.linalg.eigvalsh(noise).min() > 0


@pytest.mark.parametrize(("structure", "verdict"), [("hidden", "ok"), ("lag edge", "look")])
def test_with_an_instrument_of_the_treatment_over_identification_tells_them_apart(structure, verdict):
    study = draw(np.random.default_rng(1), structure=structure, driver=True).study
    result = yg.CausalRegression().fit(study).result_
    assert checks(result)["over-identification"].verdict == verdict
    assert not any("not used" in note for note in result.notes)


@pytest.mark.parametrize(
    ("direction", "effect", "back"), [("forward", 1.0, 0.0), ("reverse", 0.0, 1.0), ("none", 0.0, 0.0)]
)
def test_both_directions_of_the_var_are_told(direction, effect, back):
    study = var_design(direction=direction, random_state=0).study
    assert yg.CausalRegression().fit(study).result_.estimate == pytest.approx(effect, abs=0.05)
    turned = study.replace(T=study.Y, Y=study.T)
    assert yg.CausalRegression().fit(turned).result_.estimate == pytest.approx(back, abs=0.05)


def test_intervals_cover_also_with_errors_clustered_by_series():
    covered, few = [], []
    for seed in range(150):
        study = var_design(series=60, steps=12, random_state=seed).study
        result = yg.CausalRegression().fit(study).result_
        covered.append(abs(result.estimate - 1) < 1.96 * result.se)
        study = causal_regression_design(structure="hidden", steps=500, random_state=seed).study
        result = yg.CausalRegression().fit(study).result_
        few.append(abs(result.estimate - 0.5) < 1.96 * result.se)
    for share in (np.mean(covered), np.mean(few)):
        assert abs(share - 0.95) < 4 * np.sqrt(0.05 * 0.95 / 150)


def test_it_is_two_stage_least_squares_on_the_table_of_the_past():
    study = causal_regression_design(structure="hidden", steps=300, random_state=0).study
    for lags in (1, 2):
        ours = yg.CausalRegression(lags=lags).fit(study)
        theirs = yg.TwoStageLeastSquares().fit(ours.stage_).result_
        assert ours.result_.estimate == pytest.approx(theirs.estimate, rel=1e-12)
        assert ours.result_.se == pytest.approx(theirs.se, rel=1e-12)
        assert ours.result_.n == 301 - lags
        assert ("over-identification" in checks(ours.result_)) == (lags > 1)
    direct = yg.CausalRegression(effect="direct").fit(study)
    theirs = yg.TwoStageLeastSquares(endogenous=["c", "d"]).fit(direct.stage_).result_
    assert direct.result_.estimate == pytest.approx(theirs.estimate, rel=1e-12)
    assert direct.result_.se == pytest.approx(theirs.se, rel=1e-12)
    assert set(direct.coefficients_) == {"t", "c", "d"}


def test_a_learner_follows_a_curve_that_a_line_does_not():
    rng = np.random.default_rng(0)
    n = 3000
    T, Y = np.zeros(n), np.zeros(n)
    for t in range(1, n):
        U = 0.5 * rng.normal()
        T[t] = 0.8 * T[t - 1] + U + 0.5 * rng.normal()
        Y[t] = 0.5 * Y[t - 1] + T[t] ** 2 + 2 * U + 0.3 * rng.normal()
    study = yg.Study.from_arrays(np.empty((n, 0)), T, Y, time=np.arange(n))
    fit = yg.CausalRegression(learner=yg.Poly2SLS()).fit(study)
    grid = np.linspace(-1.5, 1.5, 7)
    past = np.zeros((7, fit.stage_.X.shape[1]))
    curve = fit.learner_.predict(past, grid) - fit.learner_.predict(past, 0.0)
    assert np.sqrt(np.mean((curve - grid**2) ** 2)) < 0.4
    line = yg.CausalRegression().fit(study).result_.estimate
    assert np.sqrt(np.mean((line * grid - grid**2) ** 2)) > 1.0


@pytest.mark.parametrize(
    ("options", "word"),
    [({"effect": "partial"}, "'partial'"), ({"lags": 0}, "lags is 0"), ({"lags": 1.5}, "lags is 1.5"),
     ({"learner": yg.AIPW()}, "method with instruments"),
     ({"effect": "direct", "learner": yg.KernelIV()}, "total")],
)  # fmt: skip
def test_an_option_that_makes_no_sense_is_refused_by_name(options, word):
    study = causal_regression_design(steps=100).study
    with pytest.raises(yg.DataError, match=word):
        yg.CausalRegression(**options).fit(study)


def test_times_that_make_no_steps_are_refused_with_the_place():
    study = causal_regression_design(steps=60).study
    with pytest.raises(yg.DataError, match="needs time"):
        yg.CausalRegression().fit(study.replace(time=None))
    with pytest.raises(yg.DataError, match=r"value 4 twice; name the column that tells series apart"):
        yg.CausalRegression().fit(study.replace(time=np.where(study.time == 5, 4.0, study.time)))
    with pytest.raises(yg.DataError, match="goes from 19 to 21, while the usual step is 1"):
        yg.CausalRegression().fit(study.take(study.time != 20))
    with pytest.raises(yg.DataError, match="1 earlier step"):
        yg.CausalRegression().fit(study.replace(groups=np.arange(study.n)))


def test_series_are_kept_apart_and_rows_may_come_in_any_order():
    study = causal_regression_design(steps=200, series=3, random_state=1).study
    result = yg.CausalRegression().fit(study).result_
    mixed = study.take(np.random.default_rng(0).permutation(study.n))
    assert yg.CausalRegression().fit(mixed).result_.estimate == pytest.approx(result.estimate, rel=1e-9)
    assert result.n == 600
    assert any("too few to cluster" in note for note in result.notes)
