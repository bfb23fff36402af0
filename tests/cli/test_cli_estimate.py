"""`yinguo estimate`: the numbers are those of the library, in the order and the words promised."""

import csv
import io
import json

import numpy as np
import pytest
from cli_tables import columns, write

import yinguo as yg
from yinguo.core.registry import estimators

DEFAULTS = [
    name
    for name, cls in estimators().items()
    if "ATE" in cls.capabilities.estimands
    and set(cls.capabilities.needs) <= {"covariates"}
    and cls.capabilities.unit_effects == "no"
    and not cls.capabilities.trains
]


def results(ran):
    assert ran.code == 0, ran.err
    return {row["method"]: row for row in json.loads(ran.out)["results"]}


def test_job_training_numbers_through_files_and_options(yinguo):
    told = yinguo("datasets", "job-training", "--out", "cps.csv", "--set", "comparison=cps1")
    assert told.code == 0
    ran = yinguo(
        "estimate", "cps.csv", "--treatment", "treat", "--outcome", "re78", "--estimand", "att",
        "--methods", "difference,entropy-balancing", "--format", "json", "--benchmark", "experiment=1794.34",
    )  # fmt: skip
    rows = results(ran)
    assert rows["difference"]["estimate"] == pytest.approx(-8497.516, abs=5e-4)
    assert rows["entropy-balancing"]["estimate"] == pytest.approx(1406.30, abs=1.0)
    document = json.loads(ran.out)
    assert (document["study"]["n_treated"], document["study"]["n"]) == (185, 185 + 15992)
    assert document["benchmark"] == {"label": "experiment", "value": 1794.34}


def test_numbers_are_those_of_the_library(yinguo, table, roles):
    rows = results(yinguo("estimate", table, *roles, "--methods", "aipw,ipw", "--format", "json", "--level", "0.9"))
    study = yg.Study(table, treatment="t", outcome="y")
    for name, method in (("aipw", yg.AIPW()), ("ipw", yg.IPW())):
        expected = method.fit(study).result_.to_dict(0.9)
        for key in ("estimate", "se", "ci_low", "ci_high", "level", "n"):
            assert rows[name][key] == pytest.approx(expected[key], rel=1e-12)


def test_results_stand_in_the_order_asked(yinguo, table, roles):
    asked = ["entropy-balancing", "difference", "aipw"]
    ran = yinguo("estimate", table, *roles, "--methods", ",".join(asked), "--format", "json")
    assert list(results(ran)) == asked


def test_default_methods_are_all_that_the_roles_license_and_the_default_estimand_is_the_ate(yinguo, table, roles):
    rows = results(yinguo("estimate", table, *roles, "--format", "json"))
    assert list(rows) == DEFAULTS
    assert {row["estimand"] for row in rows.values()} == {"ATE"}


def test_methods_that_do_not_honour_a_role_are_left_out_and_named(yinguo, tmp_path, roles):
    path = write(tmp_path / "grouped.csv", columns())
    ran = yinguo("estimate", path, *roles, "--groups", "g", "--sample-weight", "w", "--format", "json")
    document = json.loads(ran.out)
    honours = {n for n, c in estimators().items() if {"groups", "sample_weight"} <= set(c.capabilities.honours)}
    assert {row["method"] for row in document["results"]} == honours & set(DEFAULTS)
    assert {item["method"] for item in document["left_out"]} == set(estimators()) - (honours & set(DEFAULTS))
    weighted = yg.Study(path, treatment="t", outcome="y", groups="g", sample_weight="w")
    expected = yg.DifferenceInMeans().fit(weighted).result_
    assert results(ran)["difference"]["se"] == pytest.approx(expected.se, rel=1e-12)


def test_methods_that_need_all_rows_are_left_out_of_large_tables_unless_asked_for(yinguo, table, roles, monkeypatch):
    monkeypatch.setattr("yinguo.cli.choose.ALL_ROWS_LIMIT", 10)
    heavy = [name for name in DEFAULTS if estimators()[name].capabilities.all_rows]
    ran = yinguo("estimate", table, *roles, "--format", "json")
    assert set(results(ran)) == set(DEFAULTS) - set(heavy)
    assert {item["method"] for item in json.loads(ran.out)["left_out"]} >= set(heavy)
    shown = yinguo("estimate", table, *roles)
    assert all(name in shown.out.split("Notes:")[1] for name in heavy)
    for name in heavy[:1]:
        asked = json.loads(yinguo("estimate", table, *roles, "--methods", name, "--format", "json").out)
        assert ([row["method"] for row in asked["results"]], asked["left_out"]) == ([name], [])


