"""The forest plot: every method on a line of its own, the failed ones too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yinguo.core import words
from yinguo.core.diagnostic import worst
from yinguo.report.canvas import PALETTE, axes_at, shorten, text_width, ticks, write

__all__ = ["ForestRow", "axis_limits", "draw_forest", "forest_height"]

#: Verdict to marker, filled or hollow, and what the legend says.
MARKERS = {
    "ok": ("o", True, "● its checks passed"),
    "look": ("D", True, "◆ look at its checks"),
    "stop": ("X", True, "✖ a check says stop"),
    "unchecked": ("o", False, "○ nothing to check"),
}
_WIDE = 600
_PAPER = {"facecolor": PALETTE["paper"], "edgecolor": "none", "pad": 1.5}
#: An estimate further than this many typical interval widths from the middle is drawn as an arrow at the edge.
_OFF_SCALE = 30.0


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One line of a forest plot.

    Attributes
    ----------
    label : str
    estimate, low, high : float or None
        None where there is no estimate; no interval.
    verdict : {"ok", "look", "stop", "unchecked"}
        The gravest of the method's checks.
    remark : str
        Why there is no estimate.
    """

    label: str
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str
    remark: str = ""

    @classmethod
    def of(cls, result: Any, label: str, level: float) -> "ForestRow":
        """The row of an EffectResult."""
        low, high = result.ci(level) or (None, None)
        verdict = worst(result.diagnostics) if result.diagnostics else "unchecked"
        return cls(label, result.estimate, low, high, verdict)


def forest_height(rows: Sequence[ForestRow], width: float) -> float:
    """Pixels that :func:`draw_forest` needs."""
    row, above, below = _measures(width)
    return above + row * max(len(rows), 1) + below


def draw_forest(
    figure: Figure,
    rows: Sequence[ForestRow],
    *,
    level: float,
    outcome: str,
    benchmark: tuple[str, float] | None,
    left: float,
    top: float,
    width: float,
) -> None:
    """Draw into a part of a figure; parameters as in :func:`yinguo.report.plots.forest_plot`."""
    row_height, above, _ = _measures(width)
    wide = width >= _WIDE
    labels = [shorten(row.label, 30 if wide else 26) for row in rows]
    figures = [_figures(row) for row in rows]
    at_left = max((text_width(t, 14) for t in labels), default=0) * 0.95 + 18 if wide else 16
    at_right = max((text_width(t, 13.5) for t, r in zip(figures, rows) if r.estimate is not None), default=0) + 10
    breadth = width - at_left - (at_right if wide else 16)
    axes = axes_at(figure, left + at_left, top + above, breadth, row_height * max(len(rows), 1))
    low, high = axis_limits(rows, benchmark)
    axes.set(xlim=(low, high), ylim=(max(len(rows), 1) - 0.5, -0.5))
    for i in range(1, len(rows)):
        axes.axhline(i - 0.5, color=PALETTE["line"], linewidth=0.6)
    _reference_lines(axes, benchmark, (low, high), breadth)
    for i, row in enumerate(rows):
        _interval(axes, row, i if wide else i + 0.22, (low, high))
        write_row = _write_wide if wide else _write_narrow
        write_row(axes, i, row, labels[i], figures[i], (at_left, at_right))
    if wide:
        write(axes, 1, 1, f"estimate ({level * 100:.4g}% interval)", coords="axes fraction", shift=(at_right, 8),
              size=12, color="muted", ha="right")  # fmt: skip
    ticks(axes, 7 if wide else 4, f"change in {shorten(outcome, 40)}")
    _legend(axes, rows, wide)


def axis_limits(rows: Sequence[ForestRow], benchmark: tuple[str, float] | None = None) -> tuple[float, float]:
    """Both ends of the axis: ordinary estimates, zero, the benchmark, and as much of the intervals as is sensible.

    One interval of enormous width must not squeeze the others into a line; it is cut, and an arrow says so.
    """
    done = [row for row in rows if row.estimate is not None]
    points = np.array([row.estimate for row in done], dtype=np.float64)
    ends = np.array([(r.low, r.high) for r in done if r.low is not None], dtype=np.float64).reshape(-1, 2)
    fixed = [0.0] + ([benchmark[1]] if benchmark else [])
    typical = float(np.median(ends[:, 1] - ends[:, 0])) if len(ends) else 0.0
    if len(points) > 2:
        middle = np.median(points)
        spread = max(typical, float(np.median(np.abs(points - middle))), 1e-300)
        points = points[np.abs(points - middle) <= _OFF_SCALE * spread]
    core = np.concatenate([points, fixed])
    span = max(float(np.ptp(core)), typical)
    low = max(float(min(ends[:, 0].min(initial=np.inf), core.min())), float(core.min()) - 1.2 * span)
    high = min(float(max(ends[:, 1].max(initial=-np.inf), core.max())), float(core.max()) + 1.2 * span)
    pad = 0.04 * (high - low) if high > low else 1.0
    return low - pad, high + pad


