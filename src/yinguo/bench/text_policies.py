"""Small models as laws over all texts of :mod:`yinguo.bench.text_world`, exactly."""

from typing import Any

import numpy as np

from yinguo.bench.text_world import LENGTH, TOKENS, all_texts
from yinguo.nets import torch

__all__ = ["log_probabilities", "with_start"]


def with_start(texts) -> torch.Tensor:
    """(n, 7) tokens of texts (n, 6) after their start, which counts as token 0."""
    return torch.nn.functional.pad(torch.tensor(np.asarray(texts), dtype=torch.long), (1, 0))


@torch.no_grad()
def log_probabilities(policy: Any, rows: int = 8192) -> np.ndarray:
    """(262144,) log-probability of every text under a model of 8 tokens.

    All beginnings of five tokens are read once; each tells the law of the sixth.
    """
    beginnings = all_texts()[::TOKENS, : LENGTH - 1]
    parts = []
    for start in range(0, len(beginnings), rows):
        tokens = with_start(beginnings[start : start + rows])
        logs = policy(tokens).logits.double().log_softmax(dim=-1)  # (R, 6, 8)
        before = logs[:, :-1].gather(-1, tokens[:, 1:, None]).sum(dim=(1, 2))
        parts.append((before[:, None] + logs[:, -1]).flatten())
    return torch.cat(parts).numpy()
