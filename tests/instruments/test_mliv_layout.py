"""The reader of mliv's folders: letters become roles, the truth stays apart, what does not fit is said in words."""

import numpy as np
import pytest

from yinguo.datasets import demand
from yinguo.datasets.demand import demand_seeds, demand_structure
from yinguo.errors import DataError
from yinguo.instruments import read_mliv

NAMES = ("u1", "u2", "z1", "x1", "x2", "c1", "a1", "t1", "m0", "mt", "g1", "y1")


def save(path, columns):
    names = list(columns)
    np.savetxt(path, np.column_stack(list(columns.values())), delimiter=",", header=",".join(names), comments="")


def as_mliv(X, Z, T, Y, g, U=None):
    """Columns as mliv's generator writes them."""
    U = np.zeros((len(T), 2)) if U is None else U
    m0 = demand_structure(X, np.zeros(len(T)))
    return dict(zip(NAMES, (*U.T, Z[:, 0], *X.T, *X.T, T, m0, g, g, Y), strict=True))


@pytest.fixture
def folder(tmp_path):
    draw = demand(n=300, **demand_seeds(0))
    # The stream fills a column before the next, so the known digits of the first row are those of the published size.
    full = demand(**demand_seeds(0))
    train, valid, test = full.study, draw.extras["validation"], full.extras["test"]["on-policy"]
    save(
        tmp_path / "train.csv",
        as_mliv(train.X, train.Z, train.T, train.Y, full.extras["g"], full.extras["unobserved"]),
    )
    save(tmp_path / "valid.csv", as_mliv(valid.X, valid.Z, valid.T, valid.Y, demand_structure(valid.X, valid.T)))
    save(tmp_path / "test.csv", as_mliv(test.X, test.Z, test.T, test.Y, test.g))
    return tmp_path


def rewrite(path, change):
    """Apply a change to the columns of a CSV file."""
    with path.open() as file:
        names = file.readline().strip().split(",")
    rows = np.loadtxt(path, delimiter=",", skiprows=1)[:50]
    save(path, change(dict(zip(names, rows.T, strict=True))))


def test_letters_become_roles_and_the_truth_stays_apart(folder):
    parts = read_mliv(folder)
    assert list(parts) == ["train", "valid", "test"]
    assert [part.study.n for part in parts.values()] == [10_000, 300, 2800]
    study, known = parts["train"].study, parts["train"].known
    assert study.roles["treatment"] == "t1"
    assert study.roles["outcome"] == "y1"
    assert study.instruments == ("z1",)
    assert study.covariates == ("x1", "x2")
    assert set(known) == {"u1", "u2", "c1", "a1", "m0", "mt", "g1"}
    # First row of mliv's first experiment, to the digits it prints.
    assert [study.T[0], study.Z[0, 0], *study.X[0], study.Y[0]] == pytest.approx(
        [14.045474, 0.352386, 2.618150, 5, -334.423643], abs=5e-7
    )
    assert [known[name][0] for name in ("u1", "u2", "m0", "g1")] == pytest.approx(
        [0.339951, -1.276392, -68.454283, -333.147251], abs=5e-7
    )
    assert parts["test"].study.T[0] == pytest.approx(22.494534, abs=5e-7)


def test_the_slash_at_the_end_of_the_path_does_not_matter(folder):
    assert np.array_equal(read_mliv(f"{folder}/")["test"].study.Y, read_mliv(str(folder))["test"].study.Y)


def test_confounders_and_adjusters_are_the_covariates_where_there_are_no_others(folder):
    for split in ("train", "valid", "test"):
        rewrite(folder / f"{split}.csv", lambda c: {n: v for n, v in c.items() if not n.startswith("x")})
    study = read_mliv(folder)["train"].study
    assert study.covariates == ("c1", "a1")


def test_i_stands_in_for_z_and_a_folder_without_either_has_no_instruments(folder):
    for split in ("train", "valid", "test"):
        rewrite(folder / f"{split}.csv", lambda c: {n.replace("z", "i"): v for n, v in c.items()})
    assert read_mliv(folder)["train"].study.instruments == ("i1",)
    for split in ("train", "valid", "test"):
        rewrite(folder / f"{split}.csv", lambda c: {n: v for n, v in c.items() if not n.startswith("i")})
    assert read_mliv(folder)["train"].study.Z is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c | {"t2": c["t1"]}, r"2 treatment columns \(t1, t2\).*keep one that begins with t"),
        (lambda c: {n: v for n, v in c.items() if n != "t1"}, r"0 treatment columns.*begins with t.*u1, u2, z1"),
        (lambda c: {n: v for n, v in c.items() if n != "y1"}, r"0 outcome columns"),
        (lambda c: c | {"v1": c["z1"]}, r"columns v1.*CB-IV.*log-odds"),
        (lambda c: {n: v for n, v in c.items() if n != "x2"}, r"covariates x1, x2 and train.csv x1"),
    ],
)
def test_what_does_not_fit_is_said_in_words(folder, change, said):
    rewrite(folder / "train.csv", change)
    with pytest.raises(DataError, match=said):
        read_mliv(folder)


def test_a_missing_file_is_named(folder):
    (folder / "valid.csv").unlink()
    with pytest.raises(DataError, match=r"has no valid\.csv"):
        read_mliv(folder)
    with pytest.raises(DataError, match=r"no train\.csv and no valid\.csv and no test\.csv"):
        read_mliv(folder / "elsewhere")
