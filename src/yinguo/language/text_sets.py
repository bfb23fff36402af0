"""Text sets that come along: what ``yinguo datasets`` lists beside the tables, and writes as ``.jsonl``.

A text set is a function that returns a :class:`TextSet`; its docstring describes it, its options can be set. One that
is put into :data:`TEXT_SETS` is listed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.language.stg import stg_split
from yinguo.language.stg_h import stg_h_rows

__all__ = ["TEXT_SETS", "TextSet", "stg_h_test_iid", "stg_h_test_ood", "stg_h_train", "stg_test_iid", "stg_test_ood",
           "stg_train_l", "stg_train_m", "stg_train_s"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextSet:
    """Records to train on or to be judged by.

    Attributes
    ----------
    records : tuple of mappings
        JSON types; a question is ``input``, its answer ``target``.
    about : str
        What they are, in a line.
    ended : bool
        Whether the last line ends like the others; two of the released files end without.
    """

    records: tuple[Mapping[str, Any], ...]
    about: str
    ended: bool = True

    def to_jsonl(self) -> str:
        """One record a line."""
        return "\n".join(json.dumps(record) for record in self.records) + ("\n" if self.ended else "")


def stg_train_l() -> TextSet:
    """Spurious Token Game, 1,600 training rows with their causes marked: companions follow the causes."""
    return _stg("train-l")


def stg_train_m() -> TextSet:
    """Spurious Token Game, the first 800 of the training rows."""
    return _stg("train-m")


def stg_train_s() -> TextSet:
    """Spurious Token Game, the first 400 of the training rows."""
    return _stg("train-s")


def stg_test_iid() -> TextSet:
    """Spurious Token Game, 400 test rows of the law of the training rows."""
    return _stg("test-iid")


def stg_test_ood() -> TextSet:
    """Spurious Token Game, 400 shifted test rows: all numbers independent."""
    return _stg("test-ood")


def stg_h_train(rows: int = 3000, random_state: int = 0) -> TextSet:
    """Harder Spurious Token Game, training rows with their causes marked: an air quality index from six causes.

    Parameters
    ----------
    rows : int
    random_state : int
    """
    return _stg_h(rows, random_state, place=0)


def stg_h_test_iid(rows: int = 1000, random_state: int = 0) -> TextSet:
    """Harder Spurious Token Game, test rows of the law of the training rows.

    Parameters
    ----------
    rows : int
    random_state : int
    """
    return _stg_h(rows, random_state, place=1)


def stg_h_test_ood(rows: int = 1000, random_state: int = 0) -> TextSet:
    """Harder Spurious Token Game, shifted test rows: companions independent and on another scale.

    Parameters
    ----------
    rows : int
    random_state : int
    """
    return _stg_h(rows, random_state, place=2)


#: Text sets by their name on the command line.
TEXT_SETS: dict[str, Callable[..., TextSet]] = {
    load.__name__.replace("_", "-"): load
    for load in (
        stg_train_l, stg_train_m, stg_train_s, stg_test_iid, stg_test_ood, stg_h_train, stg_h_test_iid, stg_h_test_ood,
    )
}  # fmt: skip


def _stg(split: str) -> TextSet:
    annotated = split.startswith("train")
    records = tuple(row.record(annotated=annotated) for row in stg_split(split))
    about = f"Spurious Token Game, {split}, as released by its authors"
    return TextSet(records, about, ended=split not in ("train-m", "train-s"))


def _stg_h(rows: int, random_state: int, *, place: int) -> TextSet:
    # A stream for each part: asking for more training rows leaves the test rows as they are.
    seeds = np.random.SeedSequence(random_state, spawn_key=(place,))
    drawn = stg_h_rows(rows, shifted=place == 2, random_state=seeds)
    part = ("training", "test", "shifted test")[place]
    return TextSet(tuple(row.record() for row in drawn), f"harder Spurious Token Game, {part} rows, ours")
