"""2SSI: the target on its design, what each of its parts does, and its refusals."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

import yinguo as yg
from yinguo.datasets import two_biases
from yinguo.selection.two_stage_shadow_inclusion import spare_direction


def errors(curve, draw) -> list[float]:
    return [points.squared_error(curve.predict) for points in draw.extras["test"].values()]


def test_on_its_design_it_is_nearer_than_printed_and_than_regression_without_the_residual():
    """Printed are 0.154 and 1.278; least squares on the same features has the bias of confounding."""
    found = [errors(yg.TwoStageShadowInclusion().fit(draw.study), draw) for draw in map(seeded, (1, 2))]
    assert np.mean(found, axis=0)[0] < 0.154
    assert np.mean(found, axis=0)[1] < 1.278


def seeded(seed: int):
    return two_biases(random_state=seed)


def both_biases(n: int, seed: int) -> yg.Study:
    """Most of the outcome's noise is not in the residual, so that selection by the outcome does bias it. g = 2 t."""
    rng = np.random.default_rng(seed)
    X, Z, U, V = rng.normal(size=(4, n))
    T = 0.3 * X + Z + U
    Y = 2 * T + X + U + 2 * V
    S = (rng.random(n) < 1 / (1 + np.exp(1.5 * T - Y))).astype(float)
    return yg.Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), Z=Z, S=S)


def test_both_biases_are_removed_where_either_remedy_alone_is_not_enough():
    slopes = {"both": [], "residual only": [], "neither": []}
    for seed in range(6):
        study = both_biases(6000, seed)
        slopes["both"].append(yg.TwoStageShadowInclusion(centres=20).fit(study).result_.estimate)
        slopes["residual only"].append(
            yg.TwoStageShadowInclusion(centres=20, weighted=False).fit(study).result_.estimate
        )
        seen = study.S == 1
        D = np.column_stack([np.ones(seen.sum()), study.T[seen], study.X[seen]])
        slopes["neither"].append(np.linalg.lstsq(D, study.Y[seen], rcond=None)[0][1])
    gap = {name: abs(np.mean(values) - 2) for name, values in slopes.items()}
    assert gap["both"] < 0.07
    assert gap["residual only"] > 0.1
    assert gap["neither"] > 0.1


def test_without_weights_and_for_linear_data_it_is_a_control_function():
    rng = np.random.default_rng(0)
    Z, U = rng.normal(size=(2, 4000))
    T = Z + U
    S = (rng.random(4000) < 0.7).astype(float)
    study = yg.Study.from_arrays(np.empty((4000, 0)), T, np.where(S == 1, 2 * T + U, np.nan), Z=Z, S=S)
    assert yg.TwoStageShadowInclusion(weighted=False).fit(study).result_.estimate == pytest.approx(2.0, abs=0.03)


def test_the_spare_direction_says_who_is_seen_and_nothing_of_the_treatment():
    rng = np.random.default_rng(0)
    n = 20_000
    Z, X, u = rng.normal(size=(n, 2)), rng.normal(size=(n, 1)), rng.normal(size=n)
    T = Z[:, 0] + X[:, 0] + u
    S = (rng.random(n) < 1 / (1 + np.exp(-Z[:, 0] - Z[:, 1]))).astype(float)
    phi = spare_direction(Z, X, T, S)
    assert abs(np.corrcoef(phi[:, 0], T)[0, 1]) < 0.02
    assert np.corrcoef(phi[:, 0], Z[:, 1])[0, 1] > 0.98
    assert spare_direction(Z[:, :1], X, T, S).shape == (n, 0)


def test_checks_speak_of_first_stage_relevance_and_moments():
    result = yg.TwoStageShadowInclusion(centres=20).fit(both_biases(3000, 0)).result_
    assert {"shadow relevance", "shadow moments"} < {d.name for d in result.diagnostics}
    assert result.se is None


def test_a_kernel_of_the_treatment_bends():
    rng = np.random.default_rng(0)
    Z, U = rng.normal(size=(2, 4000))
    T = Z + 0.5 * U
    S = (rng.random(4000) < 0.7).astype(float)
    Y = np.where(S == 1, np.sin(1.5 * T) + U, np.nan)
    study = yg.Study.from_arrays(np.empty((4000, 0)), T, Y, Z=Z, S=S)
    curve = yg.TwoStageShadowInclusion(weighted=False, treatment_features="kernel").fit(study)
    assert curve.effect(None, [-1.0], [1.0]) == pytest.approx([2 * np.sin(1.5)], abs=0.3)


def test_misused_options_and_studies_are_refused():
    study = both_biases(300, 0)
    for options, word in (
        ({"treatment_features": "cubic"}, "treatment_features is 'cubic'"),
        ({"centres": 0}, "centres is 0"),
    ):
        with pytest.raises(yg.DataError, match=word):
            yg.TwoStageShadowInclusion(**options).fit(study)
    with pytest.raises(yg.DataError, match="needs instruments"):
        yg.TwoStageShadowInclusion().fit(study.replace(Z=None))


def test_the_paper_s_form_is_nearer_on_the_unselected_than_trees_after_a_few_rounds():
    """Trees forget both biases and cannot extrapolate: about 15."""
    draw = two_biases(n=1000, random_state=1)
    seen = draw.study.S == 1
    trees = HistGradientBoostingRegressor(random_state=0)
    trees.fit(np.column_stack([draw.study.X, draw.study.T])[seen], draw.study.Y[seen])
    points = draw.extras["test"]["unselected"]
    of_trees = points.squared_error(lambda X, T: trees.predict(np.column_stack([X, T])))
    curve = yg.TwoStageShadowInclusion(variant="paper", epochs=8, odds_epochs=20).fit(draw.study)
    assert points.squared_error(curve.predict) < 0.5 * of_trees


def test_the_paper_s_form_repeats_itself_and_its_options_do_something():
    study = both_biases(400, 0)
    fit = lambda **options: (  # noqa: E731
        yg.TwoStageShadowInclusion(**({"variant": "paper", "epochs": 2, "inner_steps": 2, "odds_epochs": 5} | options))
        .fit(study)
        .result_
    )
    plain = fit()
    assert plain.se is None
    assert fit().estimate == plain.estimate
    for name, value in {
        "epochs": 3, "inner_steps": 3, "odds_epochs": 6, "learning_rate": 0.01, "stage1_penalty": 1.0,
        "stage2_penalty": 1.0, "independence_strength": 10.0, "odds_penalty": 5.0, "random_state": 1, "club_width": 4,
    }.items():  # fmt: skip
        assert fit(**{name: value}).estimate != plain.estimate, name


def test_the_paper_s_form_takes_a_study_without_covariates_and_refuses_too_few_rows():
    study = both_biases(300, 0)
    brief = {"variant": "paper", "epochs": 2, "inner_steps": 2, "odds_epochs": 2}
    bare = yg.Study.from_arrays(np.empty((300, 0)), study.T, study.Y, Z=study.Z, S=study.S)
    assert np.isfinite(yg.TwoStageShadowInclusion(**brief).fit(bare).result_.estimate)
    one = study.take(np.r_[np.flatnonzero(study.S == 1)[:20], np.flatnonzero(study.S == 0)[:1]])
    with pytest.raises(yg.DataError, match="at least 2 of either"):
        yg.TwoStageShadowInclusion(**brief).fit(one)
    for options, word in (({"variant": "third"}, "variant is 'third'"), ({"club_width": 0} | brief, "club_width is 0")):
        with pytest.raises(yg.DataError, match=word):
            yg.TwoStageShadowInclusion(**options).fit(study)
