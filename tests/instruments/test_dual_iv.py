"""DualIV: the authors' closed form, the curve it finds, and what letting the opponent see the outcome does."""

import numpy as np
import pytest
from kernel_toys import AVERAGE_SLOPE, confounded_error, grid, squared_error, toy

import yinguo as yg
from yinguo.kernels.gaussian import gaussian_kernel, median_bandwidth


@pytest.mark.parametrize("outcome_in_dual", [False, True])
def test_it_is_the_closed_form_of_the_paper(outcome_in_dual):
    """The function ``dualiv`` of krikamol/DualIV-NeurIPS2020, typed again, with covariates on both sides."""
    study, n = toy(n=150), 150
    lam1, lam2, y = 1e-2, 1e-2, study.Y - study.Y.mean()
    TX = np.column_stack([study.T, study.X])
    W = np.column_stack([y, study.Z, study.X] if outcome_in_dual else [study.Z, study.X])
    vx, vw = median_bandwidth(TX), median_bandwidth(W)
    K, L = gaussian_kernel(TX, TX, vx), gaussian_kernel(W, W, vw)
    M = K @ np.linalg.solve(L + n * lam1 * np.eye(n), L)
    beta = np.linalg.lstsq(M @ K + n * lam2 * K, M @ y, rcond=1e-13)[0]
    X, T = grid(50)
    expected = study.Y.mean() + gaussian_kernel(np.column_stack([T, X]), TX, vx) @ beta
    method = yg.DualIV(outcome_in_dual=outcome_in_dual, dual_penalty=lam1, curve_penalty=lam2).fit(study)
    assert method.predict(X, T) == pytest.approx(expected, abs=1e-4)


def test_it_finds_the_curve_that_confounded_regression_misses():
    studies = [toy(seed) for seed in range(6)]
    errors = [squared_error(yg.DualIV().fit(study).predict) for study in studies]
    naive = [confounded_error(study) for study in studies]
    assert min(naive) > 1.0
    assert max(errors) < 0.4
    assert np.mean(errors) < 0.1 * np.mean(naive)


def test_more_rows_bring_the_curve_and_the_average_slope_nearer():
    few, many = ([yg.DualIV().fit(toy(s, n)) for s in range(4)] for n in (300, 1500))
    assert np.mean([squared_error(m.predict) for m in many]) < 0.5 * np.mean([squared_error(m.predict) for m in few])
    gaps = [abs(np.mean([m.result_.estimate for m in group]) - AVERAGE_SLOPE) for group in (few, many)]
    assert gaps[1] < gaps[0]
    assert gaps[1] < 0.2


def test_an_opponent_that_sees_the_outcome_is_content_with_the_confounded_curve():
    """The paper's dual. Its curve does not near the truth with more rows; the slope of regression is about 0.3."""
    slopes, errors = {}, {}
    for n in (300, 900):
        methods = [yg.DualIV(outcome_in_dual=True).fit(toy(s, n)) for s in range(3)]
        slopes[n] = np.mean([m.result_.estimate for m in methods])
        errors[n] = np.mean([squared_error(m.predict) for m in methods])
    assert max(slopes.values()) < AVERAGE_SLOPE - 0.5
    assert errors[900] > 0.8 * errors[300] > 0.3
    assert any("confounded" in note for note in methods[0].result_.notes)


def test_two_lines_show_why_the_outcome_must_stay_out():
    """T = Z + U, Y = T + U: outcome and instrument determine the treatment, so E[f - Y | Y, Z] is f - Y itself."""
    slopes: dict = {True: [], False: []}
    for seed in range(6):
        Z, U = np.random.default_rng(seed).normal(size=(2, 600))
        study = yg.Study.from_arrays(np.empty((600, 0)), Z + U, Z + 2 * U, Z=Z)
        for seen, found in slopes.items():
            found.append(yg.DualIV(outcome_in_dual=seen).fit(study).effect(None, [-1.0], [1.0])[0] / 2)
    # Regression gives cov(T, Y) / var(T) = 3 / 2; the effect is 1.
    assert np.mean(slopes[True]) == pytest.approx(1.5, abs=0.05)
    assert np.mean(slopes[False]) == pytest.approx(1.0, abs=0.2)


def test_given_the_same_penalties_it_is_adversarial_gmm():
    study = toy()
    adversarial = yg.KernelAGMM(penalty_scale=10.0).fit(study)
    squared = adversarial.result_.extras["delta"] ** 2
    dual = yg.DualIV(dual_penalty=squared, curve_penalty=10.0 * squared / (2 * 600**2)).fit(study)
    assert dual.predict(*grid()) == pytest.approx(adversarial.predict(*grid()), rel=1e-9, abs=1e-10)


def test_an_approximation_of_many_centres_is_the_exact_method():
    fixed = {"dual_penalty": 1e-3, "curve_penalty": 1e-3}
    exact = yg.DualIV(**fixed).fit(toy()).predict(*grid())
    near = yg.DualIV(**fixed, approximation="nystrom", centres=600).fit(toy()).predict(*grid())
    rough = yg.DualIV(**fixed, approximation="nystrom", centres=10).fit(toy()).predict(*grid())
    assert near == pytest.approx(exact, abs=1e-6)
    assert np.abs(rough - exact).max() > 0.05


def test_what_was_chosen_is_told():
    result = yg.DualIV(dual_penalty=[1.0, 10.0], curve_penalty=0.01).fit(toy()).result_
    assert result.extras["dual_penalty"] == 1.0
    assert result.extras["curve_penalty"] == 0.01
    assert [note for note in result.notes if note.startswith("dual_penalty: the best penalty, 1, is the smallest")]
    assert result.diagnostics[0].name == "first-stage"
    assert result.se is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bandwidth": "wide"}, "bandwidth is 'wide'"),
        ({"approximation": "rff"}, "approximation is 'rff'"),
        ({"dual_penalty": 0.0}, "dual_penalty is 0.0"),
        ({"curve_penalty": [-1.0]}, r"curve_penalty is \[-1.0\]"),
        ({"folds": 1}, "folds is 1"),
    ],
)
def test_wrong_options_are_named_with_their_value(options, words):
    with pytest.raises(yg.DataError, match=words):
        yg.DualIV(**options).fit(toy(n=100))
