"""Numbers and whole numbers in their range.

Each check refuses with the name, the value met and what would do. Comparisons are written so that NaN fails them.

>>> check_number("gamma", float("nan"), least=0)
Traceback (most recent call last):
yinguo.errors.DataError: gamma is nan; it must be a finite number, at least 0.
"""

import math
from numbers import Integral, Real
from typing import Any

from yinguo.errors import DataError

__all__ = ["check_number", "check_whole"]


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    none: bool = False,
) -> None:
    """Refuse anything but a finite number in a range (or None where ``none`` allows it).

    Raises
    ------
    DataError
    """
    if value is None and none:
        return
    fine = isinstance(value, Real) and math.isfinite(value)
    fine = fine and (least is None or value >= least) and (above is None or value > above)
    fine = fine and (most is None or value <= most) and (below is None or value < below)
    if not fine:
        ends = (("at least", least), ("above", above), ("at most", most), ("below", below))
        said = " and ".join(f"{word} {end}" for word, end in ends if end is not None)
        raise DataError(f"{name} is {value!r}; it must be a finite number{', ' if said else ''}{said}"
                        f"{', or None' if none else ''}.")  # fmt: skip


def check_whole(name: str, value: Any, *, least: int = 1, most: int | None = None, none: bool = False) -> None:
    """Refuse anything but a whole number in a range (or None where ``none`` allows it).

    Raises
    ------
    DataError
    """
    if value is None and none:
        return
    fine = isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
    if not fine or (most is not None and value > most):
        end = "" if most is None else f" and at most {most}"
        raise DataError(f"{name} is {value!r}; it must be a whole number, at least {least}{end}"
                        f"{', or None' if none else ''}.")  # fmt: skip
