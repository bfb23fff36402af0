"""Whom does it help, and how much: effects that differ between units, when the confounders were measured."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "BLR": "blr",
    "BNN": "bnn",
    "CFR": "cfr",
    "DESCN": "descn",
    "DRCFR": "dr_cfr",
    "DeRCFR": "der_cfr",
    "DragonNet": "dragonnet",
    "ESCFR": "escfr",
    "TARNet": "tarnet",
    "TEDVAE": "tedvae",
    "TLearner": "t_learner",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
