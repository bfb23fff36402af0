"""Texts with outcomes from files: the same from every kind, and errors that say where."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo.errors import DataError
from yinguo.language.direct_outcomes import DirectOutcomes, read_outcomes

ROWS = [
    ("Dear all, thank you", 4.0, "Write."),
    ('He said: "no", twice', -1.5, "Write."),
    ("Déjà vu 因果", 0.0, "Answer."),
]


def written(folder, kind):
    path = folder / f"letters.{kind}"
    if kind == "jsonl":
        lines = (json.dumps({"body": t, "stars": y, "ask": p}, ensure_ascii=False) for t, y, p in ROWS)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path
    import pyarrow as pa

    table = pa.table({"body": [r[0] for r in ROWS], "stars": [r[1] for r in ROWS], "ask": [r[2] for r in ROWS]})
    if kind == "csv":
        from pyarrow import csv

        csv.write_csv(table, path)
    else:
        import pyarrow.parquet as parquet

        parquet.write_table(table, path)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_every_kind_of_file_gives_the_same_texts_and_outcomes(tmp_path, kind):
    found = read_outcomes(written(tmp_path, kind), text="body", outcome="stars", prompt="ask")
    assert found.texts == tuple(row[0] for row in ROWS)
    assert found.Y.tolist() == [row[1] for row in ROWS]
    assert found.prompts == tuple(row[2] for row in ROWS)
    assert found.log_read is None


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path, kind):
    with pytest.raises(DataError, match=r"letters.* has no column 'score'; it has 'body', 'stars', 'ask'"):
        read_outcomes(written(tmp_path, kind), text="body")


def test_the_first_bad_row_is_named_and_all_are_counted(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "a", "score": 1}\n{"text": " ", "score": 1}\n{"text": null, "score": 2}\n')
    with pytest.raises(DataError, match="has 2 rows without a text, the first is row 2"):
        read_outcomes(path)
    path.write_text('{"text": "a", "score": 1}\n{"text": "b", "score": "good"}\n')
    with pytest.raises(DataError, match=r"1 rows without a number, the first is row 2 \('good'\)"):
        read_outcomes(path)
    path.write_text('{"text": "a", "score": 1}\n{"text": "b"\n')
    with pytest.raises(DataError, match=r"line 2 of bad\.jsonl is not JSON"):
        read_outcomes(path)
    path.write_text("[1, 2]\n")
    with pytest.raises(DataError, match=r"line 1 of bad\.jsonl is a list"):
        read_outcomes(path)
    path.write_text("\n")
    with pytest.raises(DataError, match="has no row"):
        read_outcomes(path)
    with pytest.raises(DataError, match="no file at"):
        read_outcomes(tmp_path / "none.jsonl")


class Letters:
    """Every character is a token."""

    bos_token_id, eos_token_id = 1, 2

    def __call__(self, text, add_special_tokens=False):
        return {"input_ids": [ord(letter) for letter in text]}


def test_tokens_are_padded_on_the_right_cut_at_the_length_and_know_their_prompt(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,score,ask,log\nab,1,x,-2\nabcdef,2,xyz,-3\n")
    found = read_outcomes(path, prompt="ask", log_read="log").encode(Letters(), length=6)
    assert found.tokens.tolist() == [[120, 97, 98, 2, 0, 0], [120, 121, 122, 97, 98, 99]]
    assert found.padding.tolist() == [[True] * 4 + [False] * 2, [True] * 6]
    assert found.given.tolist() == [1, 3]
    assert found.log_read.tolist() == [-2, -3]
    alone = read_outcomes(path).encode(Letters(), length=9, end=False)
    assert alone.tokens[0].tolist() == [1, 97, 98, 0, 0, 0, 0]
    with pytest.raises(DataError, match="row 2: its prompt has 3 tokens; length is 3"):
        read_outcomes(path, prompt="ask").encode(Letters(), length=3)


def test_a_file_without_rows_and_a_number_that_no_float_holds_are_refused(tmp_path):
    empty, large = tmp_path / "empty.csv", tmp_path / "large.jsonl"
    empty.write_text("text,score\n")
    with pytest.raises(DataError, match=r"empty\.csv has no row"):
        read_outcomes(empty)
    large.write_text(json.dumps({"text": "a", "score": 10**400}))
    with pytest.raises(DataError, match="1 rows without a number"):
        read_outcomes(large)
    with pytest.raises(DataError, match="file is None"):
        read_outcomes(None)


def test_prompts_of_another_number_and_lengths_that_are_none_are_refused():
    two = DirectOutcomes(("a", "b"), np.array([1.0, 2.0]), prompts=("p",))
    for length, words in ((1.5, r"length is 1\.5"), (9, "there are 1 prompts for 2 texts")):
        with pytest.raises(DataError, match=words):
            two.encode(SimpleNamespace(bos_token_id=0, eos_token_id=0), length=length)
