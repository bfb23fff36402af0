"""The few exceptions of yinguo. Each subclasses the builtin a caller would catch anyway.

A message always says what was wrong, which value was met, and what to do about it.
"""

__all__ = ["ConvergenceError", "DataError", "MissingExtraError", "NotIdentifiedError", "OverlapError", "YinguoError"]


class YinguoError(Exception):
    """Common base, so that a caller can tell our errors from everybody else's."""


class DataError(YinguoError, ValueError):
    """The table, a column, or an option cannot be used as asked."""


class OverlapError(YinguoError, ValueError):
    """Some units have no comparable unit in the other arm, so the estimand cannot be computed."""


class NotIdentifiedError(YinguoError, ValueError):
    """The roles given do not identify the estimand asked for."""


class ConvergenceError(YinguoError, RuntimeError):
    """An iterative solver stopped before it met its tolerance; no number is returned."""


class MissingExtraError(YinguoError, ImportError):
    """A part of yinguo that is not installed; the message names the extra."""
