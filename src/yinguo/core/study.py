"""The study: a table and the role that each of its columns plays.

The only place in yinguo that looks at frames. It checks once, encodes once, records every decision
it took in words, and never changes afterwards; methods ask it for the roles they need.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yinguo.core.encode import codes, drop_uninformative, encode_covariates, encode_treatment, finite, numeric
from yinguo.core.errors import DataError
from yinguo.core.missing import count_missing, settle_missing
from yinguo.core.table import Column, open_table

__all__ = ["Study"]

_ROW_FIELDS = ("Y", "T", "X", "Z", "V", "S", "sample_weight", "groups", "environment", "time")


class Study:
    """A table with roles, validated and encoded once, immutable, the caller's data left alone.

    Parameters
    ----------
    data : path, mapping or frame
        CSV, TSV or Parquet path; dict of one-dimensional arrays; pandas, polars, pyarrow, DuckDB
        relation or any other table narwhals reads.
    treatment, outcome : str
        Column names.
    covariates : sequence of str, optional
        Columns measured before the treatment. None means every column without another role.
    instruments, shadow : str or sequence of str, optional
        Columns that move the treatment only; shadow variables of the selection.
    selection : str, optional
        1 where the outcome was seen; the outcome may be missing where it is 0.
    sample_weight : str, optional
        Non-negative sampling weights; only their ratios matter.
    groups : str, optional
        Clusters: rows of one group are not independent, standard errors allow for it.
    environment, time : str, optional
        Where and when a row was recorded; for stable and temporal methods.
    missing : {"error", "drop", "indicator"}
        What to do with missing values: refuse, drop the rows, or (covariates only) fill with the
        column's mean and add an indicator column. Missing treatment or outcome is never filled.
    treated : optional
        The treatment value that counts as treated; the rest counts as control.

    Attributes
    ----------
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z, V : (n, q) float arrays or None (instruments, shadow variables)
    S, sample_weight, time : (n,) float arrays or None
    groups, environment : (n,) int arrays or None
    covariates, instruments, shadow : tuples of names after encoding
    roles : dict of role to column name(s) as given
    treatment_kind, outcome_kind : str
    treatment_levels : tuple of the values met, in the order of their codes
    decisions : tuple of sentences, what was done to the table on the way in
    rows : (n,) int array
        Row numbers of the table that are in the study.

    Raises
    ------
    DataError
        With the column, the value met and the remedy.

    Examples
    --------
    >>> study = Study({"drug": [0, 1, 0, 1], "well": [1.0, 3.0, 2.0, 5.0]}, treatment="drug", outcome="well")
    >>> study
    Study(effect of 'drug' on 'well': 4 rows, 2 treated, 2 controls, 0 covariates)
    """

    __slots__ = (
        *_ROW_FIELDS, "covariates", "decisions", "instruments", "outcome_kind", "roles", "rows", "shadow",
        "treatment_kind", "treatment_levels",
    )  # fmt: skip

    Y: np.ndarray
    T: np.ndarray
    X: np.ndarray
    Z: np.ndarray | None
    V: np.ndarray | None
    S: np.ndarray | None
    sample_weight: np.ndarray | None
    groups: np.ndarray | None
    environment: np.ndarray | None
    time: np.ndarray | None
    covariates: tuple[str, ...]
    instruments: tuple[str, ...]
    shadow: tuple[str, ...]
    roles: dict[str, Any]
    treatment_kind: str
    treatment_levels: tuple
    outcome_kind: str
    decisions: tuple[str, ...]
    rows: np.ndarray

    def __init__(
        self,
        data: Any,
        *,
        treatment: str,
        outcome: str,
        covariates: Sequence[str] | None = None,
        instruments: str | Sequence[str] | None = None,
        selection: str | None = None,
        shadow: str | Sequence[str] | None = None,
        sample_weight: str | None = None,
        groups: str | None = None,
        environment: str | None = None,
        time: str | None = None,
        missing: str = "error",
        treated: Any = None,
    ) -> None:
        if missing not in ("error", "drop", "indicator"):
            raise DataError(f"missing is {missing!r}; it must be 'error', 'drop' or 'indicator'.")
        table = open_table(data)
        roles = {
            "treatment": treatment, "outcome": outcome, "covariates": _names(covariates),
            "instruments": _names(instruments), "selection": selection, "shadow": _names(shadow),
            "sample_weight": sample_weight, "groups": groups, "environment": environment, "time": time,
        }  # fmt: skip
        _check_roles(roles, table.names)
        if covariates is None:
            taken = set(_flat(roles))
            roles["covariates"] = tuple(name for name in table.names if name not in taken)
        columns = table.read(_flat(roles))
        n = len(next(iter(columns.values())).values)
        if n == 0:
            raise DataError("the table has no rows.")
        columns, rows, said = settle_missing(columns, roles, missing, n)
        self._fill(columns, roles, rows, treated, said)

    @classmethod
    def from_arrays(
        cls,
        X: Any,
        T: Any,
        Y: Any,
        *,
        covariates: Sequence[str] | None = None,
        treatment: str = "t",
        outcome: str = "y",
        sample_weight: Any = None,
        groups: Any = None,
        Z: Any = None,
        S: Any = None,
        V: Any = None,
        environment: Any = None,
        time: Any = None,
    ) -> "Study":
        """A study from arrays; a float64 (n, p) ``X`` is used as it is, without a copy.

        Parameters
        ----------
        X : (n, p) array
        T, Y : (n,) arrays
            Treatment and outcome.
        covariates : p names, optional
            Default ``x1 .. xp``.
        treatment, outcome : str
            Names to give them.
        sample_weight, groups, S, environment, time : (n,) arrays, optional
        Z, V : (n,) or (n, q) arrays, optional
            Instruments; shadow variables.
        """
        X = np.asarray(X, dtype=np.float64)
        if X.ndim == 1:
            X = X[:, None]
        n, p = X.shape
        names = tuple(covariates) if covariates is not None else tuple(f"x{j + 1}" for j in range(p))
        if len(names) != p:
            raise DataError(f"covariates names {len(names)} columns but X has {p}.")
        Z, V = _two_dimensional(Z), _two_dimensional(V)
        given = {treatment: T, outcome: Y, "s": S, "sample_weight": sample_weight, "groups": groups,
                 "environment": environment, "time": time}  # fmt: skip
        columns = {}
        for name, values in given.items():
            if values is not None:
                columns[name] = _array_column(name, values, n)
        blocks: dict[str, list[str]] = {"z": [], "v": []}
        for prefix, block in (("z", Z), ("v", V)):
            for j in range(0 if block is None else block.shape[1]):
                blocks[prefix].append(f"{prefix}{j + 1}")
                columns[f"{prefix}{j + 1}"] = _array_column(f"{prefix}{j + 1}", block[:, j], n)
        roles = {"treatment": treatment, "outcome": outcome, "covariates": names, "instruments": tuple(blocks["z"]),
                 "shadow": tuple(blocks["v"]), "selection": "s" if S is not None else None}  # fmt: skip
        roles |= {
            role: role if role in columns else None for role in ("sample_weight", "groups", "environment", "time")
        }
        gaps = np.isnan(X).sum(axis=0)
        counts = {names[j]: int(gaps[j]) for j in np.flatnonzero(gaps)} | count_missing(columns, roles)
        if counts:
            raise DataError(f"missing values in {counts}; drop or fill them, or build a Study from a table.")
        for j, name in enumerate(names):
            finite(name, X[:, j])
        study = cls.__new__(cls)
        study._fill(columns, roles, np.arange(n), None, [], X=X)
        return study

    # -- filling ---------------------------------------------------------------------------------

    def _fill(self, columns, roles, rows, treated, said, X=None) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        for name, column in columns.items():
            finite(name, column.values)
        T, levels, kind, decision = encode_treatment(columns[roles["treatment"]], treated)
        said = [*said, *([decision] if decision else [])]
        if kind == "constant":
            raise DataError(
                f"treatment {roles['treatment']!r} has only one value ({levels[-1]!r}) in {len(T)} rows; "
                "an effect needs a treated and a control arm."
            )
        names = roles["covariates"]
        if X is None:
            X, names, more = encode_covariates({name: columns[name] for name in names}, len(rows))
            said += more
        X, names, more = drop_uninformative(X, names)
        Y = numeric(columns[roles["outcome"]], "outcome")
        put("X", _locked(X))
        put("T", _locked(T))
        put("Y", _locked(Y))
        put("Z", _block(columns, roles["instruments"], "instrument"))
        put("V", _block(columns, roles["shadow"], "shadow variable"))
        put("S", _role_numbers(columns, roles, "selection"))
        put("sample_weight", _weights(columns, roles))
        put("time", _role_numbers(columns, roles, "time"))
        for role in ("groups", "environment"):
            put(role, None if roles[role] is None else _locked(codes(columns[roles[role]])))
        put("covariates", tuple(names))
        put("instruments", roles["instruments"])
        put("shadow", roles["shadow"])
        put("roles", roles)
        put("rows", _locked(rows))
        put("treatment_kind", kind)
        put("treatment_levels", levels)
        put("outcome_kind", _outcome_kind(Y))
        put("decisions", tuple(said + more))

    def replace(self, **arrays: Any) -> "Study":
        """A new study with some row-wise arrays (``Y``, ``T``, ``X``, ``sample_weight``, ...) exchanged.

        A new ``X`` may come with ``covariates=`` names. Used by refutation checks.
        """
        unknown = set(arrays) - {*_ROW_FIELDS, "covariates"}
        if unknown:
            raise DataError(f"replace got {sorted(unknown)}; it takes {sorted(_ROW_FIELDS)} and covariates.")
        new = self._copy()
        for name, value in arrays.items():
            if name == "covariates":
                object.__setattr__(new, name, tuple(value))
                continue
            if value is not None and len(value) != self.n:
                raise DataError(f"{name} has {len(value)} rows; the study has {self.n}.")
            object.__setattr__(new, name, value if value is None else _locked(np.asarray(value)))
        object.__setattr__(new, "outcome_kind", _outcome_kind(new.Y))
        if len(new.covariates) != new.X.shape[1]:
            raise DataError(f"X has {new.X.shape[1]} columns but there are {len(new.covariates)} covariate names.")
        return new

    def take(self, index: Any) -> "Study":
        """A new study of the rows at ``index`` (integers, repeats allowed, or a boolean mask)."""
        index = np.asarray(index)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        new = self._copy()
        for name in (*_ROW_FIELDS, "rows"):
            value = getattr(self, name)
            object.__setattr__(new, name, value if value is None else _locked(value[index]))
        return new

    def _copy(self) -> "Study":
        new = type(self).__new__(type(self))
        for name in self.__slots__:
            object.__setattr__(new, name, getattr(self, name))
        return new

    # -- reading ---------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.T)

    @property
    def n_treated(self) -> int:
        """Rows with treatment 1 (binary treatment)."""
        return int(np.count_nonzero(self.T == 1))

    def has(self, role: str) -> bool:
        """Whether the role is filled."""
        if role == "covariates":
            return bool(self.covariates)
        return bool(self.roles.get(role))

    def columns(self, names: Sequence[str]) -> np.ndarray:
        """(n, k) covariates by name; the name of a text column stands for all its indicators.

        Raises
        ------
        DataError
            A name that is no covariate of the study.
        """
        chosen: list[int] = []
        for name in _names(names):
            found = [j for j, c in enumerate(self.covariates) if c == name or c.startswith(f"{name}=")]
            if not found:
                raise DataError(f"{name!r} is not a covariate of the study; it has {_listed(self.covariates)}.")
            chosen += found
        return np.ascontiguousarray(self.X[:, chosen])

    @property
    def fingerprint(self) -> str:
        """A short text that two studies share only if their rows, treatments and outcomes are the same."""
        parts = (np.ascontiguousarray(part).tobytes() for part in (self.rows, self.T, self.Y))
        return f"{self.n}-" + "-".join(f"{zlib.crc32(part):08x}" for part in parts)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Study does not change; use study.replace({name}=...) for a new one.")

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, _locked(value) if isinstance(value, np.ndarray) else value)

    def __repr__(self) -> str:
        arms = (
            f"{self.n_treated} treated, {self.n - self.n_treated} controls"
            if self.treatment_kind == "binary"
            else f"{self.treatment_kind} treatment"
        )
        return (
            f"Study(effect of {self.roles['treatment']!r} on {self.roles['outcome']!r}: {self.n} rows, {arms}, "
            f"{len(self.covariates)} covariates)"
        )


def _outcome_kind(Y: np.ndarray) -> str:
    seen = Y[np.isfinite(Y)]
    return "binary" if ((seen == 0) | (seen == 1)).all() else "continuous"


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _flat(roles: Mapping[str, Any]) -> list[str]:
    return [name for value in roles.values() if value for name in ((value,) if isinstance(value, str) else value)]


def _check_roles(roles: Mapping[str, Any], available: Sequence[str]) -> None:
    owner: dict[str, str] = {}
    for role, value in roles.items():
        for name in _names(value):
            if name not in available:
                raise DataError(f"{role} column {name!r} is not in the table; it has {_listed(available)}.")
            if name in owner:
                raise DataError(
                    f"column {name!r} is given as {owner[name]} and as {role}; give each column one role, once."
                )
            owner[name] = role


def _listed(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f", ... ({len(names)} columns)" if len(names) > most else "")


def _array_column(name: str, values: Any, n: int) -> Column:
    array = np.asarray(values)
    if array.shape != (n,):
        raise DataError(f"{name} has shape {array.shape}; X has {n} rows, so it must have shape ({n},).")
    if array.dtype.kind in "fiub":
        return Column(name, array.astype(np.float64))
    levels, index = np.unique(array.astype(str), return_inverse=True)
    return Column(name, index.astype(np.float64), tuple(str(level) for level in levels))


def _two_dimensional(block: Any) -> np.ndarray | None:
    if block is None:
        return None
    block = np.asarray(block, dtype=np.float64)
    return block[:, None] if block.ndim == 1 else block


def _locked(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _block(columns: Mapping[str, Column], names: Sequence[str], role: str) -> np.ndarray | None:
    if not names:
        return None
    return _locked(np.column_stack([numeric(columns[name], role) for name in names]))


def _role_numbers(columns: Mapping[str, Column], roles: Mapping[str, Any], role: str) -> np.ndarray | None:
    return None if roles[role] is None else _locked(numeric(columns[roles[role]], role))


def _weights(columns: Mapping[str, Column], roles: Mapping[str, Any]) -> np.ndarray | None:
    name = roles["sample_weight"]
    if name is None:
        return None
    weights = numeric(columns[name], "sample_weight")
    if (weights < 0).any():
        raise DataError(f"sample_weight {name!r} has {int((weights < 0).sum())} negative values; weights must be >= 0.")
    if not weights.sum() > 0:
        raise DataError(f"sample_weight {name!r} is zero in every row.")
    # Only ratios matter; mean 1 keeps every later sum on the scale of the row count.
    return _locked(weights / weights.mean())
