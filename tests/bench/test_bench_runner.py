import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import bench_toys
import numpy as np
import pytest
from bench_toys import CELLS, METHODS, method, toy

from yinguo import bench
from yinguo.bench import runner
from yinguo.bench.runner import kept_rows, plan, run_rows
from yinguo.errors import DataError


def run(table, folder, **options):
    tasks = plan(table)
    rows = run_rows(table, tasks, folder=folder, n_jobs=1, **options)
    return [rows[task.key] for task in tasks if task.key in rows]


def by_place(rows):
    return {(r.cell, r.method, r.replication): (r.estimate, r.se, r.truth) for r in rows}


def lines(folder):
    return (Path(folder) / "toy.partial.jsonl").read_text().splitlines()


def test_every_method_runs_in_every_cell_as_often_as_planned(tmp_path):
    rows = run(toy(), tmp_path)
    assert len(rows) == 3 * (10 + 7)
    assert len(lines(tmp_path)) == len(rows)


def test_a_method_may_be_kept_to_some_cells(tmp_path):
    rows = run(toy(methods=(method("mean", "Mean", cells=("large",)),)), tmp_path)
    assert {r.cell for r in rows} == {"large"}


def test_all_methods_of_a_cell_meet_the_same_draws(tmp_path):
    rows = by_place(run(toy(), tmp_path))
    for cell in CELLS:
        for replication in range(7):
            mean, shifted = (rows[cell.name, label, replication][0] for label in ("mean", "shifted"))
            assert shifted == pytest.approx(mean + 0.5, abs=1e-15)


def test_cells_and_replications_meet_different_draws(tmp_path):
    rows = by_place(run(toy(), tmp_path))
    assert len({estimate for estimate, _, _ in rows.values()}) == len(rows)


def test_results_do_not_depend_on_the_order_or_number_of_methods_and_cells(tmp_path):
    full = by_place(run(toy(), tmp_path / "a"))
    part = by_place(run(toy(methods=METHODS[::-1][:2], cells=CELLS[::-1]), tmp_path / "b"))
    assert part == {place: value for place, value in full.items() if place[1] != "mean"}


def test_one_process_and_two_give_the_same_numbers(tmp_path):
    table = toy()
    tasks = plan(table)
    alone = run_rows(table, tasks, folder=tmp_path / "a", n_jobs=1)
    together = run_rows(table, tasks, folder=tmp_path / "b", n_jobs=2)
    assert by_place(alone.values()) == by_place(together.values())


def test_each_fit_gets_a_seed_of_its_own_and_gets_it_again(tmp_path):
    run(toy(), tmp_path / "a")
    first = list(bench_toys.SEEDS)
    assert len(set(first)) == len(first) == 2 * (10 + 7)
    bench_toys.SEEDS.clear()
    run(toy(), tmp_path / "b")
    assert first == bench_toys.SEEDS


def test_a_seed_fixed_in_the_options_is_left_alone(tmp_path):
    run(toy(methods=(method("mean", "Mean", options={"random_state": 3}),)), tmp_path)
    assert set(bench_toys.SEEDS) == {3}


def test_the_global_random_state_is_not_touched(tmp_path):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    run(toy(), tmp_path)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_methods_are_handed_the_study_and_never_the_truth(tmp_path):
    run(toy(), tmp_path)
    assert {type(handed) for handed in bench_toys.HANDED} == {np.ndarray}


def test_the_truth_is_joined_after_the_fit(tmp_path):
    rows = run(toy(), tmp_path)
    assert {(r.cell, r.truth) for r in rows} == {("small", 1.0), ("large", -2.0)}
    covered = [r.covered for r in rows if r.method == "mean"]
    assert covered == [abs(r.estimate - r.truth) <= 1.96 * r.se for r in rows if r.method == "mean"]


def test_a_method_without_standard_error_has_no_coverage(tmp_path):
    assert {(r.se, r.covered) for r in run(toy(), tmp_path) if r.method == "first"} == {(None, None)}


def test_measures_are_taken_from_the_fit_and_the_extras(tmp_path):
    rows = run(toy(measure=bench_toys.rows_seen), tmp_path)
    assert all(r.measures == {"rows": {"small": 20, "large": 80}[r.cell], "estimate again": r.estimate} for r in rows)


def test_notes_and_warnings_are_kept_without_repetition_and_without_second_lines(tmp_path):
    rows = run(toy(methods=METHODS[2:]), tmp_path)
    assert {r.warnings for r in rows} == {("a note", "one row used")}


def test_a_failure_is_a_row_with_its_reason_and_the_others_go_on(tmp_path):
    rows = run(toy(methods=(method("fails", "Fails"), METHODS[0])), tmp_path)
    failed = [r for r in rows if r.error]
    assert failed
    assert {r.error for r in failed} == {"ArithmeticError: the first number is negative"}
    assert {r.estimate for r in failed} == {None}
    assert all(r.error is None for r in rows if r.method == "mean")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NotANumber", "ValueError: the estimate is nan"),
        ("OtherEstimand", "ValueError: the estimate is of the ATE; asked for was the ATT"),
        ("NotWrittenYet", "AttributeError: "),
    ],
)
def test_an_answer_that_is_none_is_a_failure(tmp_path, name, reason):
    rows = run(toy(methods=(method("odd", name),)), tmp_path)
    assert all(r.error.startswith(reason) for r in rows)


