"""Designs over time: persistence, structure and what they refuse."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import causal_regression_design, var_design


def test_values_regress_on_the_past_as_the_graph_says():
    draw = causal_regression_design(structure="chain", steps=20_000, random_state=0)
    X = np.column_stack([draw.study.T, draw.study.Y, draw.study.X])
    lag = np.linalg.lstsq(X[:-1], X[1:], rcond=None)[0].T
    B = draw.extras["direct"]
    assert np.linalg.inv(np.eye(4) - B) @ np.diag([0.8, 0.7, 0.6, 0.6]) == pytest.approx(lag, abs=0.03)
    assert draw.truth == {"ATE": 0.49}
    assert draw.extras["total"][1, 0] == pytest.approx(0.49)


def test_series_start_apart_and_rows_are_one_step_apart():
    study = causal_regression_design(steps=10, series=4).study
    assert study.n == 44
    assert np.array_equal(np.bincount(study.groups), [11] * 4)
    assert np.array_equal(study.time[:11], np.arange(11))
    assert var_design(series=3, steps=5).study.n == 15


def test_what_makes_no_design_is_refused():
    with pytest.raises(yg.DataError, match="'tree'"):
        causal_regression_design(structure="tree")
    with pytest.raises(yg.DataError, match="steps"):
        causal_regression_design(steps=0)
    with pytest.raises(yg.DataError, match="'sideways'"):
        var_design(direction="sideways")
    with pytest.raises(yg.DataError, match="steps is 1"):
        var_design(steps=1)
