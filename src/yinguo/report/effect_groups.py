"""Three pictures of who gains: groups by learned effect, their calibration, and segments told by the covariates."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from yinguo.core import words
from yinguo.diagnose.calibration_slope import EffectCalibration
from yinguo.diagnose.segments import Segments
from yinguo.diagnose.sorted_groups import GroupEffects
from yinguo.report.canvas import PALETTE, axes_at, shorten, text_width, ticks, write
from yinguo.report.effect_curves import levels

__all__ = [
    "CALIBRATION_HEIGHT", "GROUPS_HEIGHT", "draw_calibration", "draw_groups", "draw_segments", "segments_height",
]  # fmt: skip

GROUPS_HEIGHT = CALIBRATION_HEIGHT = 300
_ABOVE, _BELOW, _LEFT = 44, 50, 58
_HEAD, _FOOT, _WIDE = 40, 48, 600


def draw_groups(
    figure: Figure, groups: GroupEffects, *, outcome: str, average: float | None = None, left: float, top: float,
    width: float,
) -> None:  # fmt: skip
    """Effect of each group with intervals that hold for all, beside its mean learned effect.

    Parameters
    ----------
    figure : Figure
    groups : GroupEffects
    outcome : str
        Name of the column.
    average : float, optional
        Average effect, for a line.
    left, top, width : float
        Place in pixels.
    """
    e, k = groups.effects, len(groups.effects)
    axes = axes_at(figure, left + _LEFT, top + _ABOVE, width - _LEFT - 18, GROUPS_HEIGHT - _ABOVE - _BELOW)
    axes.grid(visible=False)
    place = np.arange(k)
    _limits(axes, e.low_all, e.high_all, groups.learned, [0.0])
    axes.set_xlim(-0.6, k - 0.4)
    axes.axhline(0, color=PALETTE["ink"], linewidth=1.1, zorder=1)
    if average is not None:
        axes.axhline(average, color=PALETTE["green"], linewidth=1.5, linestyle=(0, (5, 2)), zorder=1)
    _bars(axes, place, e)
    axes.plot(place + 0.16, groups.learned, "D", markersize=6, markerfacecolor=PALETTE["paper"],
              markeredgecolor=PALETTE["treated"], markeredgewidth=1.6, linestyle="none")  # fmt: skip
    write(axes, 0, 1, f"effect on {shorten(outcome, 30)} by group", coords="axes fraction", shift=(-_LEFT + 4, 24),
          size=12.5, weight="bold")  # fmt: skip
    legend = [("● effect", "control"), ("◇ mean learned effect", "treated")]
    if average is not None:
        legend.append((f"– – average {words.number(average, 3)}".replace("-", "−"), "green"))
    _legend(axes, legend)
    ticks(axes, k, f"by learned effect, largest first; {e.level:.0%} intervals for all")
    axes.set_xticks(place, [f"{share:.0%}" for share in groups.share])


def draw_calibration(
    figure: Figure, groups: GroupEffects, calibration: EffectCalibration, *, left: float, top: float, width: float
) -> None:
    """Effect of each group against its mean learned effect: on the diagonal the learned effects can be taken as read.

    Parameters
    ----------
    figure : Figure
    groups : GroupEffects
    calibration : EffectCalibration
    left, top, width : float
        Place in pixels.
    """
    e = groups.effects
    axes = axes_at(figure, left + _LEFT, top + _ABOVE, width - _LEFT - 18, CALIBRATION_HEIGHT - _ABOVE - _BELOW)
    spread = float(np.ptp(groups.learned)) or 1.0
    ends = np.array([groups.learned.min() - 0.12 * spread, groups.learned.max() + 0.12 * spread])
    _limits(axes, e.low_all, e.high_all, ends)
    axes.set_xlim(*ends)
    axes.plot(ends, ends, color=PALETTE["muted"], linewidth=1.3, linestyle=(0, (5, 2)), zorder=1)
    legend = [("● effect", "control"), ("– – perfectly calibrated", "muted")]
    if calibration.slope is not None:
        line = calibration.average + calibration.slope * (ends - calibration.learned)
        axes.plot(ends, line, color=PALETTE["treated"], linewidth=1.8, zorder=1)
        legend.append((f"— slope {words.number(calibration.slope, 3)}".replace("-", "−"), "treated"))
    _bars(axes, groups.learned, e)
    write(axes, 0, 1, "estimated effect of the group", coords="axes fraction", shift=(-_LEFT + 4, 24), size=12.5,
          weight="bold")  # fmt: skip
    _legend(axes, legend)
    ticks(axes, 5, f"mean learned effect of the group; {e.level:.0%} intervals for all")


def segments_height(segments: Segments, width: float) -> float:
    """Pixels that :func:`draw_segments` needs at a width."""
    return _HEAD + _row(width) * len(segments.rules) + _FOOT


def _row(width: float) -> float:
    return 48 if width >= _WIDE else 64


def draw_segments(figure: Figure, segments: Segments, *, outcome: str, left: float, top: float, width: float) -> None:
    """Segments in words, the one that gains most on top, with intervals that hold for all.

    Parameters
    ----------
    figure : Figure
    segments : Segments
    outcome : str
        Name of the column.
    left, top, width : float
        Place in pixels.
    """
    e, k, row, wide = segments.effects, len(segments.rules), _row(width), width >= _WIDE
    axes = axes_at(figure, left + 16, top + _HEAD, width - 32, row * k)
    ends = np.concatenate([e.low_all, e.high_all, [0.0]])
    room = 0.05 * (float(np.ptp(ends)) or 1.0)
    axes.set(xlim=(ends.min() - room, ends.max() + room), ylim=(k - 0.5, -0.5))
    axes.axvline(0, color=PALETTE["ink"], linewidth=1.1, zorder=1)
    options: dict[str, Any] = {"coords": ("axes fraction", "data"), "va": "center"}
    options["bbox"] = {"facecolor": PALETTE["paper"], "edgecolor": "none", "pad": 1.5}
    for i, rule in enumerate(segments.rules):
        y = i + (0.2 if wide else 0.3)
        axes.hlines(y, e.low_all[i], e.high_all[i], color=PALETTE["control"], linewidth=2.2)
        axes.plot([e.low_all[i], e.high_all[i]], [y, y], "|", color=PALETTE["control"], markersize=8,
                  markeredgewidth=1.6)  # fmt: skip
        axes.plot([e.estimate[i]], [y], "o", color=PALETTE["control"], markersize=7.5, zorder=5)
        figures = (
            f"{words.number(float(e.estimate[i]), 3)} ({words.number(float(e.low_all[i]), 3)} to "
            f"{words.number(float(e.high_all[i]), 3)}), {segments.share[i]:.0%}"
        ).replace("-", "−")
        letters = int((width - 24 - (text_width(figures, 12.5) + 24 if wide else 0)) / 7.6)
        write(axes, 0, i - (0.22 if wide else 0.3), shorten(rule, letters), shift=(-12, 0), size=13, weight="bold",
              **options)  # fmt: skip
        write(axes, 1, i - (0.22 if wide else 0.02), figures, shift=(12, 0), size=12.5, ha="right", **options)
        if i:
            axes.axhline(i - 0.5, color=PALETTE["line"], linewidth=0.6)
    write(axes, 1, 1, f"effect ({e.level:.0%} interval for all together), share", coords="axes fraction",
          shift=(12, 8), size=12, color="muted", ha="right")  # fmt: skip
    ticks(axes, 6 if wide else 4, f"change in {shorten(outcome, 40)}")


def _bars(axes: Axes, place, e) -> None:
    axes.vlines(place, e.low_all, e.high_all, color=PALETTE["control"], linewidth=2)
    for end in (e.low_all, e.high_all):
        axes.plot(place, end, "_", color=PALETTE["control"], markersize=9, markeredgewidth=1.6, linestyle="none")
    axes.plot(place, e.estimate, "o", color=PALETTE["control"], markersize=7.5, linestyle="none", zorder=5)


def _limits(axes: Axes, *values) -> None:
    everything = np.concatenate([np.asarray(v, dtype=np.float64) for v in values])
    low, high = float(everything.min()), float(everything.max())
    room = 0.06 * ((high - low) or 1.0)
    axes.set_ylim(low - room, high + room)
    levels(axes, low - room, high + room)


def _legend(axes: Axes, legend: list[tuple[str, str]]) -> None:
    x = -_LEFT + 4.0
    for text, color in legend:
        write(axes, 0, 1, text, coords="axes fraction", shift=(x, 8), size=12, color=color)
        x += text_width(text, 12) + 12
