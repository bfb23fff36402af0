"""Whom does it help, and how much: effects that differ between units, when the confounders were measured."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "SLearner": "s_learner",
    "TLearner": "t_learner",
    "XLearner": "x_learner",
    "RLearner": "r_learner",
    "DRLearner": "dr_learner",
    "CausalForest": "causal_forest",
    "BLR": "blr",
    "BNN": "bnn",
    "TARNet": "tarnet",
    "CFR": "cfr",
    "DragonNet": "dragonnet",
    "DESCN": "descn",
    "ESCFR": "escfr",
    "DRCFR": "dr_cfr",
    "DeRCFR": "der_cfr",
    "TEDVAE": "tedvae",
    "CalibratedLearner": "calibrated",
    "judge_learners": "judging",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