def test_a_failing_method_is_a_row_with_its_reason_and_the_others_stand(yinguo, table, roles, monkeypatch):
    def fit(self, study):
        raise yg.OverlapError("nobody is comparable; drop 'a'.")

    monkeypatch.setattr(yg.IPW, "fit", fit)
    ran = yinguo("estimate", table, *roles, "--methods", "ipw,difference", "--format", "json")
    rows = results(ran)
    assert rows["ipw"]["error"] == "OverlapError: nobody is comparable; drop 'a'."
    assert rows["ipw"]["estimate"] is None
    assert rows["difference"]["estimate"] is not None
    shown = yinguo("estimate", table, *roles, "--methods", "ipw,difference")
    assert "no estimate: nobody is comparable; drop 'a'." in shown.out


def test_table_reads_question_assumptions_failing_checks_estimates_disagreement_notes(yinguo, roles, tmp_path):
    values = columns() | {"c": np.ones(80)}
    path = write(tmp_path / "constant.csv", {k: v for k, v in values.items() if k in "tyabc"})
    ran = yinguo("estimate", path, *roles, "--methods", "difference,ipw", "--benchmark", "trial=2.5")
    assert ran.code == 0
    order = ["How much does 't' change 'y', averaged over everybody?", "ATE, the default; --estimand ATT or ATC",
             "For the answer to be causal:", "Checks that did not pass:", "difference, balance:", "95 % interval",
             "trial", "Estimates range", "Notes:", "'c' is constant"]  # fmt: skip
    places = [ran.out.find(text) for text in order]
    assert -1 not in places
    assert places == sorted(places)
    assert "\x1b" not in ran.out


def test_each_method_is_one_line_with_its_interval(yinguo, table, roles):
    out = yinguo("estimate", table, *roles, "--methods", "difference,ipw", "--estimand", "ATT").out
    result = yg.IPW(estimand="ATT").fit(yg.Study(table, treatment="t", outcome="y")).result_
    (line,) = [line for line in out.splitlines() if line.startswith("ipw ")]
    low, high = (f"{value:#.4g}" for value in result.ci())
    assert f"{result.estimate:#.4g}" in line
    assert f"{low} to {high}" in line
    assert "averaged over those treated" in out
    assert "the default" not in out


def test_csv_holds_the_same_columns_flat(yinguo, table, roles):
    options = ("estimate", table, *roles, "--methods", "difference,aipw")
    rows = list(csv.DictReader(io.StringIO(yinguo(*options, "--format", "csv").out)))
    expected = results(yinguo(*options, "--format", "json"))
    assert [row["method"] for row in rows] == ["difference", "aipw"]
    for row in rows:
        for key in ("estimate", "se", "ci_low", "ci_high", "n"):
            assert float(row[key]) == expected[row["method"]][key]
        for diagnostic in expected[row["method"]]["diagnostics"]:
            assert diagnostic["sentence"] in row["diagnostics"]
        assert row["error"] == ""


def test_options_of_a_method_reach_it(yinguo, table, roles):
    ran = yinguo(
        "estimate", table, *roles, "--methods", "entropy-balancing", "--set", "entropy-balancing.moments=2",
        "--set", "entropy-balancing.interactions=true", "--format", "json",
    )  # fmt: skip
    options = results(ran)["entropy-balancing"]["settings"]["options"]
    assert (options["moments"], options["interactions"]) == (2, True)


def test_random_state_reaches_every_method_that_draws(yinguo, table, roles):
    def run(seed):
        ran = yinguo("estimate", table, *roles, "--methods", "aipw", "--random-state", seed, "--format", "json")
        return results(ran)["aipw"]["estimate"]

    assert run(1) == run(1) != run(2)


def test_processes_give_the_same_numbers(yinguo, table, roles):
    options = ("estimate", table, *roles, "--methods", "difference,aipw", "--format", "json")
    one, two = results(yinguo(*options)), results(yinguo(*options, "--jobs", 2))
    for name, row in one.items():  # the last bit depends on how an array lies in memory
        assert two[name]["estimate"] == pytest.approx(row["estimate"], rel=1e-12)


