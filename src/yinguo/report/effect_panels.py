"""What the page says of effects that differ between units: one record for each learner judged, its pictures inline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yinguo.core import words
from yinguo.core.lazy import require
from yinguo.diagnose.judgement import JudgedEffects

__all__ = ["EffectPanel", "effect_panels"]


@dataclass(frozen=True, slots=True)
class EffectPanel:
    """One learner.

    Attributes
    ----------
    name : str
    judged : JudgedEffects
    verdict : {"ok", "look"}
        Whether the data support treating some and not others.
    pictures : tuple of (caption, SVG)
        Segments, if there are any, stand by themselves in ``segments``.
    segments : SVG or None
    """

    name: str
    judged: JudgedEffects
    verdict: str
    pictures: tuple[tuple[str, Any], ...]
    segments: Any


def effect_panels(judged: Mapping[str, JudgedEffects], outcome: str, safe: Any) -> list[EffectPanel]:
    """Everything the section shows.

    Parameters
    ----------
    judged : mapping of method to JudgedEffects
    outcome : str
        Name of the column.
    safe : callable
        Marks a text as markup.
    """
    plots = require("yinguo.report.effect_plots", "report")
    inline = require("yinguo.report.canvas", "report").inline_svg
    found = []
    for i, (name, part) in enumerate(judged.items()):

        def picture(key: str, figure: Any, title: str, text: str, place: int = i, of: str = name) -> Any:
            return safe(inline(figure, key=f"{key}{place}", title=f"{title}: {of}", description=text))

        segments = None
        if part.segments is not None:
            figure = plots.segments_plot(part.segments, outcome=outcome)
            segments = picture("segments", figure, "Segments", " ".join(part.segments.lines))
        groups = plots.groups_plot(part.groups, average=part.calibration.average, outcome=outcome)
        learned = plots.calibration_plot(part.groups, part.calibration)
        toc = plots.toc_plot(part.curve, outcome=outcome)
        gain = plots.gain_plot(part.curve, best=part.best, outcome=outcome)
        panels = (
            ("Units sorted by their learned effect, in equal groups",
             picture("groups", groups, "Groups", part.groups.diagnostic.sentence)),
            ("What was learned against what is found in other rows",
             picture("calibration", learned, "Calibration", part.calibration.diagnostic.sentence)),
            ("How much larger the effect is among those ranked first",
             picture("toc", toc, "Targeting", part.autoc.diagnostic.sentence)),
            ("What treating a share of all is worth, beside treating as many at random",
             picture("gain", gain, "Gain", _gain_words(part))),
        )  # fmt: skip
        found.append(EffectPanel(name, part, "ok" if part.supported else "look", panels, segments))
    return found


def _gain_words(part: JudgedEffects) -> str:
    points = zip(part.curve.shares, part.curve.gain.estimate, strict=True)
    return " ".join(f"{share:.0%}: {words.number(float(gain))}." for share, gain in points)
