"""Effects when the sample is not the population: outcomes seen only for some, and who they are is no accident."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "DoublyRobustSelection": "doubly_robust_selection",
    "IPSW": "ipsw",
    "HeckmanTwoStep": "heckman_two_step",
    "HeckmanML": "heckman_ml",
    "ShadowVariable": "shadow_variable",
    "ShadowCatcher": "shadow_catcher",
    "ShadowEstimator": "shadow_estimator",
    "TwoStageShadowInclusion": "two_stage_shadow_inclusion",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
