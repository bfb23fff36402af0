"""Missing values are refused, dropped or marked, never guessed in silence; rows without weight go."""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from yinguo.core.table import Column
from yinguo.errors import DataError

__all__ = ["count_missing", "drop_weightless", "settle_missing"]


def count_missing(columns: Mapping[str, Column], roles: Mapping[str, Any]) -> dict[str, int]:
    """Missing values per column; an outcome may be missing where the selection indicator is 0."""
    counts = {}
    for name, column in columns.items():
        gap = np.isnan(column.values)
        if name == roles["outcome"] and roles.get("selection"):
            gap &= _owed(columns[roles["selection"]].values)
        if gap.any():
            counts[name] = int(gap.sum())
    return counts


def settle_missing(columns: dict[str, Column], roles: dict[str, Any], missing: str, n: int):
    """Refuse, drop or fill.

    Returns
    -------
    columns : dict of name to Column
    rows : (m,) int array
        The rows kept.
    decisions : list of str

    Raises
    ------
    DataError
        Names the columns and counts, and offers the other ways.
    """
    rows = np.arange(n)
    counts = count_missing(columns, roles)
    if not counts:
        return columns, rows, []
    told = ", ".join(f"{name!r} ({count})" for name, count in counts.items())
    if missing == "error":
        raise DataError(
            f"missing values in {told} of {n} rows; pass missing='drop' to leave those rows out, or "
            "missing='indicator' to fill covariates with their mean and add an indicator column."
            + _who_was_seen(counts, roles)
        )
    said = []
    if missing == "indicator":
        fillable = [name for name in counts if name in roles["covariates"]]
        for name in fillable:
            mark = _unused(f"{name} missing", columns)
            columns = columns | _filled(columns[name], mark)
            roles["covariates"] += (mark,) if mark in columns else ()
        said = [
            f"{counts[name]} missing values of {name!r} were filled and marked by an indicator." for name in fillable
        ]
        counts = count_missing(columns, roles)
        if counts:
            left = ", ".join(f"{name!r} ({count})" for name, count in counts.items())
            raise DataError(f"missing values in {left}: only covariates can be filled; pass missing='drop'.")
        return columns, rows, said
    keep = np.ones(n, dtype=bool)
    for name in counts:
        gap = np.isnan(columns[name].values)
        if name == roles["outcome"] and roles["selection"]:
            gap &= _owed(columns[roles["selection"]].values)
        keep &= ~gap
    if not keep.any():
        raise DataError(f"every row has a missing value ({told}); choose fewer covariates or missing='indicator'.")
    said = [f"{int((~keep).sum())} of {n} rows were left out for missing values in {told}."]
    return {k: _kept(c, keep) for k, c in columns.items()}, rows[keep], said


def _owed(indicator: np.ndarray) -> np.ndarray:
    """Where an outcome should be there; nowhere if the indicator is none, which is said when it is looked at."""
    told = indicator[~np.isnan(indicator)]
    return (indicator == 1) & bool(np.isin(told, (0, 1)).all())


def _who_was_seen(counts: dict[str, int], roles: dict[str, Any]) -> str:
    """A hint where it is the outcome that is missing: those rows may not be like the others."""
    if roles["outcome"] not in counts or roles["selection"]:
        return ""
    return (
        f" If who has a value of {roles['outcome']!r} is no accident, name the column that says who was seen "
        "with selection=."
    )


def drop_weightless(columns: dict[str, Column], weight: str | None) -> tuple[dict[str, Column], np.ndarray, list[str]]:
    """Leave out rows of sample weight 0: they carry no information, and their values must not set any scale.

    Returns
    -------
    columns : dict of name to Column
    keep : (n,) bool array
    decisions : list of str
        Empty if every row stays, or if none would.
    """
    if weight is None or columns[weight].levels is not None:
        return columns, np.ones(0, dtype=bool), []
    keep = columns[weight].values != 0
    out = int((~keep).sum())
    if out in (0, len(keep)):
        return columns, keep, []
    said = [f"{out} of {len(keep)} rows were left out because their sample weight is 0."]
    return {name: _kept(column, keep) for name, column in columns.items()}, keep, said


def _filled(column: Column, mark: str) -> dict[str, Column]:
    gap = np.isnan(column.values)
    if column.levels is not None:  # a text column gets the level "missing", which is its own indicator
        values = np.where(gap, len(column.levels), column.values)
        return {column.name: Column(column.name, values, (*column.levels, _unused("missing", column.levels)))}
    mean = column.values[~gap].mean() if (~gap).any() else 0.0
    return {
        column.name: Column(column.name, np.where(gap, mean, column.values)),
        mark: Column(mark, gap.astype(np.float64)),
    }


def _unused(name: str, taken: Container[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _kept(column: Column, keep: np.ndarray) -> Column:
    """The column on some rows, without the levels that are gone."""
    values = column.values[keep]
    if column.levels is None:
        return Column(column.name, values)
    left, codes = np.unique(values[~np.isnan(values)], return_inverse=True)
    values = values.copy()
    values[~np.isnan(values)] = codes
    return Column(column.name, values, tuple(column.levels[int(k)] for k in left))
