"""Bad files, columns, values and options: exit code 2 and one line that names the thing and the remedy."""

import pytest
from cli_tables import columns, write

GOOD = {k: v for k, v in columns().items() if k in "tyab"}


def complaint(ran):
    assert ran.code == 2, ran.out + ran.err
    assert ran.out == ""
    assert ran.err.startswith("yinguo: ")
    assert ran.err.count("\n") == 1
    return ran.err


FILES = {
    "nothing there": (None, "missing.csv", ["no file at missing.csv", "check the path"]),
    "empty": (b"", "f.csv", ["f.csv is empty", "column names"]),
    "only a header": (b"t,y,a\n", "f.csv", ["no rows"]),
    "one row": (b"t,y,a\n1,2,3\n", "f.csv", ["'t'", "only one value", "control arm"]),
    "repeated name": (b"t,y,a,a\n1,2,3,4\n0,1,2,5\n", "f.csv", ["not unique", "'a'", "rename"]),
    "repeated but for capitals": (b"t,y,A,a\n1,2,3,4\n0,1,2,5\n", "f.csv", ["not unique", "'a'", "capital"]),
    "rows of different length": (
        b"t,y,a\n1,2,3\n0,1\n1,2,3,4,5\n0,2,2\n",
        "f.csv",
        ["could not be split", "number of fields"],
    ),
    "not text": (bytes(range(256)) * 4, "f.csv", ["f.csv cannot be read as csv"]),
    "not UTF-8": ("t,y,größe\n1,2,3\n0,1,2\n".encode("latin1"), "f.csv", ["not UTF-8", "iconv"]),
    "not Parquet": (b"hello", "f.parquet", ["f.parquet cannot be read as parquet"]),
    "unknown kind": (b"{}", "f.json", ["neither CSV nor Parquet", "convert"]),
    "no header": (b"1,2,3\n0,1,2\n1,1,2\n", "f.csv", ["'t' is not in the table", "it has 1, 2, 3"]),
}


