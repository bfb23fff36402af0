"""Read a small decoder at some positions only: in its last layer the others need no feed-forward part.

Where the loss is on one token of eighteen, as in the Spurious Token Game, this saves a third of a training step.
"""

from collections.abc import Sequence
from typing import Any, cast

from yinguo.language.small_gpt import Reading, SmallGPT, causal_mask
from yinguo.nets import nn, torch

__all__ = ["read_at"]


def read_at(model: SmallGPT, tokens: torch.Tensor, places: Sequence[int]) -> Reading:
    """What ``model(tokens)`` gives, logits and last states at ``places`` alone.

    Parameters
    ----------
    model : SmallGPT
    tokens : (B, T) integer tensor
        Without padding.
    places : sequence of k ints
        Positions, counted from 0.

    Returns
    -------
    Reading
        Logits (B, k, V) and hidden (B, k, d); attentions are whole.
    """
    embedded = model.tokens(tokens)
    x = embedded + model.places.weight[: tokens.shape[1]]
    if model.shift is not None:
        x = x + nn.functional.pad(model.shift(embedded)[:, :-1], (0, 0, 1, 0))
    x = model.dropout(x)
    allowed, attentions = causal_mask(tokens.shape[1], tokens.device), []
    earlier, last = list(model.blocks)[:-1], cast(Any, model.blocks[-1])
    for block in earlier:
        x, weights = block(x, allowed)
        attentions.append(weights)
    mixed, weights = last.attention(last.before(x), allowed)
    kept = torch.as_tensor(places, device=tokens.device)
    x = x[:, kept] + last.dropout(mixed[:, kept])
    x = x + last.dropout(last.narrower(nn.functional.gelu(last.wider(last.between(x)))))
    hidden = model.norm(x)
    return Reading(model.head(hidden), (*attentions, weights), hidden)
