"""Causality inside language models: attention that follows causes, preferences without confounding, no forgetting.

Everything is native to torch, transformers and peft: a loss, a module, a ``Trainer`` subclass, a function over state
dicts. The parts need the extra ``llm`` (``pip install 'yinguo[llm]'``).
"""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "GCNCausalAttention": "gcn_attention",
    "GraphPenalty": "graph_penalties",
    "SmallGPT": "small_gpt",
    "load_checkpoint": "checkpoints",
    "CPO": "cpo",
    "DPO": "preference_baselines",
    "DRCPO": "cpo",
    "FineTuning": "fine_tuning",
    "OutcomeOnly": "cpo",
    "OutcomeTexts": "outcome_texts",
    "ClippedPolicy": "preference_baselines",
    "RewardWeighted": "preference_baselines",
    "SimPO": "preference_baselines",
    "doubly_robust_value": "off_policy",
    "inverse_probability_value": "off_policy",
    "outcome_value": "off_policy",
    "read_outcomes": "direct_outcomes",
    "parameter_matched_attention": "gcn_attention",
    "use_gcn_attention": "gcn_transformers",
    "score_sequences": "sequence_scores",
    "score_texts": "sequence_scores",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
