"""The quarter-of-birth data as shipped: published means, least squares, Wald ratio and two-stage least squares."""

import os
from pathlib import Path

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import angrist_krueger_1991


@pytest.fixture(scope="module")
def draw():
    return angrist_krueger_1991()


def test_means_by_quarter_are_the_published_ones(draw):
    study, first = draw.study, draw.extras["quarter"] == 1
    assert study.n == 329_509
    means = [values[rows].mean() for values in (study.Y, study.T) for rows in (first, ~first)]
    assert [round(float(mean), 4) for mean in means] == [5.8916, 5.9027, 12.6881, 12.7969]


def test_thirty_instruments_give_0_0891_and_least_squares_0_0711(draw):
    study = draw.study
    assert (study.Z.shape[1], study.X.shape[1]) == (30, 9)
    assert round(yg.TwoStageLeastSquares().fit(study).result_.estimate, 4) == 0.0891
    assert round(yg.LIML(k=0).fit(study).result_.estimate, 4) == 0.0711


def test_the_first_quarter_alone_gives_the_published_wald_ratio():
    study = angrist_krueger_1991(instruments="first-quarter", years=False).study
    assert round(yg.TwoStageLeastSquares().fit(study).result_.estimate, 4) == 0.1020


def test_choices_that_make_no_sense_are_refused():
    with pytest.raises(yg.DataError, match="quarter"):
        angrist_krueger_1991(instruments="month")
    with pytest.raises(yg.DataError, match="years=True"):
        angrist_krueger_1991(years=False)


def test_the_shipped_file_holds_the_rows_of_the_source_in_another_order(draw):
    path = Path(os.environ.get("YINGUO_DATA", "nowhere")) / "angrist_krueger_1991" / "ak91_masteringmetrics.npz"
    if not path.is_file():
        pytest.skip("YINGUO_DATA does not hold the source file")
    with np.load(path) as source:
        theirs = np.column_stack([source[name].astype(float) for name in ("sob", "yob", "qob", "s", "lnw")])
    extras, study = draw.extras, draw.study
    ours = np.column_stack([extras["state"], extras["year"], extras["quarter"], study.T, study.Y])
    assert np.array_equal(ours, theirs[np.lexsort(theirs.T[::-1])])
