"""The study: roles, encodings, decisions, immutability, and an error in words for every bad table."""

import copy
import pickle

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yinguo import IPW, DifferenceInMeans, Study
from yinguo.errors import DataError

FIELDS = ("Y", "T", "X", "Z", "V", "S", "sample_weight", "groups", "environment", "time", "rows")


def table(n: int = 40, **more) -> dict:
    rng = np.random.default_rng(0)
    return {"t": np.arange(n) % 2, "y": rng.normal(size=n), "x": rng.normal(size=n), **more}


def study(data=None, **roles) -> Study:
    return Study(table() if data is None else data, **{"treatment": "t", "outcome": "y"} | roles)


def same(a: Study, b: Study) -> None:
    for name in FIELDS:
        left, right = getattr(a, name), getattr(b, name)
        assert (left is None) == (right is None), name
        assert left is None or np.array_equal(left, right, equal_nan=True), name
    for name in ("covariates", "decisions", "treatment_levels", "treatment_kind", "outcome_kind"):
        assert getattr(a, name) == getattr(b, name), name


def test_every_kind_of_table_gives_the_identical_study(tmp_path):
    n = 60
    rng = np.random.default_rng(1)
    data = {
        "drug": np.array(["placebo", "verum"])[rng.integers(0, 2, n)],
        "pain": rng.normal(size=n).round(6),
        "age": rng.integers(20, 80, n),
        "smoker": rng.random(n) < 0.3,
        "ward": np.array(["a", "b", "c"])[rng.integers(0, 3, n)],
        "weight": rng.random(n).round(4) + 0.5,
        "clinic": np.array(["x", "y", "z", "w"])[rng.integers(0, 4, n)],
    }
    roles = {"treatment": "drug", "outcome": "pain", "sample_weight": "weight", "groups": "clinic"}
    frame = pd.DataFrame(data)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.parquet")
    arrow = pa.table(data)
    sources = [
        *(tmp_path / name for name in ("a.csv", "a.csv.gz", "a.tsv", "a.parquet")),
        frame, frame.convert_dtypes(), frame.assign(ward=frame.ward.astype("category")), pl.DataFrame(data),
        pl.LazyFrame(data), arrow, duckdb.from_arrow(arrow), {k: v.tolist() for k, v in data.items()},
    ]  # fmt: skip
    first = Study(data, **roles)
    assert first.covariates == ("age", "smoker", "ward=b", "ward=c")
    for source in sources:
        same(Study(source, **roles), first)


def test_covariates_default_to_every_column_without_another_role():
    data = table(a=np.arange(40) ** 2, g=np.arange(40) // 2)
    assert study(data, groups="g").covariates == ("x", "a")
    assert study(data, covariates=["a"]).covariates == ("a",)
    assert study(data, covariates="a").covariates == ("a",)
    assert study(data, covariates=[]).X.shape == (40, 0)


def test_every_role_is_read_and_named():
    data = table(
        z=np.arange(40) % 3, w=np.ones(40) * 4, g=["a", "b"] * 20, e=[1, 5] * 20, when=np.arange(40), s=[1] * 40
    )
    found = study(
        data, instruments="z", sample_weight="w", groups="g", environment="e", time="when", selection="s", shadow=["x"]
    )
    assert found.Z.shape == (40, 1)
    assert found.V[:, 0].tolist() == table()["x"].tolist()
    assert (found.sample_weight == 1).all()
    assert found.groups.tolist() == found.environment.tolist() == [0, 1] * 20
    assert found.time.tolist() == list(range(40))
    assert found.covariates == ()
    assert all(found.has(role) for role in ("instruments", "sample_weight", "groups", "environment", "time", "shadow"))
    assert not found.has("covariates")


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"treatment": "drug"}, "treatment column 'drug' is not in the table; it has t, y, x"),
        ({"treatment": "T"}, "treatment column 'T' is not in the table"),
        ({"treatment": None}, "treatment is None; name its column"),
        ({"outcome": 3}, "outcome is 3; give one column name"),
        ({"treatment": ["t"]}, r"treatment is \['t'\]; give one column name"),
        ({"covariates": ["x", 5]}, r"covariates is \['x', 5\]; give column names"),
        ({"covariates": 5}, "covariates is 5; give column names"),
        ({"covariates": ["x", "x"]}, "column 'x' is given as covariates and as covariates"),
        ({"covariates": ["x", "t"]}, "column 't' is given as treatment and as covariates; give each column one role"),
        ({"outcome": "t"}, "column 't' is given as treatment and as outcome"),
        ({"groups": "nowhere"}, "groups column 'nowhere' is not in the table"),
    ],
)
def test_a_role_that_cannot_be_played_is_named(roles, message):
    with pytest.raises(DataError, match=message):
        study(**roles)


