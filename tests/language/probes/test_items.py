"""Pairs, the exact test, and readings: against enumeration, known answers and answerers of known habits."""

from math import comb

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo.errors import DataError
from yinguo.language.probes import decimal_items, event_items, gender_items, mcnemar, read_decimals
from yinguo.language.probes.items import McNemar, ProbeItem, Question, moved_right, paired_reading, pairs, pull

ASK = Question("?", "", (" a", " b"))


def item(base, right, shortcut, **condition):
    return ProbeItem(base, condition, ASK, right, shortcut)


FOUR = [
    item(0, 0, "misleads", word="x", order="1"), item(0, 0, "helps", word="y", order="1"),
    item(0, 1, "misleads", word="x", order="2"), item(1, 0, "helps", word="y", order="1"),
]  # fmt: skip


def test_the_p_value_is_that_of_counting_all_outcomes_of_the_discordant_pairs():
    for first_only, second_only in ((0, 3), (1, 6), (4, 4), (9, 2)):
        n = first_only + second_only
        chance = [comb(n, k) / 2**n for k in range(n + 1)]
        expected = sum(p for p in chance if p <= chance[first_only] * (1 + 1e-9))
        assert McNemar(20, first_only, second_only).p_value == pytest.approx(expected)
    assert McNemar(20, 0, 0).p_value == 1.0


def test_the_p_value_is_under_five_percent_at_most_as_often_as_it_says():
    rng = np.random.default_rng(0)
    tests = [mcnemar(*(rng.random((2, 60)) < 0.4)) for _ in range(400)]
    assert np.mean([test.p_value < 0.05 for test in tests]) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    told = [mcnemar(rng.random(60) < 0.7, rng.random(60) < 0.3) for _ in range(50)]
    assert np.mean([test.p_value < 0.05 for test in told]) > 0.9


def test_the_standard_error_is_that_of_the_mean_of_paired_differences():
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 50)) < [[0.7], [0.4]]
    difference = first.astype(float) - second.astype(float)
    test = mcnemar(first, second)
    assert test.difference == pytest.approx(difference.mean())
    assert test.se == pytest.approx(difference.std() / np.sqrt(50))


def test_pairs_differ_in_the_condition_asked_for_and_in_nothing_else():
    assert pairs(FOUR, "word", "x", "y").tolist() == [[0, 1]]
    assert pairs(FOUR, "order", "1", "2", word="x").tolist() == [[0, 2]]
    assert pairs(FOUR, "order", "1", "2", word="y").tolist() == []


def test_every_pair_of_every_probe_differs_in_one_condition_only():
    for items, swap, a, b in (
        (gender_items(3), "role", "female", "male"), (gender_items(3, language="zh"), "place", "men", "women"),
        (decimal_items(3), "written", "short", "zero"), (event_items(3), "premise", "false", "true"),
    ):  # fmt: skip
        found = pairs(items, swap, a, b)
        assert len(found) >= 3
        for i, j in found:
            one, other = items[i], items[j]
            assert one.base == other.base
            assert {k for k in one.condition if one.condition[k] != other.condition[k]} == {swap}
            assert one.question != other.question


def test_a_right_answer_has_the_sign_of_its_margin_and_a_tie_is_not_right():
    figures, test = paired_reading(FOUR, np.array([1.0, -1.0, 3.0, 1.0]), "word", "x", "y")
    assert figures == {"right, shortcut misleads": 1, "right, shortcut helps": 0, "right, both of a pair": 0}
    assert (test.n, test.first_only, test.second_only) == (1, 1, 0)
    tied, _ = paired_reading(FOUR, np.zeros(4), "word", "x", "y")
    assert set(tied.values()) == {0.0}


def test_pull_is_the_mean_difference_and_a_constant_preference_moves_nothing():
    margins = np.array([2.0, -1.0, 0.5, 0.0])
    assert pull(FOUR, margins, "word", "x", "y") == pytest.approx(3.0)
    assert moved_right(FOUR, margins, "order", "1", "2") == 1.0  # right goes from first to second, margin falls
    assert moved_right(FOUR, margins + 100, "order", "1", "2") == 1.0
    assert moved_right(FOUR, -margins, "order", "1", "2") == 0.0


def test_margins_that_are_missing_or_no_number_are_refused():
    items = decimal_items(2)
    with pytest.raises(DataError, match=r"shape \(3,\).*there are 16 items"):
        read_decimals(items, np.zeros(3))
    with pytest.raises(DataError, match="with 1 that are no number"):
        read_decimals(items, np.r_[np.nan, np.ones(15)])
    with pytest.raises(DataError, match="no two items differ in 'word'"):
        paired_reading(FOUR[:1], np.ones(1), "word", "x", "y")
    with pytest.raises(DataError, match="give one of each for every pair"):
        mcnemar(np.ones(2), np.ones(3))
