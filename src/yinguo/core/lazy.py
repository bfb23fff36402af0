"""Heavy parts are imported on use, and their absence is an error with the remedy in it."""

import importlib
import importlib.util
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from yinguo.errors import MissingExtraError

__all__ = ["EXTRAS", "installed", "lazy_exports", "require"]

#: Extras that methods may name in their capabilities, and the module that is there if the extra is.
EXTRAS = {"forest": "econml", "nets": "torch"}


def require(module: str, extra: str) -> ModuleType:
    """Import a module that needs an extra.

    Raises
    ------
    MissingExtraError
        Names the extra to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"{error.name} is not installed; run: pip install 'yinguo[{extra}]'") from error


def installed(extra: str) -> bool:
    """Whether an extra of :data:`EXTRAS` is there, without importing it; no extra (``""``) always is."""
    if not extra:
        return True
    try:
        return importlib.util.find_spec(EXTRAS[extra]) is not None
    except ValueError:  # the module was barred from import: None in sys.modules
        return False


def lazy_exports(package: str, exports: Mapping[str, str]):
    """Module-level ``__getattr__`` and ``__dir__`` that import a name's module when the name is used.

    Parameters
    ----------
    package : str
        Name of the package, ``__name__``.
    exports : mapping of public name to module (relative to the package, or absolute)
    """

    def __getattr__(name: str) -> Any:
        if name not in exports:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        target = exports[name]
        module = importlib.import_module(target if target.startswith("yinguo.") else f"{package}.{target}")
        return module if target.endswith(f".{name}") and not hasattr(module, name) else getattr(module, name)

    def __dir__() -> list[str]:
        return sorted(exports)

    return __getattr__, __dir__