@pytest.mark.parametrize("name", ["因果", "two words", 'a "quote"', "it's", "a,b", "x; drop table", "<script>", " "])
def test_any_text_is_a_column_name(tmp_path, name):
    data = table()
    data[name] = data.pop("x")
    frame = pd.DataFrame(data)
    frame.to_parquet(tmp_path / "a.parquet")
    for source in (data, frame, pl.DataFrame(data), tmp_path / "a.parquet"):
        assert study(source).covariates == (name,)
        assert study(source, covariates=[name]).X[:, 0].tolist() == table()["x"].tolist()


# -- treatment and outcome ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "treated", "codes", "levels", "kind", "said"),
    [
        ([0, 1], None, [0, 1], (0.0, 1.0), "binary", None),
        ([1, 2], None, [0, 1], (1.0, 2.0), "binary", "'t' is coded 1 = 2.0 and 0 = 1.0"),
        ([False, True], None, [0, 1], (0.0, 1.0), "binary", None),
        (["yes", "no"], None, [1, 0], ("no", "yes"), "binary", "'t' is coded 1 = 'yes' and 0 = 'no'"),
        (["drug", "placebo"], "drug", [1, 0], (("placebo",), "drug"), "binary", "1 where it is 'drug'"),
        ([1, 2], 1, [1, 0], ((2.0,), 1.0), "binary", "1 where it is 1.0"),
        ([1, 2], "1", [1, 0], ((2.0,), 1.0), "binary", "1 where it is 1.0"),
        ([0, 1], True, [0, 1], ((0.0,), 1.0), "binary", "1 where it is 1.0"),
        ([0, 1, 2], 2, [0, 0, 1], ((0.0, 1.0), 2.0), "binary", "1 where it is 2.0 and 0 otherwise (0, 1)"),
        ([0, 1, 2], None, [0, 1, 2], (0.0, 1.0, 2.0), "multi-valued", None),
        (["a", "c", "b"], None, [0, 2, 1], ("a", "b", "c"), "multi-valued", None),
        ([0.5, 1.5, 2.5], None, [0.5, 1.5, 2.5], (), "continuous", None),
        (list(range(11)), None, list(range(11)), (), "continuous", None),
        ([0.2, 0.8], None, [0, 1], (0.2, 0.8), "binary", "'t' is coded 1 = 0.8"),
    ],
)
def test_the_coding_of_the_treatment_is_decided_and_recorded(values, treated, codes, levels, kind, said):
    data = {"t": values * 2, "y": np.arange(2 * len(values)) * 1.5}
    found = Study(data, treatment="t", outcome="y", treated=treated)
    assert found.T.tolist() == codes * 2
    assert (found.treatment_levels, found.treatment_kind) == (levels, kind)
    assert [said in decision for decision in found.decisions] == ([] if said is None else [True])


@pytest.mark.parametrize(
    ("values", "treated", "message"),
    [
        ([1, 1], None, r"treatment 't' has only one value \(1\) in 2 rows"),
        (["a", "a"], "a", r"treatment 't' has only one value \('a'\)"),
        ([0, 1], 7, "treated=7 is not a value of 't'; it has 0, 1"),
        (["a", "b"], "c", "treated='c' is not a value of 't'; it has 'a', 'b'"),
        ([0, 1], [0, 1], r"treated is \[0, 1\]; give one value"),
    ],
)
def test_a_treatment_without_two_arms_is_refused(values, treated, message):
    with pytest.raises(DataError, match=message):
        Study({"t": values, "y": [1.0, 2.0]}, treatment="t", outcome="y", treated=treated)