def test_a_method_with_an_estimand_of_its_own_is_held_against_that_truth(tmp_path):
    options = {"estimand": "ATE"}
    rows = run(toy(methods=(METHODS[0], method("ate", "Other", options=options)), measure=None), tmp_path)
    assert {(r.method, r.cell, r.truth) for r in rows if r.error is None} == {
        ("mean", "small", 1.0),
        ("mean", "large", -2.0),
        ("ate", "small", 100.0),
        ("ate", "large", 100.0),
    }


def test_an_option_that_the_class_does_not_have_is_a_failure_with_its_name(tmp_path):
    rows = run(toy(methods=(method("odd", "Mean", options={"shfit": 1}),)), tmp_path)
    assert all("shfit" in r.error for r in rows)


def test_running_again_runs_nothing(tmp_path):
    first = run(toy(), tmp_path)
    bench_toys.HANDED.clear()
    assert run(toy(), tmp_path) == first
    assert bench_toys.HANDED == []


def test_a_quick_run_is_the_beginning_of_the_full_one(tmp_path):
    table = toy()
    quick = plan(table, quick=True)
    assert len(quick) == 3 * (3 + 2)
    run_rows(table, quick, folder=tmp_path, n_jobs=1)
    bench_toys.HANDED.clear()
    run(table, tmp_path)
    assert len(bench_toys.HANDED) == 3 * (10 + 7) - len(quick)


@pytest.mark.parametrize(
    "changed",
    [
        toy(methods=(method("mean", "Mean", options={"shift": 0.25}),)),
        toy(methods=METHODS[:1], seed=6),
        toy(methods=METHODS[:1], cells=(replace(CELLS[0], settings={"n": 21, "effect": 1.0}), CELLS[1])),
    ],
)
def test_rows_of_other_options_seeds_or_settings_are_not_reused(tmp_path, changed):
    old = {task.key for task in plan(toy(methods=METHODS[:1]))}
    different = [task for task in plan(changed) if task.key not in old]
    assert {task.cell.name for task in different} >= {"small"}


@pytest.mark.parametrize(("name", "value"), [("installed_version", "9.9"), ("code_digest", "abc")])
def test_rows_of_another_version_or_of_other_code_are_not_reused(tmp_path, monkeypatch, name, value):
    run(toy(), tmp_path)
    monkeypatch.setattr(runner, name, lambda *args: value)
    assert kept_rows(toy(), plan(toy()), folder=tmp_path) == {}


def test_failed_fits_are_run_again_only_when_asked(tmp_path):
    table = toy(methods=(method("fails", "Fails"),))
    first = run(table, tmp_path)
    count = len(lines(tmp_path))
    run(table, tmp_path)
    assert len(lines(tmp_path)) == count
    run(table, tmp_path, retry_failures=True)
    assert len(lines(tmp_path)) == count + sum(r.error is not None for r in first)


def test_an_interrupt_loses_no_finished_fit(tmp_path):
    table = toy(methods=(method("stop", "Interrupts"),))
    with pytest.raises(KeyboardInterrupt):
        run(table, tmp_path)
    assert len(kept_rows(table, plan(table), folder=tmp_path)) == 3
    bench_toys.Interrupts.calls = 10**6
    assert len(run(table, tmp_path)) == 17
    assert len(lines(tmp_path)) == 17


def test_a_fault_of_the_table_itself_is_raised_and_not_counted_as_a_failure(tmp_path):
    with pytest.raises(TypeError, match="colour"):
        run(toy(cells=(replace(CELLS[0], settings={"n": 20, "effect": 1.0, "colour": "red"}),)), tmp_path)


