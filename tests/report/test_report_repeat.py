"""What it takes to repeat the numbers."""

import json
import shlex

import numpy as np
import pytest
from report_toys import Bare, draw, methods

import yinguo as yg
from yinguo.report.assess import labels
from yinguo.report.repeat import command_line, python_script, settings_of


def table(path, study):
    """The study's table as a CSV file."""
    names = [study.roles["treatment"], study.roles["outcome"], *study.covariates]
    header = ",".join(f'"{name}"' for name in names)
    np.savetxt(path, np.column_stack([study.T, study.Y, study.X]), delimiter=",", header=header, comments="")


def test_the_script_runs_and_gives_the_same_numbers(tmp_path, monkeypatch, capsys):
    comparison = yg.compare(draw(), [yg.DifferenceInMeans(), yg.AIPW(folds=3, random_state=7)])
    table(tmp_path / "your-table.csv", comparison.study)
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(python_script(comparison), scope)
    for mine, again in zip(comparison.results, scope["comparison"].results):
        assert again.estimate == pytest.approx(mine.estimate, rel=1e-9)
    assert (tmp_path / "report.html").exists()


def test_the_script_repeats_what_was_decided_about_missing_values_and_coding():
    rows = {"drug": ["a", "b", "c", "b"] * 10, "y": range(40), "x": [1.0, None, 2.0, 5.0] * 10}
    dropped = yg.Study(rows, treatment="drug", outcome="y", missing="drop", treated="b")
    filled = yg.Study(rows, treatment="drug", outcome="y", missing="indicator", treated="b")
    assert "missing='drop'" in python_script(yg.compare(dropped, []))
    script = python_script(yg.compare(filled, []))
    assert "missing='indicator'" in script
    assert "treated='b'" in script
    assert "x missing" not in script


def test_a_method_from_elsewhere_is_imported_from_there():
    assert f"from {Bare.__module__} import Bare" in python_script(yg.compare(draw(), [Bare()]))


def test_the_command_has_every_role_quoted_for_the_shell():
    study = draw(names=["a b", "$(rm)", "c"], treatment="t'; ls", outcome="y")
    command, remark = command_line(yg.compare(study, [yg.AIPW(), yg.DifferenceInMeans()]))
    parts = shlex.split(command.replace("\\\n", " "))
    assert parts[parts.index("--treatment") + 1] == "t'; ls"
    assert parts[parts.index("--covariates") + 1] == "a b,$(rm),c"
    assert parts[parts.index("--methods") + 1] == "aipw,difference"
    assert remark == ""


def test_the_command_gives_the_same_numbers(tmp_path, monkeypatch):
    from yinguo.cli import main

    study = draw(names=["a, b", "c d", "e"])
    comparison = yg.compare(study, [yg.DifferenceInMeans(), yg.AIPW(folds=3, random_state=7)])
    table(tmp_path / "your-table.csv", study)
    monkeypatch.chdir(tmp_path)
    command, remark = command_line(comparison, level=0.9, benchmark=("an experiment", 1.5))
    assert remark == ""
    parts = shlex.split(command.replace("\\\n", " "))
    assert main([*parts[1:], "--format", "json", "--out", "answer.json", "--no-progress"]) == 0
    again = json.loads((tmp_path / "answer.json").read_text())["results"]
    for expected, got in zip(comparison.to_dict(0.9)["results"], again, strict=True):
        assert got["estimate"] == pytest.approx(expected["estimate"], rel=1e-9)
        assert got["ci_low"] == pytest.approx(expected["ci_low"], rel=1e-9)


def test_what_the_command_cannot_repeat_is_said():
    from sklearn.linear_model import LinearRegression

    _, remark = command_line(yg.compare(draw(), [yg.AIPW(outcome_model=LinearRegression())]))
    assert "outcome_model of aipw, which is an object" in remark
    _, remark = command_line(yg.compare(draw(), [yg.AIPW(), yg.EntropyBalancing()]))
    assert "estimands" in remark
    _, remark = command_line(yg.compare(draw(), [yg.AIPW(), yg.AIPW(folds=2)]))
    assert "twice" in remark


def test_settings_have_every_option_with_its_value_for_failed_methods_too():
    comparison = yg.compare(draw(), methods())
    settings = settings_of(comparison, labels(comparison))
    assert len(settings) == len(comparison.rows)
    aipw = next(s for s in settings if s.label == "aipw")
    for name, value in yg.AIPW().get_params().items():
        assert f"{name}={value!r}" in aipw.call