def test_a_method_for_two_arms_refuses_more_and_offers_the_remedy():
    for values, words in (
        ([0, 1, 2, 3] * 10, "multi-valued .4 values: 0, 1, 2, 3."),
        (np.arange(40) / 7, "continuous .from 0 to"),
    ):
        with pytest.raises(DataError, match=rf"treatment 't' is {words}.*IPW needs a binary treatment. Pass treated="):
            IPW().fit(study(table() | {"t": values}))


@pytest.mark.parametrize(("n", "message"), [(1, "only one value"), (2, "has 1 row")])
def test_one_or_two_rows_are_too_few(n, message):
    with pytest.raises(DataError, match=message):
        DifferenceInMeans().fit(study(table(n)))


def test_no_rows_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("t,y,x\n")
    for source in (
        {"t": [], "y": []},
        pd.DataFrame({"t": [], "y": []}),
        pl.DataFrame({"t": [], "y": []}),
        tmp_path / "a.csv",
    ):
        with pytest.raises(DataError, match="the table has no rows"):
            study(source)


@pytest.mark.parametrize("values", [["a", "b"] * 20, ["1", "2.5", "x", "4"] * 10, pd.Categorical([1, 2] * 20)])
def test_a_text_outcome_is_refused_with_the_values_that_are_to_blame(values):
    with pytest.raises(
        DataError, match=r"outcome 'y' is text \(values such as '.*'\); outcome needs numbers. Recode it"
    ):
        study(pd.DataFrame(table()).assign(y=values))


def test_the_kind_of_outcome_is_recognised():
    assert study(table() | {"y": np.arange(40) % 2}).outcome_kind == "binary"
    assert study(table() | {"y": np.arange(40) % 2 == 0}).outcome_kind == "binary"
    assert study(table() | {"y": np.arange(40) % 2 + 1}).outcome_kind == "continuous"


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize("column", ["t", "y", "x"])
def test_infinite_values_are_refused_with_column_and_row(bad, column):
    data = table()
    data[column] = np.where(np.arange(40) == 7, bad, data[column])
    with pytest.raises(DataError, match=f"column '{column}' has 1 infinite values .first in row 7."):
        study(data)


def test_dates_are_refused_with_the_remedy():
    with pytest.raises(DataError, match=r"column 'x' has type Date.*turn dates into numbers"):
        study(pd.DataFrame(table()).assign(x=pd.Timestamp("2020-01-01")))


# -- covariates --------------------------------------------------------------------------------------


def test_constant_and_repeated_columns_go_with_a_record():
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    found = study(
        table() | {"x": x, "one": np.ones(40), "again": x.copy(), "text": ["a"] * 40, "other": rng.normal(size=40)}
    )
    assert found.covariates == ("x", "other")
    assert found.decisions == (
        "'text' became 0 indicator columns; its reference is 'a'.",
        "covariate 'one' is constant (1) and was left out.",
        "covariate 'again' equals 'x' in every row and was left out.",
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(3, 500), st.integers(2, 40))
def test_a_repeated_column_is_found_wherever_it_stands(seed, n, p):
    # Sums rounded differently from column to column once hid one in eight.
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    j, k = rng.choice(p, 2, replace=False)
    X[:, j] = X[:, k]
    found = Study.from_arrays(X, np.arange(n) % 2, rng.normal(size=n))
    assert found.covariates == tuple(f"x{i + 1}" for i in range(p) if i != max(j, k))


def test_a_text_with_too_many_values_is_taken_for_an_identifier():
    data = table(300, name=[f"person {i}" for i in range(300)])
    with pytest.raises(
        DataError, match="covariate 'name' is text with 300 different values; it looks like an identifier"
    ):
        study(data)
    assert study(data, groups="name").groups.max() == 299


