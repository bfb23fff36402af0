"""The love plot: how far apart the arms are in each covariate, before weighting and after."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from yinguo.diagnose.balance import SMD_LIMIT
from yinguo.report.canvas import PALETTE, axes_at, shorten, text_width, ticks, write

__all__ = ["draw_love", "love_height"]

_ROW = 22
_ABOVE, _BELOW = 26, 46


def love_height(k: int) -> float:
    """Pixels that :func:`draw_love` needs for ``k`` covariates."""
    return _ABOVE + _ROW * max(k, 1) + _BELOW


def draw_love(
    figure: Figure,
    names: Sequence[str],
    before,
    after=None,
    *,
    left: float,
    top: float,
    width: float,
    limit: float | None = None,
) -> None:
    """Draw into a part of a figure; parameters as in :func:`yinguo.report.plots.love_plot`."""
    labels = [shorten(name, 24) for name in names]
    room = min(max((text_width(label, 12.5) for label in labels), default=0) + 8, 0.45 * width)
    k = max(len(names), 1)
    axes = axes_at(figure, left + room, top + _ABOVE, width - room - 12, _ROW * k)
    start = np.abs(np.asarray(before, dtype=np.float64))
    end = None if after is None else np.abs(np.asarray(after, dtype=np.float64))
    longest = max(float(start.max(initial=0)), 0 if end is None else float(end.max(initial=0)), limit or 0)
    axes.set(xlim=(0, 1.06 * max(longest, 1.5 * SMD_LIMIT)), ylim=(k - 0.5, -0.5))
    axes.axvspan(0, SMD_LIMIT, color=PALETTE["line"], alpha=0.45, linewidth=0)
    axes.axvline(SMD_LIMIT, color=PALETTE["muted"], linewidth=1, linestyle=(0, (3, 2)))

    y = np.arange(len(names))
    if end is not None:
        axes.hlines(y, start, end, color=PALETTE["muted"], linewidth=0.8, alpha=0.6)
    axes.plot(start, y, "o", markersize=6.5, markerfacecolor=PALETTE["paper"], markeredgecolor=PALETTE["muted"],
              markeredgewidth=1.5, linestyle="none", clip_on=False)  # fmt: skip
    legend = [("○ before", "muted")]
    if end is not None:
        near = end <= SMD_LIMIT
        axes.plot(end[near], y[near], "o", markersize=6.5, color=PALETTE["control"], clip_on=False)
        axes.plot(end[~near], y[~near], "D", markersize=6.5, color=PALETTE["stop"], clip_on=False)
        legend.append(("● after", "control"))
        if not near.all():
            legend.append((f"◆ after, still above {SMD_LIMIT}", "stop"))
    for i, label in enumerate(labels):
        write(axes, 0, i, label, coords=("axes fraction", "data"), shift=(-8, 0), size=12.5, ha="right", va="center")
    x = 0.0
    for text, color in legend:
        write(axes, 0, 1, text, coords="axes fraction", shift=(x, 7), size=12, color=color)
        x += text_width(text, 12) + 10
    ticks(axes, 5, "standardised difference of means")
