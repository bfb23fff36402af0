"""A summary as JSON and CSV: every figure with its error, beside what was printed.

Neither carries a date, so that the same rows give the same file.
"""

import csv
import io
import json
from typing import Any

from yinguo.bench.figures import Figure
from yinguo.bench.spec import METRICS
from yinguo.bench.summary import Line, Summary

__all__ = ["SCHEMA", "csv_text", "json_text", "to_dict"]

SCHEMA = "yinguo-bench/1"


def to_dict(summary: Summary) -> dict[str, Any]:
    """Plain JSON types: the declaration, the settings of the run, and every figure."""
    table = summary.table
    return {
        "schema": SCHEMA,
        "table": table.name,
        "title": table.title,
        "source": table.source,
        "protocol": table.protocol,
        "gaps": table.gaps,
        "estimand": table.estimand,
        "unit": table.unit,
        "quick": summary.quick,
        "complete": summary.complete,
        "version": summary.version,
        "machine": dict(summary.machine),
        "cpu_minutes": round(summary.cpu_minutes, 2),
        "methods": [
            {
                "label": method.label,
                **method.estimator.to_dict(),
                "chosen": method.chosen,
                "artefact_of": method.artefact_of,
                "code": summary.code[method.label],
            }
            for method in table.methods
            if method.label in summary.code
        ],
        "cells": [
            {
                "name": cell.name,
                "settings": dict(cell.settings),
                "lines": [_line_dict(summary, line) for line in summary.of_cell(cell, artefacts=True)],
            }
            for cell in summary.cells
        ],
    }


def json_text(summary: Summary) -> str:
    """:func:`to_dict` as text."""
    return json.dumps(to_dict(summary), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def csv_text(summary: Summary) -> str:
    """One line for each cell and method; empty where there is no figure."""
    measures = list(dict.fromkeys(name for line in summary.lines for name in line.measures))
    head = ["cell", "method", "artefact_of", "replications", "failed", "truth"]
    head += [name for metric in METRICS for name in (metric, f"{metric}_mc_se", f"{metric}_published")]
    for measure in measures:
        head += [measure, f"{measure}_mc_se"]
        if _spread_is_told(summary, measure):
            head += [f"{measure}_{part}" for part in ("sd", "sd_mc_se", "median", "median_mc_se", "published")]
    head.append("mark")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for line in summary.lines:
        printed = summary.printed(line)
        row: list[Any] = [line.cell.name, line.method.label, line.method.artefact_of, line.done, line.failed]
        row.append(None if line.truth is None else line.truth.value)
        for metric in METRICS:
            row += [*_pair(line.figures.get(metric)), printed.values.get(metric) if printed else None]
        for measure in measures:
            row += _pair(line.measures.get(measure))
            if _spread_is_told(summary, measure):
                spread = line.spreads.get(measure)
                row += [None] * 4 if spread is None else [*_pair(spread.sd), *_pair(spread.median)]
                row.append(printed.values.get(measure) if printed else None)
        writer.writerow([*row, printed.mark if printed else None])
    return out.getvalue()


def _line_dict(summary: Summary, line: Line) -> dict[str, Any]:
    printed = summary.printed(line)
    published = None
    if printed:
        published = {
            "values": dict(printed.values),
            "mark": printed.mark,
            "note": printed.note,
            "replications": printed.replications,
            "distance": {metric: line.distance(metric, printed) for metric in printed.values},
        }
    return {
        "method": line.method.label,
        "artefact_of": line.method.artefact_of,
        "replications": line.done,
        "planned": line.planned,
        "failed": line.failed,
        "reasons": dict(line.reasons),
        "noted": dict(line.noted),
        "truth": _figure_dict(line.truth),
        "figures": {name: _figure_dict(figure) for name, figure in line.figures.items()},
        "measures": {name: _figure_dict(figure) for name, figure in line.measures.items()},
        **_spreads_dict(line),
        "cpu_seconds": round(line.cpu_seconds, 3),
        "published": published,
    }


def _spread_is_told(summary: Summary, measure: str) -> bool:
    return any(measure in line.spreads for line in summary.lines)


def _spreads_dict(line: Line) -> dict[str, Any]:
    """An entry of its own, in tables that name measures and in no other."""
    if not line.spreads:
        return {}
    return {
        "spreads": {
            name: {"sd": _figure_dict(spread.sd), "median": _figure_dict(spread.median)}
            for name, spread in line.spreads.items()
        }
    }


def _figure_dict(figure: Figure | None) -> dict[str, float | None] | None:
    return None if figure is None else {"value": figure.value, "mc_se": figure.mc_se}


def _pair(figure: Figure | None) -> list[float | None]:
    return [None, None] if figure is None else [figure.value, figure.mc_se]
