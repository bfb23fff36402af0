"""The Spurious Token Game: the released rows byte for byte, and what its law says."""

import hashlib
import random
from collections import Counter

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.language.stg import (
    CAUSAL,
    IRRELEVANT,
    LABELS,
    NAMES,
    SPLITS,
    SPURIOUS,
    STGRow,
    stg_rows,
    stg_split,
    stg_values,
)
from yinguo.language.text_sets import TEXT_SETS

#: Rows by label (low, middle, high), bytes, and SHA-256 of the files that the authors released.
RELEASED = {
    "train-l": (1049, 6, 545, 512_053, "c166065179765d34bfccdbee0b19866e971242e5a8621a7e05fbdc773c0a013d"),
    "train-m": (528, 1, 271, 255_958, "db41826fc1042e0d0abe7f54b2c28daa88245f91dce30e44665eb6a177876ed8"),
    "train-s": (258, 1, 141, 128_001, "fc1bf804dc5b00e05d33c14d8a98a908cf9098bbe340b6cad866078278ff7581"),
    "test-iid": (275, 1, 124, 98_522, "72b912d14c2b491195f286f89f915cfc1c48150d29841b79967ef61fb405c5b6"),
    "test-ood": (266, 0, 134, 98_448, "1d0c8a081bd181aaf06f53b339f476016a7107f586d5f59c22ecd7922f780792"),
}


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_is_the_released_file_byte_for_byte(split):
    *counts, size, digest = RELEASED[split]
    labels = Counter(row.label for row in stg_split(split))
    assert [labels[label] for label in LABELS] == counts
    written = TEXT_SETS[f"stg-{split}"]().to_jsonl().encode()
    assert len(written) == size
    assert hashlib.sha256(written).hexdigest() == digest


def test_no_question_of_the_tests_is_among_the_training_rows_and_none_is_asked_twice():
    large, iid, ood = ({row.prompt for row in stg_split(name)} for name in ("train-l", "test-iid", "test-ood"))
    assert (len(large), len(iid), len(ood)) == (1600, 400, 400)
    assert not large & (iid | ood)


def test_companions_follow_their_causes_until_the_rows_are_shifted():
    alike, shifted = stg_values(stg_rows(3000)), stg_values(stg_rows(3000, shifted=True))
    for place, ratio in enumerate((1.5, 1.0, 0.5)):
        assert np.array_equal(alike[:, 3 + place], np.floor(ratio * alike[:, place]))
        assert abs(np.corrcoef(shifted[:, place], shifted[:, 3 + place])[0, 1]) < 0.08
    assert shifted.min(axis=0).tolist() == [1] * 8
    assert shifted.max(axis=0).tolist() == [10] * 8


@pytest.mark.parametrize("shifted", [False, True])
def test_labels_follow_the_causes_alone_and_order_is_random(shifted):
    rows = stg_rows(2000, shifted=shifted, random_state=3)
    smoking, weight, exercise = stg_values(rows)[:, :3].T
    high = 1.2 * smoking + 0.7 * weight - exercise > 7.2
    assert [row.label == "High Risk" for row in rows] == high.tolist()
    first = Counter(row.items[0][0] for row in rows)
    assert set(first) == set(NAMES) == {*CAUSAL, *SPURIOUS, *IRRELEVANT}
    assert max(first.values()) < 1.4 * 2000 / 8


def test_causes_are_marked_in_the_order_in_which_they_stand():
    for row in stg_split("train-s")[:50]:
        record = row.record(annotated=True)
        (marked,) = record["important"][0].values()
        places = [record["input"].index(f" {text}") for text in marked]
        assert places == sorted(places)
        assert {text.split(":")[0] for text in marked} == set(CAUSAL)
        assert "important" not in row.record(annotated=False)


def test_a_seed_gives_the_same_rows_and_a_generator_goes_on():
    assert stg_rows(5, random_state=7) == stg_rows(5, random_state=np.int64(7))
    rng = random.Random(7)
    assert stg_rows(2, random_state=rng) + stg_rows(3, random_state=rng) == stg_rows(5, random_state=7)
    state = random.getstate()
    stg_rows(5)
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stg_split("train-xl"), "no split 'train-xl'.*train-l, train-m, train-s, test-iid, test-ood"),
        (lambda: stg_rows(0), "n is 0"),
        (lambda: stg_rows(3, random_state="7"), "random_state is '7'; pass an int or a random.Random"),
    ],
)
def test_bad_requests_are_named(call, message):
    with pytest.raises(DataError, match=message):
        call()


@pytest.mark.parametrize("n", [1.5, "a", None, float("nan")])
def test_a_number_of_rows_that_is_none_is_refused(n):
    with pytest.raises(DataError, match=r"n is .*whole number"):
        stg_rows(n)


@pytest.mark.parametrize(
    ("items", "label", "words"),
    [
        ((("Smoking", 3),), "high", "the label is 'high'; it must be one of 'Low Risk'"),
        ((("Smocking", 3),), "Low Risk", "the item 'Smocking' is unknown"),
        ((("Smoking", 3), ("Smoking", 4)), "Low Risk", "given twice"),
        ((("Smoking", float("nan")),), "Low Risk", "Smoking is nan"),
        ((("Smoking", -1),), "Low Risk", "Smoking is -1"),
    ],
)
def test_a_row_with_an_odd_item_value_or_label_is_refused(items, label, words):
    with pytest.raises(DataError, match=words):
        STGRow(items, label)


def test_a_row_without_an_item_is_named():
    with pytest.raises(DataError, match="row 0 has no item 'Weight'"):
        stg_values([STGRow((("Smoking", 3),), "Low Risk")])
    with pytest.raises(DataError, match="at least one"):
        stg_values([])
