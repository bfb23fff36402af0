"""Two pictures of spread: the chances of treatment in each arm, and the weights within an arm."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from yinguo.report.canvas import PALETTE, SERIES, axes_at, shorten, ticks, write
from yinguo.report.pictures import EDGE, Concentration, Overlap

__all__ = ["OVERLAP_HEIGHT", "draw_overlap", "draw_weights", "weight_height"]

OVERLAP_HEIGHT = 250
_CURVES, _KEY = 264, 19
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (9, 2)))


def draw_overlap(figure: Figure, overlap: Overlap, *, left: float, top: float, width: float) -> None:
    """Treated upwards, controls downwards, each as shares of its own arm."""
    axes = axes_at(figure, left + 16, top + 8, width - 34, OVERLAP_HEIGHT - 56)
    occupied = np.flatnonzero(overlap.treated + overlap.control)
    first, last = (occupied[0], occupied[-1] + 1) if overlap.log_odds else (0, len(overlap.treated))
    for shares, sign, name in ((overlap.treated, 1, "treated"), (overlap.control, -1, "control")):
        # Each arm fills its half: a spike in one must not flatten the other.
        tallest = max(float(shares.max()), 1e-12)
        axes.stairs(sign * shares / tallest, overlap.edges, fill=True, color=PALETTE[name], linewidth=0)
        middle = (first + last) // 2
        crowded_left = shares[:middle].max(initial=0) >= shares[middle:].max(initial=0)
        arm = "treated" if name == "treated" else "controls"
        write(axes, 0.99 if crowded_left else 0.01, 0.98 if sign > 0 else 0.02, f"{arm}, tallest bar {tallest:.0%}",
              coords="axes fraction", size=12.5, color=name, weight="bold", ha="right" if crowded_left else "left",
              va="top" if sign > 0 else "bottom")  # fmt: skip
    axes.axhline(0, color=PALETTE["ink"], linewidth=1)
    axes.set(xlim=(overlap.edges[first], overlap.edges[last]), ylim=(-1.28, 1.28))
    ticks(axes, 5, "chance of treatment" + (", on a log-odds scale" if overlap.log_odds else ""))
    if overlap.log_odds:
        chances = np.array([EDGE, 0.01, 0.1, 0.5, 0.9, 0.99, 1 - EDGE])
        labels = np.array(["≤.001", ".01", ".1", ".5", ".9", ".99", "≥.999"])
        places = np.log(chances / (1 - chances))
        inside = (places >= overlap.edges[first]) & (places <= overlap.edges[last])
        axes.set_xticks(places[inside], labels[inside])


def weight_height(curves: Sequence[Concentration]) -> float:
    """Pixels that :func:`draw_weights` needs."""
    return _CURVES + _KEY * len(curves)


def draw_weights(figure: Figure, curves: Sequence[Concentration], *, left: float, top: float, width: float) -> None:
    """Share of an arm's weight against the number of its heaviest units, one line per method and arm."""
    axes = axes_at(figure, left + 42, top + 26, width - 60, _CURVES - 76)
    most = max(c.n for c in curves)
    axes.set(xlim=(1, max(most, 2)), ylim=(0, 1.02), xscale="log")
    for i, curve in enumerate(curves):
        color, dash = PALETTE[SERIES[i % len(SERIES)]], _DASHES[i % len(_DASHES)]
        axes.plot(curve.rank, curve.share, color=color, linestyle=dash, linewidth=2.2, solid_capstyle="round")
        key = axes_at(figure, left + 42, top + _CURVES + _KEY * i, 38, _KEY)
        key.axis("off")
        key.set(xlim=(0, 1), ylim=(0, 1))
        key.plot([0, 1], [0.5, 0.5], color=color, linestyle=dash, linewidth=2.2)
        arm = "treated" if curve.arm == "treated" else "controls"
        write(key, 1, 0.5, f"{shorten(curve.label, 36)} ({arm})", coords="axes fraction", shift=(8, 0), size=12.5,
              va="center")  # fmt: skip
    ticks(axes, 5, "so many heaviest units …")
    powers = 10.0 ** np.arange(0, int(np.log10(max(most, 2))) + 1)
    axes.set_xticks(powers, [f"{int(power):,}" for power in powers])
    axes.set_xticks([], minor=True)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        axes.axhline(share, color=PALETTE["line"], linewidth=0.8, zorder=0)
        write(axes, 0, share, f"{share:.0%}", coords=("axes fraction", "data"), shift=(-6, 0), size=12, color="muted",
              ha="right", va="center")  # fmt: skip
    write(axes, 0, 1, "… carry this share of the arm's weight", coords="axes fraction", shift=(-40, 8), size=12,
          color="muted")  # fmt: skip
