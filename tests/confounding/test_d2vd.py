"""D2VD: both sets found, less bias and spread than inverse weighting, and the identities of its transformed outcome."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.confounding.d2vd import decomposed_effect
from yinguo.datasets import advert_feedback, d2vd_design
from yinguo.errors import DataError, OverlapError


def separation(result, draw) -> list[float]:
    """True positive and true negative rate of the confounders, then of the adjusters."""
    names, out = set(draw.study.covariates), []
    for part in ("confounders", "adjusters"):
        found, true = set(result.extras[part]), set(draw.extras[part])
        out += [len(found & true) / len(true), len(names - found - true) / len(names - true)]
    return out


def compare(draws, **options):
    errors, peers, rates = [], [], []
    for seed in range(draws):
        draw = d2vd_design(random_state=seed, **options)
        result = yg.D2VD().fit(draw.study).result_
        errors.append(result.estimate - draw.truth["ATE"])
        peers.append(yg.IPW(estimand="ATE").fit(draw.study).result_.estimate - draw.truth["ATE"])
        rates.append(separation(result, draw))
    return np.array(errors), np.array(peers), np.mean(rates, axis=0)


def test_the_sets_are_found_and_bias_and_spread_are_below_those_of_inverse_weighting():
    ours, ipw, rates = compare(5, n=800, p=24, confounders=5, adjusters=8)
    assert (rates > 0.93).all(), rates
    assert np.sqrt(np.mean(ours**2)) < np.sqrt(np.mean(ipw**2))
    assert abs(ours.mean()) < 4 * ours.std() / np.sqrt(5)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"p": 100}, {"treatment": "threshold"}], ids=["p50", "p100", "threshold"])
def test_over_twenty_draws_bias_and_spread_are_below_inverse_weighting_and_separation_is_nearly_perfect(options):
    ours, ipw, rates = compare(20, **options)
    assert abs(ours.mean()) < abs(ipw.mean())
    assert ours.std() < ipw.std()
    assert (rates > 0.94).all(), rates


def test_the_mean_of_y_plus_equals_the_mean_of_its_regression():
    result = yg.D2VD(effect_penalty=0.1).fit(d2vd_design(n=600, p=10, confounders=2, adjusters=3).study).result_
    assert len(result.extras["modifiers"]) > 0
    assert result.extras["regression_estimate"] == pytest.approx(result.estimate, abs=1e-10)


def test_subtracting_adjustment_variables_narrows_the_spread_without_moving_the_mean():
    with_them, without = [], []
    for seed in range(12):
        study = d2vd_design(n=600, p=8, confounders=2, adjusters=4, random_state=seed).study
        options = {"treatment_penalty": 0.35, "effect_penalty": 0.7}
        with_them.append(yg.D2VD(outcome_penalty=0.25, **options).fit(study).result_.estimate)
        without.append(yg.D2VD(outcome_penalty=1.0, **options).fit(study).result_.estimate)
    assert np.std(with_them) < 0.7 * np.std(without)
    assert np.mean(with_them) == pytest.approx(1.0, abs=4 * np.std(with_them) / np.sqrt(12))


def test_on_the_advert_data_the_effect_and_the_causes_of_the_outcome_alone_are_found():
    draw = advert_feedback(n=4000, random_state=2)
    study, truth = draw.study, draw.truth["ATE"]
    result = yg.D2VD(folds=2).fit(study).result_
    assert abs(result.estimate - truth) < 4 * yg.IPW(estimand="ATE").fit(study).result_.se
    assert abs(result.estimate - truth) < abs(study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean() - truth)
    # The last six causes load on none of the hidden traits: they move the outcome alone.
    assert len(set(result.extras["adjusters"]) & set(draw.extras["causes"][-6:])) >= 3


def test_weights_propensity_and_notes_tell_what_was_done():
    study = d2vd_design(n=500, p=10, confounders=2, adjusters=3, strength=4.0).study
    result = yg.D2VD(clip=0.1).fit(study).result_
    e, T = result.propensity, study.T
    assert e[T == 1].min() >= 0.1
    assert e[T == 0].max() <= 0.9
    assert any("count as 0.1" in note for note in result.notes)
    assert np.allclose(result.balance_weights[T == 1] * np.sum(1 / e[T == 1]), 1 / e[T == 1])
    assert {d.name for d in result.diagnostics} == {"overlap", "balance", "weights"}
    assert result.se is None
    assert "chosen on the same rows" in result.no_inference


def test_a_randomised_treatment_leaves_nothing_to_weight_and_says_so():
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(400, 5)), np.arange(400) % 2
    study = yg.Study.from_arrays(X, T, T + 3 * X[:, 0] + rng.normal(size=400))
    result = yg.D2VD(treatment_penalty=1.0).fit(study).result_
    assert result.extras["confounders"] == ()
    assert "x1" in result.extras["adjusters"]
    assert any("without weights" in note for note in result.notes)
    assert result.estimate == pytest.approx(1.0, abs=0.4)


def test_a_treatment_decided_by_a_covariate_is_refused():
    rng = np.random.default_rng(1)
    T = np.arange(300) % 2
    X = np.column_stack([T + 0.1 * rng.random(300), rng.normal(size=300)])
    with pytest.raises(OverlapError, match="perfectly"):
        yg.D2VD().fit(yg.Study.from_arrays(X, T, rng.normal(size=300)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"outcome_penalty": 0.0}, "outcome_penalty is 0.0"), ({"treatment_penalty": 2}, "treatment_penalty is 2"),
        ({"clip": 0.5}, "clip is 0.5"), ({"propensity_strength": 0}, "propensity_strength is 0"),
        ({"max_iter": 0}, "max_iter is 0"), ({"folds": 1}, "folds is 1"),
    ],
)  # fmt: skip
def test_an_option_out_of_range_is_named_with_its_value(study, options, words):
    with pytest.raises(DataError, match=words):
        yg.D2VD(**options).fit(study)


def test_every_option_changes_the_result():
    study = d2vd_design(n=200, p=6, confounders=2, adjusters=2, strength=3.0).study
    fixed = {"outcome_penalty": 0.3, "treatment_penalty": 0.3, "effect_penalty": 0.5}

    def told(**options):
        result = yg.D2VD(**options).fit(study).result_
        return result.estimate, result.extras

    plain = told(**fixed)
    for options in (
        {"outcome_penalty": 0.99}, {"treatment_penalty": 0.99}, {"effect_penalty": 0.05}, {"propensity_strength": 0.5},
        {"clip": 0.2}, {"max_iter": 2},
    ):  # fmt: skip
        assert told(**fixed | options) != plain, options
    study = d2vd_design(n=200, p=12, confounders=4, adjusters=4, strength=1.0).study
    chosen = {str(told(effect_penalty=0.5, folds=folds, random_state=seed)) for folds in (2, 4) for seed in (0, 1)}
    assert len(chosen) > 2


def test_the_pure_function_agrees_with_the_class():
    study = d2vd_design(n=200, p=6, confounders=2, adjusters=2).study
    folds = np.arange(200) % 2
    B = np.column_stack([np.ones(200), (study.X - study.X.mean(axis=0)) / study.X.std(axis=0)])
    bare = decomposed_effect(B=B, groups=np.arange(7), T=study.T, Y=study.Y, folds=folds)
    assert yg.D2VD(folds=folds).fit(study).result_.estimate == bare.estimate
