"""Checks that the parts of this package share: texts, weights, widths and heads.

Each refuses with the name, the value met and what would do; numbers are checked by `yinguo.core.checks`.

>>> check_texts("texts", "one")
Traceback (most recent call last):
yinguo.errors.DataError: texts is 'one'; give a list of texts, such as ['one'].
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError

__all__ = ["as_numbers", "check_fitted", "check_heads", "check_texts", "check_weights"]


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
