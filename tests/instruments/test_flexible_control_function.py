"""Flexible control function: a curve that is not additive in what is unmeasured, ranks, and what was never seen."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

import yinguo as yg
from yinguo.instruments.flexible_control_function import control_ranks

QUADRATIC = make_pipeline(PolynomialFeatures(2), LinearRegression())
LINEAR = {"treatment_model": LinearRegression(), "outcome_model": LinearRegression()}


def uneven(seed, n=2000, strength=1.0):
    """The effect of a unit is 1 + V: those with much of what is unmeasured also gain more."""
    rng = np.random.default_rng(seed)
    Z, X, V = rng.normal(size=(3, n))
    T = strength * Z + 0.5 * X + V
    return yg.Study.from_arrays(X, T, T * (1 + V) + X + 0.5 * rng.normal(size=n), Z=Z)


def test_the_networks_find_a_curve_that_regression_on_treatment_and_covariates_does_not():
    rng = np.random.default_rng(0)
    n = 2000
    Z, X, V = rng.normal(size=(3, n))
    T = 1.2 * Z + 0.4 * X + V
    study = yg.Study.from_arrays(X, T, np.exp(-(T**2)) * 3 + X + 1.5 * V + 0.5 * rng.normal(size=n), Z=Z)
    fit = yg.FlexibleControlFunction().fit(study)
    t = np.linspace(-2, 2, 9)
    truth = 3 * np.exp(-(t**2)) - 3 * np.exp(-(t**2)).mean()
    found = fit.predict(np.zeros((9, 1)), t)
    D = np.column_stack([study.X, study.T[:, None] ** np.arange(8)])
    slopes = np.linalg.lstsq(D, study.Y, rcond=None)[0][1:]
    naive = t[:, None] ** np.arange(8) @ slopes
    error, wrong = (np.sqrt(np.mean((g - g.mean() - truth) ** 2)) for g in (found, naive))
    assert error < 0.25
    assert wrong > 2.5 * error
    assert fit.result_.se is None


@pytest.mark.parametrize("control", ["residual", "rank"])
def test_effects_that_grow_with_what_is_unmeasured_are_averaged_rightly(control):
    options = {"treatment_model": LinearRegression(), "outcome_model": QUADRATIC, "control": control}
    found = [yg.FlexibleControlFunction(**options).fit(uneven(seed)).result_.estimate for seed in range(15)]
    # The rank of V, squared and multiplied with T, only comes near V itself.
    assert np.mean(found) == pytest.approx(1.0, abs=0.05 if control == "residual" else 0.15)


def test_linear_learners_come_near_two_stage_least_squares_and_the_out_of_fold_residual_has_its_part():
    rng = np.random.default_rng(1)
    Z, V = rng.normal(size=(2, 3000))
    T = Z + V
    study = yg.Study.from_arrays(np.empty((3000, 0)), T, 2 * T + V + rng.normal(size=3000), Z=Z)
    peer = yg.TwoStageLeastSquares().fit(study).result_
    ours = yg.FlexibleControlFunction(**LINEAR).fit(study)
    assert ours.result_.estimate == pytest.approx(peer.estimate, abs=0.2 * peer.se)
    assert ours.result_.extras["first_stage_r2"] == pytest.approx(0.5, abs=0.05)
    assert ours.effect(None, 0.0, [1.0])[0] == pytest.approx(ours.result_.estimate, rel=1e-6)


def test_the_curve_is_the_mean_over_values_of_the_control_variable_in_blocks_or_not(monkeypatch):
    from yinguo.instruments import flexible_control_function as module

    study = uneven(2, n=300)
    fit = yg.FlexibleControlFunction(treatment_model=LinearRegression(), outcome_model=QUADRATIC, values=7).fit(study)
    whole = fit.predict(study.X, study.T)
    slow = [
        np.mean([fit.outcome_fit_.predict([[t, x, v]])[0] for v in fit.control_values_])
        for t, x in zip(study.T[:5], study.X[:5, 0], strict=True)
    ]
    assert whole[:5] == pytest.approx(slow, rel=1e-9)
    monkeypatch.setattr(module, "BLOCK", 20)
    assert fit.predict(study.X, study.T) == pytest.approx(whole, rel=1e-9)


def test_ranks_are_uniform_and_free_of_spread_that_varies():
    rng = np.random.default_rng(3)
    z = rng.random(5000) + 0.2
    V = z * rng.normal(size=5000)
    ranks, flat = control_ranks(V, z), control_ranks(V, np.ones(5000))
    assert sorted(ranks) == pytest.approx((np.arange(5000) + 0.5) / 5000)
    spread = [np.std(r[z > 0.9]) / np.std(r[z < 0.4]) for r in (ranks, flat)]
    assert spread[0] == pytest.approx(1.0, abs=0.08)
    assert spread[1] > 1.2


def test_weak_instruments_leave_the_outcome_model_to_guess_and_the_check_says_so():
    verdicts = {}
    for strength in (0.1, 3.0):
        result = yg.FlexibleControlFunction(**LINEAR).fit(uneven(4, strength=strength)).result_
        verdicts[strength] = next(d for d in result.diagnostics if d.name == "control-support")
    assert verdicts[0.1].verdict == "stop"
    assert verdicts[3.0].value < 0.4 * verdicts[0.1].value
    assert "guesses" in verdicts[0.1].sentence


def test_a_scale_of_the_outcome_is_no_obstacle_to_the_networks():
    study = uneven(5, n=250)
    small, large = (
        yg.FlexibleControlFunction().fit(s).result_.estimate for s in (study, study.replace(Y=1e6 * study.Y))
    )
    assert large == pytest.approx(1e6 * small, rel=1e-3)


def test_senseless_options_and_two_values_are_refused():
    study = uneven(6, n=300)
    with pytest.raises(yg.DataError, match="control is 'copula'"):
        yg.FlexibleControlFunction(control="copula").fit(study)
    with pytest.raises(yg.DataError, match="values is 1"):
        yg.FlexibleControlFunction(values=1).fit(study)
    with pytest.raises(yg.DataError, match="is binary"):
        yg.FlexibleControlFunction().fit(study.replace(T=(study.T > 0).astype(float)))
    with pytest.raises(yg.DataError, match="determine the treatment"):
        yg.FlexibleControlFunction(**LINEAR).fit(study.replace(T=study.Z[:, 0] + study.X[:, 0]))
