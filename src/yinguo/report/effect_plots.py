"""Pictures of learned effects: groups, calibration, segments, targeting and gain, and all of them on one sheet.

Every function takes the records of :mod:`yinguo.diagnose` and returns a matplotlib ``Figure``; nothing touches pyplot
or global settings. Shape, place and words always say the same as colour.
"""

from matplotlib.figure import Figure

from yinguo.diagnose.calibration_slope import EffectCalibration
from yinguo.diagnose.judgement import JudgedEffects
from yinguo.diagnose.segments import Segments
from yinguo.diagnose.sorted_groups import GroupEffects
from yinguo.diagnose.targeting import TargetingCurve, TargetingPoint
from yinguo.report.canvas import figure_of, under_defaults
from yinguo.report.effect_curves import CURVE_HEIGHT, draw_gain, draw_toc
from yinguo.report.effect_groups import (
    CALIBRATION_HEIGHT,
    GROUPS_HEIGHT,
    draw_calibration,
    draw_groups,
    draw_segments,
    segments_height,
)

__all__ = ["calibration_plot", "effects_figure", "gain_plot", "groups_plot", "segments_plot", "toc_plot"]


@under_defaults
def toc_plot(curve: TargetingCurve, *, outcome: str = "outcome", width: float = 420) -> Figure:
    """How much larger the effect is among those ranked first, with pointwise and uniform bands.

    Parameters
    ----------
    curve : TargetingCurve
    outcome : str
        Name of the column.
    width : float
        In pixels.
    """
    figure = figure_of(width, CURVE_HEIGHT)
    draw_toc(figure, curve, outcome=outcome, left=0, top=0, width=width)
    return figure


@under_defaults
def gain_plot(
    curve: TargetingCurve, *, best: TargetingPoint | None = None, outcome: str = "outcome", width: float = 420
) -> Figure:
    """What treating a share of the population is worth, beside treating as many at random.

    Parameters
    ----------
    curve : TargetingCurve
    best : TargetingPoint, optional
        A share to mark.
    outcome : str
        Name of the column.
    width : float
        In pixels.
    """
    figure = figure_of(width, CURVE_HEIGHT)
    draw_gain(figure, curve, best=best, outcome=outcome, left=0, top=0, width=width)
    return figure


@under_defaults
def groups_plot(
    groups: GroupEffects, *, average: float | None = None, outcome: str = "outcome", width: float = 420
) -> Figure:
    """Effects of groups by learned effect, with simultaneous intervals.

    Parameters
    ----------
    groups : GroupEffects
    average : float, optional
        Average effect, for a line.
    outcome : str
        Name of the column.
    width : float
        In pixels.
    """
    figure = figure_of(width, GROUPS_HEIGHT)
    draw_groups(figure, groups, average=average, outcome=outcome, left=0, top=0, width=width)
    return figure


@under_defaults
def calibration_plot(groups: GroupEffects, calibration: EffectCalibration, *, width: float = 420) -> Figure:
    """Effects of groups against what was learned of them.

    Parameters
    ----------
    groups : GroupEffects
    calibration : EffectCalibration
    width : float
        In pixels.
    """
    figure = figure_of(width, CALIBRATION_HEIGHT)
    draw_calibration(figure, groups, calibration, left=0, top=0, width=width)
    return figure


@under_defaults
def segments_plot(segments: Segments, *, outcome: str = "outcome", width: float = 820) -> Figure:
    """Segments in words with their effects, ranked.

    Parameters
    ----------
    segments : Segments
    outcome : str
        Name of the column.
    width : float
        In pixels.
    """
    figure = figure_of(width, segments_height(segments, width))
    draw_segments(figure, segments, outcome=outcome, left=0, top=0, width=width)
    return figure


@under_defaults
def effects_figure(judged: JudgedEffects) -> Figure:
    """One sheet: segments above, then groups and calibration, then targeting and gain.

    Parameters
    ----------
    judged : JudgedEffects
    """
    width, gap = 860.0, 24.0
    half, outcome = (width - gap) / 2, judged.scores.study.roles["outcome"]
    top = 0.0 if judged.segments is None else segments_height(judged.segments, width) + gap
    figure = figure_of(width, top + GROUPS_HEIGHT + gap + CURVE_HEIGHT)
    if judged.segments is not None:
        draw_segments(figure, judged.segments, outcome=outcome, left=0, top=0, width=width)
    draw_groups(figure, judged.groups, average=judged.calibration.average, outcome=outcome, left=0, top=top, width=half)
    draw_calibration(figure, judged.groups, judged.calibration, left=half + gap, top=top, width=half)
    top += GROUPS_HEIGHT + gap
    draw_toc(figure, judged.curve, outcome=outcome, left=0, top=top, width=half)
    draw_gain(figure, judged.curve, best=judged.best, outcome=outcome, left=half + gap, top=top, width=half)
    return figure
