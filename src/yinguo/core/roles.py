"""Which column plays which role: names checked once, in one place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from yinguo.errors import DataError

__all__ = ["check_roles", "check_selection", "flat", "listed", "names", "positions"]

#: Roles that take several columns; every other role takes one.
PLURAL = ("covariates", "instruments", "shadow")


def names(given: Any, role: str) -> tuple[str, ...]:
    """Column names of a role as a tuple; one name may come without a list.

    Raises
    ------
    DataError
        Something that is no text where a name should be.
    """
    if given is None:
        return ()
    if isinstance(given, str):
        return (given,)
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    odd = [name for name in found if not isinstance(name, str)]
    if odd:
        raise DataError(f"{role} is {given!r}; give column names as texts.")
    return found


def positions(wanted: Any, covariates: Sequence[str]) -> list[int]:
    """Where covariates stand, by name; the name of a text column stands for all its indicators.

    Raises
    ------
    DataError
        A name that is no covariate.
    """
    chosen: list[int] = []
    for name in names(wanted, "wanted"):
        found = [j for j, c in enumerate(covariates) if c == name]
        found = found or [j for j, c in enumerate(covariates) if c.startswith(f"{name}=")]
        if not found:
            raise DataError(f"{name!r} is not a covariate of the study; it has {listed(covariates)}.")
        chosen += found
    return chosen


def flat(roles: Mapping[str, Any]) -> list[str]:
    """All column names, role after role."""
    return [name for role, value in roles.items() for name in names(value, role)]


def check_roles(roles: Mapping[str, Any], available: Sequence[str]) -> None:
    """Every role names columns that exist, and no column has two roles.

    Raises
    ------
    DataError
        Names the role, the column, and what there is.
    """
    for role in ("treatment", "outcome"):
        if roles[role] is None:
            raise DataError(f"{role} is None; name its column. The table has {listed(available)}.")
    owner: dict[str, str] = {}
    for role, value in roles.items():
        if role not in PLURAL and not isinstance(value, str | None):
            raise DataError(f"{role} is {value!r}; give one column name.")
        for name in names(value, role):
            if name not in available:
                raise DataError(f"{role} column {name!r} is not in the table; it has {listed(available)}.")
            if name in owner:
                raise DataError(
                    f"column {name!r} is given as {owner[name]} and as {role}; give each column one role, once."
                )
            owner[name] = role


def listed(found: Sequence[str], most: int = 12) -> str:
    """Names for a message, cut after ``most``."""
    if not found:
        return "no columns"
    return ", ".join(found[:most]) + (f", ... ({len(found)} columns)" if len(found) > most else "")


def check_selection(roles: Mapping[str, Any], S: np.ndarray | None, Y: np.ndarray) -> np.ndarray | None:
    """The selection indicator as it is, if it says 1 where the outcome was seen and 0 where it is missing.

    Raises
    ------
    DataError
        Another value; an outcome that is there although the indicator says that it was not seen.
    """
    if S is None:
        return None
    name, outcome = roles["selection"], roles["outcome"]
    odd = S[(S != 0) & (S != 1)]
    if odd.size:
        raise DataError(
            f"selection {name!r} holds {odd[0]:g}; it must be 1 where {outcome!r} was seen and 0 elsewhere."
        )
    there = int((np.isfinite(Y) & (S == 0)).sum())
    if there:
        raise DataError(
            f"outcome {outcome!r} has values in {there} of the {int((S == 0).sum())} rows where {name!r} is 0, which "
            "says that it was not seen; leave them empty there, or leave the role selection out to use them."
        )
    return S
