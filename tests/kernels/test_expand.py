"""Powers, products, and which columns are worth keeping."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from yinguo.errors import DataError
from yinguo.kernels.expand import expand_terms, independent_columns


def test_terms_are_powers_and_products_under_names_that_say_so():
    X = np.array([[2.0, 3.0], [4.0, 5.0]])
    C, names = expand_terms(X, ("age", "educ"), moments=3, interactions=True)
    assert names == ("age", "educ", "age^2", "educ^2", "age^3", "educ^3", "age*educ")
    assert C[0].tolist() == [2, 3, 4, 9, 8, 27, 6]


def test_nothing_to_add_copies_nothing():
    X = np.ones((3, 2))
    assert expand_terms(X, ("a", "b"))[0] is X


def test_one_column_has_no_products():
    C, names = expand_terms(np.arange(3.0)[:, None], ("a",), interactions=True)
    assert names == ("a",)
    assert C.shape == (3, 1)


@pytest.mark.parametrize("moments", [0, 4, 1.5, "2"])
def test_moments_outside_one_to_three_are_refused(moments):
    with pytest.raises(DataError, match=r"moments is .*must be 1, 2 or 3"):
        expand_terms(np.ones((3, 2)), ("a", "b"), moments=moments)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 40), st.integers(1, 8), st.integers(1, 8))
def test_as_many_columns_are_kept_as_the_centred_rank_and_they_span_the_rest(seed, n, p, rank):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, min(rank, p))) @ rng.normal(size=(min(rank, p), p)) + 3.0
    centred = X - X.mean(axis=0)
    # Sums of squares tell a redundant column to within rounding times the squared condition of those before it.
    assume(np.linalg.cond(centred[:, : min(rank, p, n - 1)]) < 30)
    kept = independent_columns(X)
    assert len(kept) == np.linalg.matrix_rank(centred, tol=1e-8 * np.linalg.norm(centred))
    fitted = centred[:, kept] @ np.linalg.lstsq(centred[:, kept], centred, rcond=None)[0]
    assert np.abs(fitted - centred).max() < 1e-6 * max(1.0, np.abs(centred).max())
    assert list(kept) == sorted(kept)


def test_the_first_of_two_equal_columns_is_kept_and_constants_go():
    x = np.arange(10.0)
    X = np.column_stack([np.ones(10), x, 2 * x + 1, x**2, np.full(10, 7.0)])
    assert independent_columns(X).tolist() == [1, 3]


def test_scale_and_origin_do_not_decide_what_is_independent():
    X = np.random.default_rng(0).normal(size=(50, 3))
    assert independent_columns(X * [1e-8, 1.0, 1e8] + [0.0, 1e6, 1e8]).tolist() == [0, 1, 2]


def test_a_part_of_many_rows_settles_it_only_where_it_can():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(70_000, 2)), np.zeros(70_000)])
    X[np.arange(70_000) % 3 != 0, 2] = rng.normal(size=(np.arange(70_000) % 3 != 0).sum())
    assert independent_columns(X).tolist() == [0, 1, 2]  # constant in every third row, the part looked at first
    assert independent_columns(X, rows=np.arange(0, 70_000, 3)).tolist() == [0, 1]
    assert independent_columns(X, rows=np.array([5])).tolist() == []


def test_one_row_determines_nothing():
    assert len(independent_columns(np.ones((1, 3)))) == 0
