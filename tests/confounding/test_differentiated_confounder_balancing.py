"""DCB as an estimator: the published programme by options, units, the three estimands, and what it says of itself."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import advert_feedback, dcb_simulation
from yinguo.errors import DataError
from yinguo.kernels.differentiated_balance import differentiated_balance

DCB = yg.DifferentiatedConfounderBalancing
#: The programme as its authors ran it.
PUBLISHED = {"residual_weight": 1.0, "standardise": False, "balance_strength": 10.0}


def test_the_published_options_are_the_published_programme():
    draw = dcb_simulation(n=600, p=20)
    X, T, Y = draw.study.X, draw.study.T, draw.study.Y
    result = DCB(**PUBLISHED).fit(draw.study).result_
    bare = differentiated_balance(M=X[T == 0], Y=Y[T == 0], target=X[T == 1].mean(axis=0))
    assert np.array_equal(result.balance_weights[T == 0], bare.balance_weights)
    assert result.estimate == pytest.approx(Y[T == 1].mean() - bare.balance_weights @ Y[T == 0])
    adjusted = DCB(**PUBLISHED, regression_adjusted=True).fit(draw.study).result_
    assert adjusted.estimate == pytest.approx(result.estimate - bare.imbalance @ bare.beta)
    assert adjusted.estimate == adjusted.extras["regression_adjusted_estimate"]


def test_on_the_job_training_data_the_shipped_strengths_give_the_port_s_figure(cps):
    """An independent port, earnings in thousands and not centred, gave 1110.9 and 1125.0 (see the kernel's tests)."""
    result = DCB(residual_weight=1.0, balance_strength=10.0, outcome_scale=1000.0).fit(cps).result_
    assert result.estimate == pytest.approx(1110.9, abs=3)
    assert result.extras["regression_adjusted_estimate"] == pytest.approx(1125.0, abs=3)


@pytest.mark.parametrize("estimand", ["ATT", "ATC", "ATE"])
def test_on_a_linear_outcome_every_estimand_is_that_of_linear_regression_and_far_from_the_naive_one(estimand):
    for seed in range(2):
        draw = dcb_simulation(n=800, p=16, confounding_rate=0.8, random_state=seed)
        truth, Y, T = draw.truth[estimand], draw.study.Y, draw.study.T
        result = DCB(estimand=estimand, regression_adjusted=True).fit(draw.study).result_
        regression = yg.RegressionAdjustment(estimand=estimand).fit(draw.study).result_
        naive = Y[T == 1].mean() - Y[T == 0].mean()
        assert result.estimate == pytest.approx(regression.estimate, abs=0.5 * regression.se)
        assert abs(naive - truth) > 5 * abs(result.estimate - truth)


def test_with_a_rare_binary_outcome_the_default_is_right_where_the_published_programme_has_the_wrong_sign():
    draw = advert_feedback(n=5000, treatment="age>33")
    truth = draw.truth["ATT"]
    assert truth < -0.07
    assert DCB().fit(draw.study).result_.estimate == pytest.approx(truth, abs=0.03)
    published = DCB(residual_weight=1.0).fit(draw.study).result_
    assert published.estimate > 0
    note = {d.name: d.verdict for d in published.diagnostics}
    assert note["residual-selection"] != "ok"
    assert "residual-selection" not in {d.name for d in DCB().fit(draw.study).result_.diagnostics}


def test_the_unit_and_the_level_of_the_outcome_do_not_matter(study):
    plain = DCB().fit(study).result_
    moved = DCB().fit(study.replace(Y=1000 * study.Y - 5e4)).result_
    assert moved.estimate == pytest.approx(1000 * plain.estimate, rel=1e-6)
    assert np.allclose(moved.balance_weights, plain.balance_weights, atol=1e-8)


def test_the_treated_keep_equal_weights_for_the_att_and_each_arm_sums_to_one(study):
    for estimand in ("ATT", "ATC", "ATE"):
        w = DCB(estimand=estimand).fit(study).result_.balance_weights
        assert w.min() >= 0
        assert w[study.T == 1].sum() == pytest.approx(1)
        assert w[study.T == 0].sum() == pytest.approx(1)
    w = DCB(estimand="ATT").fit(study).result_.balance_weights[study.T == 1]
    assert np.ptp(w) == 0


def test_moments_of_higher_order_remove_a_bias_that_means_leave():
    errors = {1: [], 2: []}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(1500, 4))
        T = (rng.random(1500) < 1 / (1 + np.exp(-1.2 * X[:, 0] * X[:, 1] - 0.5 * X[:, 2]))).astype(float)
        Y = T + 2 * X[:, 0] * X[:, 1] + X[:, 2] + rng.normal(size=1500)
        study = yg.Study.from_arrays(X, T, Y)
        for order in errors:
            errors[order].append(DCB(moments=order).fit(study).result_.estimate - 1)
    assert np.mean(errors[1]) > 0.7
    assert abs(np.mean(errors[2])) < 0.12


def test_a_covariate_that_does_not_vary_among_the_controls_is_named():
    rng = np.random.default_rng(1)
    T = np.arange(200) % 2
    X = np.column_stack([rng.normal(size=200), T * rng.integers(0, 2, 200)]).astype(float)
    result = DCB().fit(yg.Study.from_arrays(X, T, rng.normal(size=200), covariates=("a", "b"))).result_
    assert any("constant among the control units" in note and "b" in note for note in result.notes)


def test_no_interval_is_claimed_and_the_coefficients_and_the_state_of_the_loop_are_reported(study):
    result = DCB(max_iter=3).fit(study).result_
    assert result.se is None
    assert "programme" in result.no_inference
    assert any("raise max_iter" in note for note in result.notes)
    arm = result.extras["control"]
    assert set(arm["outcome_coefficients"]) == {"constant", *study.covariates}
    assert not arm["converged"]
    assert {d.name for d in result.diagnostics} == {"outcome-weighted-balance", "balance", "weights"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"moments": 4}, "moments is 4"),
        ({"lasso_strength": -1.0}, "lasso_strength is -1.0"),
        ({"outcome_scale": 0.0}, "outcome_scale is 0.0"),
        ({"max_iter": 0}, "max_iter is 0"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(study, options, words):
    with pytest.raises(DataError, match=words):
        DCB(**options).fit(study)


def test_every_option_changes_the_result(study):
    plain = DCB().fit(study).result_.estimate
    for options in (
        {"estimand": "ATC"}, {"moments": 2}, {"regression_adjusted": True}, {"balance_strength": 1.0},
        {"outcome_strength": 1.0}, {"spread_strength": 1e5}, {"ridge_strength": 1e3}, {"lasso_strength": 50.0},
        {"residual_weight": 1.0}, {"standardise": False}, {"outcome_scale": 20.0}, {"max_iter": 3}, {"tolerance": 1.0},
    ):  # fmt: skip
        assert DCB(**options).fit(study).result_.estimate != plain, options
