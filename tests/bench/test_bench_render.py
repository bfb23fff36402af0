import csv
import io
import json

import pytest
from bench_toys import CELLS, METHODS, PUBLISHED, method, toy
from rich.console import Console

from yinguo.bench import export, render
from yinguo.bench.figures import Figure
from yinguo.bench.runner import plan, run_rows
from yinguo.bench.spec import Cell, Published
from yinguo.bench.summary import summarise

ARTEFACT = method("mean of a row too few", "Mean", options={"shift": 0.25}, artefact_of="mean")


@pytest.fixture
def summary(tmp_path):
    def summary_of(quick=False, **changes):
        table = toy(**{"published": PUBLISHED, "methods": (*METHODS, ARTEFACT), **changes})
        tasks = plan(table, quick=quick)
        return summarise(table, tasks, run_rows(table, tasks, folder=tmp_path, n_jobs=1), quick=quick)

    return summary_of


def cell_of(text, heading):
    """The table below a heading of the Markdown, as a list of dicts."""
    below = text.split(f"## {heading}\n", 1)[1].strip().split("\n\n")[0]
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in below.splitlines()]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_markdown_shows_printed_repeated_error_ours_and_truth_side_by_side(summary):
    done = summary()
    rows = cell_of(render.markdown(done), "small")
    mean = next(row for row in rows if row["method"] == "mean")
    assert mean["estimate printed"] == "1.25"
    assert mean["truth"].startswith("1")
    assert mean["mark"] == "artefact"
    ours, repeated = (float(mean[head].split(" ±")[0]) for head in ("estimate ours", "estimate, error repeated"))
    assert repeated == pytest.approx(ours + 0.25, abs=0.01)


def test_only_the_first_figure_of_a_table_has_the_column_of_the_repeated_error(summary):
    row = cell_of(render.markdown(summary()), "small")[0]
    assert [head for head in row if "error repeated" in head] == ["estimate, error repeated"]


def test_a_row_that_repeats_an_error_is_no_row_of_its_own_in_what_people_read(summary):
    rows = cell_of(render.markdown(summary()), "small")
    assert [row["method"] for row in rows] == ["mean", "shifted", "first"]


def test_a_cell_of_which_nothing_was_printed_has_no_printed_columns(summary):
    assert "estimate ours" not in cell_of(render.markdown(summary()), "large")[0]
    assert "estimate" in cell_of(render.markdown(summary()), "large")[0]


def test_the_note_on_a_printed_figure_stands_below_its_cell(summary):
    assert "* mean, printed: They forgot one row." in render.markdown(summary())


def test_a_mark_of_reproduced_that_does_not_hold_is_contradicted_in_print(summary):
    right = summary(published=(Published("large", "mean", {"estimate": -2.0}, "reproduced"),))
    wrong = summary(published=(Published("large", "mean", {"estimate": 2.0}, "reproduced"),))
    assert "marked as reproduced, yet" not in render.markdown(right)
    assert "marked as reproduced, yet" in render.markdown(wrong)


def test_failures_are_told_with_counts_and_reasons(summary):
    done = summary(methods=(method("fails", "NotANumber"),), published=())
    assert "* fails: 10 of 10 failed: ValueError: the estimate is nan" in render.markdown(done)
    assert cell_of(render.markdown(done), "small")[0]["failed"] == "10"


def test_a_quick_run_is_marked_as_not_to_be_quoted(summary):
    assert "30% of the replications. Not to be quoted." in render.markdown(summary(quick=True))
    assert "Not to be quoted" not in render.markdown(summary())


def test_markdown_names_source_gaps_options_version_and_cpu_time(summary):
    text = render.markdown(summary())
    for part in (
        "Source: nowhere",
        "\nnone\n",
        "`Mean(shift=0.5)`. Fixed beforehand.",
        "CPU minutes",
        "ATT, in metres",
    ):
        assert part in text


def test_a_bar_in_a_label_does_not_break_the_markdown_table(summary):
    done = summary(methods=(method("a|b", "Mean"),), published=())
    assert "| a\\|b |" in render.markdown(done)


def test_json_is_plain_versioned_and_complete(summary):
    record = json.loads(export.json_text(summary()))
    assert record["schema"] == "yinguo-bench/1"
    assert [cell["name"] for cell in record["cells"]] == ["small", "large"]
    line = record["cells"][0]["lines"][0]
    assert line["published"]["mark"] == "artefact"
    assert set(line["figures"]) >= {"estimate", "bias", "signed_bias", "sd", "mae", "rmse", "coverage", "seconds"}
    figure = line["figures"]["estimate"]
    assert line["published"]["distance"]["estimate"] == pytest.approx((figure["value"] - 1.25) / figure["mc_se"])
    assert {made["label"]: made["artefact_of"] for made in record["methods"]}[ARTEFACT.label] == "mean"


