"""A small encoder to try things on: the decoder of :mod:`yinguo.language.small_gpt`, looking both ways."""

from typing import Any

from yinguo.language.small_gpt import SmallGPT
from yinguo.nets import torch

__all__ = ["SmallEncoder"]


class SmallEncoder(SmallGPT):
    """Every token sees every token; position t of the logits scores the token at t itself.

    To learn from text alone, hide some tokens behind one that means "hidden" and ask for them.

    **Shape**: (B, T) integer tokens to a :class:`~yinguo.language.small_gpt.Reading`.

    Parameters
    ----------
    **options
        As :class:`~yinguo.language.SmallGPT`, without ``token_shift``: there is no token before.

    Examples
    --------
    >>> from yinguo.nets.blocks import make_generator
    >>> model = SmallEncoder(vocabulary=10, length=8, generator=make_generator(0)).eval()
    >>> bool(model(torch.tensor([[1, 2, 3]])).attentions[0].triu(1).abs().max() > 0)
    True
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, token_shift=False)

    def sight(self, length: int, device: torch.device) -> torch.Tensor:
        """All positions."""
        return torch.ones(length, length, dtype=torch.bool, device=device)
