"""Causal graphs over the words of a text: words on a circle, edges with their marks, one panel for each head."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yinguo.report.canvas import PALETTE, figure_of, shorten, text_width, under_defaults, write

__all__ = ["attention_graph_plot", "save_picture"]

#: Marks at the end of an edge, numbered as in the graphs.
_CIRCLE, _ARROW = 1, 2
_SIZE, _PANEL, _TITLE, _LEGEND = 12.0, 400.0, 30.0, 44.0


@under_defaults
def attention_graph_plot(
    graphs: Mapping[str, Any],
    *,
    target: str | None = None,
    explained_by: Collection[str] = (),
    columns: int = 3,
) -> Figure:
    """One panel for each graph.

    Parameters
    ----------
    graphs : mapping of title to graph
        Each with ``names`` and ``marks``, as :class:`yinguo.language.cleann.AttentionGraph`.
    target : str, optional
        The word that was explained; it stands out.
    explained_by : collection of str, optional
        Words of explanations; they stand out, too.
    columns : int, default 3
        Panels in a row.
    """
    across = min(columns, len(graphs))
    down = -(-len(graphs) // across)
    width, height = across * _PANEL, down * (_PANEL + _TITLE) + _LEGEND
    figure = figure_of(width, height)
    for place, (title, graph) in enumerate(graphs.items()):
        left, top = place % across * _PANEL, place // across * (_PANEL + _TITLE)
        box = (left / width, 1 - (top + _TITLE + _PANEL) / height, _PANEL / width, _PANEL / height)
        axes = figure.add_axes(box, facecolor="none")
        axes.set(xlim=(0, _PANEL), ylim=(0, _PANEL))
        axes.axis("off")
        write(axes, 16, _PANEL + 8, title, size=14, weight="bold", va="bottom")
        _draw(axes, graph.names, graph.marks, target, frozenset(explained_by))
    _legend(figure, width, height, target is not None, bool(explained_by))
    return figure


def save_picture(figure: Figure, path: str | Path) -> None:
    """Write a figure as .svg, .png or .pdf, by the ending of the name; the same graph gives the same file."""
    from matplotlib.style import context as style_context

    ending = Path(path).suffix.lower().lstrip(".")
    with style_context(["default", {"svg.fonttype": "none", "svg.hashsalt": "yinguo"}]):
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
        figure.savefig(path, format=ending, dpi=144, metadata=undated)


def _draw(axes: Axes, names: Sequence[str], marks, target: str | None, explained_by: frozenset[str]) -> None:
    k = len(names)
    labels = [shorten(name, 18) for name in names]
    half = [max(text_width(label, _SIZE) / 2 + 7, 16) for label in labels]
    angle = np.pi / 2 - 2 * np.pi * np.arange(k) / k
    middle, radius = _PANEL / 2, _PANEL / 2 - 22
    # Words are wider than high: the circle is drawn in at the sides, where words would leave the panel.
    x = middle + (radius - max(half) + 14) * np.cos(angle)
    y = middle + radius * np.sin(angle)
    for i in range(k):
        for j in range(i):
            if marks[i, j]:
                start, end = (_rim(x[a], y[a], x[b], y[b], half[a]) for a, b in ((i, j), (j, i)))
                touches = target in (names[i], names[j])
                _edge(axes, start, end, int(marks[j, i]), int(marks[i, j]), strong=touches or target is None)
    for i, label in enumerate(labels):
        fill, edge, ink, weight = "paper", "muted", "ink", "normal"
        if names[i] == target:
            fill, edge, ink, weight = "control", "control", "paper", "bold"
        elif names[i] in explained_by:
            edge, ink, weight = "treated", "treated", "bold"
        write(axes, x[i], y[i], label, size=_SIZE, color=ink, ha="center", va="center", weight=weight, zorder=3,
              bbox={"boxstyle": "round,pad=0.32", "facecolor": PALETTE[fill], "edgecolor": PALETTE[edge],
                    "linewidth": 1.8 if weight == "bold" else 0.9})  # fmt: skip


def _rim(x: float, y: float, towards_x: float, towards_y: float, half: float) -> np.ndarray:
    """Where the line to another word leaves the box of this one."""
    step = np.array([towards_x - x, towards_y - y])
    share = min(half / max(abs(step[0]), 1e-9), 12 / max(abs(step[1]), 1e-9), 0.5)
    return np.array([x, y]) + share * step


def _edge(axes: Axes, start: np.ndarray, end: np.ndarray, at_start: int, at_end: int, *, strong: bool) -> None:
    """A line with its two marks. Directed edges are full, those that hidden causes explain dashed."""
    color = PALETTE["ink" if strong else "muted"]
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
    both = at_start == at_end == _ARROW
    tips = []
    for place, mark, inward in ((start, at_start, along), (end, at_end, -along)):
        gap = 7.0 if mark == _ARROW else 6.0 if mark == _CIRCLE else 0.0
        tips.append(place + gap * inward)
        if mark == _CIRCLE:
            axes.plot(*(place + 3 * inward), "o", markersize=5.5, markerfacecolor=PALETTE["paper"],
                      markeredgecolor=color, markeredgewidth=1.1, zorder=2)  # fmt: skip
        elif mark == _ARROW:
            across = np.array([-inward[1], inward[0]])
            corners = np.array([place, place + 9 * inward + 4 * across, place + 9 * inward - 4 * across])
            axes.fill(*corners.T, color=color, linewidth=0, zorder=2)
    axes.plot(*np.array(tips).T, color=color, linewidth=1.5 if strong else 0.9, alpha=1 if strong else 0.75,
              linestyle=(0, (4, 3)) if both else "solid", zorder=1, solid_capstyle="butt")  # fmt: skip


def _legend(figure: Figure, width: float, height: float, target: bool, explained: bool) -> None:
    axes = figure.add_axes((0, 0, 1, _LEGEND / height), facecolor="none")
    axes.set(xlim=(0, width), ylim=(0, _LEGEND))
    axes.axis("off")
    rows = [[("a → b  a moves b", "ink"), ("a ↔ b  hidden cause", "ink"), ("o  either mark", "ink")], []]
    if target:
        rows[1].append(("■ explained", "control"))
    if explained:
        rows[1].append(("□ part of an explanation", "treated"))
    for line, row in enumerate(rows):
        left = 16.0
        for text, color in row:
            write(axes, left, 30 - 18 * line, text, size=11.5, color=color, va="center")
            left += text_width(text, 11.5) + 14
