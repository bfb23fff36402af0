"""``yinguo datasets``: the tables and the text sets that come with yinguo, and writing one to a file."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yinguo.cli.methods import first_line
from yinguo.cli.output import check_target, console, emit
from yinguo.cli.parse import option_settings
from yinguo.cli.text_sets import check_ending, text_loaders, write_text_set
from yinguo.errors import DataError

__all__ = ["datasets", "loaders", "write_columns"]


def loaders() -> dict[str, Callable[..., Any]]:
    """Tables by their command-line name, in the order the package exports them."""
    import yinguo.datasets as shipped

    found = {name.replace("_", "-"): getattr(shipped, name) for name in shipped.__all__}
    return {name: item for name, item in found.items() if callable(item)}


def datasets(name: str | None, *, out: str | None, settings: Sequence[str], force: bool) -> int:
    """List the data sets, describe one, or write one to a file: a table as .csv or .parquet, text as .jsonl.

    Raises
    ------
    DataError
        Unknown data set or option; a file that is there already or cannot be written.
    """
    if name is None:
        if out is not None or settings:
            raise DataError("--out and --set need the name of a data set; yinguo datasets lists them.")
        _list()
        return 0
    load = _find(name)
    if out is None:
        emit(_described(name, load))
        return 0
    text = load in text_loaders().values()
    _check_file(name, out, force, text=text)
    draw = load(**_options(name, load, settings))
    if text:
        write_text_set(draw, out)
        return 0
    columns = draw.table()
    write_columns(columns, Path(out))
    _tell(draw, columns, out)
    return 0


def _find(name: str) -> Callable[..., Any]:
    known = {**loaders(), **text_loaders()}
    key = name.lower().replace("_", "-")
    if key in known:
        return known[key]
    import difflib

    near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
    raise DataError(f"there is no data set {name!r}; {hint}")


def _options(name: str, load: Callable[..., Any], settings: Sequence[str]) -> dict[str, Any]:
    options = option_settings(settings, "OPTION=VALUE")
    takes = list(inspect.signature(load).parameters)
    for option in options:
        if option not in takes:
            raise DataError(f"--set {option}: {name} has no option {option!r}; it has {', '.join(takes) or 'none'}.")
    return options


def _check_file(name: str, out: str, force: bool, *, text: bool) -> None:
    if text:
        check_ending(name, out)
    elif Path(out).suffix.lower() not in (".csv", ".parquet"):
        raise DataError(f"--out {out} ends neither in .csv nor in .parquet; choose one of the two.")
    check_target(out, option="--out")
    if Path(out).exists() and not force:
        raise DataError(f"--out {out} is there already; add --force to overwrite it.")


def write_columns(columns: Mapping[str, np.ndarray], path: Path) -> None:
    """Write a table as .csv or .parquet, by the ending of its name; the file appears only when it is complete."""
    import pyarrow as pa

    table = pa.table({name: _whole(np.asarray(values)) for name, values in columns.items()})
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as parquet

            parquet.write_table(table, unfinished)
        else:
            from pyarrow import csv

            csv.write_csv(table, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _whole(values: np.ndarray) -> np.ndarray:
    """Counts and indicators are written as whole numbers."""
    if values.dtype.kind == "f" and np.all(np.abs(values) < 2**53) and np.all(values == np.round(values)):
        return values.astype(np.int64)
    return values


def _list() -> None:
    from rich.table import Table

    out = console()
    for heading, known in (("", loaders()), ("\nText, written as .jsonl:", text_loaders())):
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, load in known.items():
            table.add_row(name, first_line(load))
        out.print(*([heading, table] if heading else [table]), sep="\n")
    out.print("\nWrite one: yinguo datasets NAME --out FILE.csv (or .parquet, or .jsonl for text); options: yinguo "
              "datasets NAME")  # fmt: skip


def _described(name: str, load: Callable[..., Any]) -> str:
    parameters = inspect.signature(load).parameters.values()
    options = [f"  --set {p.name}={p.default!r}" for p in parameters]
    tail = ["", "Options and their defaults:", *options] if options else []
    return "\n".join([name, "", inspect.getdoc(load) or "", *tail])


def _tell(draw: Any, columns: Mapping[str, np.ndarray], out: str) -> None:
    """What was written and what to do with it; standard output holds nothing else."""
    import shlex

    roles = draw.study.roles
    if draw.about:
        emit(draw.about)
    emit(f"{out}: {draw.study.n:,} rows, {len(columns)} columns; treatment {roles['treatment']!r}, outcome "
         f"{roles['outcome']!r}.")  # fmt: skip
    for estimand, value in draw.truth.items():
        emit(f"Known {estimand}: {value:.6g}.")
    estimand = next(iter(draw.truth), "ATE")
    further = (("instruments", draw.study.instruments), ("shadow", draw.study.shadow))
    named = [part for role, names in further if names for part in (f"--{role}", ",".join(names))]
    single = ("selection", "time", "groups")
    named += [part for role in single if roles.get(role) for part in (f"--{role}", roles[role])]
    emit(shlex.join(["yinguo", "estimate", out, "--treatment", roles["treatment"], "--outcome", roles["outcome"],
                     *named, "--estimand", estimand]))  # fmt: skip
