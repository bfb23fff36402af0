"""Any table in, named numpy columns out. Only :class:`yinguo.core.study.Study` uses this.

Frames of every kind go through narwhals; files go through DuckDB, which narwhals drives, so that only
the columns asked for are read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np

from yinguo.errors import DataError

__all__ = ["Column", "Table", "open_table"]

#: Texts that a CSV writes for "no value here".
NULL_TEXTS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "."]

#: Integers beyond this are not exact as floats.
EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Column:
    """One column as numpy.

    Attributes
    ----------
    name : str
    values : (n,) float64 array
        Numbers, NaN where missing; for a text column the index into ``levels``, NaN where missing.
    levels : tuple of str or None
        The sorted distinct texts of a text or categorical column; None for a numeric one.
    """

    name: str
    values: np.ndarray
    levels: tuple[str, ...] | None = None


class Table:
    """Named columns of equal length, read when asked for.

    Parameters
    ----------
    frame : narwhals DataFrame or LazyFrame
    """

    def __init__(self, frame: nw.DataFrame | nw.LazyFrame) -> None:
        self._frame = frame
        self.names: tuple[str, ...] = tuple(frame.collect_schema().names())

    def read(self, names: Sequence[str]) -> "dict[str, Column]":
        """The columns named, each once, as numpy."""
        frame = self._frame.select(list(dict.fromkeys(names)))
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        return {name: _column(name, frame[name]) for name in frame.columns}


def open_table(data: Any) -> Table:
    """A table from a path, a mapping of arrays, or any frame that narwhals knows.

    Parameters
    ----------
    data : str or Path (CSV, TSV or Parquet), mapping of name to (n,) array, or a frame
        pandas, polars (eager or lazy), pyarrow, DuckDB relation, Ibis, Dask, PySpark.

    Raises
    ------
    DataError
        File not found or of an unknown kind; columns of unequal length; an object that is no table.
    """
    if isinstance(data, Table):  # opened before, to look at its names: types of a large CSV are not found twice
        return data
    if isinstance(data, str | Path):
        return Table(_scan(Path(data)))
    if isinstance(data, Mapping):
        return Table(_from_mapping(data))
    try:
        frame = nw.from_native(data)
        names = frame.collect_schema().names()
    except TypeError as error:
        raise DataError(
            f"data is a {type(data).__name__}; pass a CSV or Parquet path, a dict of arrays, or a pandas, polars, "
            "pyarrow or DuckDB table. For bare arrays use Study.from_arrays(X, T, Y)."
        ) from error
    except nw.exceptions.DuplicateError:
        names = list(map(str, data.columns))
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise DataError(f"column name {odd[0]!r} is a {type(odd[0]).__name__}; rename the columns to texts.")
    if len(set(names)) < len(names):
        raise DataError(f"column names are not unique: {', '.join(map(repr, _repeated(names)))}; rename them.")
    return Table(frame)


def _scan(path: Path) -> nw.LazyFrame:
    if not path.exists():
        raise DataError(f"no file at {path}; check the path.")
    if path.is_dir():
        raise DataError(f"{path} is a directory; give the path of one CSV or Parquet file.")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty; it needs a line of column names and rows below it.")
    # DuckDB reads *, ? and [ in a path as a pattern: a[1].csv would open a1.csv.
    literal = re.sub(r"([*?\[])", r"[\1]", str(path))
    kind = path.name.lower().removesuffix(".gz").removesuffix(".zst").rsplit(".", 1)[-1]
    import duckdb

    try:
        if kind in ("parquet", "pq"):
            relation = duckdb.read_parquet(literal)
        elif kind in ("csv", "tsv", "txt"):
            relation = duckdb.read_csv(literal, header=True, na_values=NULL_TEXTS, sample_size=-1)
        else:
            raise DataError(
                f"{path.name} is neither CSV nor Parquet; convert it, or read it into a frame and pass that."
            )
        _check_header(path, literal, relation.columns, kind)
    except duckdb.Error as error:
        raise DataError(f"{path.name} cannot be read as {kind}: {_reason(str(error))}") from error
    return nw.from_native(relation)


def _check_header(path: Path, literal: str, names: Sequence[str], kind: str) -> None:
    """Refuse a header that was not understood, or whose names DuckDB had to change to keep them apart."""
    import duckdb

    if len(names) == 1 and any(separator in names[0] for separator in ",;|\t"):
        raise DataError(
            f"{path.name} could not be split into columns (its header reads {names[0]!r}): its rows differ in their "
            "number of fields, or a text with a separator in it is not in quotation marks. Repair those rows."
        )
    if not any(re.search(r"_\d+$", name) for name in names):
        return
    if kind in ("parquet", "pq"):
        import pyarrow.parquet as parquet

        written = parquet.read_schema(path).names
    else:
        written = duckdb.read_csv(literal, header=False, all_varchar=True).limit(1).fetchall()[0]
    repeated = _repeated([str(name).casefold() for name in written])
    if repeated:
        raise DataError(
            f"column names of {path.name} are not unique: {', '.join(map(repr, repeated))} (capital letters make no "
            "difference); rename them."
        )


def _reason(message: str) -> str:
    """The part of DuckDB's message that says what is wrong, with a remedy where there is one."""
    if "not utf-8" in message:
        return "it is not UTF-8 text. Save it as UTF-8, for example with: iconv -f latin1 -t utf-8."
    return message.splitlines()[0].rstrip(".") + "; check that the file is what its name says."


