"""The picture of an instrument: what it does to the treatment, and below that what it does to the outcome."""

import numpy as np
from matplotlib.figure import Figure

from yinguo.report.canvas import PALETTE, axes_at, plain_number, shorten, ticks, write
from yinguo.report.instrument_evidence import InstrumentPanel, slope_words

__all__ = ["INSTRUMENT_HEIGHT", "draw_instrument"]

_PLOT, _HEAD, _FOOT = 150, 40, 46
INSTRUMENT_HEIGHT = 2 * (_PLOT + _HEAD) + _FOOT + 6


def draw_instrument(
    figure: Figure, panel: InstrumentPanel, *, treatment: str, outcome: str, left: float, top: float, width: float
) -> None:
    """First stage above, reduced form below, on the same axis of instrument values.

    Parameters
    ----------
    figure : Figure
    panel : InstrumentPanel
    treatment, outcome : str
        Names of the columns.
    left, top, width : float
        Place in pixels.
    """
    rows = (
        (
            f"{shorten(treatment, 24)} (first stage)",
            panel.treatment,
            panel.treatment_half,
            panel.first_stage,
            "control",
        ),
        (f"{shorten(outcome, 24)} (reduced form)", panel.outcome, panel.outcome_half, panel.reduced_form, "treated"),
    )
    spread = float(np.ptp(panel.values)) or 1.0
    limits = (panel.values.min() - 0.08 * spread, panel.values.max() + 0.08 * spread)
    for i, (title, mean, half, slope, color) in enumerate(rows):
        start = top + _HEAD + i * (_PLOT + _HEAD)
        axes = axes_at(figure, left + 62, start, width - 78, _PLOT)
        axes.vlines(panel.values, mean - half, mean + half, color=PALETTE[color], linewidth=1.4, alpha=0.55)
        axes.plot(panel.values, mean, "o", color=PALETTE[color], markersize=5.5)
        centre, level = np.average(panel.values, weights=panel.counts), np.average(mean, weights=panel.counts)
        ends = np.array(limits)
        axes.plot(ends, level + slope[0] * (ends - centre), color=PALETTE["ink"], linewidth=1.4)
        low, high = float((mean - half).min()), float((mean + half).max())
        room = 0.08 * ((high - low) or 1.0)
        axes.set(xlim=limits, ylim=(low - room, high + room))
        for value in (low, (low + high) / 2, high):
            axes.axhline(value, color=PALETTE["line"], linewidth=0.8, zorder=0)
            write(axes, 0, value, plain_number(float(f"{value:.3g}")), coords=("axes fraction", "data"), shift=(-6, 0),
                  size=12, color="muted", ha="right", va="center")  # fmt: skip
        write(axes, 0, 1, title, coords="axes fraction", shift=(-54, 22), size=12.5, color=color, weight="bold")
        write(axes, 0, 1, f"slope {slope_words(slope)}", coords="axes fraction", shift=(-54, 7), size=12, color="muted")
        if i == 0:
            axes.set_xticklabels([])
    word = "" if panel.discrete else ", covariates and other instruments taken out"
    ticks(axes, 4, f"{shorten(panel.name, 30)}{word}")
    if panel.discrete and len(panel.values) <= 6:
        axes.set_xticks(panel.values, [plain_number(float(v)) for v in panel.values])
