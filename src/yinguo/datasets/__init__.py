"""Real tables and generators with known truth; every function returns a :class:`~yinguo.datasets.draw.Draw`.

One function per module, of the same name. They are imported at once (they need only numpy), so that the
name always means the function and never the module.
"""

import importlib as _importlib
import pkgutil as _pkgutil

#: What loaders and generators share.
_SHARED = ("draw", "hidden_outcomes")
__all__ = [_module.name for _module in _pkgutil.iter_modules(__path__) if _module.name not in _SHARED]
for _name in __all__:
    globals()[_name] = getattr(_importlib.import_module(f"{__name__}.{_name}"), _name)
