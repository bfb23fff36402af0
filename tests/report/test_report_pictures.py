"""Rows reduced to what a picture shows."""

import numpy as np
import pytest
from report_toys import draw

from yinguo.diagnose.balance import balance_table, effective_sample_size
from yinguo.report.pictures import MOST_COVARIATES, balance_of, concentrations, overlap_of, sharing


def test_methods_with_the_same_weights_share_a_picture():
    w = np.array([0.2, 0.8, 1.0])
    groups = sharing([("ipw", "ATT", w), ("aipw", "ATT", w + 1e-15), ("eb", "ATT", w[::-1]), ("raw", "ATT", None)])
    assert [label for label, _, _ in groups] == ["ipw, aipw", "eb"]


def test_the_same_weights_for_two_estimands_do_not_share_because_the_yardstick_differs():
    w = np.array([0.2, 0.8, 1.0])
    assert len(sharing([("a", "ATT", w), ("b", "ATC", w)])) == 2


def test_balance_is_that_of_diagnose():
    study, w = draw(), np.random.default_rng(1).random(300)
    balance = balance_of(study, [("a", "ATT", w)], ["ATT"])
    table = balance_table(study.X, study.T, w, estimand="ATT", names=study.covariates)
    np.testing.assert_array_equal(balance.after[0].smd, table.smd_after)
    np.testing.assert_array_equal(balance.before[0].smd, table.smd_before)


def test_of_many_covariates_those_still_apart_come_first_then_those_once_apart():
    study = draw(n=400, p=120)
    weights = np.ones(400)
    balance = balance_of(study, [("a", "ATE", weights)], ["ATE"])
    assert len(balance.shown) == MOST_COVARIATES
    size = np.abs(balance.after[0].smd)
    assert set(balance.shown) == set(np.argsort(-size)[:MOST_COVARIATES])


def test_without_any_weights_balance_before_is_still_there():
    balance = balance_of(draw(), [], ["ATT"])
    assert balance.after == ()
    assert balance.before[0].estimand == "ATT"


def test_without_covariates_there_is_no_balance():
    from yinguo import Study

    study = Study({"t": [0, 1, 0, 1], "y": [0.0, 1.0, 2.0, 3.0]}, treatment="t", outcome="y")
    assert balance_of(study, [], ["ATE"]) is None


def test_overlap_shares_of_each_arm_sum_to_one():
    rng = np.random.default_rng(0)
    e, T = rng.random(500), rng.integers(0, 2, 500).astype(float)
    overlap = overlap_of("a", e, T)
    assert overlap.treated.sum() == pytest.approx(1)
    assert overlap.control.sum() == pytest.approx(1)
    assert not overlap.log_odds


def test_chances_that_crowd_at_an_end_are_drawn_on_a_log_odds_scale_without_losing_a_row():
    e = np.concatenate([np.full(900, 1e-7), np.linspace(0.1, 0.9, 100)])
    T = np.tile([0.0, 1.0], 500)
    overlap = overlap_of("a", e, T)
    assert overlap.log_odds
    assert overlap.treated.sum() == pytest.approx(1)
    assert overlap.low == 1e-7


def test_equal_weights_are_not_shown_as_a_reweighted_arm():
    T = np.repeat([1.0, 0.0], [10, 40])
    w = np.concatenate([np.full(10, 0.1), np.linspace(0, 1, 40) / np.linspace(0, 1, 40).sum()])
    curves = concentrations("a", w, T)
    assert [c.arm for c in curves] == ["control"]


def test_weights_proportional_to_sample_weights_are_not_shown_either():
    T, s = np.repeat([1.0, 0.0], 20), np.random.default_rng(0).random(40)
    assert concentrations("a", 3 * s, T, s) == []


def test_the_concentration_curve_ends_at_one_and_starts_at_the_heaviest_unit():
    T = np.repeat([1.0, 0.0], [5, 300])
    w = np.concatenate([np.full(5, 0.2), np.random.default_rng(0).pareto(2, 300)])
    (curve,) = concentrations("a", w, T)
    assert curve.share[-1] == pytest.approx(1)
    assert curve.share[0] == curve.top == pytest.approx(w[5:].max() / w[5:].sum())
    assert (np.diff(curve.share) >= 0).all()
    assert curve.ess == pytest.approx(effective_sample_size(w[5:]))


def test_what_leaves_a_million_rows_is_a_few_hundred_numbers():
    rng = np.random.default_rng(0)
    n = 1_000_000
    T, e = rng.integers(0, 2, n).astype(float), rng.random(n)
    assert len(overlap_of("a", e, T).treated) < 100
    assert all(len(c.rank) <= 120 for c in concentrations("a", e, T))
