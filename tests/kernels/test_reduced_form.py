"""Reduced forms against ordinary least squares, row by row, and their minimum-distance effect."""

import numpy as np
import pytest
import statsmodels.api as sm

from yinguo.errors import DataError
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.reduced_form import minimum_distance, reduced_form


def draw(seed=0, n=150, q=3, p=2):
    rng = np.random.default_rng(seed)
    X, Z, U = rng.normal(size=(n, p)), rng.normal(size=(n, q)), rng.normal(size=n)
    Z[:, 0] += X @ np.ones(p)
    T = Z @ np.linspace(0.5, 1, q) + X.sum(axis=1) + U
    Y = 2 * T + U + (0.5 + np.abs(Z[:, 0])) * rng.normal(size=n)
    return Y, T, X, Z


def moments(Y, T, X, Z, s=None):
    return InstrumentMoments(Y=Y, T=T, X=X, Z=Z, s=s)


def peer(Y, T, X, Z, theta, *, kind, groups=None, s=None):
    """Coefficients and covariance of the instruments from the regression of Y - theta T, by statsmodels."""
    D = sm.add_constant(np.column_stack([X, Z]))
    model = sm.OLS(Y - theta * T, D) if s is None else sm.WLS(Y - theta * T, D, weights=s)
    fit = model.fit(cov_type=kind, **({} if groups is None else {"cov_kwds": {"groups": groups}}))
    q = Z.shape[1]
    return fit.params[-q:], fit.cov_params()[-q:, -q:]


@pytest.mark.parametrize("theta", [0.0, 2.0, -7.0])
@pytest.mark.parametrize(("robust", "kind"), [(False, "nonrobust"), (True, "HC1"), (True, "cluster")])
def test_deviation_and_variance_are_those_of_the_regression_of_what_the_effect_leaves(robust, kind, theta):
    Y, T, X, Z = draw()
    groups = np.random.default_rng(1).integers(0, 25, len(Y)) if kind == "cluster" else None
    form = reduced_form(moments(Y, T, X, Z), robust=robust, groups=groups)
    coefficients, covariance = peer(Y, T, X, Z, theta, kind=kind, groups=groups)
    assert form.deviation(theta) == pytest.approx(coefficients, rel=1e-9)
    assert form.variance(theta) == pytest.approx(covariance, rel=1e-7, abs=1e-9 * np.abs(covariance).max())
    assert form.wald(theta) == pytest.approx(coefficients @ np.linalg.solve(covariance, coefficients), rel=1e-7)


def test_sample_weights_are_those_of_weighted_least_squares_with_robust_errors():
    Y, T, X, Z = draw(3)
    s = np.random.default_rng(0).random(len(Y)) + 0.2
    s /= s.mean()
    form = reduced_form(moments(Y, T, X, Z, s))
    coefficients, covariance = peer(Y, T, X, Z, 1.0, kind="HC1", s=s)
    assert form.deviation(1.0) == pytest.approx(coefficients, rel=1e-9)
    assert form.variance(1.0) == pytest.approx(covariance, rel=1e-7)


def test_ratio_errors_are_those_of_just_identified_two_stage_least_squares():
    Y, T, X, Z = draw(4)
    form = reduced_form(moments(Y, T, X, Z))
    j, n = 1, len(Y)
    others = np.column_stack([np.ones(n), X, np.delete(Z, j, axis=1)])
    net = [v - others @ np.linalg.lstsq(others, v, rcond=None)[0] for v in (Y, T, Z[:, j])]
    ratio = net[2] @ net[0] / (net[2] @ net[1])
    u = net[0] - ratio * net[1]
    se = np.sqrt(((net[2] * u) ** 2).sum() * n / (n - 6)) / abs(net[2] @ net[1])
    assert form.ratios[j] == pytest.approx(ratio, rel=1e-9)
    assert form.ratio_errors[j] == pytest.approx(se, rel=1e-6)


def test_some_instruments_alone_are_the_form_with_the_others_as_covariates():
    Y, T, X, Z = draw(5)
    whole = reduced_form(moments(Y, T, X, Z)).only([0, 2])
    moved = reduced_form(moments(Y, T, np.column_stack([X, Z[:, 1]]), Z[:, [0, 2]]))
    assert whole.outcome == pytest.approx(moved.outcome, rel=1e-9)
    assert whole.gram == pytest.approx(moved.gram, rel=1e-9)
    assert whole.variance(1.3) == pytest.approx(moved.variance(1.3), rel=1e-7)
    assert whole.kept.tolist() == [0, 2]


def test_minimum_distance_is_chi_squared_for_valid_instruments_and_large_for_an_invalid_one():
    found = []
    for seed in range(300):
        Y, T, X, Z = draw(seed, n=400)
        found.append(minimum_distance(reduced_form(moments(Y, T, X, Z)))[1])
    assert np.mean(found) == pytest.approx(2.0, abs=0.35)  # q - 1 = 2; Monte Carlo error 0.12
    Y, T, X, Z = draw(0, n=400)
    assert minimum_distance(reduced_form(moments(Y + Z[:, 1], T, X, Z)))[1] > 20


def test_one_instrument_agrees_with_itself():
    Y, T, X, Z = draw(6)
    form = reduced_form(moments(Y, T, X, Z)).only([0])
    theta, misfit = minimum_distance(form)
    assert theta == pytest.approx(form.ratios[0], rel=1e-12)
    assert misfit == pytest.approx(0.0, abs=1e-12)


def test_combinations_are_left_out_and_what_leaves_nothing_is_refused():
    Y, T, X, Z = draw(7)
    doubled = reduced_form(moments(Y, T, X, np.column_stack([Z, Z[:, 0] - X[:, 1]])))
    assert doubled.kept.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="combinations of the covariates"):
        reduced_form(moments(Y, T, X, X[:, :1]))
    with pytest.raises(DataError, match="5 rows"):
        reduced_form(moments(Y[:5], T[:5], X[:5], Z[:5]))
    with pytest.raises(DataError, match="3 groups"):
        reduced_form(moments(Y, T, X, Z), groups=np.arange(len(Y)) % 3)
    with pytest.raises(DataError, match="exactly"):
        reduced_form(moments(Z[:, 0] + X[:, 0], T, X, Z))