def test_the_name_of_a_text_column_stands_for_all_its_indicators():
    found = study(table() | {"place": ["n", "s", "e", "w"] * 10, "place2": np.arange(40)})
    assert found.columns(["place"]).shape == (40, 3)
    assert found.columns("place=s")[:, 0].tolist() == [0, 1, 0, 0] * 10
    assert found.columns(["place2", "x"])[:, 0].tolist() == list(range(40))
    with pytest.raises(DataError, match="'town' is not a covariate of the study; it has x, place=n"):
        found.columns(["town"])


def test_the_exact_name_wins_over_the_prefix():
    found = study(table() | {"x=1": np.arange(40) ** 2})
    assert found.columns(["x"]).shape == (40, 1)


def test_more_columns_than_rows_are_accepted():
    rng = np.random.default_rng(0)
    assert Study.from_arrays(rng.normal(size=(10, 30)), np.arange(10) % 2, rng.normal(size=10)).X.shape == (10, 30)


# -- weights and groups ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.r_[-1.0, np.ones(39)], "sample_weight 'w' has 1 negative values"),
        (np.zeros(40), "sample_weight 'w' is zero in every row"),
        (np.r_[np.nan, np.ones(39)], r"missing values in 'w' \(1\)"),
        (np.r_[np.inf, np.ones(39)], "column 'w' has 1 infinite values"),
        (["heavy", "light"] * 20, "sample_weight 'w' is text"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        study(table() | {"w": weights}, sample_weight="w")


def test_weights_have_mean_one_and_groups_no_gaps_also_in_a_part():
    data = table(w=np.arange(40) + 1.0, g=np.repeat([7, 3, 9, 5], 10))
    found = study(data, sample_weight="w", groups="g")
    assert found.sample_weight.mean() == pytest.approx(1.0)
    assert found.groups.tolist() == np.repeat([2, 0, 3, 1], 10).tolist()
    part = found.take(np.arange(20, 40))
    assert part.sample_weight.mean() == pytest.approx(1.0)
    # A group left behind empty would count as a cluster.
    assert sorted(set(part.groups)) == [0, 1]
    with pytest.raises(DataError, match="at least 2 groups"):
        DifferenceInMeans().fit(found.take(np.arange(10)))


def test_rows_of_weight_zero_are_left_out_with_a_record():
    data = table(w=np.r_[np.zeros(4), np.ones(36)], place=["far"] * 4 + ["n", "s"] * 18)
    found = study(data, sample_weight="w")
    assert found.rows.tolist() == list(range(4, 40))
    assert found.covariates == ("x", "place=s")
    assert found.decisions[0] == "4 of 40 rows were left out because their sample weight is 0."
    X, T, Y = arrays()
    again = Study.from_arrays(X, T, Y, sample_weight=data["w"])
    assert again.rows.tolist() == list(range(4, 40))
    assert np.array_equal(again.X, X[4:])


def test_an_arm_whose_weights_are_all_zero_is_empty():
    data = table()
    with pytest.raises(DataError, match=r"treatment 't' has only one value \(0\) in 20 rows"):
        study(data | {"w": 1.0 - data["t"]}, sample_weight="w")
    later = study(data).replace(sample_weight=1.0 - data["t"])
    with pytest.raises(DataError, match=r"the treated arm of 't' has 0 row\(s\) .*needs at least 2"):
        DifferenceInMeans().fit(later)


# -- arrays ------------------------------------------------------------------------------------------


def arrays(n: int = 40):
    data = table(n)
    return np.column_stack([data["x"], data["x"] ** 2]), data["t"], data["y"]


def test_arrays_of_any_numeric_kind_give_the_same_study():
    X, T, Y = arrays()
    first = Study.from_arrays(X, T, Y)
    assert first.covariates == ("x1", "x2")
    for kind in (np.asarray, np.ndarray.tolist, pd.DataFrame, lambda a: a.astype(object), np.asfortranarray):
        same(Study.from_arrays(kind(X), T, Y), first)
    for kind in (
        lambda a: a.tolist(),
        lambda a: a.astype(object),
        lambda a: a.astype(bool),
        lambda a: a.astype(np.int8),
        pd.Series,
    ):
        same(Study.from_arrays(X, kind(T), Y), first)
    for kind in (lambda a: a.tolist(), lambda a: a.astype(object), pd.Series):
        same(Study.from_arrays(X, T, kind(Y)), first)
    same(Study({"t": T, "y": Y, "x1": X[:, 0], "x2": X[:, 1]}, treatment="t", outcome="y"), first)


def test_one_covariate_may_be_a_vector_and_texts_may_name_arms_and_groups():
    X, T, Y = arrays()
    found = Study.from_arrays(X[:, 0], np.array(["no", "yes"])[T], Y, groups=["a", "b"] * 20, covariates=["age"])
    assert found.T.tolist() == T.tolist()
    assert found.groups.tolist() == [0, 1] * 20
    assert found.covariates == ("age",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.ones((40, 2, 2))}, r"X has shape \(40, 2, 2\)"),
        ({"X": None}, r"X has shape \(\)"),
        ({"X": np.array([["a"]] * 40)}, "X has type <U1; give numbers"),
        ({"X": np.array([["a", 1]] * 40, dtype=object)}, "X holds values that are no numbers"),
        ({"X": np.ones((40, 1)) * 1j}, "X has type complex128"),
        ({"X": np.full((40, 1), np.nan)}, r"missing values in {'x1': 40}"),
        ({"X": np.ma.array(np.ones((40, 1)), mask=True)}, r"missing values in {'x1': 40}"),
        ({"X": np.full((40, 1), np.inf)}, "column 'x1' has 40 infinite values"),
        ({"T": np.ones((40, 1))}, r"t has shape \(40, 1\); X has 40 rows"),
        ({"T": np.array(["a", "b", None, "a"] * 10, dtype=object)}, "missing values in {'t': 10}"),
        ({"T": np.arange(40).astype("datetime64[D]")}, "column 't' has type Date"),
        ({"Y": np.ones(39)}, r"y has shape \(39,\)"),
        ({"Y": np.ma.array(np.ones(40), mask=[True] + [False] * 39)}, "missing values in {'y': 1}"),
        ({"Y": ["high", "low"] * 20}, "outcome 'y' is text"),
        ({"groups": np.array([None, "a"] * 20, dtype=object)}, "missing values in {'groups': 20}"),
        ({"sample_weight": np.full(40, -1.0)}, "40 negative values"),
        ({"covariates": ["a"]}, "covariates names 1 columns but X has 2"),
        ({"covariates": ["a", "a"]}, "column 'a' is given as covariates and as covariates"),
        ({"covariates": ["a", "t"]}, "column 't' is given as treatment and as covariates"),
        ({"treatment": "y"}, "column 'y' is given as treatment and as outcome"),
        ({"outcome": "groups", "groups": np.arange(40)}, "column 'groups' is given as outcome and as groups"),
        ({"X": np.empty((0, 2)), "T": [], "Y": []}, "the arrays have no rows"),
    ],
)
def test_arrays_are_checked_as_strictly_as_tables(change, message):
    X, T, Y = arrays()
    given_ = {"X": X, "T": T, "Y": Y} | change
    with pytest.raises(DataError, match=message):
        Study.from_arrays(given_.pop("X"), given_.pop("T"), given_.pop("Y"), **given_)