@pytest.mark.parametrize(
    "name", ["two words", "a, b", 'say "hi"', "因果", "<script>alert(1)</script>", "[bold]x[/]", " pad"]
)
def test_any_column_name_can_be_a_covariate_and_is_shown_as_it_is(yinguo, tmp_path, roles, name):
    values = columns()
    path = write(tmp_path / "odd.csv", {"t": values["t"], "y": values["y"], name: values["a"], "b": values["b"]})
    name = yg.core.table.open_table(path).names[2]
    ran = yinguo("estimate", path, *roles, "--covariates", name, "--covariates", "b", "--format", "json")
    assert json.loads(ran.out)["study"]["columns"] == [name, "b"]
    assert name in yinguo("estimate", path, *roles, "--covariates", name, "--methods", "difference").out


def test_odd_names_serve_as_treatment_and_outcome(yinguo, tmp_path):
    values = columns()
    path = write(tmp_path / "odd.csv", {"did [it], or not?": values["t"], "<b>y</b>": values["y"], "a": values["a"]})
    ran = yinguo(
        "estimate", path, "--treatment", "did [it], or not?", "--outcome", "<b>y</b>", "--methods", "difference"
    )
    assert "How much does 'did [it], or not?' change '<b>y</b>'" in ran.out


def test_covariates_may_be_a_list_repeated_or_quoted(yinguo, tmp_path, roles):
    values = columns()
    path = write(tmp_path / "odd.csv", {"t": values["t"], "y": values["y"], "a, x": values["a"], "b": values["b"]})
    for given in (["--covariates", '"a, x",b'], ["--covariates", "a, x", "--covariates", "b"]):
        ran = yinguo("estimate", path, *roles, *given, "--methods", "difference", "--format", "json")
        assert json.loads(ran.out)["study"]["columns"] == ["a, x", "b"]


def test_treated_picks_one_value_of_three(yinguo, tmp_path, roles):
    values = columns()
    values["t"] = np.where(np.arange(80) % 4 == 0, "new", np.where(values["t"] == 1, "old", "none"))
    path = write(tmp_path / "three.csv", {k: v for k, v in values.items() if k in "tya"})
    ran = yinguo("estimate", path, *roles, "--treated", "new", "--methods", "difference", "--format", "json")
    assert json.loads(ran.out)["study"]["n_treated"] == 20


def test_missing_rows_are_dropped_when_told_to(yinguo, tmp_path, roles):
    values = columns()
    values["a"] = [None if i < 5 else v for i, v in enumerate(values["a"])]
    path = write(tmp_path / "gaps.csv", {k: v for k, v in values.items() if k in "tya"})
    ran = yinguo("estimate", path, *roles, "--missing", "drop", "--methods", "difference", "--format", "json")
    assert json.loads(ran.out)["study"]["n"] == 75
    assert "5 of 80 rows were left out" in " ".join(json.loads(ran.out)["study"]["decisions"])


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_out_takes_the_answer_and_stdout_stays_empty(yinguo, table, roles, form, tmp_path):
    options = ("estimate", table, *roles, "--methods", "difference", "--format", form)
    shown, ran = yinguo(*options), yinguo(*options, "--out", "answer.txt")
    assert (ran.code, ran.out) == (0, "")
    # Fits are timed, so the seconds may differ.
    first = [line for line in shown.out.splitlines() if "seconds" not in line and form != "csv"]
    kept = [line for line in (tmp_path / "answer.txt").read_text("utf-8").splitlines() if "seconds" not in line]
    assert first == (kept if form != "csv" else [])
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


def test_nothing_but_json_on_stdout_and_progress_lines_on_stderr(yinguo, table, roles):
    ran = yinguo("estimate", table, *roles, "--methods", "difference,ipw", "--format", "json", "--progress")
    json.loads(ran.out)
    assert [word in ran.err for word in ("reading", "80 rows", "1/2 difference", "2/2 ipw")] == [True] * 4
    assert yinguo("estimate", table, *roles, "--format", "json", "--methods", "ipw").err == ""


def test_report_is_written_next_to_the_answer_with_the_same_numbers(yinguo, table, roles, tmp_path):
    pytest.importorskip("matplotlib")
    options = ("estimate", table, *roles, "--methods", "difference,ipw", "--benchmark", "trial=2.5")
    ran = yinguo(*options, "--report", "report.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    result = yg.IPW().fit(yg.Study(table, treatment="t", outcome="y")).result_
    assert repr(result.estimate) in page or f"{result.estimate:.4g}" in page
    assert "trial" in page
    assert ran.out == yinguo(*options).out
