"""KernelAGMM: the authors' closed form and cross-validation, and the curve it finds."""

import numpy as np
import pytest
from kernel_toys import AVERAGE_SLOPE, confounded_error, grid, squared_error, toy

import yinguo as yg
from yinguo.kernels.gaussian import gaussian_kernel, median_bandwidth


def smoother(K, n: int) -> np.ndarray:
    """The matrix M of the paper for these rows."""
    delta = 5 / n**0.4
    return K @ np.linalg.inv(K / (2 * n * delta**2) + np.eye(n) / 2)


def test_it_is_the_closed_form_of_the_paper():
    """``RKHSIV`` of microsoft/AdversarialGMM, typed again; the default of its multiple is 60."""
    study, n = toy(n=150), 150
    TX, ZX, y = np.column_stack([study.T, study.X]), np.column_stack([study.Z, study.X]), study.Y - study.Y.mean()
    vh = median_bandwidth(TX)
    Kh, M = gaussian_kernel(TX, TX, vh), smoother(gaussian_kernel(ZX, ZX, median_bandwidth(ZX)), n)
    alpha = 60 * (5 / n**0.4) ** 4
    a = np.linalg.lstsq(Kh @ M @ Kh + alpha * Kh, Kh @ M @ y, rcond=1e-13)[0]
    X, T = grid(50)
    expected = study.Y.mean() + gaussian_kernel(np.column_stack([T, X]), TX, vh) @ a
    assert yg.KernelAGMM(penalty_scale=60.0).fit(study).predict(X, T) == pytest.approx(expected, abs=1e-4)


def test_the_multiple_is_the_one_their_cross_validation_chooses():
    """``RKHSIVCV`` with the square root taken of the right matrix."""
    study, folds = toy(n=120), np.arange(120) % 3
    scales = np.geomspace(0.1, 1e4, 6)
    TX, ZX, y = np.column_stack([study.T, study.X]), np.column_stack([study.Z, study.X]), study.Y - study.Y.mean()
    Kh, Kf = (gaussian_kernel(A, A, median_bandwidth(A)) for A in (TX, ZX))
    scores = np.zeros(6)
    for k in range(3):
        inside, out = np.flatnonzero(folds != k), np.flatnonzero(folds == k)
        K, M = Kh[np.ix_(inside, inside)], smoother(Kf[np.ix_(inside, inside)], 80)
        judge = smoother(Kf[np.ix_(out, out)], 40)
        for j, scale in enumerate(scales):
            a = np.linalg.lstsq(K @ M @ K + scale * (5 / 80**0.4) ** 4 * K, K @ M @ y[inside], rcond=1e-13)[0]
            residual = y[out] - Kh[np.ix_(out, inside)] @ a
            scores[j] += residual @ judge @ residual
    result = yg.KernelAGMM(penalty_scale=scales, folds=folds).fit(study).result_
    assert result.extras["penalty_scale"] == pytest.approx(scales[np.argmin(scores)], rel=1e-9)
    assert 0 < np.argmin(scores) < 5


def test_it_finds_the_curve_that_confounded_regression_misses():
    studies = [toy(seed) for seed in range(6)]
    errors = [squared_error(yg.KernelAGMM().fit(study).predict) for study in studies]
    naive = [confounded_error(study) for study in studies]
    assert min(naive) > 1.0
    assert max(errors) < 0.8
    assert np.mean(errors) < 0.25 * np.mean(naive)


def test_more_rows_bring_the_average_slope_nearer():
    few, many = ([yg.KernelAGMM().fit(toy(s, n)) for s in range(4)] for n in (300, 1500))
    gaps = [abs(np.mean([m.result_.estimate for m in group]) - AVERAGE_SLOPE) for group in (few, many)]
    assert gaps[1] < gaps[0]
    assert gaps[1] < 0.15


def test_what_was_chosen_is_told():
    result = yg.KernelAGMM(penalty_scale=[1e3, 1e9]).fit(toy()).result_
    assert result.extras["delta"] == pytest.approx(5 / 600**0.4)
    assert result.extras["penalty_scale"] == pytest.approx(1e3)
    assert [note for note in result.notes if note.startswith("penalty_scale: the best penalty, 1e+03, is the smallest")]
    assert result.diagnostics[0].name == "first-stage"
    assert result.se is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delta_scale": 0.0}, "delta_scale is 0.0"),
        ({"penalty_scale": -1.0}, "penalty_scale is -1.0"),
        ({"bandwidth": "wide"}, "bandwidth is 'wide'"),
        ({"folds": 1}, "folds is 1"),
    ],
)
def test_wrong_options_are_named_with_their_value(options, words):
    with pytest.raises(yg.DataError, match=words):
        yg.KernelAGMM(**options).fit(toy(n=100))
