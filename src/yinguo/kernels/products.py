"""Products of covariates up to an order: the moments of a joint distribution that a linear outcome model can use."""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from yinguo.errors import DataError

__all__ = ["products_up_to"]

Vector = NDArray[np.float64]


def products_up_to(X: Vector, names: Sequence[str], order: int) -> tuple[Vector, tuple[str, ...]]:
    """Every product of at most ``order`` columns, a column allowed to meet itself.

    A column of two values meets itself never: its powers are linear in it, so the products they enter add nothing.

    Parameters
    ----------
    X : (n, p) float array
    names : p names
    order : {1, 2, 3}

    Returns
    -------
    M : (n, r) float array, the columns of ``X`` first
    names : r names, ``"age"``, ``"age*educ"``, ``"age*age"``

    Raises
    ------
    DataError
        If ``order`` is not 1, 2 or 3.
    """
    if order not in (1, 2, 3):
        raise DataError(f"moments is {order!r}; it must be 1, 2 or 3.")
    p = X.shape[1]
    two_valued = [bool(np.isin(X[:, j], (X[:, j].min(), X[:, j].max())).all()) for j in range(p)]
    tuples = [
        chosen
        for size in range(1, order + 1)
        for chosen in combinations_with_replacement(range(p), size)
        if not any(two_valued[j] and chosen.count(j) > 1 for j in set(chosen))
    ]
    M = np.empty((X.shape[0], len(tuples)))
    for k, chosen in enumerate(tuples):
        np.multiply.reduce(X[:, chosen], axis=1, out=M[:, k])
    return M, tuple("*".join(names[j] for j in chosen) for chosen in tuples)
