"""Poisson regression against statsmodels, and designs without a maximum."""

import numpy as np
import pytest
import statsmodels.api as sm

from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.moments import ArrayMoments
from yinguo.kernels.poisson import fit_poisson


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_coefficients_are_those_of_statsmodels(weighted, scale):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) + 5
    Y = rng.poisson(np.exp(scale * (X[:, 0] - 5))).astype(float)
    s = rng.random(400) + 0.5 if weighted else None
    moments = ArrayMoments(X)
    peer = sm.GLM(Y, sm.add_constant(X), family=sm.families.Poisson(), freq_weights=s).fit(tol=1e-12, maxiter=200)
    assert moments.rescale(fit_poisson(moments, Y, s)) == pytest.approx(peer.params, rel=1e-6, abs=1e-7)


def test_any_non_negative_outcome_with_that_mean_will_do():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20_000, 1))
    Y = np.exp(0.5 * X[:, 0] + 1) * rng.exponential(size=20_000)
    moments = ArrayMoments(X)
    assert moments.rescale(fit_poisson(moments, Y)) == pytest.approx([1.0, 0.5], abs=0.05)


def test_a_column_that_goes_with_zeros_only_leaves_no_maximum():
    rng = np.random.default_rng(2)
    apart = (rng.normal(size=300) > 0).astype(float)
    Y = np.where(apart == 1, rng.poisson(2.0, 300), 0).astype(float)
    with pytest.raises(ConvergenceError, match="outcomes of 0"):
        fit_poisson(ArrayMoments(apart[:, None]), Y)
    with pytest.raises(DataError, match="every outcome is 0"):
        fit_poisson(ArrayMoments(apart[:, None]), np.zeros(300))


def test_collinear_columns_are_no_obstacle():
    rng = np.random.default_rng(3)
    x = rng.normal(size=200)
    Y = rng.poisson(np.exp(x)).astype(float)
    one, two = ArrayMoments(x[:, None]), ArrayMoments(np.column_stack([x, 2 * x]))
    fitted = [m.D @ fit_poisson(m, Y) for m in (one, two)]
    assert fitted[1] == pytest.approx(fitted[0], abs=1e-7)
