import numpy as np
import pytest
from bench_toys import CELLS, METHODS, method, toy
from hypothesis import given, settings
from hypothesis import strategies as st

from yinguo.bench.figures import error_figures, mean_figure, paired_differences, spread_of
from yinguo.bench.rows import Row
from yinguo.bench.runner import plan, run_rows
from yinguo.bench.spec import Published
from yinguo.bench.summary import machine_kind, summarise

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_squared_rmse_is_squared_bias_plus_squared_sd(pairs):
    estimates, truths = np.array(pairs).T
    figures = error_figures(estimates, truths)
    parts = figures["bias"].value ** 2 + figures["sd"].value ** 2
    assert figures["rmse"].value ** 2 == pytest.approx(parts, rel=1e-9, abs=1e-18)


def test_figures_of_four_draws_are_those_done_by_hand():
    figures = error_figures(np.array([1.0, 2.0, 3.0, 6.0]), np.array([2.0, 2.0, 2.0, 2.0]))
    values = {name: figure.value for name, figure in figures.items()}
    # errors -1, 0, 1, 4
    assert values["signed_bias"] == values["bias"] == 1.0
    assert values["sd"] == pytest.approx(np.sqrt(14 / 4))
    assert values["mae"] == 1.5
    assert values["rmse"] == pytest.approx(np.sqrt(18 / 4))


def test_published_job_training_bias_is_the_distance_of_estimate_and_truth():
    figures = error_figures(np.array([-8471.0]), np.array([1794.0]))
    assert figures["bias"].value == 10265
    assert figures["signed_bias"].value == -10265


def test_bias_is_taken_after_averaging_and_mae_before():
    figures = error_figures(np.array([-1.0, 1.0]), np.zeros(2))
    assert figures["bias"].value == 0
    assert figures["mae"].value == 1


def test_a_truth_that_moves_with_the_draw_adds_no_spread():
    truths = np.random.default_rng(0).normal(size=50)
    assert error_figures(truths + 0.25, truths)["sd"].value == pytest.approx(0, abs=1e-15)


def test_one_replication_has_no_monte_carlo_error():
    assert {figure.mc_se for figure in error_figures(np.array([2.0]), np.array([1.0])).values()} == {None}


@pytest.mark.parametrize("metric", ["signed_bias", "sd", "mae", "rmse"])
def test_monte_carlo_errors_are_the_spread_of_the_figures_over_repeated_runs(metric):
    rng = np.random.default_rng(11)
    runs = [error_figures(rng.exponential(size=200) + 0.5, np.ones(200))[metric] for _ in range(2000)]
    spread = np.std([figure.value for figure in runs])
    # The error of a skewed SD is itself noisy at 200 draws, hence the tenth.
    assert np.mean([figure.mc_se for figure in runs]) == pytest.approx(spread, rel=0.1)


def test_standard_error_of_a_mean_divides_by_one_less():
    assert mean_figure(np.array([1.0, 3.0])).mc_se == pytest.approx(np.sqrt(2) / np.sqrt(2))


def test_a_constant_has_no_error_and_keeps_its_last_digit():
    figure = mean_figure(np.full(7, 1794.3423818501024))
    assert (figure.value, figure.mc_se) == (1794.3423818501024, 0.0)


def test_spread_of_four_draws_is_that_done_by_hand():
    spread = spread_of(np.array([6.0, 1.0, 2.0, 3.0]))
    assert spread.median.value == 2.5
    assert spread.sd.value == pytest.approx(np.sqrt((9 + 4 + 1 + 0) / 4))
    # Half a root of four is one place: from between the first two values to between the last two, halved.
    assert spread.median.mc_se == (4.5 - 1.5) / 2
    assert spread_of(np.array([3.0])).median.mc_se is None


@pytest.mark.parametrize("part", ["sd", "median"])
def test_errors_of_a_spread_are_its_variation_over_repeated_runs(part):
    rng = np.random.default_rng(5)
    runs = [getattr(spread_of(rng.lognormal(size=200)), part) for _ in range(1000)]
    # Of the SD of a skewed draw the error is itself noisy, and too small in most runs.
    ratio = np.mean([run.mc_se for run in runs]) / np.std([run.value for run in runs])
    assert {"sd": 0.5, "median": 0.9}[part] < ratio < 1.15


