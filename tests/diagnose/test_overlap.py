"""Clipping on the side that divides, and what overlap is called good or bad."""

from types import SimpleNamespace

import numpy as np
import pytest

from yinguo.diagnose.overlap import clip_propensity, overlap_check
from yinguo.errors import DataError, OverlapError

E = np.array([0.001, 0.3, 0.7, 0.999])


@pytest.mark.parametrize(
    ("estimand", "expected"),
    [("ATE", [0.01, 0.3, 0.7, 0.99]), ("ATT", [0.001, 0.3, 0.7, 0.99]), ("ATC", [0.01, 0.3, 0.7, 0.999])],
)
def test_only_chances_that_are_divided_by_are_moved(estimand, expected):
    clipping = clip_propensity(E, 0.01, estimand)
    assert clipping.e.tolist() == expected
    assert clipping.touched.tolist() == (np.array(expected) != E).tolist()
    note = clipping.note(0.01)
    assert note[0].startswith(f"{clipping.touched.sum()} of 4 propensities were outside [0.01, 0.99]")


def test_nothing_to_move_leaves_no_note_and_the_caller_s_array_alone():
    before = E.copy()
    assert clip_propensity(E, 0.0).note(0.0) == ()
    clip_propensity(E, 0.2)
    assert np.array_equal(E, before)


@pytest.mark.parametrize(
    ("estimand", "e"), [("ATE", 0.0), ("ATE", 1.0), ("ATE", 1 - 1e-12), ("ATT", 1.0), ("ATC", 0.0), ("ATC", 1e-12)]
)
def test_a_chance_of_zero_or_one_that_is_divided_by_needs_a_clip(estimand, e):
    with pytest.raises(OverlapError, match=r"1 of 2 propensities are 0 or 1: .* set clip > 0"):
        clip_propensity(np.array([0.5, e]), 0.0, estimand)
    assert clip_propensity(np.array([0.5, e]), 0.1, estimand).touched.tolist() == [False, True]


@pytest.mark.parametrize(("estimand", "e"), [("ATT", 0.0), ("ATC", 1.0)])
def test_a_chance_that_nothing_divides_by_may_be_certain(estimand, e):
    assert clip_propensity(np.array([0.5, e]), 0.0, estimand).e[1] == e


def test_chances_that_are_no_numbers_are_not_blamed_on_overlap():
    with pytest.raises(OverlapError, match="1 of 2 propensities are not a number; check the propensity model"):
        clip_propensity(np.array([0.5, np.nan]), 0.1)


@pytest.mark.parametrize("clip", [-0.1, 0.5, 0.6, float("nan")])
def test_a_clip_that_is_none_is_refused(clip):
    with pytest.raises(DataError, match=r"clip is .*at least 0 and below 0\.5"):
        clip_propensity(E, clip)


def result(e, T, estimand="ATE"):
    return SimpleNamespace(propensity=np.asarray(e), study=SimpleNamespace(T=np.asarray(T)), estimand=estimand)


@pytest.mark.parametrize(("lonely", "verdict"), [(1, "ok"), (5, "look"), (11, "stop")])
def test_the_overlap_verdict_follows_the_share_without_counterpart(lonely, verdict):
    e = np.r_[np.full(lonely, 0.999), np.full(100 - lonely, 0.4)]
    check = overlap_check(result(e, np.ones(100)))
    assert check.verdict == verdict
    assert check.value == pytest.approx(lonely / 100)
    assert "0.999" in check.sentence


def test_for_the_att_only_the_treated_need_counterparts_and_for_the_atc_the_controls():
    e, T = np.array([0.999, 0.001, 0.5, 0.5]), np.array([1.0, 0.0, 1.0, 0.0])
    assert overlap_check(result(e, T, "ATT")).value == 0.5
    assert overlap_check(result(e, T, "ATC")).value == 0.5
    assert overlap_check(result(1 - e, T, "ATT")).value == 0.0
    assert overlap_check(result(1 - e, T, "ATC")).value == 0.0


def test_rows_of_weight_zero_are_not_looked_at():
    clipping = clip_propensity(np.array([0.5, 1.0, np.nan]), 0.0, "ATE", np.array([1.0, 0.0, 0.0]))
    assert clipping.e.tolist() == [0.5, 0.5, 0.5]
    assert not clipping.touched.any()
