"""Two pictures of targeting: how much better off those ranked first are, and what treating a share is worth."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from yinguo.core import words
from yinguo.diagnose.intervals import Intervals
from yinguo.diagnose.targeting import TargetingCurve, TargetingPoint
from yinguo.report.canvas import PALETTE, axes_at, plain_number, shorten, ticks, write

__all__ = ["CURVE_HEIGHT", "draw_gain", "draw_toc", "levels"]

CURVE_HEIGHT = 300
_ABOVE, _BELOW, _LEFT = 44, 50, 58
_BAND, _BAND_ALL = 0.30, 0.14
#: Bands may stretch the picture to this many spans of the curve itself; what is beyond is cut.
_REACH = 1.2


def draw_toc(figure: Figure, curve: TargetingCurve, *, outcome: str, left: float, top: float, width: float) -> None:
    """Average effect of those ranked first, over everybody's, against their share.

    Parameters
    ----------
    figure : Figure
    curve : TargetingCurve
    outcome : str
        Name of the column.
    left, top, width : float
        Place in pixels.
    """
    axes = _axes(figure, curve.toc, left, top, width)
    _bands(axes, curve.shares, curve.toc, "control")
    axes.axhline(0, color=PALETTE["ink"], linewidth=1.1, zorder=1)
    axes.plot(curve.shares, curve.toc.estimate, color=PALETTE["control"], linewidth=2.2)
    write(axes, 0, 1, f"effect on {shorten(outcome, 24)} of those ranked first, above everybody's",
          coords="axes fraction", shift=(-_LEFT + 4, 24), size=12.5, weight="bold")  # fmt: skip
    _key(axes, curve.toc.level)
    _shares(axes, "share of the population, ranked by the learned effect")


def draw_gain(
    figure: Figure,
    curve: TargetingCurve,
    *,
    outcome: str,
    best: TargetingPoint | None = None,
    left: float,
    top: float,
    width: float,
) -> None:
    """Gain per unit of the population against the share treated, beside treating as many at random.

    Parameters
    ----------
    figure : Figure
    curve : TargetingCurve
    outcome : str
        Name of the column.
    best : TargetingPoint, optional
        A share to mark.
    left, top, width : float
        Place in pixels.
    """
    axes = _axes(figure, curve.gain, left, top, width)
    shares, gain = np.concatenate([[0.0], curve.shares]), curve.gain
    start = Intervals(
        level=gain.level,
        **{
            name: np.concatenate([[0.0], getattr(gain, name)])
            for name in ("estimate", "se", "low", "high", "low_all", "high_all")
        },
    )
    _bands(axes, shares, start, "control")
    axes.axhline(0, color=PALETTE["ink"], linewidth=1.1, zorder=1)
    everybody = float(gain.estimate[-1])
    axes.plot([0, curve.shares[-1]], [0, everybody], color=PALETTE["treated"], linewidth=1.8, linestyle=(0, (5, 2)))
    axes.plot(shares, start.estimate, color=PALETTE["control"], linewidth=2.2)
    if best is not None:
        value = float(best.gain.estimate[0])
        axes.vlines(best.share, float(best.gain.low[0]), float(best.gain.high[0]), color=PALETTE["ink"], linewidth=1.6)
        axes.plot([best.share], [value], "o", color=PALETTE["ink"], markersize=7, zorder=5)
        right = best.share > 0.55
        write(axes, best.share, value, f"best {best.share:.0%}: {words.number(value, 3)}".replace("-", "−"),
              shift=(-8 if right else 8, 8), ha="right" if right else "left", weight="bold")  # fmt: skip
    cost = f"; cost {words.number(curve.cost, 3)} taken off" if curve.cost else ""
    write(axes, 0, 1, f"gain in {shorten(outcome, 24)} per unit of the population", coords="axes fraction",
          shift=(-_LEFT + 4, 24), size=12.5, weight="bold")  # fmt: skip
    _key(axes, gain.level)
    write(axes, 0, 1, "– – as many at random", coords="axes fraction", shift=(6, -4), color="treated", va="top",
          bbox={"facecolor": PALETTE["paper"], "edgecolor": "none", "pad": 1.5})  # fmt: skip
    _shares(axes, f"share treated, largest learned effect first{cost}")


def levels(axes: Axes, low: float, high: float, most: int = 5) -> None:
    """Round values on the left axis, with hairlines.

    Parameters
    ----------
    axes : Axes
    low, high : float
        Ends of the axis.
    most : int
        Largest number of values.
    """
    for value in MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high):
        if low <= value <= high:
            axes.axhline(value, color=PALETTE["line"], linewidth=0.8, zorder=0)
            write(axes, 0, value, plain_number(float(value)), coords=("axes fraction", "data"), shift=(-6, 0), size=12,
                  color="muted", ha="right", va="center")  # fmt: skip


def _axes(figure: Figure, part: Intervals, left: float, top: float, width: float) -> Axes:
    axes = axes_at(figure, left + _LEFT, top + _ABOVE, width - _LEFT - 24, CURVE_HEIGHT - _ABOVE - _BELOW)
    core = np.concatenate([[0.0], part.estimate])
    span = float(np.ptp(core)) or float(np.max(part.high - part.low)) or 1.0
    low = max(float(min(part.low_all.min(), 0.0)), float(core.min()) - _REACH * span)
    high = min(float(max(part.high_all.max(), 0.0)), float(core.max()) + _REACH * span)
    room = 0.05 * (high - low)
    axes.set(xlim=(0, 1), ylim=(low - room, high + room))
    levels(axes, low - room, high + room)
    return axes


def _bands(axes: Axes, shares, part: Intervals, color: str) -> None:
    axes.fill_between(shares, part.low_all, part.high_all, color=PALETTE[color], alpha=_BAND_ALL, linewidth=0)
    axes.fill_between(shares, part.low, part.high, color=PALETTE[color], alpha=_BAND, linewidth=0)


def _key(axes: Axes, level: float) -> None:
    write(axes, 0, 1, f"dark: {level:.0%} at each share; light: for the whole curve", coords="axes fraction",
          shift=(-_LEFT + 4, 8), size=12, color="muted")  # fmt: skip


def _shares(axes: Axes, text: str) -> None:
    ticks(axes, 5, text)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "20%", "40%", "60%", "80%", "100%"])
