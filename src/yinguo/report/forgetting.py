"""Forgetting curves: performance on the original and on the new tasks after every stage of tuning, one panel each."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from yinguo.report.canvas import PALETTE, SERIES, axes_at, figure_of, plain_number, shorten, under_defaults, write

__all__ = ["forgetting_picture"]

_LEFT, _TOP, _PANEL, _HEIGHT, _KEY, _BELOW = 46, 44, 260, 200, 190, 34
#: Lines are told apart by dashes as well as by colour.
_DASHES = ("solid", "dashed", "dashdot", "dotted")


class Curve(Protocol):
    """What is drawn; :class:`yinguo.language.ForgettingCurve` is one."""

    label: str
    stages: tuple[str, ...]
    performance: Mapping[str, tuple[float, ...]]


@under_defaults
def forgetting_picture(curves: Sequence[Curve], *, original: Sequence[str] | None = None) -> Figure:
    """Mean performance on each group of tasks against the stage.

    Parameters
    ----------
    curves : sequence of ForgettingCurve
        With the same stages.
    original : sequence of str, optional
        Tasks of the first panel; the others are in the second. None draws one panel with a line for each task, which
        is for a single curve.

    Returns
    -------
    Figure
    """
    stages = curves[0].stages
    if any(curve.stages != stages for curve in curves):
        raise ValueError("the curves have different stages and cannot share a picture")
    if original is None:
        panels = {"performance on each task": {task: values for task, values in curves[0].performance.items()}}
    else:
        old = set(original)
        panels = {
            "original tasks": {curve.label: _mean(curve, old.__contains__) for curve in curves},
            "new tasks": {curve.label: _mean(curve, lambda task: task not in old) for curve in curves},
        }
    figure = figure_of(len(panels) * (_LEFT + _PANEL) + _KEY, _TOP + _HEIGHT + _BELOW)
    for place, (title, lines) in enumerate(panels.items()):
        _panel(figure, title, lines, stages, left=_LEFT + place * (_LEFT + _PANEL), key=place == len(panels) - 1)
    return figure


def _mean(curve: Curve, chosen) -> tuple[float, ...]:
    return tuple(np.mean([values for task, values in curve.performance.items() if chosen(task)], axis=0).tolist())


def _panel(
    figure: Figure, title: str, lines: Mapping[str, Sequence[float]], stages: Sequence[str], *, left: float, key: bool
) -> None:
    axes = axes_at(figure, left, _TOP, _PANEL, _HEIGHT)
    axes.set_xlim(-0.15, len(stages) - 0.85)
    axes.set_ylim(0, 1.03)
    axes.tick_params(axis="y", labelleft=True)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(plain_number)
    axes.set_xticks(range(len(stages)), [shorten(stage, 16) for stage in stages])
    write(axes, 0, 1, title, coords="axes fraction", shift=(-_LEFT + 12, 18), size=12.5, weight="bold")
    for number, (label, values) in enumerate(lines.items()):
        color, dashes = SERIES[number % len(SERIES)], _DASHES[number // len(SERIES) % len(_DASHES)]
        axes.plot(range(len(values)), values, color=PALETTE[color], linestyle=dashes, marker="o", linewidth=2)
        if key:
            write(axes, 1, 1, f"{'●' if dashes == 'solid' else '○'} {shorten(label, 26)}", coords="axes fraction",
                  shift=(14, -4 - 18 * number), color=color, va="top")  # fmt: skip
