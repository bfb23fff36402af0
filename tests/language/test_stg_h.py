"""The harder game: its law, its words, and what the shift does."""

import re

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.language.stg_h import stg_h_rows
from yinguo.language.text_sets import TEXT_SETS

N = 4000
WEIGHTS = np.array([0.3, 0.25, 0.2, 0.15, -0.2, -0.3])
FOLLOWS = ((5, 0.4), (3, 0.2), (0, 1.1), (1, 0.15), (4, -0.1))


def values(shifted):
    rows = stg_h_rows(N, shifted=shifted, random_state=5)
    return rows, np.array([row.values for row in rows])


def test_the_answer_is_the_rescaled_index_of_the_causes():
    rows, drawn = values(False)
    index = np.clip(drawn[:, :6] @ WEIGHTS, -20, 30)
    assert [row.answer for row in rows] == np.round(2 * (index + 20)).astype(int).tolist()
    assert all(0 <= row.answer <= 100 for row in rows)


@pytest.mark.parametrize("shifted", [False, True])
def test_causes_have_the_means_and_spreads_of_uniform_plus_noise(shifted):
    _, drawn = values(shifted)
    low, high = np.array([30, 20, 10, 10, 40, 50]), np.array([70, 60, 50, 30, 80, 90])
    spread = np.sqrt((high - low) ** 2 / 12 + np.array([2, 2, 1.5, 1, 3, 3]) ** 2)
    assert np.abs(drawn[:, :6].mean(axis=0) - (low + high) / 2).max() < 4 * spread.max() / N**0.5
    assert np.allclose(drawn[:, :6].std(axis=0), spread, rtol=0.05)


def test_companions_follow_a_cause_each_and_are_on_their_own_and_smaller_when_shifted():
    _, alike = values(False)
    _, shifted = values(True)
    ranges = ((5, 9), (2, 6), (3, 7), (3, 9), (-8, -4))
    for place, ((cause, factor), (low, high)) in enumerate(zip(FOLLOWS, ranges, strict=True)):
        slope = np.polyfit(alike[:, cause], alike[:, 6 + place], 1)[0]
        assert slope == pytest.approx(factor, abs=0.04)
        free = shifted[:, 6 + place]
        assert abs(np.corrcoef(free, shifted[:, cause])[0, 1]) < 0.06
        assert (free.min(), free.max()) == pytest.approx((low, high), abs=0.05)


def test_the_printed_causes_are_those_of_the_prompt_and_the_key_is_the_answer():
    for row in stg_h_rows(50, random_state=1):
        record = row.record()
        assert list(record["important"][0]) == [f"Answer: {row.answer}"]
        before = row.prompt.split(". Ice Cream")[0]
        assert re.findall(r": ([^;]+)", before) == list(row.causes)
        assert [text.endswith("%") for text in row.causes] == [False, False, True, False, True, False]
        assert row.prompt.endswith(" Answer: ")


def test_parts_have_streams_of_their_own_so_that_sizes_do_not_disturb_each_other():
    test = TEXT_SETS["stg-h-test-iid"](rows=20)
    assert test.records == TEXT_SETS["stg-h-test-iid"](rows=20, random_state=0).records
    assert test.records != TEXT_SETS["stg-h-test-iid"](rows=20, random_state=1).records
    assert test.records[0] not in TEXT_SETS["stg-h-train"](rows=20).records


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="n is 0"):
        stg_h_rows(0)
