"""Every method there is, found by looking: no list of names to keep.

A method package says in its ``__init__`` what it exports (lazily); every exported :class:`Estimator`
is a method. The command line, the documentation tables and the conformance suite read this.
"""

import importlib
import pkgutil
from functools import cache

from yinguo.core.estimator import Estimator
from yinguo.errors import DataError, MissingExtraError

__all__ = ["METHOD_PACKAGES", "estimators", "find"]

#: The rooms of the house that hold methods (DESIGN section 3); the ones not built yet are skipped.
METHOD_PACKAGES = ("confounding", "instruments", "heterogeneity", "selection", "treatments", "temporal")


@cache
def estimators() -> dict[str, type[Estimator]]:
    """Command-line name to class, in the order the packages export them."""
    import yinguo

    present = {module.name for module in pkgutil.iter_modules(yinguo.__path__)}
    found: dict[str, type[Estimator]] = {}
    for package in METHOD_PACKAGES:
        if package not in present:
            continue
        module = importlib.import_module(f"yinguo.{package}")
        for exported in module.__all__:
            try:
                item = getattr(module, exported)
            except MissingExtraError:
                continue  # a method whose extra is not installed is not offered
            if isinstance(item, type) and issubclass(item, Estimator):
                found[item.name] = item
    return found


def find(name: str) -> type[Estimator]:
    """The class behind a command-line name, or another name that people know the method by.

    Raises
    ------
    DataError
        Unknown name; the message lists the nearest ones.
    """
    known = estimators()
    if name in known:
        return known[name]
    for cls in known.values():
        if name in cls.also_known_as:
            return cls
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"the methods are {', '.join(known)}."
    raise DataError(f"there is no method {name!r}; {hint}")