@pytest.fixture
def summary(tmp_path):
    def summary_of(**changes):
        table = toy(**changes)
        tasks = plan(table)
        return summarise(table, tasks, run_rows(table, tasks, folder=tmp_path, n_jobs=1))

    return summary_of


def test_lines_stand_in_the_order_of_the_table(summary):
    expected = [(cell.name, method.label) for cell in CELLS for method in METHODS]
    assert [(line.cell.name, line.method.label) for line in summary().lines] == expected


def test_a_shift_of_the_estimator_shows_as_bias_and_not_as_spread(summary):
    mean, shifted, _ = summary(cells=CELLS[:1], replications=80).of_cell(CELLS[0])
    assert shifted.figures["signed_bias"].value == pytest.approx(mean.figures["signed_bias"].value + 0.5)
    assert shifted.figures["sd"].value == pytest.approx(mean.figures["sd"].value)
    assert mean.figures["bias"].value < 4 * mean.figures["bias"].mc_se
    assert shifted.figures["bias"].value > 4 * shifted.figures["bias"].mc_se


def test_spread_of_a_mean_is_one_over_root_n(summary):
    line = summary(methods=METHODS[:1], replications=150).of_cell(CELLS[0])[0]
    assert abs(line.figures["sd"].value - 20**-0.5) < 4 * line.figures["sd"].mc_se


def test_measures_are_compared_with_those_of_the_named_row_on_the_same_draws(summary):
    def measure(fitted, drawn):
        return {"estimate": fitted.result_.estimate}

    mean, shifted, first = summary(measure=measure, against=("mean",)).of_cell(CELLS[0])
    assert list(mean.measures) == ["estimate"]
    # The draws are shared, so the shift is found without error though the estimates vary.
    assert shifted.measures["estimate, less mean"].value == pytest.approx(0.5)
    assert shifted.measures["estimate, less mean"].mc_se == pytest.approx(0, abs=1e-15)
    assert first.measures["estimate, less mean"].mc_se > 0.1


def test_only_draws_in_which_both_methods_gave_a_measure_are_compared():
    def rows(**values):
        return [
            Row(key=k, cell="c", method="m", replication=int(k[1:]), truth=0, measures=v) for k, v in values.items()
        ]

    ours, theirs = rows(r1={"a": 3.0}, r2={"a": 4.0, "b": 1.0}, r5={"a": 9.0}), rows(r1={"a": 1.0}, r2={"a": 1.0})
    found = paired_differences(ours, theirs)
    assert list(found) == ["a"]
    assert found["a"].tolist() == [2, 3]
    assert paired_differences(ours, []) == {}


def test_measures_that_the_table_names_have_a_spread_and_stand_first_and_the_first_is_compared(summary):
    def measure(fitted, drawn):
        return {"rows": drawn.extras["n"], "b": 1.0, "estimate": fitted.result_.estimate}

    done = summary(measure=measure, measures=("estimate", "b"), against=("mean",))
    mean, shifted, _ = done.of_cell(CELLS[0])
    assert list(mean.measures) == ["estimate", "b", "rows"]
    assert list(mean.spreads) == ["estimate", "b"]
    assert list(shifted.measures) == ["estimate", "b", "rows", "estimate, less mean"]
    assert list(shifted.spreads) == ["estimate", "b", "estimate, less mean"]
    assert shifted.spreads["estimate, less mean"].median.value == pytest.approx(0.5)
    figure = shifted.measures["estimate"]
    assert shifted.spreads["estimate"].sd.value == pytest.approx(figure.mc_se * np.sqrt(9))


def test_a_printed_measure_has_a_distance_like_any_printed_figure(summary):
    def measure(fitted, drawn):
        return {"error": fitted.result_.estimate}

    line = summary(measure=measure, measures=("error",)).of_cell(CELLS[0])[0]
    figure = line.measures["error"]
    printed = Published("small", "mean", {"error": figure.value - 3 * figure.mc_se}, "unverified")
    assert line.distance("error", printed) == pytest.approx(3)