def test_a_killed_run_goes_on_where_it_stopped(tmp_path):
    script = (
        "import bench_toys, time\n"
        "from yinguo import bench\n"
        "fit = bench_toys.Mean.fit\n"
        "def slow(self, study):\n"
        "    time.sleep(0.05)\n"
        "    return fit(self, study)\n"
        "bench_toys.Mean.fit = slow\n"
        f"bench.run(bench_toys.toy(methods=bench_toys.METHODS[:1]), folder={str(tmp_path)!r}, n_jobs=1)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    kept = tmp_path / "toy.partial.jsonl"
    deadline = time.monotonic() + 60
    while not (kept.exists() and kept.read_bytes().count(b"\n") >= 4) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    table = toy(methods=METHODS[:1])
    done = len(kept_rows(table, plan(table), folder=tmp_path))
    assert 4 <= done < 17
    rows = run(table, tmp_path)
    assert len(rows) == 17
    assert len(bench_toys.HANDED) == 17 - done


def test_fits_run_with_one_blas_thread_in_their_process(tmp_path):
    table = toy(methods=(method("threads", "Threads"),))
    tasks = plan(table, quick=True)
    for n_jobs in (1, 2):
        rows = run_rows(table, tasks, folder=tmp_path / str(n_jobs), n_jobs=n_jobs)
        assert {r.estimate for r in rows.values()} == {1.0}


def test_an_unknown_method_or_cell_is_refused_with_those_that_exist():
    with pytest.raises(DataError, match=r"has no method \['median'\]; it has \['mean', 'shifted', 'first'\]"):
        plan(toy(), methods=["median"])
    with pytest.raises(DataError, match=r"has no cell \['tiny'\]"):
        plan(toy(), cells=["tiny"])


def test_nothing_is_printed_unless_asked_or_on_a_terminal(tmp_path, capfd):
    bench.run(toy(), folder=tmp_path, n_jobs=1)
    assert capfd.readouterr() == ("", "")
    bench.run(toy(), folder=tmp_path, n_jobs=1, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "51/51" in err


def test_a_restricted_run_leaves_the_files_of_the_table_alone(tmp_path):
    bench.run(toy(), folder=tmp_path, n_jobs=1, methods=["mean"], cells=["small"])
    assert [path.name for path in tmp_path.iterdir()] == ["toy.partial.jsonl"]
    summary = bench.gather(toy(), folder=tmp_path)
    assert not summary.complete
    assert (tmp_path / "toy.md").exists()
    assert len(bench_toys.HANDED) == 10


def test_a_run_goes_on_from_the_rows_behind_written_results_where_its_own_are_lost(tmp_path):
    first = bench.run(toy(), folder=tmp_path, n_jobs=1, methods=["mean"])
    bench.gather(toy(), folder=tmp_path)
    (tmp_path / "toy.partial.jsonl").unlink()
    bench_toys.HANDED.clear()
    whole = bench.run(toy(), folder=tmp_path, n_jobs=1)
    assert len(bench_toys.HANDED) == 2 * (10 + 7)
    assert whole.complete
    assert whole.lines[0].figures == first.lines[0].figures
    (tmp_path / "toy.partial.jsonl").unlink()
    assert bench.gather(toy(), folder=tmp_path).complete


def test_a_fit_made_again_counts_before_the_one_that_came_with_the_results(tmp_path):
    bench.run(toy(methods=(method("fails", "NotANumber"),)), folder=tmp_path, n_jobs=1)
    (tmp_path / "toy.partial.jsonl").unlink()
    table = toy(methods=(method("fails", "NotANumber"),))
    again = run_rows(table, plan(table)[:1], folder=tmp_path, n_jobs=1, retry_failures=True)
    assert len(lines(tmp_path)) == 1
    assert list(again.values()) == [kept_rows(table, plan(table), folder=tmp_path)[plan(table)[0].key]]


def test_whole_runs_write_figures_and_rows_and_quick_ones_do_not_touch_them(tmp_path):
    bench.run(toy(), folder=tmp_path, n_jobs=1, quick=True)
    assert {path.name for path in tmp_path.glob("toy*")} == {
        "toy.partial.jsonl",
        *(f"toy.quick.{ending}" for ending in ("json", "csv", "md")),
    }
    bench.run(toy(), folder=tmp_path, n_jobs=1)
    endings = ("json", "csv", "md", "rows.jsonl.gz")
    assert {f"toy.{ending}" for ending in endings} <= {path.name for path in tmp_path.iterdir()}


def test_progress_bar_counts_failures(tmp_path, monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    bench.run(toy(methods=(method("fails", "NotANumber"),)), folder=tmp_path, n_jobs=1, progress=True)
    assert "failed 17" in written.getvalue()


def draw_material(rng):
    from yinguo.bench.spec import Material

    return Material(study=rng.normal(size=5), extras={"n": 5})


class Learns:
    def fit(self, study):
        self.size = len(study)
        return self


def size_of(fitted, drawn):
    return {"size": fitted.size, "known": drawn.extras["n"]}


def test_a_table_without_an_estimand_takes_its_measures_alone(tmp_path):
    from yinguo.bench.render import markdown
    from yinguo.bench.spec import Build, Cell, Method
    from yinguo.bench.summary import summarise

    table = toy(
        estimand=None,
        metrics=(),
        published=(),
        draw=draw_material,
        cells=(Cell("one", {}),),
        methods=(Method("learns", Build(f"{__name__}:Learns"), "Fixed."),),
        measure=size_of,
        measures=("size",),
    )
    tasks = plan(table)
    rows = run_rows(table, tasks, folder=tmp_path, n_jobs=1, progress=False)
    assert {row.measures["size"] for row in rows.values()} == {5.0}
    assert {row.truth for row in rows.values()} == {None}
    page = markdown(summarise(table, tasks, rows))
    assert "Estimand" not in page
    assert "learns" in page


def test_a_table_without_an_estimand_shows_no_bias():
    with pytest.raises(ValueError, match="it has no estimand"):
        toy(estimand=None)