def _measures(width: float) -> tuple[float, float, float]:
    """Height of a row, room above and below, in pixels."""
    return (34, 44, 70) if width >= _WIDE else (52, 44, 88)


def _figures(row: ForestRow) -> str:
    if row.estimate is None:
        return f"no estimate: {row.remark}"
    text = words.number(row.estimate)
    if row.low is not None:
        text += f" ({words.number(row.low)} to {words.number(row.high)})"
    else:
        text += " (no valid interval)"
    return text.replace("-", "−")


def _write_wide(axes: Axes, i: int, row: ForestRow, label: str, figures: str, room: tuple[float, float]) -> None:
    color = "ink" if row.estimate is not None else "muted"
    place = ("axes fraction", "data")
    write(axes, 0, i, label, coords=place, shift=(8 - room[0], 0), size=14, va="center", color=color)
    if row.estimate is None:
        said = shorten(figures, 72)
        write(axes, 0, i, said, coords=place, shift=(8, 0), size=13, color=color, va="center", bbox=_PAPER)
    else:
        write(axes, 1, i, figures, coords=place, shift=(room[1], 0), size=13.5, va="center", ha="right")


def _write_narrow(axes: Axes, i: int, row: ForestRow, label: str, figures: str, room: tuple[float, float]) -> None:
    write(axes, 0, i - 0.24, label, coords=("axes fraction", "data"), shift=(2 - room[0], 0), size=13, va="center",
          weight="bold", bbox=_PAPER)  # fmt: skip
    if row.estimate is None:
        write(axes, 0, i + 0.18, shorten(figures, 50), coords=("axes fraction", "data"), shift=(2 - room[0], 0),
              size=12, color="muted", va="center", bbox=_PAPER)  # fmt: skip
    else:
        write(axes, 1, i - 0.24, shorten(figures, 44), coords=("axes fraction", "data"), shift=(14, 0), size=12.5,
              va="center", ha="right", bbox=_PAPER)  # fmt: skip


def _interval(axes: Axes, row: ForestRow, y: float, limits: tuple[float, float]) -> None:
    if row.estimate is None:
        return
    color = PALETTE["muted" if row.verdict == "unchecked" else row.verdict]
    marker, filled, _ = MARKERS[row.verdict]
    low, high = limits
    if row.low is not None and row.high is not None and row.low < high and row.high > low:
        axes.hlines(y, max(row.low, low), min(row.high, high), color=color, linewidth=2.2)
    for end, cut, arrow in ((row.low, low, "<"), (row.high, high, ">")):
        if end is None:
            continue
        if low <= end <= high:
            axes.plot([end], [y], "|", color=color, markersize=8, markeredgewidth=1.6)
        else:
            axes.plot([cut], [y], arrow, color=color, markersize=7, clip_on=False)
    at = min(max(row.estimate, low), high)
    if at == row.estimate:
        face = color if filled else PALETTE["paper"]
        axes.plot([at], [y], marker, color=color, markersize=9 if marker != "D" else 7.5, markerfacecolor=face,
                  markeredgecolor=color if not filled else PALETTE["paper"], markeredgewidth=1 if filled else 1.8,
                  zorder=5)  # fmt: skip
    else:
        axes.plot([at], [y], "<" if row.estimate < low else ">", color=color, markersize=10, clip_on=False, zorder=5)


def _reference_lines(
    axes: Axes, benchmark: tuple[str, float] | None, limits: tuple[float, float], breadth: float
) -> None:
    axes.axvline(0, color=PALETTE["ink"], linewidth=1.1, zorder=1)
    marks = [(0.0, "no effect", "muted")]
    if benchmark is not None:
        label, value = benchmark
        axes.axvline(value, color=PALETTE["green"], linewidth=1.6, linestyle=(0, (5, 2)), zorder=1)
        marks.append((value, f"{shorten(label, 24)} {words.number(value)}".replace("-", "−"), "green"))
    for line, (value, text, color) in enumerate(marks):
        # The label stays within the axes: what is beside them belongs to the other columns.
        half, at = text_width(text, 12) / 2, (value - limits[0]) / (limits[1] - limits[0]) * breadth
        middle = min(max(at, half), breadth - half)
        write(axes, value, 1, text, coords=("data", "axes fraction"), shift=(middle - at, 8 + 16 * line), size=12,
              color=color, ha="center")  # fmt: skip


def _legend(axes: Axes, rows: Sequence[ForestRow], wide: bool) -> None:
    met = [v for v in MARKERS if any(row.verdict == v and row.estimate is not None for row in rows)]
    per_line = 4 if wide else 2
    for i, verdict in enumerate(met):
        x = sum(text_width(MARKERS[v][2], 12) + 16 for v in met[i - i % per_line : i])
        write(axes, 0, 0, MARKERS[verdict][2], coords="axes fraction", shift=(x, -48 - 17 * (i // per_line)), size=12,
              color="muted" if verdict == "unchecked" else verdict, va="top")  # fmt: skip
