"""One self-contained HTML page about a comparison (extra ``report``); nothing heavy is loaded before it is used."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS = {"render_report": "html", "write_report": "html"}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
