"""What commands that analyse a file are asked: the request as typed, what is wrong with it, the study it names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yinguo.cli.output import check_target
from yinguo.cli.parse import columns_named
from yinguo.core.lazy import require
from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.errors import DataError

__all__ = ["Request", "check_request", "read_study"]


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


def check_request(request: Request) -> None:
    """Find out what is wrong with level, processes and files before any of them is used.

    Raises
    ------
    DataError
        Names the option, the value and what to write instead.
    MissingExtraError
        A report was asked for and its extra is not installed.
    """
    if not 0 < request.level < 1:
        raise DataError(f"--level {request.level:g} is not between 0 and 1; write 0.95 for 95 %.")
    if request.jobs == 0:
        raise DataError("--jobs 0 leaves nobody to do the work; use 1, or -1 for one process per core.")
    for path, option in ((request.out, "--out"), (request.report, "--report")):
        check_target(path, option=option, inputs=(request.file,))
    if request.report is not None:
        for module in ("jinja2", "matplotlib"):
            require(module, "report")
        if request.out is not None and Path(request.out).absolute() == Path(request.report).absolute():
            raise DataError(f"--out and --report are both {request.out}; give them different names.")


def read_study(request: Request) -> Study:
    """The table with the roles its columns were given."""
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
