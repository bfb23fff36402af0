"""`yinguo methods` is generated: whatever the registry holds is in it, and nothing else."""

import json

import pytest

from yinguo.cli.methods import first_line
from yinguo.core.registry import estimators


def test_the_list_holds_every_method_of_the_registry_with_its_capabilities(yinguo):
    listed = json.loads(yinguo("methods", "--format", "json").out)["methods"]
    assert [record["method"] for record in listed] == list(estimators())
    for record, cls in zip(listed, estimators().values(), strict=True):
        assert record["class"] == cls.__name__
        assert tuple(record["estimands"]) == cls.capabilities.estimands
        assert record["inference"] == cls.capabilities.inference
        assert record["unit_effects"] == cls.capabilities.unit_effects
        assert record["extra"] == cls.capabilities.extra
        assert record["all_rows"] == cls.capabilities.all_rows
        assert set(record["options"]) == set(cls.option_defaults())
        assert record["summary"] == first_line(cls) != ""


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_table_and_markdown_have_one_line_per_method(yinguo, form):
    lines = [line.lstrip("| ") for line in yinguo("methods", "--format", form).out.splitlines()]
    for name, cls in estimators().items():
        (line,) = [line for line in lines if line.split(" ")[0] == name]
        assert cls.__name__ in line
        assert cls.capabilities.inference in line


def test_markdown_rows_have_as_many_cells_as_the_head(yinguo):
    lines = yinguo("methods", "--format", "markdown").out.splitlines()
    assert {line.replace("\\|", "").count("|") for line in lines} == {lines[0].count("|")}


def test_one_method_shows_its_docstring_and_every_option_with_its_default(yinguo):
    for name, cls in estimators().items():
        out = yinguo("methods", name).out
        assert first_line(cls) in out
        for option, value in cls.option_defaults().items():
            assert f"--set {name}.{option}={value!r}" in out


def test_one_method_as_json_is_its_record(yinguo):
    record = json.loads(yinguo("methods", "aipw", "--format", "json").out)
    assert (record["method"], record["class"]) == ("aipw", "AIPW")


def test_an_unknown_method_gets_suggestions(yinguo):
    ran = yinguo("methods", "entropy-balancin")
    assert ran.code == 2
    assert "did you mean entropy-balancing" in ran.err


def test_a_method_that_needs_an_extra_says_which_and_whether_it_is_there(yinguo, monkeypatch):
    assert "pip install 'yinguo[forest]' (" in yinguo("methods", "causal-forest").out
    monkeypatch.setattr("yinguo.cli.methods.installed", lambda extra: False)
    assert "(not installed)" in yinguo("methods", "causal-forest").out
    assert "extra:" not in yinguo("methods", "aipw").out
