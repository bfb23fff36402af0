"""One fit, one line: the file that makes a run resumable.

A row is written as one JSON line the moment a fit ends. A run that was killed may leave half a line at
the end; it is dropped, and cut off before anything is appended, so that no later line is lost to it.

The rows behind the figures of a table are kept beside them, packed, so that a run can be continued on
another machine than the one it began on.
"""

import gzip
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from yinguo.errors import DataError

__all__ = ["Row", "append_row", "pack_rows", "read_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one fit gave.

    Attributes
    ----------
    key : str
        Digest of everything that decides the numbers: table, cell and its settings, method and its
        options, replication, seed, version and code.
    cell, method : str
    replication : int
    truth : float or None
        Joined after the fit; None in a table without an estimand.
    estimate, se : float or None
        None where the fit failed or the method gives no standard error.
    covered : bool or None
        Whether the 95 % interval holds the truth; None without an interval.
    seconds, cpu_seconds : float
        Wall and processor time of the fit alone, without drawing the data.
    measures : mapping of str to float
        What ``PublishedTable.measure`` found.
    warnings : tuple of str
        Distinct warnings and notes of the fit.
    error : str or None
        Why there is no estimate.
    version, code : str
        Version of yinguo and digest of the code behind the number.
    """

    key: str
    cell: str
    method: str
    replication: int
    truth: float | None = None
    estimate: float | None = None
    se: float | None = None
    covered: bool | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    measures: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str | None = None
    version: str = ""
    code: str = ""


def read_rows(path: Path, keys: Collection[str]) -> dict[str, Row]:
    """The rows of a file whose key is asked for; the last one where a key stands twice.

    Parameters
    ----------
    path : Path
        File of JSON lines, packed if its name ends in ``.gz``; it need not exist.
    keys : collection of str
        Keys wanted. Rows of other options, versions or code are passed over.

    Raises
    ------
    DataError
        A line before the last is not JSON; the message gives its number.
    """
    if not path.exists():
        return {}
    wanted = frozenset(keys)
    rows: dict[str, Row] = {}
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                continue
            raise DataError(
                f"line {number} of {path} is not JSON ({error.msg}); delete that line and run again."
            ) from error
        if record.get("key") in wanted:
            record["warnings"] = tuple(record["warnings"])
            rows[record["key"]] = Row(**record)
    return rows


def pack_rows(path: Path, rows: Collection[Row]) -> None:
    """Write rows as a packed file of JSON lines, in the order of their keys; the same rows give the same bytes."""
    text = "".join(_line(row) for row in sorted(rows, key=lambda row: row.key))
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_bytes(gzip.compress(text.encode(), mtime=0))
    os.replace(unfinished, path)


def append_row(path: Path, row: Row) -> None:
    """Write one row at the end of the file, after cutting off a line that a kill left unfinished."""
    line = _line(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        _drop_unfinished_line(file)
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def _line(row: Row) -> str:
    return json.dumps(asdict(row), ensure_ascii=False, allow_nan=False) + "\n"


def _drop_unfinished_line(file) -> None:
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return
    file.seek(end - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
