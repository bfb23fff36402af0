"""``yinguo estimate``: file and roles, study, methods, and what they say as table, JSON, CSV or report."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yinguo.cli.choose import LeftOut, default_methods, estimands, make_estimators
from yinguo.cli.exits import FINE, NO_CONVERGENCE, OUR_FAULT, YOUR_DATA, as_options, say
from yinguo.cli.output import check_target, console, emit, json_text
from yinguo.cli.parse import columns_named, labelled_number, listed, option_settings
from yinguo.cli.progress import Progress
from yinguo.cli.show import show_comparison
from yinguo.cli.workers import quiet_workers
from yinguo.core.compare import Comparison, compare
from yinguo.core.lazy import require
from yinguo.core.registry import find
from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.errors import ConvergenceError, DataError

__all__ = ["CSV_COLUMNS", "Request", "estimate", "exit_code", "to_csv", "to_dict"]

DEFAULT_ESTIMAND = "ATE"

#: Columns of ``--format csv``, in order; keys of a result in the JSON.
CSV_COLUMNS = (
    "method", "estimand", "estimate", "se", "ci_low", "ci_high", "level", "p_value", "n", "no_inference",
    "diagnostics", "notes", "seconds", "error",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything the command line asks of ``estimate``, as typed.

    Attributes
    ----------
    file, treatment, outcome : str
    covariates, instruments, shadow, methods, settings : sequences of str
        As given, repeats and commas included.
    benchmark, estimand, selection, time, groups, sample_weight, treated, out, report : str or None
    missing, form : str
    level : float
    jobs : int
    random_state : int or None
    progress : bool or None
    debug : bool
    """

    file: str
    treatment: str
    outcome: str
    covariates: Sequence[str] = ()
    instruments: Sequence[str] = ()
    selection: str | None = None
    shadow: Sequence[str] = ()
    time: str | None = None
    methods: Sequence[str] = ()
    settings: Sequence[str] = ()
    benchmark: str | None = None
    estimand: str | None = None
    groups: str | None = None
    sample_weight: str | None = None
    missing: str = "error"
    treated: str | None = None
    level: float = 0.95
    jobs: int = 1
    random_state: int | None = None
    form: str = "table"
    out: str | None = None
    report: str | None = None
    progress: bool | None = None
    debug: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """The request understood, before any file is read."""

    estimand: str
    names: list[str]
    settings: dict[str, Any]
    benchmark: tuple[str, float] | None


def estimate(request: Request) -> int:
    """Run the command and return its exit code.

    Raises
    ------
    DataError
        Options, columns or values that cannot be used; found before the work where possible.
    """
    plan = _understood(request)
    with Progress(request.progress) as progress:
        progress.begin(f"reading {request.file}")
        study = _read(request)
        names, left_out = (plan.names, []) if plan.names else default_methods(study, plan.estimand)
        methods = make_estimators(names, plan.estimand, plan.settings, request.random_state)
        progress.count(f"{study.n:,} rows, {len(study.covariates)} covariates", names)
        with quiet_workers(request.jobs, debug=request.debug):
            comparison = compare(study, methods, n_jobs=request.jobs, progress=progress.step)
        # Diagnostics and pictures are computed here, while something still moves on the screen.
        text = _answer(comparison, request, plan, left_out)
        if request.report is not None:
            _write_report(comparison, request, plan)
    if text is not None:
        emit(text, request.out)
        if request.form == "csv":  # the other forms say it themselves
            for item in left_out:
                say(f"left out: {item.method} ({item.reason}).")
    else:
        _show(console(), comparison, request, plan, left_out)
    code = exit_code(comparison)
    if code != FINE:
        say(f"no method gave an estimate; the first reason: {as_options(comparison.failures[0].error)}")
    return code


def exit_code(comparison: Comparison) -> int:
    """Fine if any method gave a number; otherwise what kept them from it decides."""
    if comparison.results:
        return FINE
    if all(failure.kind == ConvergenceError.__name__ for failure in comparison.failures):
        return NO_CONVERGENCE
    return YOUR_DATA if any(failure.expected for failure in comparison.failures) else OUR_FAULT


