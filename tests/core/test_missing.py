"""Missing values: refused with counts, dropped with a record, or filled and marked; never anything else."""

import numpy as np
import pandas as pd
import pytest

from yinguo import Study
from yinguo.core.missing import count_missing, settle_missing
from yinguo.core.table import Column
from yinguo.errors import DataError

NAN = float("nan")


def table(**more) -> dict:
    return {
        "t": [0, 1, 0, 1, 0, 1],
        "y": [1.0, 2, 3, 4, 5, 6],
        "age": [20.0, NAN, 40, 60, NAN, 30],
        "place": ["n", "s", None, "n", "e", "e"],
        **more,
    }


def study(missing: str = "error", data=None, **roles) -> Study:
    return Study(table() if data is None else data, treatment="t", outcome="y", missing=missing, **roles)


def test_refusing_names_columns_counts_and_both_ways_out():
    message = r"missing values in 'age' \(2\), 'place' \(1\) of 6 rows; .*missing='drop'.*missing='indicator'"
    with pytest.raises(DataError, match=message):
        study()


def test_an_unknown_way_is_refused():
    with pytest.raises(DataError, match="missing is 'mean'"):
        study("mean")


def test_columns_without_a_role_may_have_gaps():
    assert study(covariates=[]).n == 6


def test_dropping_keeps_the_row_numbers_and_says_how_many():
    kept = study("drop")
    assert kept.rows.tolist() == [0, 3, 5]
    assert kept.Y.tolist() == [1, 4, 6]
    assert kept.decisions[0] == "3 of 6 rows were left out for missing values in 'age' (2), 'place' (1)."


def test_a_level_that_dropping_emptied_is_no_reference():
    data = table(age=[20.0, 1, 40, 60, NAN, NAN], place=["b", "b", "c", "c", "a", "a"])
    kept = study("drop", data)
    assert kept.covariates == ("age", "place=c")
    assert "its reference is 'b'" in " ".join(kept.decisions)


def test_filling_uses_the_mean_and_marks_the_rows():
    filled = study("indicator")
    columns = dict(zip(filled.covariates, filled.X.T, strict=True))
    assert columns["age"].tolist() == [20, 37.5, 40, 60, 37.5, 30]
    assert columns["age missing"].tolist() == [0, 1, 0, 0, 1, 0]
    assert columns["place=missing"].tolist() == [0, 0, 1, 0, 0, 0]
    assert filled.n == 6
    assert filled.decisions[:2] == (
        "2 missing values of 'age' were filled and marked by an indicator.",
        "1 missing values of 'place' were filled and marked by an indicator.",
    )


@pytest.mark.parametrize("role", ["t", "y", "w", "g"])
def test_only_covariates_are_ever_filled(role):
    data = table(w=[1.0] * 6, g=["a", "b"] * 3)
    data[role] = [None, *list(data[role])[1:]]
    with pytest.raises(DataError, match=rf"missing values in '{role}' \(1\): only covariates can be filled"):
        study("indicator", data, sample_weight="w", groups="g")
    assert study("drop", data, sample_weight="w", groups="g", covariates=[]).n == 5


def test_marks_and_levels_never_take_a_name_that_is_taken():
    data = table(age=[1.0, NAN, 3, 4, 5, 6], place=["missing", None, None, "s", "n", "s"])
    data["age missing"] = [9.0, 8, 7, 6, 5, 3]
    filled = study("indicator", data)
    assert len(set(filled.covariates)) == len(filled.covariates)
    columns = dict(zip(filled.covariates, filled.X.T, strict=True))
    assert columns["age missing"].tolist() == [9, 8, 7, 6, 5, 3]
    assert columns["age missing_"].tolist() == [0, 1, 0, 0, 0, 0]
    assert columns["place=missing_"].tolist() == [0, 1, 1, 0, 0, 0]


def test_a_column_of_nothing_leaves_with_a_record():
    data = table(age=[NAN] * 6, place=["n"] * 3 + ["s"] * 3)
    with pytest.raises(DataError, match="every row has a missing value"):
        study("drop", data)
    filled = study("indicator", data)
    assert filled.covariates == ("place=s",)
    assert any("'age' is constant" in said for said in filled.decisions)


def test_the_outcome_may_be_missing_where_selection_says_it_was_not_seen():
    data = table(age=[1.0] * 6, place=["n"] * 6, y=[1.0, NAN, 3, NAN, 5, 6], s=[1, 0, 1, 1, 1, 1])
    with pytest.raises(DataError, match=r"'y' \(1\)"):
        study("error", data, selection="s")
    kept = study("drop", data, selection="s")
    assert kept.rows.tolist() == [0, 1, 2, 4, 5]
    assert np.isnan(kept.Y[1])


def test_the_caller_s_table_keeps_its_gaps():
    frame = pd.DataFrame(table())
    before = frame.copy()
    for missing in ("drop", "indicator"):
        study(missing, frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_complete_table_passes_unchanged():
    columns = {"t": Column("t", np.array([0.0, 1.0]))}
    roles = {"outcome": "y", "selection": None, "covariates": ()}
    assert count_missing(columns, roles) == {}
    again, rows, said = settle_missing(columns, roles, "error", 2)
    assert again is columns
    assert rows.tolist() == [0, 1]
    assert said == []
