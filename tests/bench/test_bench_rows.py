import json

import pytest

from yinguo.bench.rows import Row, append_row, pack_rows, read_rows
from yinguo.errors import DataError


def row(key, **changes):
    return Row(**{"key": key, "cell": "c", "method": "m", "replication": 0, "truth": 1.0, "estimate": 1.5, **changes})


def test_a_row_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "new folder" / "rows.jsonl"
    written = row("a", measures={"found": 0.5}, warnings=("因果",), covered=True, se=0.1)
    append_row(path, written)
    assert read_rows(path, ["a"]) == {"a": written}


def test_rows_of_other_keys_are_passed_over(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_row(path, row("a"))
    append_row(path, row("b"))
    assert set(read_rows(path, ["b", "c"])) == {"b"}


def test_of_two_rows_with_one_key_the_last_counts(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_row(path, row("a", estimate=None, error="no luck"))
    append_row(path, row("a"))
    assert read_rows(path, ["a"])["a"].error is None


def test_a_file_that_is_not_there_holds_no_rows(tmp_path):
    assert read_rows(tmp_path / "none.jsonl", ["a"]) == {}


@pytest.mark.parametrize("kept_bytes", [1, 20, -2])
def test_a_line_cut_short_by_a_kill_is_dropped_and_costs_no_later_row(tmp_path, kept_bytes):
    path = tmp_path / "rows.jsonl"
    append_row(path, row("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept_bytes])
    assert set(read_rows(path, ["a", "b"])) == {"a"}
    append_row(path, row("b"))
    assert set(read_rows(path, ["a", "b"])) == {"a", "b"}
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_kill_within_the_first_line_leaves_a_usable_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"key": "a", "ce')
    assert read_rows(path, ["a"]) == {}
    append_row(path, row("b"))
    assert set(read_rows(path, ["a", "b"])) == {"b"}


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"key": \n')
    append_row(path, row("a"))
    with pytest.raises(DataError, match=r"line 1 of .*rows.jsonl is not JSON"):
        read_rows(path, ["a"])


def test_a_row_that_is_no_number_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_row(tmp_path / "rows.jsonl", row("a", estimate=float("nan")))


def test_packed_rows_come_back_and_are_the_same_bytes_in_whatever_order_they_were_made(tmp_path):
    rows = [row("b", warnings=("因果",), measures={"found": 0.1}), row("a", estimate=None, error="no luck")]
    pack_rows(tmp_path / "one.jsonl.gz", rows)
    pack_rows(tmp_path / "two.jsonl.gz", rows[::-1])
    assert list(read_rows(tmp_path / "one.jsonl.gz", ["a", "b", "c"]).values()) == rows[::-1]
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
