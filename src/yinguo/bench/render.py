"""A summary to be read: terminal table and Markdown with printed, ours and the truth side by side.

Both are pure functions of a :class:`~yinguo.bench.summary.Summary` and carry no date, so that the same
rows give the same file. Where a printed number is an artefact and the table has a row that repeats the
error behind it, that row stands as a third column beside the printed and the correct one.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yinguo.bench.export import csv_text, json_text
from yinguo.bench.figures import Figure, Spread
from yinguo.bench.spec import Cell
from yinguo.bench.summary import Line, Summary

__all__ = ["markdown", "terminal", "write"]

_HEADS = {
    "estimate": "estimate",
    "signed_bias": "signed Bias",
    "bias": "Bias",
    "sd": "SD",
    "mae": "MAE",
    "rmse": "RMSE",
    "coverage": "coverage",
    "seconds": "CPU s",
}
#: A figure marked as reproduced that is further than this from ours, in Monte Carlo errors, is named below the table.
_FAR = 4.0


def markdown(summary: Summary) -> str:
    """The whole page: what it is, the figures, what is wrong with the printed ones, how ours were made."""
    table = summary.table
    parts = [f"# {table.title}", f"Source: {table.source}", table.protocol]
    unit = f", in {table.unit}" if table.unit else ""
    estimated = f"Estimand: {table.estimand}{unit}. " if table.estimand else ""
    spread = "SD divides by the number of draws, so that RMSE² = Bias² + SD². " if table.estimand else ""
    parts.append(
        f"{estimated}A figure is followed by its Monte Carlo standard error. {spread}CPU s is the processor time of "
        "one fit. The mark says what the printed figures are worth: met by ours (reproduced), a product of how they "
        "were made (artefact), or neither shown (unverified)."
    )
    if table.measures:
        parts.append(
            f"{_listed(table.measures)}: mean over the draws ± its standard error, then standard deviation / median "
            "over the draws. Papers print one or the other behind their ±; the standard error is the standard "
            "deviation over the root of the number of draws."
        )
    if summary.quick:
        parts.append(f"**Quick run: {table.quick_fraction:.0%} of the replications. Not to be quoted.**")
    if not summary.complete:
        missing = [cell.name for cell in table.cells if cell not in summary.cells]
        parts.append(f"**Unfinished: see the numbers of replications{_not_run(missing)}.**")
    for cell in summary.cells:
        head, body = _grid(summary, cell)
        rows = [head, ["---"] * len(head), *body]
        escaped = [[text.replace("|", "\\|") for text in row] for row in rows]
        parts.append(f"## {cell.name}")
        parts.append("\n".join("| " + " | ".join(row) + " |" for row in escaped))
        parts.append("\n".join(f"* {remark}" for remark in _remarks(summary, cell)))
    parts.append("## What is known about the printed figures\n\n" + table.gaps)
    parts.append("## Methods and how their options were chosen\n\n" + "\n".join(_choices(summary)))
    parts.append(_made(summary))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def terminal(summary: Summary):
    """A rich renderable: one table for each cell, with its remarks."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[Any] = [Text(summary.table.title, style="bold")]
    for cell in summary.cells:
        head, body = _grid(summary, cell)
        grid = Table(title=Text(cell.name), title_justify="left")
        for position, name in enumerate(head):
            grid.add_column(name, justify="left" if position == 0 else "right", overflow="fold")
        for row in body:
            grid.add_row(*(Text(text) for text in row))
        parts += [grid, *(Text(f"· {remark}") for remark in _remarks(summary, cell))]
    return Group(*parts, Text(_made(summary), style="dim"))


