"""Powers and products of columns, with the list of terms kept so that other rows get the same columns."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import comb

import numpy as np

__all__ = ["count_terms", "polynomial_columns", "polynomial_terms"]

Terms = tuple[tuple[int, ...], ...]


def count_terms(columns: int, degree: int) -> int:
    """Products of at most ``degree`` columns, the constant left out.

    Parameters
    ----------
    columns, degree : int

    Examples
    --------
    >>> count_terms(3, 2)
    9
    """
    return comb(columns + degree, degree) - 1


def polynomial_terms(X, degree: int) -> Terms:
    """Which columns each term multiplies.

    A column of two values never meets itself: its powers are linear in it.

    Parameters
    ----------
    X : (n, p) float array
    degree : int, at least 1

    Returns
    -------
    tuple of tuples of column numbers, single columns first

    Examples
    --------
    >>> polynomial_terms(np.array([[0.0, 1.0], [1.0, 2.0], [0.0, 3.0]]), 2)
    ((0,), (1,), (0, 1), (1, 1))
    """
    p = X.shape[1]
    two_valued = {j for j in range(p) if np.isin(X[:, j], (X[:, j].min(), X[:, j].max())).all()}
    return tuple(
        chosen
        for size in range(1, degree + 1)
        for chosen in combinations_with_replacement(range(p), size)
        if not any(chosen.count(j) > 1 for j in two_valued.intersection(chosen))
    )


def polynomial_columns(X, terms: Sequence[tuple[int, ...]]) -> np.ndarray:
    """The columns of these terms.

    Parameters
    ----------
    X : (n, p) float array
    terms : sequence of tuples of column numbers

    Returns
    -------
    (n, len(terms)) float array in column order
    """
    out = np.empty((len(X), len(terms)), order="F")
    for k, chosen in enumerate(terms):
        np.multiply.reduce(X[:, chosen], axis=1, out=out[:, k])
    return out
