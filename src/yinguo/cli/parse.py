"""Texts of the command line as values: lists of columns, options of methods, labelled numbers."""

import ast
import csv
import math
from collections.abc import Iterable, Sequence
from typing import Any

from yinguo.errors import DataError

__all__ = ["columns_named", "labelled_number", "listed", "option_settings", "value_of"]

_WORDS = {"true": True, "false": False, "none": None, "null": None}


def listed(texts: Iterable[str]) -> list[str]:
    """Names separated by commas, over any number of texts, each once, in order.

    >>> listed(["ipw, aipw", "dcb"])
    ['ipw', 'aipw', 'dcb']
    """
    names = (name.strip() for text in texts for name in text.split(","))
    return list(dict.fromkeys(name for name in names if name))


def columns_named(texts: Sequence[str], available: Sequence[str]) -> list[str]:
    """Column names from ``--covariates``: a text that is itself a column, or several with commas between.

    Parameters
    ----------
    texts : sequence of str
    available : sequence of str
        Columns of the table; a name in quotation marks may contain commas.

    Returns
    -------
    list of str
        Names that are not columns are kept; the study says what is wrong with them.

    Examples
    --------
    >>> columns_named(["age,income", "rent, yearly"], ["age", "income", "rent, yearly"])
    ['age', 'income', 'rent, yearly']
    """
    names: list[str] = []
    for text in texts:
        if text in available:
            names.append(text)
            continue
        for part in next(csv.reader([text], skipinitialspace=True), []):
            names.append(part if part in available else part.strip())
    return [name for name in names if name]


def value_of(text: str) -> Any:
    """A number, truth value, None, list or quoted text; anything else is text as it stands.

    >>> value_of("0.1"), value_of("true"), value_of("(1, 2)"), value_of("raw")
    (0.1, True, (1, 2), 'raw')
    """
    if text.strip().lower() in _WORDS:
        return _WORDS[text.strip().lower()]
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text


def option_settings(texts: Iterable[str], form: str) -> dict[str, Any]:
    """``NAME=VALUE`` texts as a dict.

    Parameters
    ----------
    texts : iterable of str
    form : str
        How the option is written, for the message: ``"METHOD.OPTION=VALUE"``.

    Raises
    ------
    DataError
        A text without ``=``, or a name set twice.
    """
    settings: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name or ("." in form and not all(name.partition("."))):
            raise DataError(f"--set {text!r} is not understood; write it as --set {form}.")
        if name in settings:
            raise DataError(f"--set {name} is given twice ({settings[name]!r} and {value!r}); give it once.")
        settings[name] = value_of(value)
    return settings


def labelled_number(text: str) -> tuple[str, float]:
    """``LABEL=NUMBER`` of ``--benchmark``.

    >>> labelled_number("experiment=1794.34")
    ('experiment', 1794.34)
    """
    label, _, value = text.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not label.strip() or not math.isfinite(number):
        raise DataError(f"--benchmark {text!r} is not understood; write it as --benchmark LABEL=NUMBER.")
    return label.strip(), number
