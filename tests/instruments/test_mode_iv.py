"""ModeIV: the crowd of valid candidates wins, also for a curve; against a slow search."""

from itertools import combinations

import numpy as np
import pytest

import yinguo as yg
from yinguo.core.structural import StructuralEstimator
from yinguo.instruments.mode_iv import closest


def draw(seed, n=3000, q=7, bad=3, curve=lambda t: t):
    rng = np.random.default_rng(seed)
    Z, U = rng.normal(size=(n, q)), rng.normal(size=n)
    T = 0.6 * Z.sum(axis=1) + U
    direct = np.zeros(q)
    direct[:bad] = np.linspace(1, 2, bad)
    return yg.Study.from_arrays(np.empty((n, 0)), T, curve(T) + Z @ direct + U + 0.5 * rng.normal(size=n), Z=Z)


class QuadraticIV(StructuralEstimator):
    """Effect b t + c t^2 with the instrument and its square."""

    capabilities = yg.TwoStageLeastSquares.capabilities

    def fit(self, study):
        Y, T, _, Z = self.take_roles(study)
        Q, D = (np.column_stack([np.ones(study.n), v, v**2]) for v in (Z[:, 0], T))
        self.coefficients_ = np.linalg.solve(Q.T @ D, Q.T @ Y)
        self.result_ = self.average_effect(study, no_inference="a toy.")
        return self

    def _structure(self, X, T):
        return np.column_stack([np.ones(len(T)), T, T**2]) @ self.coefficients_


def test_it_hits_the_truth_where_the_mean_of_all_candidates_does_not():
    found = [yg.ModeIV(k=3).fit(draw(seed)).result_ for seed in range(40)]
    estimates = np.array([r.estimate for r in found])
    everybody = np.array([np.mean(list(r.extras["single_effects"].values())) for r in found])
    assert abs(np.median(estimates) - 1) < 0.08
    assert everybody.mean() > 1.5
    assert np.mean([not set(r.extras["valid"]) & {"z1", "z2", "z3"} for r in found]) > 0.8


def test_it_finds_a_curve_with_an_estimator_that_learns_curves():
    study = draw(0, n=40_000, curve=lambda t: t + 0.5 * t**2)
    fit = yg.ModeIV(estimator=QuadraticIV(), k=3).fit(study)
    assert len(fit.fits_) == 7
    t = np.linspace(-2, 2, 9)
    truth = t + 0.5 * t**2
    found = fit.predict(None, t) - fit.predict(None, 0.0)
    assert found == pytest.approx(truth, abs=0.25)
    one_wrong = QuadraticIV().fit(study.replace(Z=study.Z[:, [2]]))
    assert np.abs(one_wrong.predict(None, t) - one_wrong.predict(None, 0.0) - truth).max() > 2


def test_the_closest_predictions_are_those_of_the_tightest_subset():
    rng = np.random.default_rng(0)
    predictions = rng.normal(size=(30, 6))
    for k in (2, 3, 6):
        mean, chosen = closest(predictions, k)
        assert (chosen.sum(axis=1) == k).all()
        for i, row in enumerate(predictions):
            best = min(combinations(range(6), k), key=lambda g: np.ptp(row[list(g)]))
            assert mean[i] == pytest.approx(row[list(best)].mean(), rel=1e-12)
            assert set(np.flatnonzero(chosen[i])) == set(best)


def test_with_k_of_all_candidates_it_is_their_mean():
    result = yg.ModeIV(k=7).fit(draw(1)).result_
    assert result.estimate == pytest.approx(np.mean(list(result.extras["single_effects"].values())), rel=1e-9)


def test_senseless_options_are_refused():
    study = draw(2)
    with pytest.raises(yg.DataError, match="k is 8"):
        yg.ModeIV(k=8).fit(study)
    with pytest.raises(yg.DataError, match="needs at least 3"):
        yg.ModeIV().fit(study.replace(Z=study.Z[:, :2]))
    with pytest.raises(yg.DataError, match="one that learns a curve"):
        yg.ModeIV(estimator=yg.DifferenceInMeans()).fit(study)
