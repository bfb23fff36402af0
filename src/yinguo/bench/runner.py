"""Run any table: every fit is one task, with its own seed, kept the moment it ends.

A task is one method on one draw of one cell. Fits run in processes with one BLAS thread each, so that
times can be compared and cores are not oversubscribed.

What is guaranteed: an interrupt, a kill or a crash loses the fits under way and nothing else; running
again continues, on another machine too from the rows that are kept with the results; a fit that fails
is a row with its reason; a row made by other options, another version or other code is not reused.
"""

import hashlib
import json
from collections.abc import Generator, Sequence
from contextlib import closing
from importlib.metadata import version as installed_version
from pathlib import Path

from yinguo.bench.fingerprint import code_digest
from yinguo.bench.rows import Row, append_row, read_rows
from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.bench.task import Task, run_task
from yinguo.errors import DataError

__all__ = ["RESULTS", "kept_rows", "packed_rows", "plan", "run_rows"]

#: Where results are kept unless said otherwise, relative to the working directory.
RESULTS = Path("benchmarks/results")


def plan(
    table: PublishedTable,
    *,
    quick: bool = False,
    methods: Sequence[str] | None = None,
    cells: Sequence[str] | None = None,
) -> list[Task]:
    """All fits of a table, replication by replication, so that a run cut short has some of everything.

    Parameters
    ----------
    table : PublishedTable
    quick : bool, default False
        Plan only the table's ``quick_fraction`` of the replications.
    methods, cells : sequence of str or None, default None
        Labels and names to restrict the run to; None means all.

    Raises
    ------
    DataError
        A label or name that the table does not have.
    """
    for kind, asked, known in (
        ("method", methods, [method.label for method in table.methods]),
        ("cell", cells, [cell.name for cell in table.cells]),
    ):
        unknown = [name for name in asked or () if name not in known]
        if unknown:
            raise DataError(f"table {table.name} has no {kind} {unknown}; it has {known}.")
    chosen = [
        (cell, method, table.planned(cell, quick=quick))
        for cell in table.cells
        for method in table.methods
        if method.runs_in(cell)
        if (methods is None or method.label in methods) and (cells is None or cell.name in cells)
    ]
    codes = {method.label: code_digest(table.draw.__module__, *_homes(method.estimator)) for _, method, _ in chosen}
    version = installed_version("yinguo")
    longest = max((planned for _, _, planned in chosen), default=0)
    return [
        _task(table, cell, method, replication, version, codes[method.label])
        for replication in range(longest)
        for cell, method, planned in chosen
        if replication < planned
    ]


def run_rows(
    table: PublishedTable,
    tasks: Sequence[Task],
    *,
    folder: Path | str = RESULTS,
    n_jobs: int = -1,
    progress: bool | None = None,
    retry_failures: bool = False,
) -> dict[str, Row]:
    """Run the tasks that are not done yet and keep each row as it comes.

    Parameters
    ----------
    table : PublishedTable
        Only its name and title are used here.
    tasks : sequence of Task
        From :func:`plan`.
    folder : path, default ``benchmarks/results``
        Rows are kept in ``<name>.partial.jsonl`` there; those behind written results, in
        ``<name>.rows.jsonl.gz``, count as done too.
    n_jobs : int, default -1
        Processes; -1 is one for each core, 1 runs in this process.
    progress : bool or None, default None
        Show a bar on standard error; None shows it if that is a terminal.
    retry_failures : bool, default False
        Run again the fits that failed before.

    Returns
    -------
    rows : dict of key to Row
        Old and new, those of ``tasks`` only.
    """
    path = Path(folder) / f"{table.name}.partial.jsonl"
    rows = kept_rows(table, tasks, folder=folder)
    if retry_failures:
        rows = {key: row for key, row in rows.items() if row.error is None}
    waiting = [task for task in tasks if task.key not in rows]
    failed = sum(row.error is not None for row in rows.values())
    with _progress_bar(progress) as bar:
        shown = bar.add_task(table.name, total=len(tasks), completed=len(rows), failed=failed)
        with closing(_finished(waiting, n_jobs)) as finished:
            for row in finished:
                append_row(path, row)
                rows[row.key] = row
                failed += row.error is not None
                bar.update(shown, advance=1, failed=failed)
    return rows


def kept_rows(table: PublishedTable, tasks: Sequence[Task], *, folder: Path | str = RESULTS) -> dict[str, Row]:
    """The rows of these tasks that are already there, without running anything."""
    keys = [task.key for task in tasks]
    # A fit made here counts before one that came with the results: it may be a failure that was tried again.
    return {
        **read_rows(packed_rows(table, folder), keys),
        **read_rows(Path(folder) / f"{table.name}.partial.jsonl", keys),
    }


def packed_rows(table: PublishedTable, folder: Path | str = RESULTS) -> Path:
    """Where the rows behind the written results of a table are kept."""
    return Path(folder) / f"{table.name}.rows.jsonl.gz"


def _task(table: PublishedTable, cell: Cell, method: Method, replication: int, version: str, code: str) -> Task:
    identity = {
        "table": table.name,
        "cell": cell.name,
        "settings": dict(cell.settings),
        "method": method.label,
        "estimator": method.estimator.to_dict(),
        "replication": replication,
        "seed": table.seed,
        "version": version,
        "code": code,
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:24]
    estimand = method.estimator.options.get("estimand", table.estimand)
    return Task(key, table.draw, table.measure, estimand, cell, method, replication, table.seed, version, code)


def _homes(build: Build) -> list[str]:
    """Modules that define the objects of a build: the defining ones, not the packages that re-export them."""
    try:
        home = build.target().__module__
    except (ImportError, AttributeError):
        home = build.path.split(":")[0]
    return [home, *(name for option in build.options.values() if isinstance(option, Build) for name in _homes(option))]


def _finished(tasks: Sequence[Task], n_jobs: int) -> Generator[Row, None, None]:
    """Rows in the order in which the fits end."""
    import joblib
    from threadpoolctl import threadpool_limits

    if n_jobs == 1 or not tasks:
        with threadpool_limits(limits=1):
            yield from map(run_task, tasks)
        return
    with joblib.parallel_config(backend="loky", n_jobs=n_jobs, inner_max_num_threads=1):
        # Batches of one: a finished fit must not wait for its neighbours to be written down.
        pool = joblib.Parallel(batch_size=1, return_as="generator_unordered")
        yield from pool(joblib.delayed(run_task)(task) for task in tasks)


def _progress_bar(progress: bool | None):
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("failed {task.fields[failed]}"),
    )
    return Progress(*columns, console=console, disable=not (console.is_terminal if progress is None else progress))