def test_failures_are_counted_with_their_reasons_and_kept_out_of_the_figures(summary):
    line = summary(methods=(method("fails", "Fails"),), replications=60).of_cell(CELLS[0])[0]
    assert 0 < line.failed < line.done == line.planned == 60
    assert line.reasons == {"ArithmeticError: the first number is negative": line.failed}
    # Only draws with a positive first number are left, so their mean is above the truth.
    assert line.figures["signed_bias"].value > 0


def test_a_method_that_always_fails_has_no_figures(summary):
    line = summary(methods=(method("odd", "NotANumber"),)).lines[0]
    assert dict(line.figures) == {}
    assert line.failed == line.done == 10


def test_coverage_is_the_share_of_intervals_that_hold_the_truth(summary):
    mean, _, first = summary(cells=CELLS[:1], replications=150).of_cell(CELLS[0])
    assert abs(mean.figures["coverage"].value - 0.95) < 0.05
    assert "coverage" not in first.figures


def made(task, **result):
    """A row as if the task had been run."""
    place = {"cell": task.cell.name, "method": task.method.label, "replication": task.replication}
    return Row(key=task.key, truth=1, **place, **result)


def test_an_unfinished_run_says_so():
    table = toy()
    tasks = plan(table)
    some = {
        task.key: Row(
            key=task.key,
            cell=task.cell.name,
            method=task.method.label,
            replication=task.replication,
            truth=1,
            estimate=2,
        )
        for task in tasks[:4]
    }
    summary = summarise(table, tasks, some)
    assert not summary.complete
    assert [line.done for line in summary.lines] == [1, 1, 1, 1, 0, 0]
    assert {line.truth is None for line in summary.lines[4:]} == {True}


def test_time_is_of_the_processor_and_not_moved_by_the_first_import():
    table = toy(methods=METHODS[:1], cells=CELLS[:1], replications=5)
    tasks = plan(table)
    rows = {
        task.key: made(task, estimate=1, seconds=99.0, cpu_seconds=9.0 if task.replication == 0 else 0.1)
        for task in tasks
    }
    summary = summarise(table, tasks, rows)
    assert summary.lines[0].figures["seconds"].value == 0.1
    assert summary.cpu_minutes == pytest.approx(9.4 / 60)


@pytest.mark.parametrize(("replications", "errors"), [(None, 2.0), (4, 2 / 2**0.5), (1, 2 / 5**0.5)])
def test_distance_to_a_printed_figure_counts_the_noise_of_both(replications, errors):
    table = toy(methods=METHODS[:1], cells=CELLS[:1], replications=4)
    tasks = plan(table)
    rows = {task.key: made(task, estimate=estimate) for task, estimate in zip(tasks, [1, 2, 3, 4], strict=True)}
    line = summarise(table, tasks, rows).lines[0]
    printed = Published("small", "mean", {"estimate": 2.5 - 2 * (5 / 3 / 4) ** 0.5}, "reproduced", "", replications)
    assert line.distance("estimate", printed) == pytest.approx(errors)


def test_notes_that_differ_in_numbers_alone_are_counted_together():
    table = toy(methods=METHODS[:1], cells=CELLS[:1], replications=4)
    tasks = plan(table)
    notes = [("2 of 20 rows cut at 0.5",), ("11 of 20 rows cut at -1e-3",), ("x1 left out",), ("x1 left out",)]
    rows = {task.key: made(task, estimate=1, warnings=note) for task, note in zip(tasks, notes, strict=True)}
    noted = summarise(table, tasks, rows).lines[0].noted
    assert noted == {"... of ... rows cut at ...": 2, "x1 left out": 2}


def test_the_machine_is_told_by_kind_and_not_by_name():
    import platform

    kind = machine_kind()
    assert platform.node() not in kind.values()
    assert set(kind) == {"processor", "cores", "system", "python", "numpy", "scipy"}
