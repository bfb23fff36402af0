"""Pictures: estimates of all methods, balance of the covariates, overlap of the arms, spread of the weights.

Every function takes plain records and returns a matplotlib ``Figure``; nothing touches pyplot or global settings.
Shape, place and words always say the same as colour.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from yinguo.report.canvas import figure_of, under_defaults
from yinguo.report.first_stage import INSTRUMENT_HEIGHT, draw_instrument
from yinguo.report.forest import ForestRow, draw_forest, forest_height
from yinguo.report.instrument_evidence import InstrumentPanel
from yinguo.report.love import draw_love, love_height
from yinguo.report.pictures import Concentration, Overlap, balance_of, concentrations, overlap_of
from yinguo.report.spread import OVERLAP_HEIGHT, draw_overlap, draw_weights, weight_height

__all__ = ["ForestRow", "forest_plot", "instrument_plot", "love_plot", "overlap_plot", "result_figure", "weight_plot"]


@under_defaults
def forest_plot(
    rows: Sequence[ForestRow],
    *,
    level: float = 0.95,
    outcome: str = "outcome",
    benchmark: tuple[str, float] | None = None,
    width: float = 820,
) -> Figure:
    """Estimates and intervals of all methods, one line each; a failed method is a line that says why.

    Parameters
    ----------
    rows : sequence of ForestRow
    level : float
        Of the intervals.
    outcome : str
        Whose change the axis shows.
    benchmark : (label, value), optional
        A reference line.
    width : float
        In pixels; below 600 the numbers stand above the lines.
    """
    figure = figure_of(width, forest_height(rows, width))
    draw_forest(figure, rows, level=level, outcome=outcome, benchmark=benchmark, left=0, top=0, width=width)
    return figure


@under_defaults
def love_plot(names: Sequence[str], before, after=None, *, width: float = 400, limit: float | None = None) -> Figure:
    """Absolute standardised differences of the covariates' means, before weighting and after.

    Parameters
    ----------
    names : k names
        From top to bottom.
    before, after : (k,) float arrays
        Without ``after`` only the first is drawn.
    width : float
        In pixels.
    limit : float, optional
        Right end of the axis, so that the pictures of several methods compare.
    """
    figure = figure_of(width, love_height(len(names)))
    draw_love(figure, names, before, after, left=0, top=0, width=width, limit=limit)
    return figure


@under_defaults
def instrument_plot(panel: InstrumentPanel, *, treatment: str, outcome: str, width: float = 400) -> Figure:
    """What an instrument does to the treatment (first stage) and to the outcome (reduced form).

    Parameters
    ----------
    panel : InstrumentPanel
    treatment, outcome : str
        Names of the columns.
    width : float
        In pixels.
    """
    figure = figure_of(width, INSTRUMENT_HEIGHT)
    draw_instrument(figure, panel, treatment=treatment, outcome=outcome, left=0, top=0, width=width)
    return figure


@under_defaults
def overlap_plot(overlap: Overlap, *, width: float = 400) -> Figure:
    """Chances of treatment: the treated upwards, the controls downwards."""
    figure = figure_of(width, OVERLAP_HEIGHT)
    draw_overlap(figure, overlap, left=0, top=0, width=width)
    return figure


@under_defaults
def weight_plot(curves: Sequence[Concentration], *, width: float = 400) -> Figure:
    """Share of the weight that the heaviest units of an arm carry, one line per method and arm."""
    figure = figure_of(width, weight_height(curves))
    draw_weights(figure, curves, left=0, top=0, width=width)
    return figure


@under_defaults
def result_figure(result: Any) -> Figure:
    """One result in one figure: the estimate, and what there is of balance, overlap and weights.

    Parameters
    ----------
    result : EffectResult
        Without its study (as after unpickling) only the estimate is drawn.
    """
    study, w, width, gap = result.study, result.balance_weights, 820.0, 28.0
    row = ForestRow.of(result, result.method, 0.95)
    balance, overlap, curves = None, None, []
    if study is not None:
        balance = balance_of(study, [] if w is None else [(result.method, result.estimand, w)], [result.estimand])
        if w is not None:
            curves = concentrations(result.method, w, study.T, study.sample_weight)
        if result.propensity is not None:
            overlap = overlap_of(result.method, result.propensity, study.T)
    top = forest_height([row], width) + gap
    at_left = love_height(len(balance.shown)) if balance else 0.0
    at_right = (OVERLAP_HEIGHT + gap if overlap else 0.0) + (weight_height(curves) if curves else 0.0)

    figure = figure_of(width, top + max(at_left, at_right))
    draw_forest(figure, [row], level=0.95, outcome=result.outcome, benchmark=None, left=0, top=0, width=width)
    half = (width - gap) / 2
    if balance is not None:
        after = balance.after[0].smd[balance.shown] if balance.after else None
        names = [balance.names[j] for j in balance.shown]
        draw_love(figure, names, balance.before[0].smd[balance.shown], after, left=0, top=top, width=half)
    if overlap is not None:
        draw_overlap(figure, overlap, left=half + gap, top=top, width=half)
        top += OVERLAP_HEIGHT + gap
    if curves:
        draw_weights(figure, curves, left=half + gap, top=top, width=half)
    return figure
