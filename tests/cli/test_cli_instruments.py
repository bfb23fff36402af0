"""`yinguo estimate --instruments`: this family alone, the first stage first, and what was left out is said."""

import json

import numpy as np
import pytest

from yinguo.cli.choose import default_methods
from yinguo.core.registry import estimators
from yinguo.core.study import Study


@pytest.fixture
def instrumented(tmp_path):
    """Y = 2 T + 3 U, T = Z + U: least squares says 3.5, the instrument 2."""
    rng = np.random.default_rng(0)
    Z, U, X, E = rng.normal(size=(4, 800))
    T = Z + U + X
    Y = 2 * T + 3 * U + X + E
    path = tmp_path / "t.csv"
    rows = np.column_stack([T, Y, Z, X])
    path.write_text("t,y,z,x\n" + "\n".join(",".join(repr(float(v)) for v in row) for row in rows))
    return path


def test_instruments_select_their_family_and_the_rest_is_left_out_with_a_reason(yinguo, instrumented):
    args = ("--treatment", "t", "--outcome", "y", "--instruments", "z", "--format", "json")
    document = json.loads(yinguo("estimate", instrumented, *args).out)
    known = estimators()
    assert {"2sls", "liml"} <= {row["method"] for row in document["results"]}
    assert all("instruments" in known[row["method"]].capabilities.needs for row in document["results"])
    reasons = {item["method"]: item["reason"] for item in document["left_out"]}
    assert "minutes" in reasons["dfiv"]
    two_stage = next(row for row in document["results"] if row["method"] == "2sls")
    assert two_stage["estimate"] == pytest.approx(2.0, abs=0.3)


def test_the_first_stage_is_printed_before_the_checks_and_the_estimates(yinguo, instrumented):
    args = ("--treatment", "t", "--outcome", "y", "--instruments", "z", "--methods", "2sls")
    out = yinguo("estimate", instrumented, *args).out
    assert "one unit more of 't'" in out
    assert out.index("First stage: ok") < out.index("Checked, by") < out.index("2sls  ")
    assert "t from" in out


def test_a_weak_instrument_is_a_failing_check_printed_once_before_the_estimates(yinguo, instrumented):
    rng = np.random.default_rng(1)
    lines = instrumented.read_text().splitlines()
    noisy = [
        lines[0],
        *(",".join([*line.split(",")[:2], repr(rng.normal()), line.split(",")[3]]) for line in lines[1:]),
    ]
    instrumented.write_text("\n".join(noisy))
    args = ("--treatment", "t", "--outcome", "y", "--instruments", "z", "--methods", "2sls,liml")
    out = yinguo("estimate", instrumented, *args).out
    assert out.count("The instruments hardly move t") == 1
    assert out.index("First stage: stop") < out.index("Anderson-Rubin: ") < out.index("2sls  ")


def test_a_column_that_is_no_instrument_is_named(yinguo, instrumented):
    ran = yinguo("estimate", instrumented, "--treatment", "t", "--outcome", "y", "--instruments", "q")
    assert ran.code == 2
    assert "'q'" in ran.err


def test_methods_for_many_candidates_wait_for_many_candidates():
    rng = np.random.default_rng(0)
    Z, U = rng.normal(size=(2, 300))
    study = Study.from_arrays(np.empty((300, 0)), Z + U, Z + 2 * U, Z=Z)
    chosen, left_out = default_methods(study, "ATE")
    assert all(estimators()[name].capabilities.instruments == 1 for name in chosen)
    assert any("uses no instruments" in item.reason for item in left_out)