def _from_mapping(data: Mapping[str, Any]) -> nw.DataFrame:
    import pyarrow as pa

    arrays = {}
    for name, values in data.items():
        try:
            array = values if isinstance(values, np.ndarray) else np.asarray(values)
            if array.ndim != 1:
                raise DataError(f"column {name!r} has shape {array.shape}; each column must be one-dimensional.")
            if not array.dtype.isnative:
                array = array.astype(array.dtype.newbyteorder("="))
            arrays[str(name)] = pa.array(array, from_pandas=True)
        except (pa.ArrowException, ValueError) as error:
            if isinstance(error, DataError):
                raise
            reason = str(error).splitlines()[0].rstrip(".")
            raise DataError(f"column {name!r} cannot be read: {reason}; give numbers, booleans or texts.") from error
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"columns differ in length: {lengths}.")
    return nw.from_native(pa.table(arrays), eager_only=True)


def _column(name: str, series: nw.Series) -> Column:
    dtype = series.dtype
    if series.null_count() == len(series):  # of whatever type: a column of nothing
        return Column(name, np.full(len(series), np.nan))
    if dtype.is_integer() and (series.max() > EXACT or series.min() < -EXACT):
        return _text_column(name, series)  # an identifier: as floats, neighbours would become one
    if dtype.is_numeric() or dtype == nw.Boolean:
        # Null and NaN both become NaN here, so that later code has one kind of missing value.
        values = series.cast(nw.Float64).to_numpy()
        return Column(name, np.asarray(values, dtype=np.float64))
    if dtype == nw.Object:
        return _object_column(name, series)
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        return _text_column(name, series)
    raise DataError(
        f"column {name!r} has type {dtype}; give numbers, booleans or text (turn dates into numbers such as days)."
    )


def _object_column(name: str, series: nw.Series) -> Column:
    """What pandas holds as Python objects: numbers with gaps, decimals of a database, or texts."""
    missing = series.is_null().to_numpy().astype(bool)
    values = [None if gap else value for value, gap in zip(series.to_list(), missing, strict=True)]
    kinds = {type(value) for value in values if value is not None}
    if all(issubclass(kind, Real | Decimal | np.bool_) for kind in kinds):
        return Column(name, np.array([np.nan if value is None else float(value) for value in values]))
    other = sorted(kind.__name__ for kind in kinds if not issubclass(kind, str | Real | Decimal))
    if other:
        raise DataError(f"column {name!r} holds values of type {other[0]}; give numbers, booleans or text.")
    return _text_column(name, series)


def _text_column(name: str, series: nw.Series) -> Column:
    missing = series.is_null().to_numpy().astype(bool)
    texts = [None if gap else str(value) for value, gap in zip(series.to_list(), missing, strict=True)]
    # A dictionary, not an array of fixed width: one long text must not widen every row.
    levels = tuple(sorted({text for text in texts if text is not None}))
    code = {level: float(k) for k, level in enumerate(levels)}
    return Column(name, np.array([np.nan if text is None else code[text] for text in texts]), levels)


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if list(names).count(name) > 1})
