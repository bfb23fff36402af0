"""Bare arrays, checked as strictly as the columns of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yinguo.core.encode import all_finite, finite
from yinguo.core.missing import count_missing
from yinguo.core.roles import check_roles, flat, names
from yinguo.core.table import EXACT, Column, open_table
from yinguo.errors import DataError

__all__ = ["array_column", "integer_codes", "matrix", "named_arrays", "unit_mean"]


def named_arrays(
    X: Any,
    covariates: Sequence[str] | None,
    single: Mapping[str, tuple[str, Any]],
    blocks: Mapping[str, tuple[str, Any]],
) -> tuple[np.ndarray, dict[str, Column], dict[str, Any]]:
    """Arrays with the names and roles that the columns of a table would have.

    Parameters
    ----------
    X : (n, p) array
    covariates : p names or None for ``x1 .. xp``
    single : mapping of role to (name, (n,) array or None)
    blocks : mapping of role to (prefix, (n,) or (n, q) array or None)

    Returns
    -------
    X : (n, p) float array
    columns : dict of name to Column
    roles : dict of role to name(s)

    Raises
    ------
    DataError
        No rows, wrong shapes, missing or infinite values, one name for two things.
    """
    X = matrix(X)
    n, p = X.shape
    if n == 0:
        raise DataError("the arrays have no rows.")
    called = tuple(f"x{j + 1}" for j in range(p)) if covariates is None else names(covariates, "covariates")
    if len(called) != p:
        raise DataError(f"covariates names {len(called)} columns but X has {p}.")
    roles: dict[str, Any] = {role: None if values is None else name for role, (name, values) in single.items()}
    roles["covariates"] = called
    given = {name: values for name, values in single.values() if values is not None}
    for role, (prefix, values) in blocks.items():
        block = np.empty((n, 0)) if values is None else matrix(values, role)
        roles[role] = tuple(f"{prefix}{j + 1}" for j in range(block.shape[1]))
        given |= dict(zip(roles[role], block.T, strict=True))
    check_roles(roles, flat(roles))
    columns = {name: array_column(name, values, n) for name, values in given.items()}
    whole = all_finite(X)
    gaps = np.zeros(p, dtype=int) if whole else np.isnan(X).sum(axis=0)
    counts = {called[j]: int(gaps[j]) for j in np.flatnonzero(gaps)} | count_missing(columns, roles)
    if counts:
        raise DataError(f"missing values in {counts}; drop or fill them, or build a Study from a table.")
    for j, name in enumerate(() if whole else called):
        finite(name, X[:, j])
    return X, columns, roles


def matrix(values: Any, name: str = "X") -> np.ndarray:
    """(n, p) float array; a float64 matrix is used as it is, a vector becomes one column.

    Raises
    ------
    DataError
        More than two dimensions, or values that are no numbers.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    array = np.asarray(values)
    if array.dtype.kind not in "fiubO":
        raise DataError(f"{name} has type {array.dtype}; give numbers, or build a Study from a table.")
    try:
        array = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} holds values that are no numbers ({error}); recode them, or build a Study from a table."
        ) from error
    if array.ndim not in (1, 2):
        raise DataError(f"{name} has shape {array.shape}; it must be (n, p), one row per unit.")
    return array[:, None] if array.ndim == 1 else array


def array_column(name: str, values: Any, n: int) -> Column:
    """One role's values as a column of ``n`` rows; texts, gaps and types are treated as in a table."""
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.shape != (n,):
        raise DataError(f"{name} has shape {array.shape}; X has {n} rows, so it must have shape ({n},).")
    plain = array.dtype.kind in "fb" or (array.dtype.kind in "iu" and n > 0 and np.abs(array).max() <= EXACT)
    if plain and not isinstance(array, np.ma.MaskedArray):
        return Column(name, array.astype(np.float64))
    return open_table({name: array}).read([name])[name]


def integer_codes(values: np.ndarray) -> np.ndarray:
    """(n,) int array 0..k-1 of the distinct values, none of them empty."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def unit_mean(weights: np.ndarray, name: str) -> np.ndarray:
    """Sample weights with mean 1: only ratios matter, and later sums stay on the scale of the row count.

    Raises
    ------
    DataError
        Negative weights, or none above zero.
    """
    if (weights < 0).any():
        raise DataError(f"sample_weight {name!r} has {int((weights < 0).sum())} negative values; weights must be >= 0.")
    if not weights.sum() > 0:
        raise DataError(f"sample_weight {name!r} is zero in every row.")
    return weights / weights.mean()
