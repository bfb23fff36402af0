"""Predictors that must survive a shift of the world they were trained in."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS = {"DWR": "dwr"}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