def test_csv_has_one_line_for_each_cell_and_method_with_the_same_numbers_as_json(summary):
    done = summary()
    rows = list(csv.DictReader(io.StringIO(export.csv_text(done))))
    assert len(rows) == 2 * 4
    for row, line in zip(rows, done.lines, strict=True):
        assert (row["cell"], row["method"]) == (line.cell.name, line.method.label)
        assert float(row["rmse"]) == line.figures["rmse"].value
        assert float(row["bias_mc_se"]) == line.figures["bias"].mc_se
    assert rows[0]["bias_published"] == "0.25"
    assert rows[1]["bias_published"] == ""


def test_the_same_rows_give_the_same_bytes(summary):
    assert export.json_text(summary()) == export.json_text(summary())
    assert render.markdown(summary()) == render.markdown(summary())


def test_terminal_shows_every_method_and_cell_and_takes_labels_as_they_are(summary):
    done = summary(methods=(*METHODS, method("[red]x[/red]", "Mean")), published=())
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(render.terminal(done))
    text = console.export_text()
    for part in ("A toy", "small", "large", "shifted", "[red]x[/red]", "± "):
        assert part in text


def test_measures_become_columns(summary):
    from bench_toys import rows_seen

    rows = cell_of(render.markdown(summary(measure=rows_seen)), "large")
    assert {row["rows"] for row in rows} == {"80"}
    # Means over the draws, with their standard errors.
    assert all(" ± " in row["estimate again"] for row in rows)


def test_differences_to_a_named_row_become_columns(summary):
    from bench_toys import rows_seen

    rows = cell_of(render.markdown(summary(measure=rows_seen, against=("mean",))), "small")
    shown = [row["estimate again, less mean"] for row in rows]
    assert shown[0] == ""
    assert float(shown[1].split(" ")[0]) == pytest.approx(0.5)


def test_a_named_measure_stands_beside_what_was_printed_with_its_spread(summary):
    from bench_toys import rows_seen

    printed = (Published("small", "mean", {"estimate again": 1.5}, "unverified"),)
    done = summary(measure=rows_seen, measures=("estimate again",), published=printed)
    first, second, _ = cell_of(render.markdown(done), "small")
    assert (first["estimate again printed"], second["estimate again printed"]) == ("1.5", "")
    line = done.lines[0]
    sd, median = map(float, first["estimate again, SD / median"].split(" / "))
    assert sd == pytest.approx(line.spreads["estimate again"].sd.value, abs=0.01)
    assert median == pytest.approx(line.spreads["estimate again"].median.value, abs=0.01)
    assert "rows, SD / median" not in first
    # Nothing was printed for the other cell.
    assert "estimate again" in cell_of(render.markdown(done), "large")[0]
    assert "standard deviation over the root of the number of draws" in " ".join(render.markdown(done).split())


def test_files_hold_the_spread_of_named_measures_and_are_as_before_without_any(summary):
    from bench_toys import rows_seen

    named, plain = summary(measure=rows_seen, measures=("rows",)), summary(measure=rows_seen)
    line = json.loads(export.json_text(named))["cells"][0]["lines"][0]
    assert line["spreads"] == {"rows": {"sd": {"value": 0.0, "mc_se": None}, "median": {"value": 20.0, "mc_se": 0.0}}}
    assert "spreads" not in json.loads(export.json_text(plain))["cells"][0]["lines"][0]
    rows = list(csv.DictReader(io.StringIO(export.csv_text(named))))
    assert (rows[0]["rows"], rows[0]["rows_sd"], rows[0]["rows_median"]) == ("20.0", "0.0", "20.0")
    assert not [head for head in next(csv.reader(io.StringIO(export.csv_text(plain)))) if "median" in head]


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Figure(1487.7712, 23.4), "1488 ± 23"),
        (Figure(0.124712, 0.00884), "0.1247 ± 0.0088"),
        (Figure(-8497.516, None), "-8497.52"),
        (Figure(2.0, 0.0), "2"),
        (Figure(0.5, 0.1), "0.50 ± 0.10"),
        (None, ""),
    ],
)
def test_a_figure_is_shown_to_the_digits_that_chance_allows(figure, text):
    assert render._show(figure) == text


def test_a_table_run_in_part_says_what_is_missing():
    table = toy(cells=(*CELLS, Cell("never", {"n": 20, "effect": 0.0})))
    summary = summarise(table, plan(table), {})
    assert "not run: small, large, never" in render.markdown(summary)


def test_a_cell_of_one_draw_shows_no_spread(summary):
    done = summary(
        cells=(Cell("small", {"n": 20, "effect": 1.0}, replications=1),), metrics=("estimate", "bias", "sd", "rmse")
    )
    row = cell_of(render.markdown(done), "small")[0]
    assert "bias".capitalize() + " ours" in row
    assert not [head for head in row if "SD" in head or "RMSE" in head]


def test_files_are_written_whole_or_not_at_all(summary, tmp_path):
    paths = render.write(summary(), tmp_path / "out")
    assert [path.name for path in paths] == ["toy.json", "toy.csv", "toy.md"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["toy.csv", "toy.json", "toy.md"]
    assert (tmp_path / "out" / "toy.json").read_text(encoding="utf-8").endswith("}\n")
