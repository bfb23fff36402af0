"""The study: a table and the role that each of its columns plays.

The only place in yinguo that looks at frames. It checks once, encodes once, records every decision
it took in words, and never changes afterwards; methods ask it for the roles they need.
"""

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from yinguo.core.arrays import integer_codes, matrix, named_arrays, unit_mean
from yinguo.core.encode import drop_uninformative, encode_covariates, encode_treatment, finite, numeric
from yinguo.core.missing import drop_weightless, settle_missing
from yinguo.core.roles import check_roles, check_selection, flat, names, positions
from yinguo.core.table import Column, open_table
from yinguo.errors import DataError

__all__ = ["Study"]

_ROW_FIELDS = ("Y", "T", "X", "Z", "V", "S", "sample_weight", "groups", "environment", "time")
#: Row-wise arrays whose role has another name.
_ROLE_OF = {
    "Y": "outcome", "T": "treatment", "X": "covariates", "Z": "instruments", "V": "shadow", "S": "selection",
}  # fmt: skip


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
        Non-negative sampling weights; only their ratios matter, and rows of weight 0 are left out.
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
    roles : read-only mapping of role to column name(s) as given
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
    roles: Mapping[str, Any]
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
            "treatment": treatment, "outcome": outcome, "covariates": names(covariates, "covariates"),
            "instruments": names(instruments, "instruments"), "selection": selection, "shadow": names(shadow, "shadow"),
            "sample_weight": sample_weight, "groups": groups, "environment": environment, "time": time,
        }  # fmt: skip
        check_roles(roles, table.names)
        if covariates is None:
            taken = set(flat(roles))
            roles["covariates"] = tuple(name for name in table.names if name not in taken)
        columns = table.read(flat(roles))
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
        single = {
            "treatment": (treatment, T), "outcome": (outcome, Y), "selection": ("s", S),
            "sample_weight": ("sample_weight", sample_weight), "groups": ("groups", groups),
            "environment": ("environment", environment), "time": ("time", time),
        }  # fmt: skip
        X, columns, roles = named_arrays(X, covariates, single, {"instruments": ("z", Z), "shadow": ("v", V)})
        study = cls.__new__(cls)
        study._fill(columns, roles, np.arange(len(X)), None, [], X=X)
        return study

    # -- filling ---------------------------------------------------------------------------------

    def _fill(self, columns, roles, rows, treated, said, X=None) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        for name, column in columns.items():
            finite(name, column.values)
        columns, keep, more = drop_weightless(columns, roles["sample_weight"])
        said = [*said, *more]
        if more:
            rows, X = rows[keep], None if X is None else X[keep]
        T, levels, kind, decision = encode_treatment(columns[roles["treatment"]], treated)
        said = [*said, *([decision] if decision else [])]
        called = roles["covariates"]
        if X is None:
            X, called, more = encode_covariates({name: columns[name] for name in called}, len(rows))
            said += more
        X, called, more = drop_uninformative(X, called)
        Y = numeric(columns[roles["outcome"]], "outcome")
        put("X", _locked(X))
        put("T", _locked(T))
        put("Y", _locked(Y))
        put("Z", _block(columns, roles["instruments"], "instrument"))
        put("V", _block(columns, roles["shadow"], "shadow variable"))
        put("S", check_selection(roles, _role_numbers(columns, roles, "selection"), Y))
        put("sample_weight", _weights(columns, roles))
        put("time", _role_numbers(columns, roles, "time"))
        for role in ("groups", "environment"):
            put(role, None if roles[role] is None else _locked(integer_codes(columns[roles[role]].values)))
        put("covariates", tuple(called))
        put("instruments", roles["instruments"])
        put("shadow", roles["shadow"])
        put("roles", MappingProxyType(roles))
        put("rows", _locked(rows))
        put("treatment_kind", kind)
        put("treatment_levels", levels)
        put("outcome_kind", _outcome_kind(Y))
        put("decisions", tuple(said + more))

    def replace(self, **arrays: Any) -> "Study":
        """A new study with some row-wise arrays (``Y``, ``T``, ``X``, ``sample_weight``, ...) exchanged.

        A new ``X`` may come with ``covariates=`` names and a new ``Z`` with ``instruments=`` names.
        """
        unknown = set(arrays) - {*_ROW_FIELDS, "covariates", "instruments"}
        if unknown:
            raise DataError(f"replace got {sorted(unknown)}; it takes {sorted(_ROW_FIELDS)}, covariates, instruments.")
        new = self._copy()
        roles = dict(self.roles)
        for name, value in arrays.items():
            if name in ("covariates", "instruments"):
                object.__setattr__(new, name, tuple(value))
                continue
            role = _ROLE_OF.get(name, name)
            if value is not None:
                value = self._checked(name, value)
                roles[role] = roles.get(role) or role
            elif role in roles:
                roles[role] = None
            object.__setattr__(new, name, value if value is None else _locked(value))
        width = 0 if new.Z is None else new.Z.shape[1]
        if len(new.instruments) != width:
            if "instruments" in arrays:
                raise DataError(f"Z has {width} columns but there are {len(new.instruments)} instrument names.")
            object.__setattr__(new, "instruments", tuple(f"z{j + 1}" for j in range(width)))
        roles["instruments"] = new.instruments
        object.__setattr__(new, "roles", MappingProxyType(roles))
        object.__setattr__(new, "outcome_kind", _outcome_kind(new.Y))
        if "T" in arrays:
            T, levels, kind, _ = encode_treatment(Column(roles["treatment"], new.T), None)
            for name, value in (("T", _locked(T)), ("treatment_levels", levels), ("treatment_kind", kind)):
                object.__setattr__(new, name, value)
        if len(new.covariates) != new.X.shape[1]:
            raise DataError(f"X has {new.X.shape[1]} columns but there are {len(new.covariates)} covariate names.")
        return new

    def _checked(self, name: str, value: Any) -> np.ndarray:
        """A row-wise array fit to stand in for the one of that name."""
        if len(value) != self.n:
            raise DataError(f"{name} has {len(value)} rows; the study has {self.n}.")
        if name in ("groups", "environment"):
            return integer_codes(np.asarray(value))
        array = matrix(value, name)
        if name not in ("X", "Z", "V"):
            if array.shape[1] != 1:
                raise DataError(f"{name} has shape {array.shape}; it must have shape ({self.n},).")
            array = array[:, 0]
        if not np.isfinite(array).all() and not (name == "Y" and self.S is not None):
            raise DataError(f"{name} holds missing or infinite values; replace takes complete arrays.")
        return unit_mean(array, name) if name == "sample_weight" else array

    def take(self, index: Any) -> "Study":
        """A new study of the rows at ``index`` (integers, repeats allowed, or a boolean mask)."""
        index = np.asarray(index)
        if index.dtype == bool:
            if len(index) != self.n:
                raise DataError(f"the mask has {len(index)} values; the study has {self.n} rows.")
            index = np.flatnonzero(index)
        if index.ndim != 1 or index.dtype.kind not in "iu":
            raise DataError(f"index has type {index.dtype} and shape {index.shape}; give row numbers or a mask.")
        if len(index) == 0:
            raise DataError("index takes no row; a study needs at least one.")
        new = self._copy()
        for name in (*_ROW_FIELDS, "rows"):
            value = getattr(self, name)
            if value is None:
                continue
            value = value[index]
            # Clusters keep numbers without gaps, and sample weights their mean of 1.
            if name in ("groups", "environment"):
                value = integer_codes(value)
            elif name == "sample_weight":
                value = unit_mean(value, name)
            object.__setattr__(new, name, _locked(value))
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

    def columns(self, wanted: Sequence[str]) -> np.ndarray:
        """(n, k) covariates by name; the name of a text column stands for all its indicators.

        Raises
        ------
        DataError
            A name that is no covariate of the study.
        """
        return np.ascontiguousarray(self.X[:, positions(wanted, self.covariates)])

    @property
    def fingerprint(self) -> str:
        """A short text that two studies share only if their rows, treatments and outcomes are the same."""
        parts = (np.ascontiguousarray(part).tobytes() for part in (self.rows, self.T, self.Y))
        return f"{self.n}-" + "-".join(f"{zlib.crc32(part):08x}" for part in parts)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Study does not change; use study.replace({name}=...) for a new one.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Study does not change; {name} stays.")

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"roles": dict(self.roles)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, _locked(value) if isinstance(value, np.ndarray) else value)
        object.__setattr__(self, "roles", MappingProxyType(state["roles"]))

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
    return None if name is None else _locked(unit_mean(numeric(columns[name], "sample_weight"), name))
