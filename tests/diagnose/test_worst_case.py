"""Bounds without a model of who is seen: by hand, by simulation, and the interval between two known formulas."""

import numpy as np
import pytest
from scipy import stats

import yinguo as yg
from yinguo.diagnose import lee_bounds, manski_bounds
from yinguo.diagnose.worst_case import Bounds


def randomised(seed=0, n=2000, helps=True):
    """Effect 1 on everybody; treatment brings people in (or drives them out)."""
    rng = np.random.default_rng(seed)
    T, U = rng.integers(0, 2, n) * 1.0, rng.normal(size=n)
    Y = U + T
    come = 0.3 + 0.8 * T if helps else 1.1 - 0.8 * T
    S = (0.8 * U + rng.normal(size=n) + come > 0).astype(float)
    return yg.Study.from_arrays(np.empty((n, 0)), T, np.where(S == 1, Y, np.nan), S=S)


def test_manski_bounds_of_a_randomised_treatment_are_the_filled_means():
    study = randomised()
    seen, treated = study.S == 1, study.T == 1
    low, high = -4.0, 5.0
    share1, share0 = seen[treated].mean(), seen[~treated].mean()
    m1, m0 = study.Y[treated & seen].mean(), study.Y[~treated & seen].mean()
    found = manski_bounds(study, low=low, high=high)
    assert found.lower == pytest.approx(share1 * m1 + (1 - share1) * low - share0 * m0 - (1 - share0) * high)
    assert found.upper == pytest.approx(share1 * m1 + (1 - share1) * high - share0 * m0 - (1 - share0) * low)
    assert found.lower < 1 < found.upper
    assert not found.settles_sign
    assert "sign open" in found.sentence


def test_confounding_is_adjusted_for():
    rng = np.random.default_rng(0)
    n = 20_000
    X = rng.normal(size=(n, 1))
    T = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    Y = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0] - T))).astype(float)
    S = (rng.random(n) < 0.98).astype(float)
    study = yg.Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), S=S)
    found = manski_bounds(study)
    grid = rng.normal(size=200_000)
    truth = np.mean(1 / (1 + np.exp(-grid - 1)) - 1 / (1 + np.exp(-grid)))
    assert found.lower < truth < found.upper
    assert found.upper - found.lower == pytest.approx(0.04, abs=0.01)
    assert "between 0 and 1" in found.sentence


@pytest.mark.parametrize("helps", [True, False])
def test_lee_bounds_hold_the_effect_on_those_always_seen_and_are_narrower(helps):
    study = randomised(helps=helps, n=20_000)
    lee = lee_bounds(study)
    assert lee.lower < 1 < lee.upper
    wide = manski_bounds(study)
    assert lee.upper - lee.lower < (wide.upper - wide.lower) / 2
    rates = [study.S[arm == study.T].mean() for arm in (0, 1)]
    assert lee.trimmed == pytest.approx(1 - min(rates) / max(rates))
    assert ("more people" in lee.sentence) == helps


def test_standard_errors_of_the_bounds_are_their_spread_over_draws():
    found = [lee_bounds(randomised(seed)) for seed in range(300)]
    filled = [manski_bounds(randomised(seed), low=-5, high=6) for seed in range(300)]
    for bounds in (found, filled):
        for side in ("lower", "upper"):
            spread = np.std([getattr(b, side) for b in bounds])
            assert np.mean([getattr(b, f"{side}_se") for b in bounds]) == pytest.approx(spread, rel=0.16)


def test_the_interval_lies_between_the_one_sided_and_the_two_sided_one():
    bounds = lee_bounds(randomised())
    low, high = bounds.interval(0.95)
    one, two = stats.norm.ppf(0.95), stats.norm.ppf(0.975)
    assert bounds.lower - two * bounds.lower_se <= low <= bounds.lower - one * bounds.lower_se + 1e-12
    assert bounds.upper + one * bounds.upper_se - 1e-12 <= high <= bounds.upper + two * bounds.upper_se
    point = Bounds(
        method="", target="", assumes="", treatment="", outcome="", lower=1.0, upper=1.0, lower_se=0.5, upper_se=0.5,
        n=9,
    )  # fmt: skip
    assert point.interval(0.95) == pytest.approx((1 - two * 0.5, 1 + two * 0.5))


def test_what_cannot_be_bounded_is_refused():
    study = randomised()
    with pytest.raises(yg.DataError, match="selection"):
        manski_bounds(study.replace(S=None, Y=np.zeros(study.n)))
    with pytest.raises(yg.DataError, match="two values"):
        lee_bounds(study.replace(T=np.arange(study.n) % 3.0))
    with pytest.raises(yg.DataError, match="low and high"):
        manski_bounds(study, low=0, high=1)
    with pytest.raises(yg.NotIdentifiedError, match="sample_weight"):
        lee_bounds(study.replace(sample_weight=np.ones(study.n)))
