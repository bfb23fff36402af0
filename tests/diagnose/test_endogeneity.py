"""Exogeneity tests as objects; their figures are held to regressions and linearmodels elsewhere."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.diagnose import durbin_test, robust_exogeneity_test, wu_hausman_test

TESTS = (wu_hausman_test, durbin_test, robust_exogeneity_test)


def toy(seed: int = 0, confounding: float = 1.0, n: int = 300, uneven: bool = False) -> yg.Study:
    rng = np.random.default_rng(seed)
    Z, U = rng.normal(size=(n, 2)), rng.normal(size=n)
    T = Z.sum(axis=1) + U
    noise = rng.normal(size=n) * (1 + 3 * U**2 if uneven else 1.0)
    return yg.Study.from_arrays(rng.normal(size=(n, 1)), T, T + confounding * U + noise, Z=Z)


@pytest.mark.parametrize("test", TESTS)
def test_confounding_is_found_and_its_absence_is_not_rejected_too_often(test):
    assert test(toy()).p_value < 1e-6
    rejected = np.mean([test(toy(seed, confounding=0.0)).p_value < 0.05 for seed in range(300)])
    assert 0.02 < rejected < 0.09
    assert "unmeasured cause" in test(toy()).null


def test_uneven_noise_calls_for_the_robust_version():
    robust, plain = (
        np.mean([test(toy(seed, confounding=0.0, uneven=True)).p_value < 0.05 for seed in range(300)])
        for test in (robust_exogeneity_test, wu_hausman_test)
    )
    assert robust < 0.12
    assert plain > 0.2


@pytest.mark.parametrize("test", TESTS)
def test_an_instrument_that_is_the_treatment_leaves_nothing_to_test(test):
    study = toy()
    found = test(yg.Study.from_arrays(study.X, study.T, study.Y, Z=study.T))
    assert not found.valid
    assert "first-stage residuals" in found.reason


def test_with_one_treatment_the_statistic_is_hausmans_contrast():
    """(2SLS - OLS)^2 over the difference of variances, both with the residual variance of OLS."""
    study = toy()
    moments = {k: yg.LIML(k=k, covariance="unadjusted", small=False).fit(study) for k in (0.0, 1.0)}
    (ols, v0), (iv, v1) = ((f.coefficients_[1], f.covariance_[1, 1]) for f in moments.values())
    residual = [np.sum((study.Y - f.predict(study.X, study.T)) ** 2) for f in moments.values()]
    contrast = (iv - ols) ** 2 / (v1 * residual[0] / residual[1] - v0)
    assert durbin_test(study).statistic == pytest.approx(contrast, rel=1e-8)
