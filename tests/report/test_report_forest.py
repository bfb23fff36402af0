"""The forest plot."""

import numpy as np
import pytest
from matplotlib.text import Text

from yinguo.report.forest import ForestRow, axis_limits
from yinguo.report.plots import forest_plot

ROWS = [
    ForestRow("difference", -8498.0, -9641.0, -7354.0, "stop"),
    ForestRow("aipw", 1531.0, 201.7, 2860.0, "look"),
    ForestRow("bare", 1000.0, None, None, "unchecked", "a reason that would fill the line " * 9),
    ForestRow("failed", None, None, None, "unchecked", "the solver stopped"),
]


def texts(figure):
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


@pytest.mark.parametrize("width", [820, 360])
def test_every_method_has_a_line_the_failed_one_with_its_reason(width):
    said = texts(forest_plot(ROWS, width=width))
    for row in ROWS:
        assert row.label in said
    assert any("no estimate: the solver stopped" in t for t in said)
    assert any(t.startswith("1531 (201.7 to 2860)") for t in said)
    assert "1000 (no valid interval)" in said


def test_the_legend_names_only_the_verdicts_that_occur():
    said = " ".join(texts(forest_plot(ROWS[:1])))
    assert "a check says stop" in said
    assert "look at its checks" not in said


def test_the_benchmark_is_drawn_and_named():
    assert "experiment 1794" in texts(forest_plot(ROWS, benchmark=("experiment", 1794.3)))


def test_the_axis_holds_zero_the_benchmark_and_every_ordinary_interval():
    low, high = axis_limits(ROWS, ("experiment", 5000.0))
    assert low < -9641
    assert high > 5000


def test_one_enormous_interval_does_not_squeeze_the_others():
    rows = [*ROWS, ForestRow("wild", 900.0, -1e7, 1e7, "stop")]
    low, high = axis_limits(rows)
    assert high - low < 1e5


def test_one_enormous_estimate_is_left_to_an_arrow():
    rows = [*ROWS, ForestRow("wild", 1e9, 0.9e9, 1.1e9, "stop")]
    assert axis_limits(rows)[1] < 1e6
    forest_plot(rows)


@pytest.mark.parametrize(
    "rows",
    [[], ROWS[3:], [ForestRow("zero", 0.0, 0.0, 0.0, "ok")], [ForestRow("tiny", 1e-12, 0.9e-12, 1.1e-12, "ok")]],
    ids=["none", "failures only", "all zero", "tiny"],
)
def test_degenerate_comparisons_still_give_a_picture(rows):
    low, high = axis_limits(rows)
    assert np.isfinite([low, high]).all()
    assert low < high
    forest_plot(rows, width=360)


@pytest.mark.parametrize("width", [820, 360])
def test_endless_labels_and_numbers_leave_room_for_the_picture(width):
    row = ForestRow("x" * 500, -1.23456e-7, -9.87654e8, 9.87654e8, "ok")
    axes = forest_plot([row], width=width, benchmark=("y" * 500, 1e-9)).axes[0]
    assert axes.get_position().width > 0.25


def test_labels_are_not_mathematics():
    figure = forest_plot([ForestRow("$x_{bad$", 1.0, 0.0, 2.0, "ok")], outcome="$y^")
    assert not any(t.get_parse_math() for t in figure.findobj(Text) if "$" in t.get_text())
    figure.draw_without_rendering()