@pytest.mark.parametrize("name", ["s", "groups", "sample_weight", "z1", "time"])
def test_a_treatment_may_carry_the_name_of_a_role_that_is_not_filled(name):
    X, T, Y = arrays()
    found = Study.from_arrays(X, T, Y, treatment=name)
    assert found.T.tolist() == T.tolist()
    assert not found.has("groups")


def test_instruments_and_shadow_variables_come_as_blocks():
    X, T, Y = arrays()
    found = Study.from_arrays(X, T, Y, Z=X + 1, V=np.arange(40), S=np.ones(40))
    assert found.instruments == ("z1", "z2")
    assert found.shadow == ("v1",)
    assert np.array_equal(found.Z, X + 1)


# -- nothing is shared, nothing changes --------------------------------------------------------------


@pytest.mark.parametrize("kind", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_the_caller_s_table_is_left_alone_and_later_changes_to_it_do_not_reach_the_study(kind):
    data = table(w=np.ones(40), z=np.arange(40.0), place=np.array(["n", "s"] * 20))
    before = copy.deepcopy(data)
    found = study(kind(data), sample_weight="w", instruments="z")
    assert all(np.array_equal(data[name], before[name]) for name in data)
    for values in data.values():
        values[:] = values[::-1].copy()
    same(found, study(kind(before), sample_weight="w", instruments="z"))


def test_a_pandas_frame_changed_in_place_does_not_reach_the_study():
    frame = pd.DataFrame(table())
    found = study(frame)
    frame.loc[:, "y"] = 0.0
    assert found.Y.tolist() == table()["y"].tolist()


def test_outcome_and_treatment_arrays_are_copied():
    X, T, Y = arrays()
    T, Y = T.astype(float), Y.copy()
    found = Study.from_arrays(X, T, Y)
    T[:], Y[:] = 0, 0
    assert found.T.any()
    assert found.Y.any()


def test_a_study_does_not_change(study):
    for name in ("Y", "T", "X", "rows"):
        with pytest.raises(AttributeError, match=f"use study.replace.{name}=...."):
            setattr(study, name, None)
        with pytest.raises(AttributeError, match="does not change"):
            delattr(study, name)
        with pytest.raises(ValueError, match="read-only"):
            getattr(study, name)[0] = 1
    with pytest.raises(TypeError):
        study.roles["outcome"] = "x1"


@pytest.mark.parametrize("again", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy, copy.copy])
def test_a_study_survives_pickling_and_copying_and_stays_read_only(again):
    found = study(table(g=["a", "b"] * 20, w=np.ones(40)), groups="g", sample_weight="w")
    restored = again(found)
    same(restored, found)
    assert restored.fingerprint == found.fingerprint
    assert dict(restored.roles) == dict(found.roles)
    with pytest.raises(ValueError, match="read-only"):
        restored.Y[0] = 1.0


