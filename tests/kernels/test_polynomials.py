"""Terms of polynomials and their columns."""

import numpy as np
import pytest

from yinguo.kernels.polynomials import count_terms, polynomial_columns, polynomial_terms


@pytest.mark.parametrize(("p", "degree"), [(1, 4), (3, 3), (4, 2)])
def test_there_are_as_many_terms_as_counted_and_none_twice(p, degree):
    terms = polynomial_terms(np.random.default_rng(0).normal(size=(9, p)), degree)
    assert len(terms) == len(set(terms)) == count_terms(p, degree)
    assert max(map(len, terms)) == degree


def test_columns_are_the_products_they_name():
    X = np.random.default_rng(0).normal(size=(7, 2))
    D = polynomial_columns(X, ((0,), (1,), (0, 0, 1)))
    assert np.column_stack([X, X[:, 0] ** 2 * X[:, 1]]) == pytest.approx(D, rel=1e-14)


def test_a_column_of_two_values_meets_itself_never():
    X = np.column_stack([[0.0, 1.0, 1.0], [3.0, 1.0, 2.0]])
    assert polynomial_terms(X, 3) == ((0,), (1,), (0, 1), (1, 1), (0, 1, 1), (1, 1, 1))
