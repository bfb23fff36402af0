"""docs/cli.md is a promise: its keys, columns, options and exit codes are those of the program."""

import json
import re
from pathlib import Path

import pytest
from typer.main import get_command

from yinguo.cli import exits
from yinguo.cli.app import app
from yinguo.cli.estimate import CSV_COLUMNS
from yinguo.core.result import SCHEMA_VERSION

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def section(title):
    """Text below a heading, up to the next heading of any level."""
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def keys(title):
    return re.findall(r"^\| `([^`]+)` \|", section(title), flags=re.M)


@pytest.fixture
def document(yinguo, table, roles):
    # exact-matching cannot do these columns, so that a row with an error is among them.
    ran = yinguo("estimate", table, *roles, "--methods", "ipw,exact-matching", "--format", "json", "--benchmark", "b=1")
    return json.loads(ran.out)


def test_keys_of_the_json_are_the_documented_ones_in_the_documented_order(document):
    assert list(document) == keys("Document")
    assert list(document["study"]) == keys("`study`")
    for row in document["results"]:
        assert sorted(row) == sorted(keys("One of `results`"))
        for diagnostic in row["diagnostics"]:
            assert list(diagnostic) == keys("One of `diagnostics`")
    assert [row["error"] is None for row in document["results"]] == [True, False]
    assert set(document["benchmark"]) == {"label", "value"}


def test_types_of_the_json_are_the_documented_ones(document):
    types = {"integer": int, "number": int | float, "string": str, "object": dict, "null": type(None), "list": list}

    def fits(value, text):
        return any(isinstance(value, types[word.split(" ")[0]]) for word in text.split(" or "))

    for title, items in (
        ("Document", [document]),
        ("`study`", [document["study"]]),
        ("One of `results`", document["results"]),
        ("One of `diagnostics`", document["results"][0]["diagnostics"]),
    ):
        documented = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", section(title), flags=re.M))
        for item in items:
            assert [key for key, value in item.items() if not fits(value, documented[key])] == []


def test_the_schema_version_is_the_documented_one(document):
    assert document["schema"] == SCHEMA_VERSION
    assert f"Schema version {SCHEMA_VERSION}." in PAGE


def test_columns_of_the_csv_are_the_documented_ones():
    assert re.findall(r"`(\w+)`", section("CSV of `estimate`").split(": the keys")[0]) == list(CSV_COLUMNS)


@pytest.mark.parametrize("command", ["estimate", "bench", "explain-attention", "tailor"])
def test_every_option_is_documented_and_every_documented_option_exists(command):
    parameters = get_command(app).commands[command].params
    offered = {name for p in parameters for name in p.opts if name.startswith("--")} - {"--help"}
    told = {text.split(" ")[0] for text in keys(f"`yinguo {command}`")}
    assert told == offered - (set() if command == "estimate" else {"--progress", "--debug"})


def test_documented_defaults_are_those_of_the_program():
    parameters = {p.opts[-1]: p for p in get_command(app).commands["estimate"].params}
    for line in section("`yinguo estimate`").splitlines():
        match = re.match(r"^\| `(--[\w-]+)[^|]*\|.*\| `([^`]+)` \|$", line)
        if match and match[1] != "--estimand":
            assert str(getattr(parameters[match[1]].default, "value", parameters[match[1]].default)) == match[2]


def test_exit_codes_are_the_documented_ones():
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), flags=re.M)}
    codes = (exits.FINE, exits.OUR_FAULT, exits.YOUR_DATA, exits.NO_CONVERGENCE, exits.INTERRUPTED, exits.NO_READER)
    assert documented == set(codes)


def test_commands_of_the_page_are_those_of_the_program():
    assert set(re.findall(r"^## `yinguo ([\w-]+)`", PAGE, flags=re.M)) == set(get_command(app).commands)


def test_the_row_limit_is_the_documented_one():
    from yinguo.cli.choose import ALL_ROWS_LIMIT

    assert f"Above {ALL_ROWS_LIMIT:,} rows" in PAGE