# -- take and replace --------------------------------------------------------------------------------


def test_rows_are_taken_by_number_or_mask_and_remember_where_they_came_from():
    found = study(table(g=["a", "b"] * 20), groups="g")
    by_mask, by_number = found.take(found.T == 1), found.take(np.arange(1, 40, 2))
    same(by_mask, by_number)
    assert by_mask.rows.tolist() == list(range(1, 40, 2))
    assert found.take([3, 3, 3]).rows.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (np.ones(39, dtype=bool), "mask has 39 values; the study has 40 rows"),
        ([], "index"),
        (np.array([0.5]), "index has type float64"),
        (np.ones((2, 2), dtype=int), r"shape \(2, 2\)"),
        (np.zeros(40, dtype=bool), "takes no row"),
    ],
)
def test_what_takes_no_rows_is_refused(index, message):
    with pytest.raises(DataError, match=message):
        study().take(index)


def test_replacing_exchanges_arrays_and_what_follows_from_them():
    found = study()
    assert found.replace(Y=np.arange(40) % 2).outcome_kind == "binary"
    assert found.replace(T=np.arange(40) / 3).treatment_kind == "continuous"
    assert found.replace(T=[1, 2] * 20).T.tolist() == [0, 1] * 20
    assert found.replace(T=np.arange(40) % 2 == 0).T.dtype == np.float64
    weighted = found.replace(sample_weight=np.full(40, 9.0))
    assert (weighted.sample_weight == 1).all()
    # A method that ignores weights must still see that there are some.
    assert weighted.has("sample_weight")
    assert not weighted.replace(sample_weight=None).has("sample_weight")
    assert found.replace(groups=np.repeat([5, 9], 20)).groups.tolist() == np.repeat([0, 1], 20).tolist()
    assert found.replace(X=np.ones((40, 2)), covariates=["a", "b"]).covariates == ("a", "b")
    score = found.replace(Z=np.arange(40.0), instruments=["score"])
    assert (score.instruments, score.roles["instruments"]) == (("score",), ("score",))
    assert score.replace(Z=np.ones((40, 2))).instruments == ("z1", "z2")
    assert score.replace(Z=None).instruments == ()
    assert not score.replace(Z=None).has("instruments")
    assert found.covariates == ("x",)


