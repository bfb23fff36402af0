"""``yinguo effects``: an effect for every row, whether the differences between rows are real, and whom to treat."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yinguo.cli.choose import make_estimators
from yinguo.cli.datasets import write_columns
from yinguo.cli.estimate import exit_code, to_dict
from yinguo.cli.exits import FINE, as_options, say
from yinguo.cli.output import check_target, console, emit, json_text
from yinguo.cli.parse import listed, option_settings
from yinguo.cli.progress import Progress
from yinguo.cli.request import Request, check_request, read_study
from yinguo.cli.show_effects import show_effects
from yinguo.cli.workers import quiet_workers
from yinguo.core.compare import Comparison, compare
from yinguo.core.registry import estimators, find
from yinguo.diagnose.judgement import JudgedEffects
from yinguo.errors import DataError
from yinguo.heterogeneity import DRLearner, judge_learners

__all__ = ["EffectsRequest", "effects"]

#: Doubly robust like the scores by which effects are judged, and the same number on average as ``aipw``.
DEFAULT_METHOD = DRLearner.name


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsRequest(Request):
    """Everything the command line asks of ``effects``, as typed.

    Attributes
    ----------
    cost : float
        Of treating one unit, in the unit of the outcome.
    share : float
        The value of treating this best share is told.
    rows : str or None
        File for the effects of the rows.
    """

    cost: float = 0.0
    share: float = 0.2
    rows: str | None = None


def effects(request: EffectsRequest) -> int:
    """Run the command and return its exit code.

    Raises
    ------
    DataError
        Options, columns or values that cannot be used; found before the work where possible.
    """
    names, settings = _understood(request)
    with Progress(request.progress) as progress:
        progress.begin(f"reading {request.file}")
        study = read_study(request)
        methods = make_estimators(names, "ATE", settings, request.random_state)
        progress.count(f"{study.n:,} rows, {len(study.covariates)} covariates", [*names, "judging"])
        with quiet_workers(request.jobs, debug=request.debug):
            comparison = compare(study, methods, n_jobs=request.jobs, progress=progress.step)
            judged = _judged(comparison, request)
        text = _answer(comparison, judged, request)
        if request.report is not None:
            from yinguo.report import write_report

            write_report(comparison, request.report, level=request.level, judged=judged)
    if request.rows is not None and comparison.results:
        write_columns(row_effects(comparison, judged, request.level), Path(request.rows))
    if text is not None:
        emit(text, request.out)
    else:
        _show(console(), comparison, judged, request)
    code = exit_code(comparison)
    if code != FINE:
        say(f"no method gave an estimate; the first reason: {as_options(comparison.failures[0].error)}")
    return code


def row_effects(comparison: Comparison, judged: Mapping[str, JudgedEffects], level: float) -> dict[str, np.ndarray]:
    """Columns of the file of effects: row of the table, counted from 1, then effect, interval and segment by method.

    Parameters
    ----------
    comparison : Comparison
        Of effect learners.
    judged : mapping of method to JudgedEffects
    level : float
        Of the intervals, where a method has them.
    """
    study = comparison.study
    columns = {"row": study.rows + 1}
    for row, learner in zip(comparison.rows, comparison.estimators, strict=True):
        if row not in comparison.results:
            continue
        columns[f"effect {row.method}"] = learner.effects_  # type: ignore[attr-defined]
        try:
            low, high = learner.effect_interval(study.X, level)  # type: ignore[attr-defined]
        except DataError:  # most learners have no valid interval for single rows
            pass
        else:
            columns |= {f"low {row.method}": low, f"high {row.method}": high}
        segments = judged[row.method].segments if row.method in judged else None
        if segments is not None:
            columns[f"segment {row.method}"] = segments.of(study.X) + 1
    return columns


def _understood(request: EffectsRequest) -> tuple[list[str], dict[str, Any]]:
    check_request(request)
    if not 0 < request.share <= 1:
        raise DataError(f"--share {request.share:g} is not a share; write 0.2 for the best fifth.")
    if request.rows is not None:
        if Path(request.rows).suffix.lower() not in (".csv", ".parquet"):
            raise DataError(f"--rows {request.rows} ends neither in .csv nor in .parquet; choose one of the two.")
        check_target(request.rows, option="--rows", inputs=(request.file,))
    names = [find(name).name for name in listed(request.methods)] or [DEFAULT_METHOD]
    for name in names:
        if estimators()[name].capabilities.unit_effects == "no":
            able = ", ".join(n for n, cls in estimators().items() if cls.capabilities.unit_effects != "no")
            raise DataError(f"{name} estimates averages only; methods with an effect for every row are {able}.")
    settings = option_settings(request.settings, "METHOD.OPTION=VALUE")
    make_estimators(names, "ATE", settings, request.random_state)
    return names, settings


def _judged(comparison: Comparison, request: EffectsRequest) -> dict[str, JudgedEffects]:
    if not comparison.results:
        return {}
    seed = 0 if request.random_state is None else request.random_state
    return judge_learners(comparison, cost=request.cost, share=request.share, level=request.level, random_state=seed)


def _answer(comparison: Comparison, judged: Mapping[str, JudgedEffects], request: EffectsRequest) -> str | None:
    """The text to write; None for a table on standard output, which the console styles itself."""
    if request.form == "json":
        found = to_dict(comparison, level=request.level)
        return json_text(found | {"judged": {name: part.to_dict() for name, part in judged.items()}})
    if request.out is None:
        return None
    plain = io.StringIO()
    _show(console(plain), comparison, judged, request)
    return plain.getvalue()


def _show(target: Any, comparison: Comparison, judged: Mapping[str, JudgedEffects], request: EffectsRequest) -> None:
    show_effects(target, comparison, judged, level=request.level, rows=request.rows)
