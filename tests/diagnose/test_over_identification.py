"""Over-identification tests as objects. Their figures are held to Stata, linearmodels and dense algebra elsewhere."""

import json
from pathlib import Path

import numpy as np
import pytest

import yinguo as yg
from yinguo.diagnose import basmann_test, hansen_j_test, likelihood_ratio_test, sargan_test

TESTS = (sargan_test, basmann_test, hansen_j_test, likelihood_ratio_test)


def toy(q: int = 3, n: int = 400, direct: float = 0.0, **roles) -> yg.Study:
    rng = np.random.default_rng(q)
    Z, U = rng.normal(size=(n, q)), rng.normal(size=n)
    T = Z.sum(axis=1) + U
    return yg.Study.from_arrays(
        rng.normal(size=(n, 1)), T, T + U + direct * Z[:, -1] + rng.normal(size=n), Z=Z, **roles
    )


@pytest.mark.parametrize("test", TESTS)
def test_without_spare_instruments_there_is_a_reason_and_no_figure(test):
    found = test(toy(q=1))
    assert not found.valid
    assert found.statistic is found.p_value is None
    assert "no more instruments than needed" in found.reason
    assert found.reason in str(found)


@pytest.mark.parametrize("test", TESTS)
def test_with_spare_instruments_there_is_a_figure_and_the_null_in_words(test):
    valid, broken = test(toy()), test(toy(direct=1.0))
    assert valid.valid
    assert valid.df == 2
    assert valid.p_value > 0.01 > broken.p_value
    assert "valid" in valid.null
    assert valid.null in str(valid)
    assert "p < 0.0001" in broken.figures


def test_zero_residuals_and_too_few_groups_are_reasons_as_well():
    study = toy()
    assert "residuals are zero" in sargan_test(study.replace(Y=2 * study.T + 1)).reason
    grouped = yg.Study.from_arrays(study.X, study.T, study.Y, Z=study.Z, groups=np.arange(400) % 2)
    assert "groups" in hansen_j_test(grouped).reason


def test_hansen_j_equals_stata_gmm_robust_and_clustered():
    """``ivregress gmm`` on rents: 11.2877 (homoscedastic, Sargan), 6.8364 (robust) and 3.6678 (nine divisions)."""
    file = Path(__file__).parent.parent / "reference" / "two_stage_least_squares" / "stata_housing.json"
    record = json.loads(file.read_text())
    rows, results = record["rows"], record["results"]
    region = np.array(rows["region"])
    Z = np.column_stack([rows["faminc"], *(region == name for name in ("N Cntrl", "South", "West"))]).astype(float)
    parts = (np.array(rows["pcturban"])[:, None], rows["hsngval"], rows["rent"])
    study = yg.Study.from_arrays(*parts, Z=Z)
    grouped = yg.Study.from_arrays(*parts, Z=Z, groups=np.array(rows["division"]))
    j = {kind: results[f"gmm-{kind}-small"]["more"]["J"] for kind in ("unadjusted", "robust", "cluster")}
    assert sargan_test(study).statistic == pytest.approx(j["unadjusted"], rel=1e-9)
    assert hansen_j_test(study).statistic == pytest.approx(j["robust"], rel=1e-9)
    assert hansen_j_test(grouped).statistic == pytest.approx(j["cluster"], rel=1e-9)


def test_an_outcome_missing_by_selection_is_refused():
    study = toy()
    S = (np.arange(400) % 3 > 0).astype(float)
    partly = yg.Study.from_arrays(study.X, study.T, np.where(S == 1, study.Y, np.nan), Z=study.Z, S=S)
    with pytest.raises(yg.DataError, match="selection"):
        sargan_test(partly)
