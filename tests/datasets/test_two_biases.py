"""The demand design with two biases: figures of the card, what is seen, and bad options."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

import yinguo as yg
from yinguo.datasets import two_biases


def test_variances_and_shares_are_those_that_reproduce_the_printed_magnitudes():
    draw = two_biases()
    test = draw.extras["test"]
    assert test["selected"].g.var() == pytest.approx(3.0, abs=0.4)
    assert test["unselected"].g.var() == pytest.approx(7.4, abs=0.8)
    for beta, share in ((5, 0.63), (10, 0.59), (15, 0.56)):
        assert two_biases(beta=beta).extras["share_seen"] == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize(("beta", "unselected"), [(5, 7.8), (10, 14.6), (15, 26.7)])
def test_trees_on_those_seen_are_as_far_off_as_the_card_says(beta, unselected):
    draw = two_biases(beta=beta)
    study, seen = draw.study, draw.study.S == 1
    trees = HistGradientBoostingRegressor(random_state=0)
    trees.fit(np.column_stack([study.X, study.T])[seen], study.Y[seen])
    errors = [
        p.squared_error(lambda X, T: trees.predict(np.column_stack([X, T]))) for p in draw.extras["test"].values()
    ]
    assert errors[0] == pytest.approx(0.95, abs=0.2)
    assert errors[1] == pytest.approx(unselected, rel=0.25)


def test_half_the_rows_are_seen_and_the_structure_is_that_of_the_test_points():
    draw = two_biases(n=300, n_test=50, random_state=4)
    study = draw.study
    assert study.S.sum() == 300
    assert np.array_equal(np.isnan(study.Y), study.S == 0)
    assert set(np.unique(study.X[:, 1])) <= set(range(1, 8))
    for points in draw.extras["test"].values():
        assert draw.extras["structure"](points.X, points.T) == pytest.approx(points.g)
    noise = study.Y[study.S == 1] - draw.extras["g"][study.S == 1]
    assert noise == pytest.approx(draw.extras["unobserved"][study.S == 1, 0])
    with pytest.raises(yg.DataError, match="n is 0"):
        two_biases(n=0)
