"""Pictures of graphs over words: every edge with both of its marks, in files that do not change from run to run."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from yinguo.report.attention_graph import attention_graph_plot, save_picture
from yinguo.report.canvas import PALETTE


def graph(*edges, names=("whale", "animal", "planet", "a$b")):
    M = np.zeros((len(names), len(names)), dtype=np.int8)
    for i, j, at_i, at_j in edges:
        M[j, i], M[i, j] = at_i, at_j
    return SimpleNamespace(names=names, marks=M)


def lines(figure):
    """Lines of edges of the first panel, without circles."""
    return [line for line in figure.axes[0].lines if line.get_marker() == "None"]


def circles(figure):
    return [line for line in figure.axes[0].lines if line.get_marker() == "o"]


def test_every_edge_is_a_line_with_as_many_arrows_and_circles_as_its_marks():
    figure = attention_graph_plot({"head 0": graph((0, 1, 1, 2), (1, 2, 2, 2), (2, 3, 3, 2), (0, 3, 1, 1))})
    assert isinstance(figure, Figure)
    assert len(lines(figure)) == 4
    assert len(figure.axes[0].patches) == 4
    assert len(circles(figure)) == 3


def test_edges_of_hidden_causes_are_dashed_and_no_others():
    figure = attention_graph_plot({"head 0": graph((0, 1, 2, 2), (1, 2, 3, 2), (2, 3, 1, 2))})
    assert [line.get_linestyle() for line in lines(figure)].count("-") == 2


def test_the_arrow_is_at_the_end_that_has_the_mark():
    figure = attention_graph_plot({"head 0": graph((0, 1, 3, 2))})
    (arrow,) = figure.axes[0].patches
    places = {text.get_text(): np.array(text.xy) for text in figure.axes[0].texts}
    tip = arrow.get_xy()[0]
    assert np.hypot(*(tip - places["animal"])) < np.hypot(*(tip - places["whale"]))


def test_the_target_and_the_words_that_explain_it_stand_out():
    figure = attention_graph_plot({"head 0": graph((0, 1, 1, 1))}, target="planet", explained_by=["whale"])
    fills = {text.get_text(): text.get_bbox_patch() for text in figure.axes[0].texts if text.get_bbox_patch()}
    assert fills["planet"].get_facecolor()[:3] == pytest.approx(
        tuple(int(PALETTE["control"][k : k + 2], 16) / 255 for k in (1, 3, 5))
    )
    assert fills["whale"].get_linewidth() > fills["animal"].get_linewidth()


def test_heads_stand_side_by_side_and_words_are_taken_as_they_are():
    figure = attention_graph_plot({f"head {k}": graph((0, 1, 1, 1)) for k in range(4)})
    assert len(figure.axes) == 5  # the last is the legend
    assert len({round(axes.get_position().y0, 3) for axes in figure.axes[:4]}) == 2
    figure.draw_without_rendering()
    assert "a$b" in {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_the_same_graph_gives_the_same_file(tmp_path, ending):
    for name in ("one", "two"):
        save_picture(attention_graph_plot({"head 0": graph((0, 1, 1, 2))}), tmp_path / f"{name}.{ending}")
    one, two = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "two"))
    assert one == two
    assert len(one) > 1000


def test_no_word_leaves_its_panel():
    names = ("a" * 30, "international", "w", "considerations", "extraordinarily", "x")
    figure = attention_graph_plot({"head 0": graph((0, 1, 1, 2), names=names)})
    figure.draw_without_rendering()
    panel = figure.axes[0].get_window_extent()
    for text in figure.axes[0].texts[1:]:
        box = text.get_bbox_patch().get_window_extent()
        assert box.x0 >= panel.x0 - 1
        assert box.x1 <= panel.x1 + 1
