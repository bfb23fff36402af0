"""`yinguo bench` hands a declared table to the runner: same rows, same files, resumed or fresh."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import bench_toys

import yinguo.bench


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """The toy table is the only one there is."""
    bench_toys.HANDED.clear()
    bench_toys.SEEDS.clear()
    table = bench_toys.toy()
    monkeypatch.setattr(yinguo.bench, "tables", lambda: {"toy": table})
    return table


def fits(folder: Path) -> int:
    return len((folder / "toy.partial.jsonl").read_text().splitlines())


def test_tables_are_listed_with_title_and_size(yinguo):
    (line,) = [line for line in yinguo("bench").out.splitlines() if line.startswith("toy ")]
    assert "A toy" in line
    assert line.split()[-3:] == ["2", "3", "10"]


def test_a_table_is_run_printed_and_written(yinguo, tmp_path):
    ran = yinguo("bench", "toy", "--jobs", 1)
    assert ran.code == 0, ran.err
    assert "A toy" in ran.out
    assert "shifted" in ran.out
    folder = tmp_path / "benchmarks" / "results"
    assert {path.suffix for path in folder.iterdir()} == {".json", ".csv", ".md", ".jsonl", ".gz"}
    assert fits(folder) == 3 * 10 + 3 * 7
    assert json.loads((folder / "toy.json").read_text())["complete"]


def test_a_run_is_resumed_and_a_fresh_one_keeps_the_old_rows_under_another_name(yinguo, tmp_path):
    folder = tmp_path / "kept"
    yinguo("bench", "toy", "--jobs", 1, "--out", folder, "--quick")
    quick = len(bench_toys.HANDED)
    yinguo("bench", "toy", "--jobs", 1, "--out", folder)
    assert len(bench_toys.HANDED) == fits(folder) == 51
    assert quick == 3 * (3 + 2)
    yinguo("bench", "toy", "--jobs", 1, "--out", folder, "--quick", "--fresh")
    assert len(bench_toys.HANDED) == 51 + quick
    assert fits(folder) == quick
    assert len((folder / "toy.partial.jsonl.old").read_text().splitlines()) == 51


def test_another_number_of_replications_has_a_folder_of_its_own(yinguo, tmp_path):
    ran = yinguo("bench", "toy", "--jobs", 1, "--replications", 4)
    folder = tmp_path / "benchmarks" / "results" / "4-replications"
    assert fits(folder) == 3 * 4 + 3 * 4
    assert str(Path("benchmarks/results/4-replications")) in ran.out


def test_all_runs_every_table(yinguo, tmp_path):
    ran = yinguo("bench", "--all", "--jobs", 1, "--quick", "--out", "kept")
    assert ran.code == 0
    assert "A toy" in ran.out
    assert (tmp_path / "kept" / "toy.quick.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["toy", "--all"], ["--all", "'toy'"]),
        (["nothing"], ["no table 'nothing'", "toy"]),
        (["toy", "--replications", "0"], ["--replications 0", "1 or more"]),
        (["toy", "--jobs", "0"], ["--jobs 0"]),
        (["toy", "--out", "file"], ["file is a file", "directory"]),
    ],
)
def test_bad_requests_are_named(yinguo, tmp_path, arguments, words):
    (tmp_path / "file").write_text("")
    ran = yinguo("bench", *arguments)
    assert ran.code == 2
    assert [word for word in words if word not in ran.err] == []
    assert bench_toys.HANDED == []
