"""Control functions: two-stage least squares exactly, influence values by perturbing weights, non-linear oracles."""

import numpy as np
import pytest
from scipy.special import expit

import yinguo as yg


def linear(seed, n=400, instruments=2):
    rng = np.random.default_rng(seed)
    X, Z, V = rng.normal(size=(n, 2)), rng.normal(size=(n, instruments)), rng.normal(size=n)
    T = 0.7 * Z.sum(axis=1) + X[:, 0] + V
    Y = T + X.sum(axis=1) + V + (0.5 + np.abs(X[:, 0])) * rng.normal(size=n)
    return yg.Study.from_arrays(X, T, Y, Z=Z)


def triangular(seed, kind, n=1500):
    """T = 0.8 Z + 0.5 X + V, V in the outcome as well; for probit only its sign is seen."""
    rng = np.random.default_rng(seed)
    Z, X, V = rng.normal(size=(3, n))
    T = 0.8 * Z + 0.5 * X + V
    if kind == "probit":
        T = (T > 0).astype(float)
        Y = T + X + 1.5 * V + rng.normal(size=n)
    elif kind == "logit":
        Y = (rng.random(n) < expit(-0.5 + T + 0.5 * X + 1.5 * V)).astype(float)
    else:
        Y = rng.poisson(np.exp(-0.5 + 0.4 * T + 0.3 * X + 0.5 * V)).astype(float)
    return yg.Study.from_arrays(X, T, Y, Z=Z)


def truth(kind):
    """Average slope in the population, residuals drawn anew as the intervention leaves them."""
    if kind == "probit":
        return 1.0
    rng = np.random.default_rng(1)
    Z, X, V, other = rng.normal(size=(4, 1_000_000))
    T = 0.8 * Z + 0.5 * X + V
    if kind == "logit":
        p = expit(-0.5 + T + 0.5 * X + 1.5 * other)
        return float((p * (1 - p)).mean())
    return float(0.4 * np.exp(-0.5 + 0.4 * T + 0.3 * X + 0.5 * other).mean())


METHODS = {
    "probit": yg.ControlFunction(treatment_model="probit"), "logit": yg.ControlFunction(outcome_model="logit"),
    "poisson": yg.ControlFunction(outcome_model="poisson"),
}  # fmt: skip


@pytest.mark.parametrize("instruments", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_linear_one_is_two_stage_least_squares(instruments, weighted):
    study = linear(0, instruments=instruments)
    if weighted:
        study = study.replace(sample_weight=np.random.default_rng(0).random(study.n) + 0.5)
    ours, peer = yg.ControlFunction().fit(study), yg.TwoStageLeastSquares(small=False).fit(study)
    assert ours.result_.estimate == pytest.approx(peer.result_.estimate, rel=1e-11)
    # With one instrument errors agree but for n / (n - 1); with more, ours follow the first stage also where the
    # instruments do not quite agree with one another.
    factor = np.sqrt(study.n / (study.n - 1))
    assert ours.result_.se == pytest.approx(factor * peer.result_.se, rel=1e-9 if instruments == 1 else 0.02)
    t = np.linspace(-1, 1, study.n)
    assert ours.predict(study.X, t) - ours.predict(study.X, 0.0) == pytest.approx(
        peer.predict(study.X, t) - peer.predict(study.X, 0.0), abs=1e-9
    )


def test_clustered_errors_are_those_of_two_stage_least_squares():
    study = linear(1, instruments=1).replace(groups=np.arange(400) % 40)
    ours, peer = yg.ControlFunction().fit(study).result_, yg.TwoStageLeastSquares(small=False).fit(study).result_
    assert ours.se == pytest.approx(np.sqrt(40 / 39) * peer.se, rel=1e-9)


@pytest.mark.parametrize("kind", [*METHODS, "linear"])
@pytest.mark.parametrize("weighted", [False, True])
def test_influence_values_are_derivatives_in_the_weights(kind, weighted):
    study = linear(2, n=150) if kind == "linear" else triangular(2, kind, n=150)
    method = METHODS.get(kind, yg.ControlFunction())
    if weighted:
        study = study.replace(sample_weight=np.random.default_rng(0).random(study.n) + 0.5)
    result = method.clone().fit(study).result_
    s, h = np.ones(study.n) if study.sample_weight is None else np.array(study.sample_weight), 1e-4

    def at(i, step):
        moved = s.copy()
        moved[i] *= 1 + step
        return method.clone().fit(study.replace(sample_weight=moved)).result_.estimate

    some = range(0, study.n, 5)
    slopes = [study.n * (at(i, h) - at(i, -h)) / (2 * h) for i in some]
    assert (result.scores - result.estimate)[some] == pytest.approx(slopes, abs=1e-4)


@pytest.mark.parametrize("kind", list(METHODS))
def test_non_linear_models_hit_the_truth_and_cover_where_leaving_out_the_residual_does_not(kind):
    results = [METHODS[kind].clone().fit(triangular(seed, kind)).result_ for seed in range(120)]
    estimates, target = np.array([r.estimate for r in results]), truth(kind)
    # The logit average has a small-sample bias of a tenth of its spread; a third of the spread would be a mistake.
    assert abs(estimates.mean() - target) < max(4 / np.sqrt(120), 0.33) * estimates.std()
    covered = np.mean([abs(r.estimate - target) <= 1.96 * r.se for r in results])
    assert 0.88 <= covered <= 0.99
    naive = []
    for seed in range(20):
        study = triangular(seed, kind)
        D = np.column_stack([np.ones(study.n), study.T, study.X])
        naive.append(np.linalg.lstsq(D, study.Y, rcond=None)[0][1])
    assert abs(np.mean(naive) - target) > 2 * estimates.std()


def test_the_residual_test_finds_confounding_and_keeps_its_size_without_it():
    p = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        Z, V = rng.normal(size=(2, 300))
        T = Z + V
        p.append(yg.ControlFunction().fit(yg.Study.from_arrays(np.empty((300, 0)), T, T + rng.normal(size=300), Z=Z))
                 .result_.extras["exogeneity_p_value"])  # fmt: skip
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.045)
    found = yg.ControlFunction().fit(linear(3)).result_
    assert found.extras["exogeneity_p_value"] < 1e-6
    assert found.extras["residual_coefficient"] == pytest.approx(1.0, abs=0.4)
    assert [d.name for d in found.diagnostics] == ["first-stage", "endogeneity"]


def test_the_curve_averages_over_the_residuals_of_everybody():
    study = triangular(4, "logit", n=300)
    fit = METHODS["logit"].clone().fit(study)
    raw = fit.step_.moments.rescale(fit.step_.beta)
    first = np.column_stack([np.ones(300), study.X, study.Z])
    v = study.T - first @ np.linalg.lstsq(first, study.T, rcond=None)[0]
    expected = [expit(raw[0] + raw[1] * x + raw[2] * 0.7 + raw[3] * v).mean() for x in study.X[:9, 0]]
    assert fit.predict(study.X[:9], 0.7) == pytest.approx(expected, rel=1e-9)


def test_instruments_that_say_nothing_are_refused():
    study = linear(5)
    with pytest.raises(yg.DataError, match="combinations of the covariates"):
        yg.ControlFunction().fit(study.replace(Z=study.X[:, :1]))