def write(summary: Summary, folder: Path | str) -> list[Path]:
    """Write ``<name>.json``, ``.csv`` and ``.md``; a quick run writes ``<name>.quick.*``, never over a full one.

    Returns
    -------
    paths : list of Path
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{summary.table.name}.quick" if summary.quick else summary.table.name
    paths = []
    for ending, text in (("json", json_text(summary)), ("csv", csv_text(summary)), ("md", markdown(summary))):
        path = folder / f"{stem}.{ending}"
        unfinished = path.with_suffix(f".{ending}.tmp")
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, path)
        paths.append(path)
    return paths


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _not_run(cells: Sequence[str]) -> str:
    return f"; not run: {', '.join(cells)}" if cells else ""


def _grid(summary: Summary, cell: Cell) -> tuple[list[str], list[list[str]]]:
    """Head and body of one cell as text."""
    lines = summary.of_cell(cell)
    columns: list[tuple[str, list[str]]] = [("method", [line.method.label for line in lines])]
    metrics = summary.table.metrics
    if max(line.planned for line in lines) == 1:
        # Nothing varies: bias, absolute and squared error are one number, and there is no spread.
        metrics = tuple(metric for metric in metrics if metric not in ("sd", "mae", "rmse"))
    for metric in metrics:
        columns += _metric_columns(summary, lines, metric)
        if metric == "estimate":
            columns.append(("truth", [_show(line.truth) for line in lines]))
    for measure in dict.fromkeys([*summary.table.measures, *(name for line in lines for name in line.measures)]):
        columns += _measure_columns(summary, lines, measure)
    columns.append((_HEADS["seconds"], [_show_seconds(line) for line in lines]))
    columns.append(("draws", [_show_count(line) for line in lines]))
    columns.append(("failed", [str(line.failed) for line in lines]))
    if any(summary.printed(line) for line in lines):
        columns.append(("mark", [printed.mark if (printed := summary.printed(x)) else "" for x in lines]))
    return [head for head, _ in columns], [list(row) for row in zip(*(texts for _, texts in columns), strict=True)]


def _metric_columns(summary: Summary, lines: Sequence[Line], metric: str) -> list[tuple[str, list[str]]]:
    """Printed, its error repeated (for the table's first metric), and ours; the first two where there are such."""
    head = _HEADS[metric]
    ours = [_show(line.figures.get(metric)) for line in lines]
    printed = [p.values.get(metric) if (p := summary.printed(line)) else None for line in lines]
    if all(value is None for value in printed):
        return [(head, ours)]
    columns = [(f"{head} printed", ["" if value is None else f"{value:.10g}" for value in printed])]
    if metric != summary.table.metrics[0]:
        return [*columns, (f"{head} ours", ours)]
    repeated = [
        summary.artefact(line) if value is not None else None for line, value in zip(lines, printed, strict=True)
    ]
    if any(repeated):
        columns.append((f"{head}, error repeated", [_show(r.figures.get(metric)) if r else "" for r in repeated]))
    return [*columns, (f"{head} ours", ours)]


def _measure_columns(summary: Summary, lines: Sequence[Line], measure: str) -> list[tuple[str, list[str]]]:
    """Ours; for a measure that the table names, what was printed before it and how it varies after it."""
    ours = [_show(line.measures.get(measure)) for line in lines]
    printed = [p.values.get(measure) if (p := summary.printed(line)) else None for line in lines]
    columns = [(measure, ours)]
    if any(value is not None for value in printed):
        shown = ["" if value is None else f"{value:.10g}" for value in printed]
        columns = [(f"{measure} printed", shown), (f"{measure} ours", ours)]
    if max(line.planned for line in lines) > 1 and any(measure in line.spreads for line in lines):
        columns.append((f"{measure}, SD / median", [_show_spread(line.spreads.get(measure)) for line in lines]))
    return columns


def _remarks(summary: Summary, cell: Cell) -> list[str]:
    """What must be said below the figures of a cell."""
    remarks = []
    for line in (line for line in summary.lines if line.cell.name == cell.name):
        label, printed = line.method.label, summary.printed(line)
        if printed and printed.note:
            remarks.append(f"{label}, printed: {printed.note}")
        if printed and printed.mark == "reproduced":
            for metric in printed.values:
                distance = line.distance(metric, printed)
                if distance is not None and abs(distance) > _FAR:
                    away = f"yet ours is {distance:+.1f} Monte Carlo errors away"
                    remarks.append(f"{label}, {_HEADS.get(metric, metric)}: marked as reproduced, {away}.")
        for reason, count in line.reasons.items():
            remarks.append(f"{label}: {count} of {line.done} failed: {reason}")
        for note, count in list(line.noted.items())[:3]:
            remarks.append(f"{label}: in {count} of {line.done} fits: {note}")
    return list(dict.fromkeys(remarks))


def _choices(summary: Summary) -> list[str]:
    made = []
    for method in summary.table.methods:
        if method.label not in summary.code:
            continue
        name = method.estimator.path.split(":")[1]
        options = ", ".join(f"{key}={_option(value)}" for key, value in method.estimator.options.items())
        purpose = f" Repeats the error behind the printed row “{method.artefact_of}”." if method.artefact_of else ""
        made.append(f"* **{method.label}**: `{name}({options})`. {method.chosen}{purpose}")
    return made


def _option(value: Any) -> str:
    if not hasattr(value, "path"):
        return repr(value)
    return f"{value.path.split(':')[1]}({', '.join(f'{k}={_option(v)}' for k, v in value.options.items())})"


def _made(summary: Summary) -> str:
    machine = summary.machine
    return (
        f"Made by yinguo {summary.version} on {machine['processor']} ({machine['cores']} cores, {machine['system']}), "
        f"Python {machine['python']}, numpy {machine['numpy']}, scipy {machine['scipy']}; "
        f"one BLAS thread for each fit, {summary.cpu_minutes:.1f} CPU minutes of fitting."
    )


def _show(figure: Figure | None) -> str:
    """Value and error to the two digits of the error that mean something."""
    if figure is None:
        return ""
    if not figure.mc_se:
        return f"{figure.value:.6g}"
    digits = max(0, 1 - math.floor(math.log10(figure.mc_se)))
    return f"{figure.value:.{digits}f} ± {figure.mc_se:.{digits}f}"


def _show_spread(spread: Spread | None) -> str:
    """To three digits; their errors, and all digits, are in the files."""
    return "" if spread is None else f"{spread.sd.value:.3g} / {spread.median.value:.3g}"


def _show_seconds(line: Line) -> str:
    return f"{line.figures['seconds'].value:.2g}" if "seconds" in line.figures else ""


def _show_count(line: Line) -> str:
    return str(line.done) if line.done == line.planned else f"{line.done} of {line.planned}"
