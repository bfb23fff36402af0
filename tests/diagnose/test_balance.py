"""Balance measures against hand loops, and verdicts at their thresholds."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import yinguo as yg
from yinguo.diagnose.balance import (
    balance_check,
    balance_table,
    bridged_balance_check,
    effective_sample_size,
    result_balance,
    weight_check,
)


def draw(n: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    T = (np.arange(n) % 3 == 0).astype(float)
    X = np.column_stack([rng.normal(size=n) + T, 5 * rng.normal(size=n), rng.integers(0, 2, n)])
    return X, T, rng.random(n)


def by_hand(x, w):
    mean = sum(a * b for a, b in zip(x, w, strict=True)) / sum(w)
    return mean, sum(b * (a - mean) ** 2 for a, b in zip(x, w, strict=True)) / sum(w)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_differences_and_ratios_equal_a_loop_with_the_yardstick_of_the_estimand(estimand):
    X, T, w = draw()
    table = balance_table(X, T, w, estimand=estimand, names=("a", "b", "c"))
    for j in range(3):
        before = {arm: by_hand(X[arm == T, j], np.ones((arm == T).sum())) for arm in (0, 1)}
        after = {arm: by_hand(X[arm == T, j], w[arm == T]) for arm in (0, 1)}
        variance = {"ATE": (before[0][1] + before[1][1]) / 2, "ATT": before[1][1], "ATC": before[0][1]}[estimand]
        assert table.smd_before[j] == pytest.approx((before[1][0] - before[0][0]) / variance**0.5, rel=1e-10)
        assert table.smd_after[j] == pytest.approx((after[1][0] - after[0][0]) / variance**0.5, rel=1e-10)
        if j < 2:
            assert table.ratio_before[j] == pytest.approx(before[1][1] / before[0][1], rel=1e-10)
            assert table.ratio_after[j] == pytest.approx(after[1][1] / after[0][1], rel=1e-10)
    # The variance of a 0/1 column is decided by its mean: a ratio would say the same twice.
    assert np.isnan(table.ratio_before[2])
    assert np.isnan(table.ratio_after[2])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.floats(-1e4, 1e4))
def test_units_and_the_scale_of_each_arm_s_weights_do_not_matter(seed, factor0, factor1, origin):
    X, T, w = draw(60, seed)
    a = balance_table(X, T, w)
    b = balance_table(X * [1e-3, 10.0, 1.0] + [origin, 0.0, 0.0], T, w * np.where(T == 1, factor1, factor0))
    assert b.smd_after == pytest.approx(a.smd_after, rel=1e-6, abs=1e-8)


def test_without_weights_after_is_before_and_sample_weights_define_the_before():
    X, T, w = draw()
    assert np.array_equal(balance_table(X, T).smd_after, balance_table(X, T).smd_before)
    assert balance_table(X, T, sample_weight=w).smd_before == pytest.approx(
        balance_table(np.repeat(X, 2, axis=0), np.repeat(T, 2), sample_weight=np.repeat(w, 2)).smd_before
    )


def test_an_outlier_in_the_first_row_costs_no_digits_elsewhere():
    X, T, _ = draw()
    X[0, 1] = 1e9  # row 0 is treated, so the variance of the controls has nothing to do with it
    table = balance_table(X, T, estimand="ATC")
    controls = X[T == 0, 1]
    assert table.smd_before[1] == pytest.approx((X[T == 1, 1].mean() - controls.mean()) / controls.std(), rel=1e-10)


def test_a_column_without_spread_in_the_target_arm_is_measured_by_both_arms():
    T = np.array([1.0, 1, 0, 0])
    table = balance_table(np.array([[1.0], [1], [0], [1]]), T, estimand="ATT")
    assert table.smd_before[0] == pytest.approx(0.5 / np.sqrt(0.125))


def test_the_worst_covariate_is_named_with_its_sign():
    X, T, _ = draw()
    name, value = balance_table(-X, T, names=("a", "b", "c")).worst()
    assert name == "a"
    assert value < -0.5


def test_the_effective_sample_size_is_kish_s():
    assert effective_sample_size(np.ones(7)) == pytest.approx(7)
    assert effective_sample_size([3.0, 0, 0]) == pytest.approx(1)
    assert effective_sample_size([1.0, 2.0, 3.0]) == pytest.approx(36 / 14)
    assert effective_sample_size([0.0, 0.0]) == 0.0


def shifted(gap: float) -> yg.EffectResult:
    """A difference in means whose one covariate differs by exactly ``gap`` standard deviations."""
    base = np.tile([-1.0, 1.0], 20)
    X, T = np.concatenate([base + gap, base]), np.repeat([1.0, 0.0], 40)
    return yg.DifferenceInMeans().fit(yg.Study.from_arrays(X, T, X, covariates=["age"])).result_


@pytest.mark.parametrize(("gap", "verdict"), [(0.05, "ok"), (0.2, "look"), (0.3, "stop"), (-0.3, "stop")])
def test_the_balance_verdict_follows_the_largest_difference(gap, verdict):
    check = balance_check(shifted(gap))
    assert check.verdict == verdict
    assert check.value == pytest.approx(abs(gap))
    assert "'age'" in check.sentence


def test_what_an_outcome_model_bridges_is_never_worse_than_look():
    assert bridged_balance_check(shifted(0.05)).verdict == "ok"
    assert bridged_balance_check(shifted(3.0)).verdict == "look"
    assert "bridge" in bridged_balance_check(shifted(3.0)).sentence


def test_a_result_s_table_uses_its_own_weights_and_names(study):
    result = yg.IPW(estimand="ATT").fit(study).result_
    table = result_balance(result)
    assert table.names == study.covariates
    expected = balance_table(study.X, study.T, result.balance_weights, estimand="ATT").smd_after
    assert table.smd_after == pytest.approx(expected)
    assert np.abs(table.smd_after).max() < np.abs(table.smd_before).max()


def weighted(treated, control) -> SimpleNamespace:
    T = np.repeat([1.0, 0.0], [len(treated), len(control)])
    return SimpleNamespace(study=SimpleNamespace(T=T), balance_weights=np.concatenate([treated, control]))


def test_the_weight_verdict_is_that_of_the_graver_arm():
    fine, few = np.ones(200), np.ones(5)
    concentrated = np.r_[np.ones(99), 60.0]
    assert weight_check(weighted(fine, fine)).verdict == "ok"
    assert weight_check(weighted(fine, concentrated)).verdict == "stop"
    # Five equally weighted treated lose nothing to the weights, yet each carries a fifth of the mean.
    check = weight_check(weighted(few, np.r_[np.ones(199), 3.0]))
    assert check.verdict == "stop"
    assert "the treated arm's 5 weighted units" in check.sentence
    assert "20.0%" in check.sentence
