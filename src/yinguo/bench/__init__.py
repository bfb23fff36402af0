"""Published tables that can be run: declared as data, run by one runner, rendered from kept lines.

>>> from yinguo import bench
>>> sorted(bench.tables())                                  # doctest: +SKIP
['arb-simulation', 'd2vd-simulation', 'dcb-simulation', 'lalonde']
>>> summary = bench.run("dcb-simulation", quick=True)       # doctest: +SKIP

A module of this package that defines ``TABLE`` is a table; nothing else has to be told.
"""

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Sequence
from pathlib import Path

from yinguo.bench.spec import PublishedTable
from yinguo.errors import DataError

__all__ = ["gather", "run", "table", "tables"]


def tables() -> dict[str, PublishedTable]:
    """Every table there is, by name."""
    names = (f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__))
    found = [importlib.import_module(name).TABLE for name in names if _declares_a_table(name)]
    return {declared.name: declared for declared in found}


def _declares_a_table(name: str) -> bool:
    """Seen from the source: rows that only some table needs may import learners and networks, and a list must not."""
    loader = getattr(importlib.util.find_spec(name), "loader", None)
    return re.search(r"^TABLE\b", loader.get_source(name) or "", re.M) is not None if loader else False


def table(name: str) -> PublishedTable:
    """The table of this name.

    Raises
    ------
    DataError
        There is no such table; the message names those there are.
    """
    known = tables()
    if name not in known:
        raise DataError(f"there is no table {name!r}; there are {', '.join(sorted(known))}.")
    return known[name]


def run(
    name: str | PublishedTable,
    *,
    quick: bool = False,
    methods: Sequence[str] | None = None,
    cells: Sequence[str] | None = None,
    folder: Path | str | None = None,
    n_jobs: int = -1,
    progress: bool | None = None,
    retry_failures: bool = False,
):
    """Run a table, or go on with it, and write JSON, CSV and Markdown.

    Parameters
    ----------
    name : str or PublishedTable
    quick : bool, default False
        Make only the fraction of the replications that the table states.
    methods, cells : sequence of str or None, default None
        Restrict to these labels and names. Rows are kept; the files of the table are then left alone
        (:func:`gather` writes them from whatever rows there are).
    folder : path or None, default None
        Where rows and results are kept; None means ``benchmarks/results`` under the working directory.
    n_jobs : int, default -1
        Processes; -1 is one for each core.
    progress : bool or None, default None
        Show a bar with the time left; None shows it on a terminal only.
    retry_failures : bool, default False
        Run again the fits that failed before.

    Returns
    -------
    summary : yinguo.bench.summary.Summary
        ``yinguo.bench.render.terminal(summary)`` prints well.
    """
    from yinguo.bench.runner import RESULTS, plan, run_rows

    chosen = table(name) if isinstance(name, str) else name
    kept = RESULTS if folder is None else Path(folder)
    tasks = plan(chosen, quick=quick, methods=methods, cells=cells)
    rows = run_rows(chosen, tasks, folder=kept, n_jobs=n_jobs, progress=progress, retry_failures=retry_failures)
    return _summed_up(chosen, tasks, rows, quick=quick, folder=kept if methods is None and cells is None else None)


def gather(name: str | PublishedTable, *, quick: bool = False, folder: Path | str | None = None):
    """Write JSON, CSV and Markdown of a table from the rows already kept, running nothing.

    Parameters
    ----------
    name : str or PublishedTable
    quick : bool, default False
        Take the rows of a quick run only.
    folder : path or None, default None
        Where rows are kept; None means ``benchmarks/results`` under the working directory.

    Returns
    -------
    summary : yinguo.bench.summary.Summary
        What was not run is said in it.
    """
    from yinguo.bench.runner import RESULTS, kept_rows, plan

    chosen = table(name) if isinstance(name, str) else name
    kept = RESULTS if folder is None else Path(folder)
    tasks = plan(chosen, quick=quick)
    return _summed_up(chosen, tasks, kept_rows(chosen, tasks, folder=kept), quick=quick, folder=kept)


def _summed_up(chosen: PublishedTable, tasks, rows, *, quick: bool, folder: Path | None):
    """The summary, written to a folder if there is one, with the rows behind it."""
    from yinguo.bench.render import write
    from yinguo.bench.rows import pack_rows
    from yinguo.bench.runner import packed_rows
    from yinguo.bench.summary import summarise

    summary = summarise(chosen, tasks, rows, quick=quick)
    if folder is not None:
        write(summary, folder)
        if not quick:
            pack_rows(packed_rows(chosen, folder), rows.values())
    return summary
