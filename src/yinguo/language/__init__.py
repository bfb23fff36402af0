"""Causality inside language models: attention that follows causes, preferences without confounding, no forgetting.

Everything is native to torch, transformers and peft: a loss, a module, a ``Trainer`` subclass, a function over state
dicts. The parts need the extra ``llm`` (``pip install 'yinguo[llm]'``).
"""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "score_answers": "answers",
    "annotate": "arithmetic_spans",
    "CATTrainer": "cat",
    "CausalCollator": "cat",
    "CausalText": "causal_spans",
    "CausalAttentionTuning": "causal_tuning",
    "load_checkpoint": "checkpoints",
    "CLEANN": "cleann",
    "CPO": "cpo",
    "DRCPO": "cpo",
    "OutcomeOnly": "cpo",
    "read_outcomes": "direct_outcomes",
    "explain_text": "explain",
    "FineTuning": "fine_tuning",
    "GCNCausalAttention": "gcn_attention",
    "parameter_matched_attention": "gcn_attention",
    "use_gcn_attention": "gcn_transformers",
    "GraphPenalty": "graph_penalties",
    "doubly_robust_value": "off_policy",
    "inverse_probability_value": "off_policy",
    "outcome_value": "off_policy",
    "OutcomeTexts": "outcome_texts",
    "ClippedPolicy": "preference_baselines",
    "DPO": "preference_baselines",
    "RewardWeighted": "preference_baselines",
    "SimPO": "preference_baselines",
    "re_attention_loss": "re_attention",
    "score_sequences": "sequence_scores",
    "score_texts": "sequence_scores",
    "SmallGPT": "small_gpt",
    "stg_rows": "stg",
    "stg_split": "stg",
    "pretrained_stg_decoder": "stg_reader",
    "STGReader": "stg_reader",
    "tailor_checkpoint": "tailor.checkpoint",
    "L2SP": "tailor.l2_sp",
    "L2SPCallback": "tailor.l2_sp_callback",
    "tailor_layer": "tailor.layer",
    "dare": "tailor.merging",
    "graft": "tailor.merging",
    "merge_patches": "tailor.merging",
    "task_arithmetic": "tailor.merging",
    "ties": "tailor.merging",
    "wise_ft": "tailor.merging",
    "tailor_model": "tailor.model",
    "measure_to_folder": "tailor.moments",
    "ForgettingCurve": "tailor.scores",
    "h_score": "tailor.scores",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
