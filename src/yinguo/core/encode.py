"""From named columns to numbers a method can use, with every decision put in words.

Pure functions on :class:`~yinguo.core.table.Column`; :class:`~yinguo.core.study.Study` calls them in order.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yinguo.core.table import Column
from yinguo.errors import DataError

__all__ = ["all_finite", "drop_uninformative", "encode_covariates", "encode_treatment", "finite", "numeric"]

#: A text column with more levels than this is taken for an identifier and refused.
MAX_LEVELS = 100
#: A numeric treatment with more values than this is continuous.
MOST_VALUES = 10
#: Rows looked at first for how many values there are.
MANY = 1000


def numeric(column: Column, role: str) -> np.ndarray:
    """The (n,) numbers of a column that must be numeric; a copy, so that the caller's array stays the caller's."""
    if column.levels is not None:
        odd = [level for level in column.levels if not _is_number(level)] or column.levels
        raise DataError(
            f"{role} {column.name!r} is text (values such as {_shown(odd)}); {role} needs numbers. Recode it."
        )
    return column.values.copy()


def all_finite(values: np.ndarray) -> bool:
    """Whether no value is missing or infinite, mostly from one sum; a sum that overflows is looked into."""
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(values.sum())) or bool(np.isfinite(values).all())


def finite(name: str, values: np.ndarray) -> None:
    """Raise if a column holds an infinite value (missing ones are the caller's matter)."""
    if all_finite(values):
        return
    infinite = np.isinf(values)
    if infinite.any():
        raise DataError(
            f"column {name!r} has {int(infinite.sum())} infinite values (first in row {int(np.argmax(infinite))}); "
            "replace them or drop those rows."
        )


def encode_treatment(column: Column, treated: Any) -> tuple[np.ndarray, tuple, str, str | None]:
    """Treatment as numbers.

    Returns
    -------
    T : (n,) float array
        0 and 1 for two values; level indices for text with more; the numbers themselves otherwise.
    levels : tuple
        The values met, in the order of their codes; empty for a continuous treatment.
    kind : {"binary", "multi-valued", "continuous"}
    decision : str or None
        What was decided about the coding, if anything.

    Raises
    ------
    DataError
        A treatment with one value only, or a ``treated`` that does not occur.
    """
    values = column.values
    if column.levels is None and treated is None and len(np.unique(values[:MANY])) > MOST_VALUES:
        return values.copy(), (), "continuous", None  # what the first rows show already needs no sorting of them all
    distinct = _distinct(values)
    shown = tuple(column.levels[int(v)] for v in distinct) if column.levels else tuple(float(v) for v in distinct)
    if len(distinct) == 1:
        raise DataError(
            f"treatment {column.name!r} has only one value ({_shown(shown)}) in {len(values)} rows; an effect needs a "
            "treated and a control arm."
        )
    if treated is not None:
        if np.ndim(treated):
            raise DataError(f"treated is {treated!r}; give one value. To pool several, recode {column.name!r}.")
        match = [i for i, level in enumerate(shown) if level == treated or str(level) == str(treated)]
        if not match and not column.levels:
            match = [i for i, level in enumerate(shown) if _equal_number(level, treated)]
        if not match:
            raise DataError(f"treated={treated!r} is not a value of {column.name!r}; it has {_shown(shown)}.")
        T = (values == distinct[match[0]]).astype(np.float64)
        rest = tuple(level for i, level in enumerate(shown) if i != match[0])
        return (
            T,
            (rest, shown[match[0]]),
            "binary",
            (f"{column.name!r} is coded 1 where it is {shown[match[0]]!r} and 0 otherwise ({_shown(rest)})."),
        )
    if len(distinct) == 2:
        T = (values == distinct[1]).astype(np.float64)
        natural = column.levels is None and shown == (0.0, 1.0)
        said = f"{column.name!r} is coded 1 = {shown[1]!r} and 0 = {shown[0]!r}; pass treated= to turn it round."
        return T, shown, "binary", None if natural else said
    if column.levels is not None or (len(distinct) <= MOST_VALUES and np.all(distinct == np.round(distinct))):
        return values.copy(), shown, "multi-valued", None
    return values.copy(), (), "continuous", None


def _distinct(values: np.ndarray) -> np.ndarray:
    """Sorted distinct values; of a column of two values without sorting all rows."""
    first = np.unique(values[:MANY])
    if len(first) == 2 and ((values == first[0]) | (values == first[1])).all():
        return first
    return np.unique(values)


def encode_covariates(columns: Mapping[str, Column], n: int) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Numeric columns as they are, text ones as 0/1 indicators of all levels but the first.

    Returns
    -------
    X : (n, p) C-ordered float array
    names : tuple of str
        One per column of X; ``"region=north"`` for an indicator.
    decisions : list of str
    """
    plan: list[tuple[Column, int | None, str]] = []
    decisions = []
    for column in columns.values():
        if column.levels is None:
            plan.append((column, None, column.name))
            continue
        if len(column.levels) > MAX_LEVELS:
            raise DataError(
                f"covariate {column.name!r} is text with {len(column.levels)} different values; it looks like an "
                f"identifier. Leave it out of the covariates or group its values (at most {MAX_LEVELS})."
            )
        _refuse_spoilt_numbers(column)
        plan += [(column, k, f"{column.name}={level}") for k, level in enumerate(column.levels) if k > 0]
        if column.levels:
            decisions.append(
                f"{column.name!r} became {len(column.levels) - 1} indicator columns; its reference is "
                f"{column.levels[0]!r}."
            )
    X = np.empty((n, len(plan)))
    step = 65_536  # row blocks: writing one whole column at a time into C order would thrash the cache
    for start in range(0, n, step):
        rows = slice(start, start + step)
        for j, (column, level, _) in enumerate(plan):
            block = column.values[rows]
            X[rows, j] = block if level is None else block == level
    return X, tuple(name for _, _, name in plan), decisions


def _refuse_spoilt_numbers(column: Column) -> None:
    """A column of numbers with a few texts in it is a mistake of the file, not a set of categories."""
    levels = column.levels or ()
    spoilt = [level for level in levels if not _is_number(level)]
    if 0 < len(spoilt) < len(levels) / 2:
        raise DataError(
            f"covariate {column.name!r} is text because of {_shown(tuple(spoilt))} among its numbers; mark missing "
            "values by an empty field or NA, correct the rest, or leave the column out."
        )


def drop_uninformative(X: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    """Leave out constant columns and exact copies of an earlier column, and say so."""
    n, p = X.shape
    if n < 2 or p == 0:
        return X, tuple(names), []
    constant = (X[0] == X[:1000]).all(axis=0)
    constant[constant] = (X[0, constant] == X[:, constant]).all(axis=0)
    decisions = [
        f"covariate {names[j]!r} is constant ({X[0, j]:g}) and was left out." for j in np.flatnonzero(constant).tolist()
    ]
    # Equal columns have equal integer hashes, whatever the order of summation; only those are compared in full.
    odd = np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
    probe = np.einsum("i,ij->j", odd, X.view(np.uint64)).tolist()
    keep: list[int] = []
    seen: dict[int, list[int]] = {}
    for j in np.flatnonzero(~constant).tolist():
        twin = next((k for k in seen.get(probe[j], []) if np.array_equal(X[:, j], X[:, k])), None)
        if twin is None:
            seen.setdefault(probe[j], []).append(j)
            keep.append(j)
        else:
            decisions.append(f"covariate {names[j]!r} equals {names[twin]!r} in every row and was left out.")
    if len(keep) == p:
        return X, tuple(names), decisions
    return np.ascontiguousarray(X[:, keep]), tuple(names[j] for j in keep), decisions


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _equal_number(level: object, wanted: object) -> bool:
    try:
        return float(level) == float(wanted)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _shown(values: Sequence, most: int = 5) -> str:
    head = ", ".join(f"{v:g}" if isinstance(v, float) else repr(v) for v in values[:most])
    return head + (f", ... ({len(values)} in all)" if len(values) > most else "")
