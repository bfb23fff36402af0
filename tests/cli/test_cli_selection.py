"""`yinguo estimate --selection` and `--time`: the methods that the roles license, in words, and wrong use refused."""

import json

import numpy as np
import pytest
from cli_tables import write

ROLES = ("--treatment", "t", "--outcome", "y")


@pytest.fixture
def partly_seen(tmp_path):
    rng = np.random.default_rng(0)
    n = 600
    x, z = rng.normal(size=(2, n)).round(6)
    t = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    s = (rng.random(n) < 1 / (1 + np.exp(-0.5 - z - 0.5 * t))).astype(int)
    y = (x + 2 * t + rng.normal(size=n)).round(6)
    return {"t": t, "y": np.where(s == 1, y.astype(object), ""), "s": s, "x": x, "z": z}


@pytest.fixture
def file(tmp_path, partly_seen):
    return write(tmp_path / "t.csv", partly_seen)


def test_selection_licenses_its_family_and_the_bias_handled_is_named(yinguo, file):
    document = json.loads(yinguo("estimate", file, *ROLES, "--selection", "s", "--format", "json").out)
    methods = {row["method"] for row in document["results"]}
    assert {"ipsw", "dr-selection", "heckman-two-step", "heckman-ml"} <= methods
    assert all(row["error"] is None and abs(row["estimate"] - 2) < 1 for row in document["results"])
    assert "ipw" not in methods
    assert "missing where 's' is 0" in next(x["reason"] for x in document["left_out"] if x["method"] == "ipw")
    told = " ".join(document["assumptions"])
    assert "Selection bias: whether 'y' was seen" in told
    assert "Every cause that 't' and 'y' share" in told


def test_the_terminal_counts_who_was_seen_and_the_report_says_who_was_not(yinguo, file, tmp_path):
    ran = yinguo("estimate", file, *ROLES, "--selection", "s", "--report", "r.html")
    assert ran.code == 0
    seen = sum(1 for line in file.read_text().splitlines()[1:] if line.split(",")[1])
    assert f"y seen in {seen} of them" in ran.out
    page = (tmp_path / "r.html").read_text()
    assert "Who was seen, and who was not" in page
    assert "Bounds of Manski" in page
    assert "nan" not in page.split("<style")[0].lower()
    assert "--selection s" in page
    assert "selection=&#39;s&#39;" in page


def test_the_command_in_the_report_repeats_the_run(yinguo, file):
    first = yinguo("estimate", file, *ROLES, "--selection", "s", "--methods", "heckit", "--format", "csv",
                   "--set", "heckit.outcome_covariates=['x']")  # fmt: skip
    assert first.code == 0
    assert first.out.splitlines()[1].startswith("heckman-two-step,ATE,")


def test_a_shadow_variable_is_read_and_methods_that_ignore_it_are_left_out(yinguo, file):
    ran = yinguo("estimate", file, *ROLES, "--selection", "s", "--shadow", "z", "--methods", "ipsw")
    assert ran.code == 0
    assert "the role shadow (z) is not used" in ran.out
    alone = yinguo("estimate", file, *ROLES, "--selection", "s", "--shadow", "q")
    assert alone.code == 2
    assert "'q'" in alone.err


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("all seen", "is never missing and there is nothing"),
        ("none seen", "is 1 in 0 of 600 rows"),
        ("seen though not", "rows where 's' is 0"),
        ("missing though seen", "missing values in 'y' (1)"),
        ("other values", "must be 1 where 'y' was seen"),
    ],
)
def test_an_indicator_that_contradicts_the_outcome_is_refused(yinguo, tmp_path, partly_seen, change, word):
    table = {name: values.copy() for name, values in partly_seen.items()}
    if change == "all seen":
        table["s"][:], table["y"][table["y"] == ""] = 1, 0.0
    elif change == "none seen":
        table["s"][:], table["y"][:] = 0, ""
        table["y"] = np.append(table["y"][:-1], "")
    elif change == "seen though not":
        table["y"][np.flatnonzero(table["s"] == 0)[0]] = 1.5
    elif change == "missing though seen":
        table["y"][np.flatnonzero(table["s"] == 1)[0]] = ""
    else:
        table["s"] = table["s"] + 1
    ran = yinguo("estimate", write(tmp_path / "w.csv", table), *ROLES, "--selection", "s")
    assert ran.code == 2
    assert word in ran.err


def test_a_missing_outcome_without_the_role_is_answered_with_the_option(yinguo, file):
    ran = yinguo("estimate", file, *ROLES)
    assert ran.code == 2
    assert "--selection" in ran.err


@pytest.fixture
def series(yinguo):
    ran = yinguo("datasets", "causal_regression_design", "--out", "c.csv", "--set", "structure=hidden", "--set",
                 "steps=800")  # fmt: skip
    assert "--time step" in ran.out
    return "c.csv"


def test_time_licenses_causal_regression_and_its_assumptions_are_said(yinguo, series, tmp_path):
    ran = yinguo("estimate", series, *ROLES, "--time", "step", "--report", "r.html")
    assert ran.code == 0
    assert "causal-regression" in ran.out
    assert "new at every step" in ran.out
    assert "First stage: ok" in ran.out
    page = (tmp_path / "r.html").read_text()
    assert "whose past is controlled for" in page
    assert "Balance: are the arms alike" not in page


def test_a_time_that_makes_no_steps_and_a_missing_one_are_refused(yinguo, series, tmp_path):
    lines = (tmp_path / series).read_text().splitlines()
    (tmp_path / "gap.csv").write_text("\n".join(lines[:100] + lines[101:]))
    ran = yinguo("estimate", "gap.csv", *ROLES, "--time", "step")
    assert ran.code == 2
    assert "every row needs its previous step" in ran.err
    ran = yinguo("estimate", series, *ROLES, "--methods", "causal-regression")
    assert ran.code == 2
    assert "needs time" in ran.err
