"""Real tables and generators with known truth; every function returns a :class:`~yinguo.datasets.draw.Draw`."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS = {
    "job_training": "job_training",
    "simpson": "simpson",
    "dcb_simulation": "dcb_simulation",
    "arb_first": "arb_first",
    "arb_misspec": "arb_misspec",
    "d2vd_design": "d2vd_design",
    "advert_feedback": "advert_feedback",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
