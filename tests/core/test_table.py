"""Reading tables: every source gives the same columns, and nothing is guessed in silence."""

import datetime
import decimal
import gzip

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from yinguo.core.table import Column, open_table
from yinguo.errors import DataError

DATA = {
    "t": [0, 1, 0, 1],
    "y": [1.5, -2.0, 0.25, 1e10],
    "flag": [True, False, False, True],
    "place": ["north", "south", 'a, "b"', "因果"],
    "gap": [1.0, None, 3.0, 4.0],
    "note": ["x", None, "y", "x"],
}


def arrow() -> pa.Table:
    return pa.table(DATA)


def csv(sep: str = ",") -> str:
    return arrow().to_pandas().to_csv(index=False, sep=sep, na_rep="NA")


def sources(folder):
    """One table through every door."""
    table = arrow()
    frame = table.to_pandas()
    (folder / "a.csv").write_text(csv(), encoding="utf-8")
    (folder / "a.tsv").write_text(csv("\t"), encoding="utf-8")
    (folder / "bom.csv").write_text(csv(), encoding="utf-8-sig")
    (folder / "crlf.csv").write_bytes(csv().replace("\n", "\r\n").encode())
    (folder / "semicolon.txt").write_text(csv(";"), encoding="utf-8")
    (folder / "a.CSV.gz").write_bytes(gzip.compress(csv().encode()))
    pyarrow.parquet.write_table(table, folder / "a.parquet")
    yield from ((path.name, path) for path in sorted(folder.iterdir()))
    yield "text path", str(folder / "a.csv")
    yield "dict of lists", DATA
    yield "dict of arrays", {name: np.array(values) for name, values in DATA.items()}
    yield "pandas", frame
    yield "pandas nullable", frame.convert_dtypes()
    yield "pandas arrow", frame.convert_dtypes(dtype_backend="pyarrow")
    yield "pandas objects", frame.astype(object)
    yield "pandas categories", frame.assign(place=frame.place.astype("category"), note=frame.note.astype("category"))
    yield "pandas odd index", frame.set_index(pd.Index([7, 7, 3, 0]))
    yield "polars", pl.DataFrame(DATA)
    yield "polars lazy", pl.LazyFrame(DATA)
    yield "polars categories", pl.DataFrame(DATA).with_columns(pl.col("place", "note").cast(pl.Categorical))
    yield "polars enum", pl.DataFrame(DATA).with_columns(pl.col("note").cast(pl.Enum(["y", "x"])))
    yield "pyarrow", table
    yield "pyarrow dictionary", table.set_column(3, "place", table["place"].dictionary_encode())
    yield "duckdb relation", duckdb.from_arrow(table)


def test_every_source_gives_the_same_columns(tmp_path):
    expected = {
        "t": Column("t", np.array([0.0, 1, 0, 1])),
        "y": Column("y", np.array([1.5, -2.0, 0.25, 1e10])),
        "flag": Column("flag", np.array([1.0, 0, 0, 1])),
        "place": Column("place", np.array([1.0, 2, 0, 3]), ('a, "b"', "north", "south", "因果")),
        "gap": Column("gap", np.array([1.0, np.nan, 3.0, 4.0])),
        "note": Column("note", np.array([0.0, np.nan, 1, 0]), ("x", "y")),
    }
    count = 0
    for label, source in sources(tmp_path):
        table = open_table(source)
        assert table.names == tuple(DATA), label
        found = table.read(table.names)
        for name, column in expected.items():
            assert found[name].levels == column.levels, (label, name)
            assert np.array_equal(found[name].values, column.values, equal_nan=True), (label, name)
            assert found[name].values.dtype == np.float64, (label, name)
        count += 1
    assert count >= 20


def test_only_the_columns_asked_for_are_read_each_once():
    assert list(open_table(DATA).read(["y", "t", "y"])) == ["y", "t"]


@pytest.mark.parametrize("text", ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "."])
def test_what_a_file_writes_for_no_value_is_missing(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(f"t,y\n0,1.5\n1,{text}\n0,2\n")
    assert np.isnan(open_table(path).read(["y"])["y"].values).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2], dtype=np.int8),
        np.array([1, 2], dtype=np.uint64),
        np.array([1, 2], dtype=np.float16),
        np.array([1, 2], dtype=np.float32),
        np.array([1, 2], dtype=">f8"),
        np.array([1, 2], dtype=object),
        [decimal.Decimal("1"), decimal.Decimal("2.0")],
        (1, 2),
        range(1, 3),
        pd.Series([1, 2]),
        pl.Series([1, 2]),
    ],
)
def test_numbers_of_every_kind_are_numbers(values):
    column = open_table({"x": values}).read(["x"])["x"]
    assert column.levels is None
    assert column.values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("gap", [None, float("nan"), pd.NA, np.nan])
def test_gaps_among_python_objects_are_missing_whatever_they_are_called(gap):
    frame = pd.DataFrame({"x": pd.Series([1.5, gap, True, decimal.Decimal("2.5")], dtype=object)})
    assert open_table(frame).read(["x"])["x"].values == pytest.approx([1.5, np.nan, 1.0, 2.5], nan_ok=True)


def test_masked_entries_are_missing():
    column = open_table({"x": np.ma.array([1.0, 2.0], mask=[False, True])}).read(["x"])["x"]
    assert np.isnan(column.values).tolist() == [False, True]


