"""What an option of an estimator may be, read off its default and its name.

One name means one thing in every estimator, and a default shows the kind: a truth value, a whole number, a number, the
widths of layers. So the kinds and ranges are stated once, here, and are checked when an estimator takes a study; what
hangs together with other options or with the data, an estimator checks itself.

>>> from yinguo.confounding import AIPW
>>> check_options(AIPW(clip=float("nan")))
Traceback (most recent call last):
yinguo.errors.DataError: clip is nan; it must be a finite number, at least 0.
"""

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError

__all__ = ["check_options"]

#: Checked where they are used: of several kinds, and more than a number.
_OWN = frozenset({"bias_correction", "random_state"})
#: May be a number of parts, or say of each row which part it is in.
_PARTS = frozenset({"folds"})
#: Shares of the rows, or the rows themselves.
_SHARES = frozenset({"split", "validation"})
#: May be None although the default is a number.
_OR_NONE = frozenset({"batch_size", "dropout", "n_neighbors", "patience", "price"})
#: Whole numbers of which there may be none.
_OR_ZERO = frozenset({
    "extra_degree", "information_steps", "warm_up",
})  # fmt: skip
#: Numbers that may be negative.
_SIGNED = frozenset({"cost"})
#: Numbers of which 0 would learn nothing or divide by nothing.
_ABOVE_ZERO = ("rate", "entropy", "price", "pair_width", "delta_scale")
#: Ends of the range of some numbers.
_ENDS: dict[str, dict[str, float]] = {
    "burn_in": {"least": 0, "below": 1},
    "dropout": {"least": 0, "below": 1},
    "final_rate": {"above": 0, "most": 1},
    "largest_weight": {"least": 1},
    "look_from": {"least": 0, "below": 1},
}
#: Layers of which there may be none.
_OR_EMPTY = frozenset({"heads", "treatment_layers"})


def check_options(estimator: Any) -> None:
    """Refuse an option whose value is of another kind than its default, no number, or outside what its name allows.

    Parameters
    ----------
    estimator : Estimator

    Raises
    ------
    DataError
        Names the option, the value met and what would do.
    """
    for name, default in estimator.option_defaults().items():
        value = getattr(estimator, name)
        if value is not default and name not in _OWN:
            _check(name, value, default)


def _check(name: str, value: Any, default: Any) -> None:
    none = name in _OR_NONE
    if isinstance(default, bool):
        if not isinstance(value, bool | np.bool_):
            raise DataError(f"{name} is {value!r}; it must be True or False.")
    elif name in _PARTS:
        if isinstance(value, Number | str):
            check_whole(name, value)
    elif name in _SHARES:
        if isinstance(value, Number | str):
            check_number(name, value, above=0, below=1)
    elif name == "n_jobs":
        if value != -1:
            check_whole(name, value)
    elif isinstance(default, int):
        check_whole(name, value, least=0 if name in _OR_ZERO else 1, none=none)
    elif isinstance(default, float):
        usual: dict[str, float] = (
            {"above": 0} if name.endswith(_ABOVE_ZERO) else {} if name in _SIGNED else {"least": 0}
        )
        check_number(name, value, none=none, **_ENDS.get(name, usual))
    elif isinstance(default, tuple) and default and isinstance(default[0], Number):
        _check_entries(name, value, whole=isinstance(default[0], int))


def _check_entries(name: str, value: Any, *, whole: bool) -> None:
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        raise DataError(f"{name} is {value!r}; give a sequence of {'whole numbers' if whole else 'numbers'}.")
    if len(value) == 0 and name not in _OR_EMPTY:
        raise DataError(f"{name} is {value!r}; it must have at least one entry.")
    try:
        for entry in value:
            if whole:
                check_whole("an entry", entry)
            else:
                check_number("an entry", entry, least=0)
    except DataError as error:
        raise DataError(f"{name} is {value!r}: {error}") from error