@pytest.mark.parametrize(("content", "name", "words"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_used_is_said_to_be(yinguo, tmp_path, roles, content, name, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    err = complaint(yinguo("estimate", name, *roles, "--format", "json"))
    assert [word for word in words if word not in err] == []


@pytest.mark.parametrize("name", ["folder", "folder.csv"])
def test_a_directory_is_not_a_file(yinguo, tmp_path, roles, name):
    (tmp_path / name).mkdir()
    assert f"{name} is a directory; give the path" in complaint(yinguo("estimate", name, *roles))


def changed(**new):
    return GOOD | new


def at(column, row, value):
    values = list(GOOD[column])
    values[row] = value
    return changed(**{column: values})


VALUES = {
    "text outcome": (changed(y=["good", "bad"] * 40), ["outcome 'y' is text", "'bad', 'good'", "Recode"]),
    "one number that is not one": (at("y", 0, "-inf"), ["outcome 'y' is text (values such as '-inf')", "Recode"]),
    "constant treatment": (changed(t=[1] * 80), ["treatment 't'", "only one value", "control arm"]),
    "three-valued treatment": (changed(t=[0, 1, 2, 1] * 20), ["'t' is multi-valued", "0, 1, 2", "--treated VALUE"]),
    "continuous treatment": (changed(t=GOOD["a"]), ["'t' is continuous", "--treated VALUE"]),
    "missing outcome": (at("y", 3, "NA"), ["'y' (1)", "--missing drop", "--missing indicator"]),
    "missing covariate": (at("a", 3, ""), ["'a' (1)", "--missing drop", "--missing indicator"]),
    "infinite covariate": (at("a", 3, "inf"), ["'a'", "1 infinite", "row 3", "replace"]),
    "infinite outcome": (at("y", 7, "inf"), ["'y'", "1 infinite", "row 7"]),
    "dates": (changed(a=["2020-01-01"] * 80), ["'a' has type Date", "turn dates into numbers"]),
}


@pytest.mark.parametrize(("table", "words"), VALUES.values(), ids=VALUES)
def test_values_that_cannot_be_used_are_named(yinguo, tmp_path, roles, table, words):
    write(tmp_path / "f.csv", table)
    err = complaint(yinguo("estimate", "f.csv", *roles, "--format", "csv"))
    assert [word for word in words if word not in err] == []


def test_text_with_hundreds_of_values_is_taken_for_an_identifier(yinguo, tmp_path, roles):
    many = {k: list(v) * 2 for k, v in GOOD.items()} | {"a": [f"id{i}" for i in range(160)]}
    write(tmp_path / "f.csv", many)
    assert "'a' is text with 160 different values" in complaint(yinguo("estimate", "f.csv", *roles))


def test_indicators_cannot_fill_an_outcome(yinguo, tmp_path, roles):
    write(tmp_path / "f.csv", at("y", 3, "NA"))
    err = complaint(yinguo("estimate", "f.csv", *roles, "--missing", "indicator"))
    assert "'y' (1): only covariates can be filled; pass --missing drop" in err


OPTIONS = {
    "unknown treatment": (["--treatment", "dose"], ["treatment column 'dose'", "it has t, y, a, b"]),
    "unknown covariate": (["--covariates", "a,c"], ["covariates column 'c'", "it has t, y, a, b"]),
    "unknown groups": (["--groups", "g"], ["groups column 'g'"]),
    "two roles": (["--covariates", "a,t"], ["column 't' is given as treatment and as covariates"]),
    "unknown method": (["--methods", "ipww"], ["no method 'ipww'", "did you mean ipw"]),
    "unknown option of a method": (["--set", "ipw.klip=1"], ["ipw has no option 'klip'", "clip"]),
    "setting for a method not run": (["--methods", "aipw", "--set", "ipw.clip=1"], ["ipw is not among", "--methods"]),
    "setting without a value": (["--set", "ipw.clip"], ["--set METHOD.OPTION=VALUE"]),
    "setting without a method": (["--set", "clip=1"], ["--set METHOD.OPTION=VALUE"]),
    "setting given twice": (["--set", "ipw.clip=1", "--set", "ipw.clip=2"], ["--set ipw.clip", "twice"]),
    "estimand by --set": (["--set", "ipw.estimand=ATT"], ["--set ipw.estimand", "--estimand"]),
    "unknown estimand": (["--estimand", "LATER"], ["'LATER' is not known", "ATE, ATT, ATC"]),
    "level in per cent": (["--level", "95"], ["--level 95", "0.95"]),
    "no workers": (["--jobs", "0"], ["--jobs 0", "-1"]),
    "jobs as a word": (["--jobs", "many"], ["--jobs", "integer"]),
    "unknown format": (["--format", "xml"], ["--format", "'xml'", "json"]),
    "unknown missing": (["--missing", "guess"], ["--missing", "'guess'", "drop"]),
    "unknown flag": (["--treatmnt", "x"], ["No such option", "--treatmnt"]),
    "benchmark without a number": (["--benchmark", "truth"], ["--benchmark 'truth'", "LABEL=NUMBER"]),
    "benchmark that is infinite": (["--benchmark", "truth=inf"], ["--benchmark 'truth=inf'", "LABEL=NUMBER"]),
    "treated that never occurs": (["--treated", "7"], ["'7' is not a value of 't'", "0, 1"]),
    "out in no folder": (["--out", "no/where.json"], ["--out no/where.json", "no directory no", "create it"]),
    "out is a directory": (["--out", "."], ["--out . is a directory", "name a file"]),
    "out is the input": (["--out", "f.csv"], ["--out f.csv is the input file", "another name"]),
    "report is the input": (["--report", "./f.csv"], ["--report ./f.csv is the input file"]),
    "out is the report": (["--out", "x.html", "--report", "x.html"], ["--out and --report", "different names"]),
}


@pytest.mark.parametrize(("options", "words"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_cannot_be_used_are_named_with_the_remedy(yinguo, tmp_path, roles, options, words):
    path = write(tmp_path / "f.csv", GOOD)
    before = path.read_bytes()
    err = complaint(yinguo("estimate", "f.csv", *roles, "--format", "json", *options))
    assert [word for word in words if word not in err] == []
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["f.csv"]


def test_a_required_option_is_asked_for(yinguo, tmp_path):
    write(tmp_path / "f.csv", GOOD)
    err = complaint(yinguo("estimate", "f.csv", "--treatment", "t"))
    assert "--outcome" in err
    assert "yinguo COMMAND --help" in err


def test_an_unknown_command_is_named(yinguo):
    assert "estimat" in complaint(yinguo("estimat"))


def test_more_columns_than_rows_gives_rows_that_say_why_or_numbers_but_never_a_crash(yinguo, tmp_path, roles):
    import json

    import numpy as np

    wide = {"t": [0, 1] * 10, "y": np.arange(20.0)} | {
        f"x{j}": np.random.default_rng(j).normal(size=20) for j in range(30)
    }
    write(tmp_path / "wide.csv", wide)
    ran = yinguo("estimate", "wide.csv", *roles, "--format", "json")
    rows = json.loads(ran.out)["results"]
    assert ran.code == 0
    assert all((row["error"] is None) != (row["estimate"] is None) for row in rows)
    # An error that is not one of ours means that a method did not notice.
    assert [row["error"] for row in rows if row["error"] and row["error"].split(":")[0] not in (
        "DataError", "OverlapError", "NotIdentifiedError", "ConvergenceError")] == []  # fmt: skip
