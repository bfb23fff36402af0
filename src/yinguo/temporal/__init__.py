"""Effects over time without a known graph: what was a step ago is an instrument for what is now."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "CausalRegression": "causal_regression",
    "CausalMatrix": "matrix",
    "causal_matrix": "matrix",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
