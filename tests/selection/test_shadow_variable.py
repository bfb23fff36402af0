"""ShadowVariable: truth where unweighted and ignorable methods fail, its forms, its standard error, its warnings."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import yinguo as yg
from yinguo.datasets import collider_design

#: Root of the mean squared error of effects, selected and unselected units, with the true chances as weights, and
#: without weights: means of five draws of 20,000 rows, least squares on (1, x) in each arm.
CARD_ORACLE = {1: (0.030, 0.034), 3: (0.106, 0.130), 5: (0.220, 0.338)}


def effect_errors(effects, draw) -> np.ndarray:
    error, seen = (effects - draw.extras["tau"]) ** 2, draw.study.S == 1
    return np.sqrt([error[seen].mean(), error[~seen].mean()])


def weighted_lines(draw, weights) -> np.ndarray:
    """Effects by least squares in each arm among those seen, on covariates and shadow variable."""
    study = draw.study
    C, means = np.column_stack([study.X, study.V]), []
    for arm in (0, 1):
        rows = (study.S == 1) & (arm == study.T)
        means.append(LinearRegression().fit(C[rows], study.Y[rows], weights[rows]).predict(C))
    return means[1] - means[0]


@pytest.mark.parametrize(("beta", "unweighted"), [(1, 0.04), (3, 0.23), (5, 0.44)])
def test_effects_of_units_are_within_a_fifth_of_those_with_the_true_chances(beta, unweighted):
    errors = {"ours": [], "oracle": [], "none": []}
    for seed in range(5):
        draw = collider_design(beta=beta, random_state=seed, shadow=True)
        errors["ours"].append(effect_errors(yg.ShadowVariable().fit(draw.study).effects_, draw))
        errors["oracle"].append(effect_errors(weighted_lines(draw, 1 / draw.extras["chance_seen"]), draw))
        errors["none"].append(effect_errors(weighted_lines(draw, np.ones(draw.study.n)), draw))
    ours, oracle, none = (np.mean(errors[name], axis=0) for name in ("ours", "oracle", "none"))
    assert none[0] == pytest.approx(unweighted, abs=0.03)
    assert oracle == pytest.approx(CARD_ORACLE[beta], rel=0.25)
    assert (ours < 1.2 * oracle).all()
    assert (ours < 1.2 * np.array(CARD_ORACLE[beta])).all()
    if beta > 1:
        assert (ours < 0.5 * none).all()


def test_the_average_is_found_where_weighting_by_what_is_observed_is_wrong():
    found, naive = [], []
    for seed in range(10):
        draw = collider_design(beta=2, n=10_000, random_state=seed, shadow=True)
        found.append(yg.ShadowVariable().fit(draw.study).result_.estimate - 1)
        study, seen = draw.study, draw.study.S == 1
        chance = LogisticRegression().fit(np.column_stack([study.X, study.V, study.T]), study.S)
        w = 1 / chance.predict_proba(np.column_stack([study.X, study.V, study.T]))[:, 1]
        naive.append(weighted_lines(draw, w).mean() - 1)
        assert seen.any()
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(10)
    assert np.mean(naive) < -0.1


@pytest.mark.slow
@pytest.mark.parametrize("average", ["dr", "ipw"])
def test_intervals_cover(average):
    covered, rejected = [], []
    for seed in range(300):
        study = collider_design(beta=1, n=3000, random_state=1000 + seed, shadow=True).study
        result = yg.ShadowVariable(average=average).fit(study).result_
        low, high = result.ci()
        covered.append(low <= 1 <= high)
        rejected.append(result.extras["j_p_value"] < 0.05)
    assert 0.92 < np.mean(covered) < 0.975
    assert 0.02 < np.mean(rejected) < 0.09


def test_both_averages_agree_within_their_errors_and_double_robustness_is_steadier():
    study = collider_design(beta=1, n=5000, shadow=True).study
    dr, ipw = (yg.ShadowVariable(average=name).fit(study).result_ for name in ("dr", "ipw"))
    assert dr.estimate == pytest.approx(ipw.estimate, abs=3 * ipw.se)
    assert dr.se < 0.6 * ipw.se


def test_without_a_role_for_the_outcome_the_coefficient_is_zero_and_weights_change_little():
    """Selection by covariates and treatment alone is the special case that needs no shadow variable."""
    rng = np.random.default_rng(0)
    n = 6000
    x, v, e = rng.normal(size=(3, n))
    T = (rng.random(n) < 0.5).astype(float)
    S = (rng.random(n) < 1 / (1 + np.exp(-x - T))).astype(float)
    Y = np.where(S == 1, x + v + T + e, np.nan)
    result = yg.ShadowVariable().fit(yg.Study.from_arrays(x, T, Y, S=S, V=v)).result_
    found = result.extras
    assert abs(found["outcome_in_selection"]) < 3 * found["outcome_in_selection_se"]
    assert result.estimate == pytest.approx(1.0, abs=3 * result.se)


def binary_study(n: int, seed: int) -> yg.Study:
    """The worked example of the discrete equations in each arm; effect on P(Y=1) 0.2."""
    rng = np.random.default_rng(seed)
    v, T = rng.integers(0, 2, n) * 1.0, rng.integers(0, 2, n) * 1.0
    Y = (rng.random(n) < 0.2 + 0.4 * v + 0.2 * T).astype(float)
    S = (rng.random(n) < np.where(Y == 1, 0.3, 0.9)).astype(float)
    return yg.Study.from_arrays(np.zeros((n, 0)), T, np.where(S == 1, Y, np.nan), S=S, V=v)


def test_the_discrete_form_finds_the_odds_ratio_and_agrees_with_the_logistic_form_where_both_are_saturated():
    study = binary_study(60_000, 0)
    discrete = yg.ShadowVariable(form="discrete").fit(study)
    assert discrete.odds_.theta == pytest.approx([1 / 9, 7 / 3, 1 / 9, 7 / 3], rel=0.25)
    assert discrete.result_.estimate == pytest.approx(0.2, abs=3 * discrete.result_.se)
    logistic = yg.ShadowVariable(interactions=True, stabilise=False).fit(study)
    assert logistic.result_.estimate == pytest.approx(discrete.result_.estimate, rel=1e-4)
    assert logistic.result_.se == pytest.approx(discrete.result_.se, rel=1e-3)
    seen = study.S == 1
    naive = study.Y[seen & (study.T == 1)].mean() - study.Y[seen & (study.T == 0)].mean()
    assert abs(naive - 0.2) > 0.05


def test_the_discrete_form_refuses_what_it_cannot_solve_and_says_which():
    study = binary_study(400, 0)
    three = study.replace(Y=study.Y + (np.arange(400) % 3 == 0))
    with pytest.raises(yg.NotIdentifiedError, match="2 levels and the outcome 3"):
        yg.ShadowVariable(form="discrete").fit(three)
    with pytest.raises(yg.NotIdentifiedError, match="combinations"):
        yg.ShadowVariable(form="discrete").fit(collider_design(n=1000, shadow=True).study)


def bent(n: int, seed: int):
    """Log odds of being seen that rise with the square of the outcome: no logistic line."""
    rng = np.random.default_rng(seed)
    x, v, e = rng.normal(size=(3, n))
    T = (rng.random(n) < 0.5).astype(float)
    Y = 0.5 * x + v + T + 0.3 * e
    S = (rng.random(n) < 1 / (1 + np.exp(-0.3 + 0.8 * (Y - 0.5) ** 2))).astype(float)
    return yg.Study.from_arrays(x, T, np.where(S == 1, Y, np.nan), S=S, V=v), Y


def test_the_kernel_form_bends_where_the_logistic_form_is_wrong_and_its_test_says_so():
    errors = {"parametric": [], "kernel": []}
    for seed in range(3):
        study, Y = bent(4000, seed)
        truth = 0.3 - 0.8 * (Y - 0.5) ** 2
        for form in errors:
            found = yg.ShadowVariable(form=form).fit(study)
            seen = study.S == 1
            errors[form].append(np.mean((-np.log(found.odds_.w[seen]) - truth[seen]) ** 2))
            if form == "parametric":
                assert found.result_.extras["j_p_value"] < 1e-3
    assert np.mean(errors["kernel"]) < 0.5 * np.mean(errors["parametric"])


def test_a_shadow_variable_unrelated_to_the_outcome_is_no_silent_number():
    draw = collider_design(beta=1, n=3000, shadow=True)
    study = draw.study.replace(V=np.random.default_rng(1).normal(size=(3000, 1)))
    try:
        result = yg.ShadowVariable().fit(study).result_
    except yg.YinguoError as error:
        assert "shadow variable" in str(error)  # noqa: PT017
        return
    relevance = next(d for d in result.diagnostics if d.name == "shadow relevance")
    assert relevance.verdict == "stop"
    assert "identifies nothing" in relevance.sentence


def test_uneven_weights_and_arms_that_are_not_represented_are_said():
    result = yg.ShadowVariable().fit(collider_design(beta=5, shadow=True).study).result_
    verdicts = {d.name: d.verdict for d in result.diagnostics}
    assert verdicts["selection weights"] == "stop"
    mild = yg.ShadowVariable().fit(collider_design(beta=1, shadow=True).study).result_
    assert {d.verdict for d in mild.diagnostics} == {"ok"}


def test_exactly_as_many_moments_as_coefficients_leave_nothing_to_test():
    result = yg.ShadowVariable(rich=False).fit(collider_design(beta=1, n=2000, shadow=True).study).result_
    said = next(d for d in result.diagnostics if d.name == "shadow moments")
    assert said.verdict == "look"
    assert said.value is None


def test_missing_roles_and_misused_options_are_refused():
    draw = collider_design(n=500, shadow=True)
    with pytest.raises(yg.DataError, match="needs shadow"):
        yg.ShadowVariable().fit(collider_design(n=500).study)
    complete = yg.Study.from_arrays(draw.study.X, draw.study.T, draw.extras["outcome"], S=np.ones(500), V=draw.study.V)
    with pytest.raises(yg.DataError, match="never missing"):
        yg.ShadowVariable().fit(complete)
    for options, word in (
        ({"form": "neural"}, "form is 'neural'"),
        ({"average": "ols"}, "average is 'ols'"),
        ({"outcome_model": LogisticRegression()}, "give effect_model"),
        ({"average": "ipw", "propensity": LogisticRegression()}, "average='dr'"),
    ):
        with pytest.raises(yg.DataError, match=word):
            yg.ShadowVariable(**options).fit(draw.study)


def test_effects_average_over_the_shadow_variable_given_the_covariates():
    """The effect varies with V, which goes with X: its mean given X must be told."""
    rng = np.random.default_rng(0)
    n = 20_000
    x, u, e = rng.normal(size=(3, n))
    v = 0.8 * x + u
    T = (rng.random(n) < 0.5).astype(float)
    Y = v + T * (1 + v) + 0.5 * e
    S = (rng.random(n) < 1 / (1 + np.exp(-0.5 - 0.4 * Y))).astype(float)
    found = yg.ShadowVariable().fit(yg.Study.from_arrays(x, T, np.where(S == 1, Y, np.nan), S=S, V=v))
    assert found.effect([[0.0], [1.0]]) == pytest.approx([1.0, 1.8], abs=0.12)