def to_dict(
    comparison: Comparison,
    *,
    level: float,
    left_out: Sequence[LeftOut] = (),
    benchmark: tuple[str, float] | None = None,
) -> dict[str, Any]:
    """The documented JSON: the comparison, what was left out of it, and the benchmark given."""
    return comparison.to_dict(level) | {
        "left_out": [item.to_dict() for item in left_out],
        "benchmark": None if benchmark is None else {"label": benchmark[0], "value": benchmark[1]},
    }


def to_csv(comparison: Comparison, level: float) -> str:
    """One line per method under :data:`CSV_COLUMNS`; empty where there is no value."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in comparison.to_dict(level)["results"]:
        told = [f"{d['verdict']} {d['name']}: {d['sentence']}" for d in row["diagnostics"]]
        writer.writerow(row | {"diagnostics": " | ".join(told), "notes": " | ".join(row["notes"])})
    return out.getvalue()


def _understood(request: Request) -> _Plan:
    """Everything that can be wrong with the request itself."""
    if not 0 < request.level < 1:
        raise DataError(f"--level {request.level:g} is not between 0 and 1; write 0.95 for 95 %.")
    if request.jobs == 0:
        raise DataError("--jobs 0 leaves nobody to do the work; use 1, or -1 for one process per core.")
    estimand = (request.estimand or DEFAULT_ESTIMAND).upper()
    if estimand not in estimands():
        raise DataError(f"--estimand {request.estimand!r} is not known; choose among {', '.join(estimands())}.")
    names = [find(name).name for name in listed(request.methods)]
    for path, option in ((request.out, "--out"), (request.report, "--report")):
        check_target(path, option=option, inputs=(request.file,))
    if request.report is not None:
        for module in ("jinja2", "matplotlib"):
            require(module, "report")
        if request.out is not None and Path(request.out).absolute() == Path(request.report).absolute():
            raise DataError(f"--out and --report are both {request.out}; give them different names.")
    settings = option_settings(request.settings, "METHOD.OPTION=VALUE")
    plan = _Plan(estimand, names, settings, None if request.benchmark is None else labelled_number(request.benchmark))
    if names:  # unknown options and estimands that a method does not offer come out before the file is read
        make_estimators(names, estimand, settings, request.random_state)
    return plan


def _read(request: Request) -> Study:
    table = open_table(request.file)
    return Study(
        table,
        treatment=request.treatment,
        outcome=request.outcome,
        covariates=columns_named(request.covariates, table.names) if request.covariates else None,
        instruments=columns_named(request.instruments, table.names) if request.instruments else None,
        selection=request.selection,
        shadow=columns_named(request.shadow, table.names) if request.shadow else None,
        time=request.time,
        groups=request.groups,
        sample_weight=request.sample_weight,
        missing=request.missing,
        treated=request.treated,
    )


def _answer(comparison: Comparison, request: Request, plan: _Plan, left_out: Sequence[LeftOut]) -> str | None:
    """The text to write; None for a table on standard output, which the console styles itself."""
    if request.form == "json":
        return json_text(to_dict(comparison, level=request.level, left_out=left_out, benchmark=plan.benchmark))
    if request.form == "csv":
        return to_csv(comparison, request.level)
    plain = io.StringIO()
    _show(console(plain), comparison, request, plan, left_out)
    return None if request.out is None else plain.getvalue()


def _show(target, comparison: Comparison, request: Request, plan: _Plan, left_out: Sequence[LeftOut]) -> None:
    show_comparison(
        target,
        comparison,
        level=request.level,
        left_out=left_out,
        benchmark=plan.benchmark,
        asked=request.estimand is not None,
    )


def _write_report(comparison: Comparison, request: Request, plan: _Plan) -> None:
    from yinguo.report import write_report

    write_report(comparison, request.report, level=request.level, benchmark=plan.benchmark)
