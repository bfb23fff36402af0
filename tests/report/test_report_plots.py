"""Figures of results."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from report_toys import Bare, draw

import yinguo as yg
from yinguo.report.pictures import concentrations, overlap_of
from yinguo.report.plots import love_plot, overlap_plot, result_figure, weight_plot


@pytest.mark.parametrize(
    "method",
    [yg.AIPW(), yg.EntropyBalancing(), yg.DifferenceInMeans(), Bare()],
    ids=lambda method: method.name,
)
def test_every_result_can_be_drawn(method):
    figure = method.fit(draw()).result_.plot()
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()


def test_a_result_that_has_lost_its_study_is_still_drawn():
    result = pickle.loads(pickle.dumps(yg.AIPW().fit(draw()).result_))
    result_figure(result).draw_without_rendering()


def test_drawing_does_not_load_pyplot():
    code = (
        "import sys, yinguo as yg\n"
        "study = yg.Study({'t': [0, 1] * 20, 'y': range(40), 'x': [1, 2, 3, 4] * 10}, treatment='t', outcome='y')\n"
        "yg.EntropyBalancing().fit(study).result_.plot().savefig('/dev/null', format='svg')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_love_plot_marks_what_is_left_above_the_line_by_shape():
    figure = love_plot(["a", "b", "c"], np.array([0.5, 0.4, 0.05]), np.array([0.3, -0.02, 0.01]))
    markers = {
        line.get_marker(): len(line.get_xdata()) for line in figure.axes[0].lines if line.get_linestyle() == "None"
    }
    diamonds = [len(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert diamonds == [1]
    assert markers
    assert any("still above" in t.get_text() for t in figure.findobj(Text))


def test_the_overlap_plot_names_both_arms_in_words():
    rng = np.random.default_rng(0)
    figure = overlap_plot(overlap_of("a", rng.random(100), np.tile([0.0, 1.0], 50)))
    said = " ".join(t.get_text() for t in figure.findobj(Text))
    assert "treated" in said
    assert "controls" in said


def test_lines_of_the_weight_plot_differ_in_dash_as_well_as_colour():
    T, rng = np.repeat([1.0, 0.0], 50), np.random.default_rng(0)
    curves = [c for i in range(3) for c in concentrations(f"m{i}", rng.random(100), T)]
    lines = [line for line in weight_plot(curves).axes[0].lines if len(line.get_xdata()) > 2]
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == len(curves) == 6
