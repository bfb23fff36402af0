"""E-values: the examples of VanderWeele & Ding (2017) and the identities that define the number."""

from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yinguo.diagnose.e_value import (
    bias_factor,
    e_value_mean_difference,
    e_value_odds_ratio,
    e_value_risk_difference,
    e_value_risk_ratio,
)
from yinguo.errors import DataError


def test_breast_feeding_example_of_the_paper():
    # Risk ratio 3.9 (1.8, 8.7): E-values 7.26 and 3.0 are printed in the paper.
    found = e_value_risk_ratio(3.9, ci=(1.8, 8.7))
    assert round(found.point, 2) == 7.26
    assert round(found.limit, 1) == 3.0
    assert found.limit_ratio == 1.8


def test_protective_ratio_gives_the_e_value_of_its_inverse():
    harmful, protective = e_value_risk_ratio(3.9, ci=(1.8, 8.7)), e_value_risk_ratio(1 / 3.9, ci=(1 / 8.7, 1 / 1.8))
    assert protective.point == pytest.approx(harmful.point, rel=1e-12)
    assert protective.limit == pytest.approx(harmful.limit, rel=1e-12)


def test_second_example_of_the_paper_is_read_at_the_upper_limit():
    # 0.80 (0.71, 0.91), "further examples" of the paper.
    found = e_value_risk_ratio(0.80, ci=(0.71, 0.91))
    assert found.point == pytest.approx(1.25 + sqrt(1.25 * 0.25))
    assert found.limit == pytest.approx(1 / 0.91 + sqrt(1 / 0.91 * (1 / 0.91 - 1)))


@given(st.floats(1.0, 50.0))
def test_a_confounder_as_strong_as_the_e_value_just_explains_the_ratio(ratio):
    e = e_value_risk_ratio(ratio).point
    assert bias_factor(e, e) == pytest.approx(ratio, rel=1e-9)


@given(st.floats(0.05, 20.0), st.floats(0.05, 20.0))
def test_moving_to_another_value_is_the_e_value_of_the_quotient(ratio, null):
    assert e_value_risk_ratio(ratio, null=null).point == pytest.approx(e_value_risk_ratio(ratio / null).point, rel=1e-9)


def test_interval_with_the_null_inside_needs_no_confounder():
    found = e_value_risk_ratio(1.3, ci=(0.9, 1.9))
    assert found.limit == 1.0
    assert found.diagnostic.verdict == "look"
    assert "already includes" in found.sentence


def test_no_effect_has_e_value_one():
    assert e_value_risk_ratio(1.0).point == 1.0


def test_rare_odds_ratio_is_read_as_a_risk_ratio_and_a_common_one_as_its_square_root():
    assert e_value_odds_ratio(5.0, rare=True).point == pytest.approx(5 + sqrt(20))
    common = e_value_odds_ratio(5.0, ci=(3.0, 8.0), rare=False, null=2.0)
    assert common.point == pytest.approx((sqrt(5) + sqrt(sqrt(5) * (sqrt(5) - sqrt(2)))) / sqrt(2))
    assert common.limit == pytest.approx((sqrt(3) + sqrt(sqrt(3) * (sqrt(3) - sqrt(2)))) / sqrt(2))


def test_mean_difference_uses_091_for_the_estimate_and_178_for_the_limits():
    found = e_value_mean_difference(0.5, sd=1.0, se=0.2, null=0.1)
    rr, rr_null, rr_low = exp(0.91 * 0.5), exp(0.91 * 0.1), exp(0.91 * 0.5 - 1.78 * 0.2)
    assert found.point == pytest.approx((rr + sqrt(rr * (rr - rr_null))) / rr_null)
    assert found.limit == pytest.approx((rr_low + sqrt(rr_low * (rr_low - rr_null))) / rr_null)


@given(st.floats(-3, 3), st.floats(0.01, 2), st.floats(0.1, 100))
def test_mean_difference_does_not_depend_on_the_unit(estimate, se, unit):
    one = e_value_mean_difference(estimate, sd=1.0, se=se)
    other = e_value_mean_difference(estimate * unit, sd=unit, se=se * unit)
    assert other.point == pytest.approx(one.point, rel=1e-9)
    assert other.limit == pytest.approx(one.limit, rel=1e-6)


def test_risk_difference_is_the_e_value_of_the_implied_ratio():
    found = e_value_risk_difference(0.10, control_risk=0.10, ci=(0.02, 0.18))
    assert found.point == pytest.approx(e_value_risk_ratio(2.0).point)
    assert found.limit == pytest.approx(e_value_risk_ratio(1.2).point)


def test_risk_difference_interval_may_reach_below_zero_risk():
    found = e_value_risk_difference(-0.08, control_risk=0.10, ci=(-0.12, -0.04))
    assert found.limit == pytest.approx(e_value_risk_ratio(0.6).point)


@pytest.mark.parametrize(
    "call",
    [
        lambda: e_value_risk_ratio(-0.1),
        lambda: e_value_risk_ratio(float("nan")),
        lambda: e_value_risk_ratio(1.2, ci=(1.3, 1.4)),
        lambda: e_value_risk_ratio(1.2, ci=(-1.0, 1.4)),
        lambda: e_value_odds_ratio(0.0, rare=False),
        lambda: e_value_mean_difference(1.0, sd=0.0),
        lambda: e_value_mean_difference(1.0, sd=1.0, se=-1.0),
        lambda: e_value_mean_difference(1.0, sd=1e-6),
        lambda: e_value_risk_difference(-0.2, control_risk=0.1),
        lambda: e_value_risk_difference(0.2, control_risk=1.0),
        lambda: bias_factor(0.5, 2.0),
    ],
)
def test_impossible_input_is_refused(call):
    with pytest.raises(DataError):
        call()


def test_result_serialises_to_plain_types_with_its_sentence():
    as_dict = e_value_risk_ratio(3.9, ci=(1.8, 8.7)).to_dict()
    assert "7.26" in as_dict["sentence"]
    assert all(isinstance(value, float | str | None.__class__) for value in as_dict.values())
