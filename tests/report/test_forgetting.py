"""The picture of forgetting shows the means it is given."""

from dataclasses import dataclass

import pytest

pytest.importorskip("matplotlib")

from yinguo.report.forgetting import forgetting_picture


@dataclass
class Curve:
    label: str
    stages: tuple
    performance: dict


STAGES = ("pre-trained", "b", "c")
A = Curve("tuned", STAGES, {"a": (0.9, 0.4, 0.2), "a2": (0.7, 0.6, 0.2), "b": (0.1, 0.8, 0.4)})
B = Curve("tailored", STAGES, {"a": (0.9, 0.8, 0.8), "a2": (0.7, 0.7, 0.6), "b": (0.1, 0.7, 0.7)})


def test_each_panel_has_a_line_for_each_method_with_the_mean_of_its_tasks():
    figure = forgetting_picture([A, B], original=("a", "a2"))
    old, new = figure.axes
    assert old.lines[0].get_ydata() == pytest.approx([0.8, 0.5, 0.2])
    assert new.lines[1].get_ydata() == pytest.approx([0.1, 0.7, 0.7])
    assert [label.get_text() for label in old.get_xticklabels()] == list(STAGES)
    assert {"● tuned", "● tailored"} <= {text.get_text() for text in new.texts}


def test_one_curve_alone_has_a_line_for_each_task():
    (axes,) = forgetting_picture([A]).axes
    assert len(axes.lines) == 3


def test_curves_of_other_stages_are_refused():
    with pytest.raises(ValueError, match="different stages"):
        forgetting_picture([A, Curve("x", ("pre-trained",), {"a": (1.0,)})])
