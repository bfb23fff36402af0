"""Products of covariates: scikit-learn as judge of the columns, and what is left out."""

import numpy as np
import pytest
from sklearn.preprocessing import PolynomialFeatures

from yinguo.errors import DataError
from yinguo.kernels.products import products_up_to


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_columns_are_the_monomials_of_scikit_learn(order):
    X = np.random.default_rng(0).normal(size=(20, 4))
    M, names = products_up_to(X, ("a", "b", "c", "d"), order)
    assert np.allclose(M, PolynomialFeatures(order, include_bias=False).fit_transform(X))
    assert len(names) == len(set(names)) == M.shape[1]


def test_a_two_valued_column_never_meets_itself():
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.integers(0, 2, 30) * 3.0 - 1, rng.normal(size=30)])
    _, names = products_up_to(X, ("d", "x"), 3)
    assert names == ("d", "x", "d*x", "x*x", "d*x*x", "x*x*x")
    # Nothing is lost: the full set of monomials has the same rank.
    full = PolynomialFeatures(3).fit_transform(X)
    ours = np.column_stack([np.ones(30), products_up_to(X, ("d", "x"), 3)[0]])
    assert np.linalg.matrix_rank(full) == np.linalg.matrix_rank(ours) == ours.shape[1]


def test_an_order_outside_one_to_three_is_refused():
    with pytest.raises(DataError, match="moments is 4"):
        products_up_to(np.zeros((3, 1)), ("a",), 4)
