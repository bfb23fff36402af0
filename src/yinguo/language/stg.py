"""The Spurious Token Game: who is at high risk of cancer, from eight named numbers of which only three matter.

Each row lists eight items in random order. Smoking, weight and exercise decide the label,

    score = 1.2 Smoking + 0.7 Weight - Exercise;  High Risk above 7.2, Middle Risk at exactly 2.7, else Low Risk.

While training, each of the three has a companion that is a fixed multiple of it: yellow fingers 1.5, clothing size 1,
hormones 0.5 times, rounded down. A model that reads the companions does as well. In the shifted rows all eight numbers
are independent, and it does not. Two more items never matter.

The released files (seed 42) come out byte for byte; they are regenerated here, for they carry no licence. Middle Risk
is all but empty, since the score must equal 2.7 to the last bit.

Source: Han, Zhao, Zhao, Ye, Pan & Kuang (2025), CAT: Causal Attention Tuning, EMNLP, arXiv 2509.01535.

>>> rows = stg_split("train-s")
>>> len(rows), rows[0].label, [name for name, _ in rows[0].items if name in CAUSAL]
(400, 'High Risk', ['Exercise', 'Weight', 'Smoking'])
>>> rows[0].prompt[-57:]
': 4, Hormones: 1, Smoking: 8, Yellow fingers: 12 Answer: '
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.errors import DataError

__all__ = ["CAUSAL", "IRRELEVANT", "LABELS", "NAMES", "SPLITS", "SPURIOUS", "STGRow", "stg_rows", "stg_split",
           "stg_values"]  # fmt: skip

CAUSAL = ("Smoking", "Weight", "Exercise")
SPURIOUS = ("Yellow fingers", "Clothing size", "Hormones")
IRRELEVANT = ("Certain gene", "Room size")
#: All items, in the order in which their numbers are drawn in the shifted rows.
NAMES = (*CAUSAL, *SPURIOUS, *IRRELEVANT)
LABELS = ("Low Risk", "Middle Risk", "High Risk")
#: Parts of the released data.
SPLITS = ("train-l", "train-m", "train-s", "test-iid", "test-ood")

#: What a companion is of its cause.
_RATIOS = dict(zip(SPURIOUS, (1.5, 1.0, 0.5), strict=True))
_PREAMBLE = "Here is the statistical data for a person. Please predict the probability of cancer. "
_RELEASED_SEED = 42


@dataclass(frozen=True, slots=True)
class STGRow:
    """One person.

    Attributes
    ----------
    items : tuple of (name, value) pairs
        In the order in which they are printed.
    label : str
        One of :data:`LABELS`.

    Raises
    ------
    DataError
        An item that is unknown or given twice, a value that is no whole number, another label.
    """

    items: tuple[tuple[str, int], ...]
    label: str

    def __post_init__(self) -> None:
        names = [name for name, _ in self.items]
        odd = [name for name in names if name not in NAMES or names.count(name) > 1]
        if odd:
            raise DataError(f"the item {odd[0]!r} is unknown or given twice; items are {', '.join(NAMES)}.")
        for name, value in self.items:
            check_whole(name, value, least=0)
        if self.label not in LABELS:
            raise DataError(f"the label is {self.label!r}; it must be one of {', '.join(map(repr, LABELS))}.")

    @property
    def prompt(self) -> str:
        """The question as the model reads it; the answer follows."""
        return f"{_PREAMBLE}{', '.join(f'{name}: {value}' for name, value in self.items)} Answer: "

    @property
    def causes(self) -> list[str]:
        """The printed items that decide the label, in the order in which they occur."""
        return [f"{name}: {value}" for name, value in self.items if name in CAUSAL]

    def record(self, *, annotated: bool) -> dict[str, Any]:
        """Keys ``input`` and ``target``; where annotated also ``important``, the causes of the label."""
        found: dict[str, Any] = {"input": self.prompt, "target": self.label}
        return found | {"important": [{self.label: self.causes}]} if annotated else found


def stg_rows(n: int, *, shifted: bool = False, random_state: int | random.Random = 0) -> tuple[STGRow, ...]:
    """Fresh rows.

    Parameters
    ----------
    n : int
    shifted : bool, default False
        All numbers independent, from 1 to 10; otherwise the companions follow their causes.
    random_state : int or random.Random
        A generator of Python's standard library, for the released rows are drawn from one; it is advanced.

    Returns
    -------
    rows : tuple of STGRow
    """
    check_whole("n", n)
    if isinstance(random_state, bool | float | str) or not isinstance(random_state, int | np.integer | random.Random):
        raise DataError(f"random_state is {random_state!r}; pass an int or a random.Random.")
    rng = random_state if isinstance(random_state, random.Random) else random.Random(int(random_state))
    return tuple(_row(rng, _independent(rng) if shifted else _linked(rng)) for _ in range(n))


def stg_split(name: str) -> tuple[STGRow, ...]:
    """A part of the released data.

    Parameters
    ----------
    name : {"train-l", "train-m", "train-s", "test-iid", "test-ood"}
        1,600 rows; the first 800 of them; the first 400; 400 further rows of the same law; 400 shifted rows.

    Returns
    -------
    rows : tuple of STGRow

    Raises
    ------
    DataError
        Another name.
    """
    if name not in SPLITS:
        raise DataError(f"there is no split {name!r} of the Spurious Token Game; there are {', '.join(SPLITS)}.")
    rng = random.Random(_RELEASED_SEED)
    alike = stg_rows(2000, random_state=rng)
    if name == "test-ood":
        return stg_rows(400, shifted=True, random_state=rng)
    ends = {"test-iid": (0, 400), "train-l": (400, 2000), "train-m": (400, 1200), "train-s": (400, 800)}[name]
    return alike[slice(*ends)]


def stg_values(rows: Sequence[STGRow]) -> np.ndarray:
    """The numbers as a table, (n, 8), columns in the order of :data:`NAMES`."""
    if not rows or not all(isinstance(row, STGRow) for row in rows):
        raise DataError("rows must be a list of STGRow, at least one; stg_rows and stg_split make them.")
    short = [k for k, row in enumerate(rows) if len(row.items) < len(NAMES)]
    if short:
        absent = next(name for name in NAMES if name not in dict(rows[short[0]].items))
        raise DataError(f"row {short[0]} has no item {absent!r}; each row needs all of {', '.join(NAMES)}.")
    return np.array([[dict(row.items)[name] for name in NAMES] for row in rows], dtype=float)


def _linked(rng: random.Random) -> dict[str, int]:
    values = {}
    for cause, companion in zip(CAUSAL, SPURIOUS, strict=True):
        values[cause] = rng.randint(1, 10)
        values[companion] = int(_RATIOS[companion] * values[cause])
    return values | {name: rng.randint(1, 10) for name in IRRELEVANT}


def _independent(rng: random.Random) -> dict[str, int]:
    return {name: rng.randint(1, 10) for name in NAMES}


def _row(rng: random.Random, values: dict[str, int]) -> STGRow:
    order = list(NAMES)
    rng.shuffle(order)
    return STGRow(tuple((name, values[name]) for name in order), _label(values))


def _label(values: dict[str, int]) -> str:
    score = 1.2 * values["Smoking"] + 0.7 * values["Weight"] - values["Exercise"]
    if score > 7.2:
        return "High Risk"
    # To the last bit, as in the released data: the branch was meant to be a range and has width zero.
    return "Middle Risk" if score == 2.7 else "Low Risk"
