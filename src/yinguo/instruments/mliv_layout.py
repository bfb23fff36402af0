"""Reads data as the tool box mliv keeps them: a folder with ``train.csv``, ``valid.csv`` and ``test.csv``.

mliv tells what a column is by its first letter:

====== ==================================================================================================
letter meaning
====== ==================================================================================================
z      instruments (``i`` is read in their place where there are none)
x      covariates; where there are none, ``c`` (confounders) and ``a`` (adjustment variables), which its own
       generator writes as copies of them
t, y   treatment, outcome
u      confounders that nobody observed
m, g   mean outcomes (``m0`` without treatment, ``mt`` at the treatment met) and the structural function
====== ==================================================================================================

The last two rows are the truth, and mliv hands them to its estimators with the rest. Here they are kept apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.errors import DataError

__all__ = ["MlivPart", "read_mliv"]

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MlivPart:
    """One split of an mliv folder.

    Attributes
    ----------
    study : Study
        Treatment, outcome, instruments and covariates: all that an estimator may see.
    known : mapping of column name to (n,) float array
        Every other column of the file: the truth (``m0``, ``mt``, ``g1``), unobserved confounders, and columns that are
        not used because they repeat others.
    """

    study: Study
    known: Mapping[str, np.ndarray]


def read_mliv(path: str | PathLike) -> dict[str, MlivPart]:
    """The three splits of an mliv folder as studies.

    Parameters
    ----------
    path : path
        The folder, e.g. ``Data/Demand/0.5_1.0_0.0_10000/1/``; with or without the slash at the end.

    Returns
    -------
    dict
        ``"train"``, ``"valid"`` and ``"test"``, each a :class:`MlivPart`. The three studies have the same columns.

    Raises
    ------
    DataError
        A file that is missing; no treatment or no outcome, or several; columns of the CB-IV programme, whose ``z`` is
        no instrument; splits whose columns differ.

    Examples
    --------
    >>> parts = read_mliv("Data/Demand/0.5_1.0_0.0_10000/1/")                       # doctest: +SKIP
    >>> fitted = KernelIV().fit(parts["train"].study)                               # doctest: +SKIP
    >>> test = parts["test"]                                                        # doctest: +SKIP
    >>> np.mean((fitted.predict(test.study.X, test.study.T) - test.known["g1"]) ** 2)  # doctest: +SKIP
    """
    folder = Path(path)
    missing = [f"{split}.csv" for split in SPLITS if not (folder / f"{split}.csv").is_file()]
    if missing:
        raise DataError(
            f"{folder} has no {' and no '.join(missing)}; the layout of mliv is a folder with train.csv, valid.csv and "
            "test.csv."
        )
    parts = {split: _part(folder / f"{split}.csv") for split in SPLITS}
    first = parts["train"].study
    for split, part in parts.items():
        for role in ("covariates", "instruments"):
            theirs, ours = getattr(part.study, role), getattr(first, role)
            if theirs != ours:
                raise DataError(
                    f"{split}.csv gives the {role} {_listed(theirs)} and train.csv {_listed(ours)}; a curve learned on "
                    "one cannot be evaluated on the other. A column with one value only is left out: drop it from all "
                    "three files."
                )
    return parts


def _part(path: Path) -> MlivPart:
    table = open_table(path)
    by_letter: dict[str, list[str]] = {}
    for name in table.names:
        by_letter.setdefault(name[:1], []).append(name)
    if "v" in by_letter:
        raise DataError(
            f"{path.name} has columns {_listed(by_letter['v'])}: this looks like the layout of the CB-IV programme, "
            "where v are the instruments and z is the log-odds of the treatment, which holds the unobserved "
            "confounders. Drop z and rename v to z."
        )
    single = {}
    for letter, role in (("t", "treatment"), ("y", "outcome")):
        found = by_letter.get(letter, [])
        if len(found) != 1:
            remedy = (
                f"yinguo estimates the effect of one treatment on one outcome; keep one that begins with {letter}"
                if found
                else f"the {role} column begins with {letter}, e.g. {letter}1; it has {_listed(table.names)}"
            )
            raise DataError(f"{path.name} has {len(found)} {role} columns ({_listed(found)}): {remedy}.")
        single[role] = found[0]
    instruments = by_letter.get("z") or by_letter.get("i") or []
    covariates = by_letter.get("x") or [*by_letter.get("c", []), *by_letter.get("a", [])]
    used = [*single.values(), *instruments, *covariates]
    study = Study(table, **single, instruments=instruments or None, covariates=covariates)
    rest = [name for name in table.names if name not in used]
    known = {name: column.values for name, column in table.read(rest).items()} if rest else {}
    return MlivPart(study=study, known=known)


def _listed(names) -> str:
    return ", ".join(names) or "none"
