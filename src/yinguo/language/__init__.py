"""Causality inside language models: attention that follows causes, preferences without confounding, no forgetting.

Everything is native to torch, transformers and peft: a loss, a module, a ``Trainer`` subclass, a function over state
dicts. The parts need the extra ``llm`` (``pip install 'yinguo[llm]'``).
"""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "CATTrainer": "cat",
    "CausalAttentionTuning": "causal_tuning",
    "CausalCollator": "cat",
    "CausalText": "causal_spans",
    "SmallGPT": "small_gpt",
    "annotate": "arithmetic_spans",
    "load_checkpoint": "checkpoints",
    "re_attention_loss": "re_attention",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