@pytest.mark.parametrize(
    ("arrays_", "message"),
    [
        ({"W": np.ones(40)}, r"replace got \['W'\]"),
        ({"Z": np.ones(40), "instruments": ["a", "b"]}, "Z has 1 columns but there are 2 instrument names"),
        ({"Y": np.ones(39)}, "Y has 39 rows; the study has 40"),
        ({"Y": np.full(40, np.nan)}, "Y holds missing or infinite values"),
        ({"Y": np.ones((40, 2))}, r"Y has shape \(40, 2\)"),
        ({"X": np.ones((40, 2))}, "X has 2 columns but there are 1 covariate names"),
        ({"T": np.ones(40)}, "treatment 't' has only one value"),
        ({"sample_weight": np.zeros(40)}, "zero in every row"),
        ({"Y": ["a"] * 40}, "Y has type"),
    ],
)
def test_a_replacement_is_checked(arrays_, message):
    with pytest.raises(DataError, match=message):
        study().replace(**arrays_)


def test_the_fingerprint_is_that_of_rows_treatment_and_outcome():
    found = study()
    assert found.fingerprint == study().fingerprint
    assert found.fingerprint == found.replace(X=np.ones((40, 1))).fingerprint
    for other in (found.take(np.arange(39)), found.replace(Y=-found.Y), found.replace(T=1 - found.T)):
        assert other.fingerprint != found.fingerprint


def test_a_study_introduces_itself():
    assert repr(study()) == "Study(effect of 't' on 'y': 40 rows, 20 treated, 20 controls, 1 covariates)"
    assert "continuous treatment" in repr(study(table() | {"t": np.arange(40) / 3}))


# -- size --------------------------------------------------------------------------------------------


def test_a_hundred_thousand_rows_with_texts_are_encoded_without_a_loop_over_them():
    rng = np.random.default_rng(0)
    n = 100_000
    data = {"t": rng.integers(0, 2, n), "y": rng.normal(size=n), "place": rng.choice(["n", "s", "e"], n)}
    data |= {f"x{j}": rng.normal(size=n) for j in range(20)}
    found = study(data)
    assert found.X.shape == (n, 22)
    assert found.X.flags.c_contiguous
    assert found.take(np.arange(0, n, 2)).n == n // 2


def test_kinds_of_treatment_are_settled_by_all_rows_and_not_by_the_first_thousand():
    T = np.arange(3_000) % 2.0
    assert Study.from_arrays(np.empty((3_000, 0)), T, T).treatment_kind == "binary"
    late = np.where(np.arange(3_000) == 2_999, 2.0, T)
    found = Study.from_arrays(np.empty((3_000, 0)), late, T)
    assert (found.treatment_kind, found.treatment_levels) == ("multi-valued", (0.0, 1.0, 2.0))
    many = Study.from_arrays(np.empty((3_000, 0)), np.maximum(np.arange(3_000.0), 1_500), T)
    assert many.treatment_kind == "continuous"


def test_finite_values_whose_sum_overflows_are_finite():
    X = np.array([[1e308], [1.7e308], [0.0], [1.0]])
    assert Study.from_arrays(X, [0, 1, 0, 1], [1.0, 2, 3, 4]).X.max() == 1.7e308
    with pytest.raises(DataError, match="infinite"):
        Study.from_arrays(np.array([[np.inf], [-np.inf], [0.0], [1.0]]), [0, 1, 0, 1], [1.0, 2, 3, 4])


# -- selection ---------------------------------------------------------------------------------------


def test_an_outcome_that_is_there_although_it_was_not_seen_is_refused_with_a_count():
    X, T, Y = arrays()
    S = np.ones(len(Y))
    S[:3] = 0
    with pytest.raises(DataError, match="outcome 'y' has values in 3 of the 3 rows where 's' is 0"):
        Study.from_arrays(X, T, Y, S=S)
    assert np.isnan(Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), S=S).Y).sum() == 3


def test_a_selection_indicator_of_other_values_is_refused():
    X, T, Y = arrays()
    with pytest.raises(DataError, match="selection 's' holds 2"):
        Study.from_arrays(X, T, Y, S=np.full(len(Y), 2.0))