def test_a_column_of_nothing_is_all_missing_and_not_a_text():
    for source in ({"x": [None, None]}, pl.DataFrame({"x": [None, None]}), pa.table({"x": pa.nulls(2)})):
        column = open_table(source).read(["x"])["x"]
        assert column.levels is None
        assert np.isnan(column.values).all()


def test_identifiers_beyond_the_reach_of_floats_stay_apart():
    ids = np.int64(2) ** 60 + np.arange(50)
    assert len(set(ids.astype(float))) < 50
    for source in ({"id": ids}, pd.DataFrame({"id": ids}), pl.DataFrame({"id": ids}), {"id": -ids}):
        assert len(open_table(source).read(["id"])["id"].levels) == 50


def test_one_long_text_does_not_widen_every_row():
    texts = ["x" * 1_000_000] + ["short"] * 20_000  # as a fixed-width array: 80 gigabytes
    column = open_table(pl.DataFrame({"note": texts})).read(["note"])["note"]
    assert len(column.levels) == 2


@pytest.mark.parametrize(
    "values",
    [
        [datetime.date(2020, 1, 1)] * 2,
        np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"),
        np.array([1, 2], dtype="timedelta64[s]"),
        np.array([1 + 2j, 0]),
        np.array([b"a", b"b"]),
        np.array([1, "a"], dtype=object),
        np.array([True, 2], dtype=object),
        [[1], [1, 2]],
        [{"a": 1}, {"a": 2}],
    ],
)
def test_what_is_neither_number_nor_text_is_refused_by_name(values):
    with pytest.raises(DataError, match=r"column 'when'.*give numbers, booleans or text"):
        open_table({"when": values}).read(["when"])


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(pd.date_range("2020", periods=2)),
        pd.Series([datetime.date(2020, 1, 1)] * 2, dtype=object),
        pd.Series([[1], [2]]),
        pd.Series([1j, 2]),
        pd.Series(pd.period_range("2020", periods=2, freq="D")),
    ],
)
def test_pandas_columns_that_are_neither_are_refused_by_name_too(series):
    with pytest.raises(DataError, match=r"column 'when'.*give numbers, booleans or text"):
        open_table(pd.DataFrame({"when": series})).read(["when"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.ones((2, 2)), "data is a ndarray; pass a CSV or Parquet path"),
        ([1, 2], "data is a list"),
        (pd.Series([1.0]), "data is a Series"),
        (None, "data is a NoneType"),
        ({"x": 5}, r"column 'x' has shape \(\)"),
        ({"x": np.ones((2, 2))}, r"column 'x' has shape \(2, 2\)"),
        ({"x": [1, 2], "y": [1]}, "columns differ in length: {'x': 2, 'y': 1}"),
        (pd.DataFrame(np.ones((1, 3)), columns=["a", "x", "x"]), "column names are not unique: 'x'; rename them"),
        (pd.DataFrame(np.ones((1, 2))), "column name 0 is a int; rename"),
        (pd.DataFrame(np.ones((1, 1)), columns=pd.MultiIndex.from_tuples([("a", "b")])), r"column name \('a', 'b'\)"),
    ],
)
def test_what_is_no_table_is_refused_with_a_way_out(source, message):
    with pytest.raises(DataError, match=message):
        open_table(source)


# -- files -------------------------------------------------------------------------------------------


def write(folder, name: str, content) -> object:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "name", ["a[1].csv", "a*.csv", "a?.csv", "it's.csv", "with space.csv", "因果.csv", "a[1].parquet"]
)
def test_a_file_name_is_a_name_and_not_a_pattern(tmp_path, name):
    decoys = ("a1.csv", "ab.csv", "a1.parquet")
    for file in (*decoys, name):
        frame = pl.DataFrame({"t": [0], "mine": [int(file == name)]})
        (frame.write_parquet if file.endswith("parquet") else frame.write_csv)(tmp_path / file)
    assert open_table(tmp_path / name).read(["mine"])["mine"].values.tolist() == [1.0]


def test_folder_names_are_no_patterns_either(tmp_path):
    folder = tmp_path / "[2020] *"
    folder.mkdir()
    assert open_table(write(folder, "a.csv", "t,y\n0,1\n")).names == ("t", "y")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "a.csv is empty"),
        ("a.xlsx", "t,y\n", "neither CSV nor Parquet"),
        ("a.parquet", "t,y\n0,1\n", "cannot be read as parquet"),
        ("a.csv.gz", "t,y\n0,1\n", "cannot be read as csv"),
        ("a.csv", "t,y\n0,é\n".encode("latin-1"), "not UTF-8"),
        ("a.csv", "t,y\n0,1\n".encode("utf-16"), "not UTF-8"),
        ("a.csv", "t,x,x\n0,1,2\n", "not unique: 'x'"),
        ("a.csv", "t,x,X\n0,1,2\n", "not unique: 'x'"),
        ("a.csv", "t,y,x\n" + "1,1,2\n0,2,3\n" * 5 + "1,2\n", "could not be split into columns"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        open_table(write(tmp_path, name, content))


def test_paths_that_lead_nowhere_are_refused(tmp_path):
    with pytest.raises(DataError, match="no file at"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a directory"):
        open_table(tmp_path)


def test_a_header_alone_is_a_table_without_rows_and_all_texts_keep_their_header(tmp_path):
    assert open_table(write(tmp_path, "a.csv", "t,y\n")).names == ("t", "y")
    assert open_table(write(tmp_path, "b.csv", "drug,answer\na,b\nc,d\n")).names == ("drug", "answer")
