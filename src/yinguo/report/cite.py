"""Whom to cite: the papers that the docstrings of a method name under ``Source``."""

import inspect
import re
import sys
from typing import Any

from yinguo.core.estimator import Estimator

__all__ = ["papers", "software"]

_UNDERLINED = re.compile(r"^Source\n-{3,}\n(.*?)(?=\n\S[^\n]*\n-{3,}|\Z)", re.DOTALL | re.MULTILINE)
#: Between two statements: a semicolon, or a full stop that does not end an initial.
_CLAUSES = re.compile(r"; |(?<!\b[A-Z])\. (?=[A-Z])")
_YEAR = re.compile(r"\b(1[89]|20)\d\d\b")
_INLINE = re.compile(r"^Source: (.*?)(?=\n\n|\Z)", re.DOTALL | re.MULTILINE)


def papers(estimator: type[Estimator] | Estimator) -> tuple[str, ...]:
    """What the module of a method, its functions and, if these name nothing, its kernels name as their source.

    Parameters
    ----------
    estimator : Estimator or its class

    Returns
    -------
    tuple of str
        One per paper, as written in the docstrings without their remarks; empty if they name none.
    """
    cls = estimator if isinstance(estimator, type) else type(estimator)
    module = sys.modules.get(cls.__module__)
    if module is None:
        return ()
    own = [cls, module, *(item for item in vars(module).values() if getattr(item, "__module__", "") == module.__name__)]
    found = _sources(own)
    if found:
        return found
    kernels = [
        item for item in vars(module).values()
        if inspect.isfunction(item) and item.__module__.startswith("yinguo.kernels.")
    ]  # fmt: skip
    return _sources([*kernels, *(sys.modules[item.__module__] for item in kernels)])


def software() -> str:
    """How to cite this package."""
    from yinguo import __version__

    return (
        f"The yinguo developers. yinguo {__version__}: which associations in your data are causal, how large the "
        "effect is, and whether you can act on it. Python package."
    )


def _sources(items: list[Any]) -> tuple[str, ...]:
    """Every clause with a year in it; of several on one paper, the longest."""
    papers: dict[str, str] = {}
    for item in items:
        raw = getattr(item, "__doc__", None)
        if not isinstance(raw, str):
            continue
        text = inspect.cleandoc(raw)
        for source in (m for pattern in (_UNDERLINED, _INLINE) for m in pattern.findall(text)):
            for clause in _CLAUSES.split(_without_markup(" ".join(source.split()))):
                year = _YEAR.search(clause)
                if year:
                    who = clause[: year.end()]
                    papers[who] = max(papers.get(who, ""), clause.strip(" .;"), key=len)
    return tuple(papers.values())


def _without_markup(text: str) -> str:
    return re.sub(r":[a-z]+:`~?([^`]*)`", r"\1", text).replace("``", "")
