"""Causality inside language models: attention that follows causes, preferences without confounding, no forgetting.

Everything is native to torch, transformers and peft: a loss, a module, a ``Trainer`` subclass, a function over state
dicts. The parts need the extra ``llm`` (``pip install 'yinguo[llm]'``).
"""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "CLEANN": "cleann",
    "GCNCausalAttention": "gcn_attention",
    "GraphPenalty": "graph_penalties",
    "SmallGPT": "small_gpt",
    "explain_text": "explain",
    "CATTrainer": "cat",
    "CausalAttentionTuning": "causal_tuning",
    "CausalCollator": "cat",
    "CausalText": "causal_spans",
    "SmallGPT": "small_gpt",
    "annotate": "arithmetic_spans",
    "load_checkpoint": "checkpoints",
    "L2SP": "tailor.l2_sp",
    "L2SPCallback": "tailor.l2_sp_callback",
    "ForgettingCurve": "tailor.scores",
    "dare": "tailor.merging",
    "graft": "tailor.merging",
    "h_score": "tailor.scores",
    "measure_to_folder": "tailor.moments",
    "merge_patches": "tailor.merging",
    "tailor_checkpoint": "tailor.checkpoint",
    "tailor_layer": "tailor.layer",
    "tailor_model": "tailor.model",
    "task_arithmetic": "tailor.merging",
    "ties": "tailor.merging",
    "wise_ft": "tailor.merging",
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
    "re_attention_loss": "re_attention",
    "score_answers": "answers",
    "stg_rows": "stg",
    "stg_split": "stg",
    "STGReader": "stg_reader",
    "pretrained_stg_decoder": "stg_reader",
    "parameter_matched_attention": "gcn_attention",
    "use_gcn_attention": "gcn_transformers",
    "score_sequences": "sequence_scores",
    "score_texts": "sequence_scores",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
