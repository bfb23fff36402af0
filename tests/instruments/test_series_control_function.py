"""Series control function: the curve of a confounded treatment, its influence values, and two-stage least squares."""

import numpy as np
import pytest

import yinguo as yg


def curve(t):
    return np.sin(t) + 0.3 * t


def draw(seed, n=2000):
    rng = np.random.default_rng(seed)
    Z, X, V = rng.normal(size=(3, n))
    T = 0.9 * Z + 0.5 * X + 0.2 * Z**2 + V
    shared = V + 0.5 * (V**2 - 1)
    return yg.Study.from_arrays(X, T, curve(T) + X + shared + 0.5 * rng.normal(size=n), Z=Z)


def test_it_finds_the_curve_that_a_polynomial_regression_does_not():
    t = np.linspace(-2, 2, 9)
    found, naive = [], []
    for seed in range(20):
        study = draw(seed)
        fit = yg.SeriesControlFunction(degree=5).fit(study)
        found.append(fit.predict(np.zeros((9, 1)), t) - fit.predict(np.zeros((9, 1)), 0.0))
        D = np.column_stack([study.X, study.T[:, None] ** np.arange(6)])
        naive.append((t[:, None] ** np.arange(1, 6)) @ np.linalg.lstsq(D, study.Y, rcond=None)[0][2:])
    truth = curve(t)
    assert np.abs(np.mean(found, axis=0) - truth).max() < 0.1
    assert np.abs(np.mean(naive, axis=0) - truth).max() > 0.5


def test_the_average_slope_covers():
    rng = np.random.default_rng(0)
    Z, X, V = rng.normal(size=(3, 1_000_000))
    h = 0.1 * np.sqrt(0.81 + 0.25 + 0.08 + 1)  # the step of the average slope
    T = 0.9 * Z + 0.5 * X + 0.2 * Z**2 + V
    truth = ((curve(T + h) - curve(T - h)) / (2 * h)).mean()
    results = [yg.SeriesControlFunction(degree=5).fit(draw(seed, 1000)).result_ for seed in range(150)]
    covered = np.mean([abs(r.estimate - truth) <= 1.96 * r.se for r in results])
    assert 0.89 <= covered <= 0.99


def test_with_first_powers_only_it_is_two_stage_least_squares():
    rng = np.random.default_rng(1)
    Z, V = rng.normal(size=(2, 500))
    T = Z + V
    study = yg.Study.from_arrays(np.empty((500, 0)), T, T + V + rng.normal(size=500), Z=Z)
    ours = yg.SeriesControlFunction(degree=1, control_degree=1, first_degree=1).fit(study).result_
    peer = yg.ControlFunction().fit(study).result_
    assert (ours.estimate, ours.se) == pytest.approx((peer.estimate, peer.se), rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_influence_values_are_derivatives_in_the_weights(weighted):
    study, h = draw(2, n=150), 1e-4
    if weighted:
        study = study.replace(sample_weight=np.random.default_rng(0).random(150) + 0.5)
    s = np.ones(150) if study.sample_weight is None else np.array(study.sample_weight)
    result = yg.SeriesControlFunction().fit(study).result_

    def at(i, step):
        moved = s.copy()
        moved[i] *= 1 + step
        return yg.SeriesControlFunction().fit(study.replace(sample_weight=moved)).result_.estimate

    some = range(0, 150, 5)
    slopes = [150 * (at(i, h) - at(i, -h)) / (2 * h) for i in some]
    assert (result.scores - result.estimate)[some] == pytest.approx(slopes, abs=1e-4)


def test_the_mean_prediction_at_the_treatments_met_is_the_mean_outcome():
    study = draw(3)
    fit = yg.SeriesControlFunction().fit(study)
    assert fit.predict(study.X, study.T).mean() == pytest.approx(study.Y.mean(), rel=1e-9)


def test_two_values_and_senseless_powers_are_refused():
    study = draw(4, n=300)
    with pytest.raises(yg.DataError, match="is binary"):
        yg.SeriesControlFunction().fit(study.replace(T=(study.T > 0).astype(float)))
    for options in ({"degree": 0}, {"control_degree": 11}, {"first_degree": 4}):
        with pytest.raises(yg.DataError, match=next(iter(options))):
            yg.SeriesControlFunction(**options).fit(study)
    with pytest.raises(yg.DataError, match="determine the treatment"):
        yg.SeriesControlFunction().fit(study.replace(T=study.Z[:, 0] + study.X[:, 0]))
