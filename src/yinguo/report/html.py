"""The page: a plain record and its pictures put into the template, one self-contained file."""

import warnings
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.compare import Comparison
from yinguo.core.lazy import require
from yinguo.diagnose.balance import SMD_LIMIT
from yinguo.diagnose.judgement import JudgedEffects
from yinguo.errors import DataError
from yinguo.report.effect_panels import effect_panels
from yinguo.report.instrument_evidence import slope_words
from yinguo.report.summarize import Content, summarize

__all__ = ["render_report", "write_report"]

#: More panels than this cannot be taken in; the tables still have every method.
MOST_PANELS = 6


def write_report(
    comparison: Comparison,
    path: str | Path,
    *,
    level: float = 0.95,
    title: str | None = None,
    benchmark: tuple[str, float] | None = None,
    sensitivity: bool = True,
    judged: Mapping[str, JudgedEffects] | None = None,
) -> Path:
    """Write a comparison as one HTML file that needs no network and no other file.

    Parameters
    ----------
    comparison : Comparison
        From :func:`yinguo.compare`.
    path : path
        Of the file; an existing one is replaced.
    level : float
        Of the intervals.
    title : str, optional
        Stands above the question.
    benchmark : (label, value), optional
        A figure from elsewhere to hold the estimates against: ``("experiment", 1794.3)``.
    sensitivity : bool
        Whether to compute sensitivity to unmeasured confounding.
    judged : mapping of method to JudgedEffects, optional
        From :func:`yinguo.diagnose.judge_effects`: the page then also says whom the treatment helps.

    Returns
    -------
    Path
        Of the file written.

    Raises
    ------
    DataError
        The folder does not exist, or ``level`` or ``benchmark`` cannot be used.
    MissingExtraError
        The extra ``report`` is not installed.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise DataError(f"the folder {str(target.parent)!r} does not exist; make it first or give another path.")
    page = render_report(
        comparison, level=level, title=title, benchmark=benchmark, sensitivity=sensitivity, judged=judged
    )
    target.write_text(page, encoding="utf-8", newline="\n")
    return target


def render_report(
    comparison: Comparison,
    *,
    level: float = 0.95,
    title: str | None = None,
    benchmark: tuple[str, float] | None = None,
    sensitivity: bool = True,
    judged: Mapping[str, JudgedEffects] | None = None,
) -> str:
    """The page as text; parameters and errors as in :func:`write_report`."""
    jinja2, clean = require("jinja2", "report"), require("yinguo.report.canvas", "report").clean
    content = summarize(
        comparison, level=level, title=title, benchmark=benchmark, sensitivity=sensitivity, judged=judged
    )
    folder = resources.files("yinguo.report") / "templates"
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters |= {
        "number": lambda value: words.number(value).replace("-", "−"),
        "exact": lambda value: repr(float(value)),
        "fixed": lambda value: f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−"),
        "count": lambda value: f"{value:,}",
        "chance": _chance,
        "percent": lambda value: f"{value:.1%}",
        "level": lambda value: f"{value * 100:.4g}%",
    }
    safe = jinja2.utils.markupsafe.Markup
    return environment.get_template("report.html.j2").render(
        c=content,
        limit=SMD_LIMIT,
        ratios=[] if content.evidence.balance is None else content.evidence.balance.with_ratio(),
        style=safe((folder / "style.css").read_text(encoding="utf-8")),
        pictures=_pictures(content, judged or {}, safe),
    )


def _pictures(c: Content, judged: Mapping[str, JudgedEffects], safe: Any) -> dict[str, Any]:
    """Every picture of the page as inline SVG, with what stands beside it."""
    plots, inline = require("yinguo.report.plots", "report"), require("yinguo.report.canvas", "report").inline_svg
    rows = [
        plots.ForestRow(x.label, x.numbers["estimate"], x.numbers["ci_low"], x.numbers["ci_high"], x.verdict, x.remark)
        for x in c.lines
    ]
    found: dict[str, Any] = {"loves": [], "loves_left": 0, "overlaps": [], "curves_left": 0}
    with warnings.catch_warnings():
        # The browser draws the text with its own fonts; that matplotlib's lacks a sign does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for name, width in (("forest", 820), ("forest_narrow", 360)):
            figure = plots.forest_plot(rows, level=c.level, outcome=c.outcome, benchmark=c.benchmark, width=width)
            key, title = name.replace("_", ""), "Estimates of all methods"
            found[name] = safe(inline(figure, key=key, title=title, description=_forest_words(c)))
        found["whom"] = effect_panels(judged, c.outcome, safe)
        found["instruments"], found["instruments_left"] = _instrument_panels(c, plots, inline, safe)
        if c.evidence.balance is not None:
            found["loves"], found["loves_left"] = _love_panels(c.evidence.balance, plots, inline, safe)
        for i, overlap in enumerate(c.evidence.overlaps[:MOST_PANELS]):
            text = (
                f"Histogram of the chance of treatment by arm, from {_chance(overlap.low)} to {_chance(overlap.high)}."
            )
            figure, title = plots.overlap_plot(overlap), f"Overlap: {overlap.label}"
            picture = inline(figure, key=f"overlap{i}", title=title, description=text)
            found["overlaps"].append((safe(picture), overlap))
        curves = sorted(c.evidence.curves, key=lambda x: x.ess)[:MOST_PANELS]
        if curves:
            text = " ".join(
                f"{x.label}, {x.arm} arm: {x.used} of {x.n} units have weight, worth {x.ess:.0f} equal ones; the "
                f"heaviest carries {x.top:.1%}."
                for x in curves
            )
            figure = plots.weight_plot(curves)
            title = "Concentration of the weights"
            found["weights"] = safe(inline(figure, key="weights", title=title, description=text))
            found["curves_left"] = max(len(c.evidence.curves) - MOST_PANELS, 0)
    return found


def _instrument_panels(c: Content, plots: Any, inline: Any, safe: Any) -> tuple[list[Any], int]:
    if c.instruments is None:
        return [], 0
    # The strongest first: a page has no room for the 30 of some studies.
    panels = sorted(c.instruments.panels, key=lambda x: -abs(x.first_stage[0]) / max(x.first_stage[1], 1e-300))
    found = []
    for i, panel in enumerate(panels[:MOST_PANELS]):
        text = (
            f"{panel.name}: slope of {c.treatment} {slope_words(panel.first_stage)}; slope of {c.outcome} "
            f"{slope_words(panel.reduced_form)}."
        )
        figure = plots.instrument_plot(panel, treatment=c.treatment, outcome=c.outcome)
        title = f"Instrument: {panel.name}"
        found.append((safe(inline(figure, key=f"instrument{i}", title=title, description=text)), panel))
    return found, max(len(panels) - MOST_PANELS, 0)


def _love_panels(balance: Any, plots: Any, inline: Any, safe: Any) -> tuple[list[Any], int]:
    # The least balanced first: what is cut off must not be what matters.
    columns = sorted(balance.after or balance.before, key=lambda x: -float(np.abs(x.smd).max()))
    shown, names = balance.shown, [balance.names[j] for j in balance.shown]
    limit = max(float(np.abs(x.smd[shown]).max()) for x in (*balance.before, *columns))
    panels = []
    for i, column in enumerate(columns[:MOST_PANELS]):
        before = balance.before_of(column).smd[shown]
        after = column.smd[shown] if balance.after else None
        far = int((np.abs(column.smd) > SMD_LIMIT).sum())
        worst = int(np.argmax(np.abs(column.smd)))
        text = (
            f"Standardised differences of {len(column.smd)} covariates; {far} are above {SMD_LIMIT}, the largest is "
            f"{column.smd[worst]:.2g} for {balance.names[worst]}."
        )
        figure = plots.love_plot(names, before, after, limit=limit)
        picture = inline(figure, key=f"love{i}", title=f"Balance: {column.label}", description=text)
        panels.append((safe(picture), column, far))
    return panels, max(len(columns) - MOST_PANELS, 0)


def _chance(value: float) -> str:
    return "below 0.001" if value < 0.001 else "above 0.999" if value > 0.999 else f"{value:.2g}"


def _forest_words(c: Content) -> str:
    said = []
    for line in c.lines:
        x = line.numbers
        if x["estimate"] is None:
            said.append(f"{line.label}: no estimate.")
        elif x["se"] is None:
            said.append(f"{line.label}: {words.number(x['estimate'])}, no valid interval.")
        else:
            said.append(
                f"{line.label}: {words.number(x['estimate'])}, interval {words.number(x['ci_low'])} to "
                f"{words.number(x['ci_high'])}."
            )
    if c.benchmark is not None:
        said.append(f"Reference line, {c.benchmark[0]}: {words.number(c.benchmark[1])}.")
    return " ".join(said)
