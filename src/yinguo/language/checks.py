"""Checks that the parts of this package share: numbers in their range, whole numbers, texts, weights.

Each refuses with the name, the value met and what would do. Comparisons are written so that NaN fails them.

>>> check_number("gamma", float("nan"), least=0)
Traceback (most recent call last):
yinguo.errors.DataError: gamma is nan; it must be a finite number, at least 0.
"""

import math
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from yinguo.errors import DataError

__all__ = ["as_numbers", "check_fitted", "check_heads", "check_number", "check_texts", "check_weights", "check_whole"]


def as_numbers(name: str, values: Any) -> np.ndarray:
    """Values as an array of floats, of whatever shape.

    Raises
    ------
    DataError
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds something else than numbers ({error}); give numbers alone.") from error


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


def check_texts(name: str, values: Any) -> None:
    """Refuse anything but a list of texts; a single text would be read letter by letter.

    Raises
    ------
    DataError
    """
    if isinstance(values, str) or not isinstance(values, Sequence | Collection):
        raise DataError(f"{name} is {values!r}; give a list of texts, such as [{values!r}].")
    odd = [(place, value) for place, value in enumerate(values) if not isinstance(value, str)]
    if odd:
        place, value = odd[0]
        raise DataError(f"{name} has {len(odd)} entries that are no text, the first is entry {place} ({value!r}); "
                        "leave them out or write them as text.")  # fmt: skip


def check_heads(width: Any, heads: Any, dropout: Any) -> None:
    """Refuse a width that cannot be divided among the heads, and a share of weights to leave out that is none.

    Raises
    ------
    DataError
    """
    check_whole("width", width)
    check_whole("heads", heads)
    if width % heads:
        raise DataError(f"width is {width} and heads is {heads}; the width must be a multiple of the heads.")
    check_number("dropout", dropout, least=0, below=1)


def check_weights(name: str, weights: Any) -> None:
    """Weights must be a tensor of finite floats: a change that is no number cannot be ranked.

    Raises
    ------
    DataError
    """
    if not getattr(weights, "is_floating_point", lambda: False)():
        said = getattr(weights, "dtype", type(weights).__name__)
        raise DataError(f"{name} are a {said}; give a tensor of floats.")
    odd = weights.numel() - int(weights.isfinite().sum())
    if odd:
        raise DataError(f"{name} hold {odd} entries that are not finite; the checkpoint is broken, or tuning diverged.")


def check_fitted(owner: Any, learned: str) -> None:
    """Refuse what needs a fit before there was one.

    Raises
    ------
    DataError
    """
    if not hasattr(owner, learned):
        raise DataError(f"this {type(owner).__name__} is not fitted; call fit first.")
