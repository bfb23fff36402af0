"""``yinguo bench``: the published tables that can be run, and running one."""

from dataclasses import replace
from pathlib import Path

from yinguo import bench as tables_package
from yinguo.bench.spec import PublishedTable
from yinguo.cli.output import console
from yinguo.errors import DataError

__all__ = ["bench"]


def bench(
    name: str | None,
    *,
    everything: bool,
    quick: bool,
    jobs: int,
    replications: int | None,
    out: str | None,
    resume: bool,
    progress: bool | None,
) -> int:
    """List the tables, or run one or all and print them.

    Raises
    ------
    DataError
        Unknown table, or options that cannot be used.
    """
    if everything and name is not None:
        raise DataError(f"--all runs every table; leave out {name!r} or --all.")
    if jobs == 0:
        raise DataError("--jobs 0 leaves nobody to do the work; use 1, or -1 for one process per core.")
    if not everything and name is None:
        _list()
        return 0
    chosen = [tables_package.table(name)] if name is not None else list(tables_package.tables().values())
    from yinguo.bench.runner import packed_rows

    folder = _folder(replications, out)
    for table in chosen:
        if replications is not None:
            table = _shortened(table, replications)
        if not resume:
            _set_aside(folder / f"{table.name}.partial.jsonl", packed_rows(table, folder))
        _run(table, quick=quick, folder=folder, jobs=jobs, progress=progress)
    return 0


def _run(table: PublishedTable, *, quick: bool, folder: Path, jobs: int, progress: bool | None) -> None:
    from yinguo.bench.render import terminal

    summary = tables_package.run(table, quick=quick, folder=folder, n_jobs=jobs, progress=progress)
    target = console()
    target.print(terminal(summary))
    target.print(f"JSON, CSV and Markdown are in {folder}.\n", soft_wrap=True)


def _folder(replications: int | None, out: str | None) -> Path:
    from yinguo.bench.runner import RESULTS

    folder = Path(out) if out is not None else RESULTS
    if out is None and replications is not None:
        # Another number of replications is another result; it must not take the place of the full one.
        folder = RESULTS / f"{replications}-replications"
    if folder.exists() and not folder.is_dir():
        raise DataError(f"--out {folder} is a file; name a directory.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _shortened(table: PublishedTable, replications: int) -> PublishedTable:
    """The table with another number of draws; cells with fewer than that keep their own number."""
    if replications < 1:
        raise DataError(f"--replications {replications} is not a number of draws; use 1 or more.")
    cells = [
        cell if cell.replications is None else replace(cell, replications=min(cell.replications, replications))
        for cell in table.cells
    ]
    return replace(table, replications=replications, cells=tuple(cells))


def _set_aside(*files: Path) -> None:
    """A fresh run starts without the rows of earlier ones, which are kept under another name."""
    for rows in files:
        if rows.exists():
            rows.replace(rows.with_name(f"{rows.name}.old"))


def _list() -> None:
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("table", "what it shows", "cells", "methods", "replications"):
        grid.add_column(
            head,
            no_wrap=head == "table",
            overflow="fold",
            justify="right" if head in ("cells", "methods", "replications") else "left",
        )
    for name, table in sorted(tables_package.tables().items()):
        grid.add_row(name, table.title, str(len(table.cells)), str(len(table.methods)), f"{table.replications:,}")
    target = console()
    target.print(grid)
    target.print("\nRun one: yinguo bench NAME --quick, then without --quick; a run that was stopped is continued.")
