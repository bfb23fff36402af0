"""`yinguo datasets` writes sets of text as JSON lines, whole or not at all."""

import hashlib
import json
import subprocess
import sys

import pytest

from yinguo.cli.text_sets import text_loaders


def test_every_text_set_is_listed_with_the_first_line_of_its_docstring(yinguo):
    out = yinguo("datasets").out
    for name, load in text_loaders().items():
        (line,) = [line for line in out.splitlines() if line.split(" ")[0] == name]
        assert load.__doc__.strip().splitlines()[0] in line


@pytest.mark.parametrize("name", text_loaders())
def test_every_text_set_is_written_as_json_lines_with_a_question_and_an_answer(yinguo, tmp_path, name):
    ran = yinguo("datasets", name, "--out", "rows.jsonl")
    assert ran.code == 0, ran.err
    records = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert f"{len(records):,} records" in ran.out
    assert all({"input", "target"} <= set(record) for record in records)
    assert ("important" in records[0]) == ("important" in ran.out)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_the_large_training_set_is_the_released_file(yinguo, tmp_path):
    assert yinguo("datasets", "stg_train_l", "--out", "large.jsonl").code == 0
    digest = hashlib.sha256((tmp_path / "large.jsonl").read_bytes()).hexdigest()
    assert digest == "c166065179765d34bfccdbee0b19866e971242e5a8621a7e05fbdc773c0a013d"


def test_alone_a_text_set_says_what_it_is_and_which_options_it_has(yinguo):
    out = yinguo("datasets", "stg-h-train").out
    assert "--set rows=3000" in out
    assert "--set random_state=0" in out


def test_its_options_can_be_set(yinguo, tmp_path):
    ran = yinguo("datasets", "stg-h-test-ood", "--out", "few.jsonl", "--set", "rows=3", "--set", "random_state=4")
    assert ran.code == 0, ran.err
    assert len((tmp_path / "few.jsonl").read_text().splitlines()) == 3


def test_a_file_that_is_there_is_overwritten_only_by_force(yinguo, tmp_path):
    kept = tmp_path / "kept.jsonl"
    kept.write_text("precious")
    ran = yinguo("datasets", "stg-test-iid", "--out", kept)
    assert ran.code == 2
    assert "--force" in ran.err
    assert kept.read_text() == "precious"
    assert yinguo("datasets", "stg-test-iid", "--out", kept, "--force").code == 0
    assert len(kept.read_text().splitlines()) == 400


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["stg-train-xl"], ["no data set 'stg-train-xl'", "stg-train-l"]),
        (["stg-train-l", "--out", "x.csv"], ["x.csv does not end in .jsonl", "stg-train-l is text"]),
        (["simpson", "--out", "x.jsonl"], ["x.jsonl", ".csv", ".parquet"]),
        (["stg-train-l", "--out", "no/x.jsonl"], ["no directory no"]),
        (["stg-train-l", "--out", "x.jsonl", "--set", "rows=3"], ["no option 'rows'", "it has none"]),
        (["stg-h-train", "--out", "x.jsonl", "--set", "rows=0"], ["rows is 0", "at least 1"]),
        (["stg-h-train", "--out", "x.jsonl", "--set", "rows=many"], ["rows is 'many'", "whole number"]),
        (["stg-h-train", "--out", "x.jsonl", "--set", "random_state=-1"], ["random_state is -1"]),
    ],
)
def test_bad_requests_are_named(yinguo, tmp_path, arguments, words):
    ran = yinguo("datasets", *arguments)
    assert ran.code == 2
    assert [word for word in words if word not in ran.err] == []
    assert list(tmp_path.iterdir()) == []


def test_writing_text_loads_neither_torch_nor_transformers(tmp_path):
    code = (
        "import sys; from yinguo.cli import main; "
        f"code = main(['datasets', 'stg-test-ood', '--out', {str(tmp_path / 'x.jsonl')!r}]); "
        "assert code == 0 and not {'torch', 'transformers'} & set(sys.modules), code"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
