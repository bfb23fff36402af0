r"""Self-attention as two graph convolutions over the attention graph: the layer of the causal Transformer.

For each head, with tokens :math:`X`, allowed pairs by a mask, and :math:`d_h` the width of a head,

.. math::
    A = \mathrm{softmax}(X W_q W_k^\top X^\top / \sqrt{d_h}), \qquad
    \mathrm{CausalSA}(X) = \sigma\bigl(A\, \sigma(A X W^{(0)})\, W^{(1)}\bigr),

heads side by side and a last linear map as usual. Ordinary attention is :math:`A X W_v`: one convolution, linear. The
idea of the source is that :math:`A` is read as a graph, constrained to be a causal one by the penalties of
:mod:`yinguo.language.graph_penalties`.

**Order.** Where the mask looks back only, :math:`A` is lower triangular, and so is a product of such matrices: two hops
keep the order of a decoder.

Source: "Causal Transformers: Improving the Robustness on Spurious Correlations", anonymous submission to ACL Rolling
Review, November 2021. Only its abstract and the formula above were at hand, no code and no figures: activation, first
weights, dropout and where the last map stands are our reconstruction.
"""

import functools
import math
from collections.abc import Callable

from yinguo.errors import DataError
from yinguo.language.checks import check_heads
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Dropout, linear

__all__ = ["SIGMAS", "GCNCausalAttention", "parameter_matched_attention", "sparsemax"]

#: What stands between the convolutions, by the name an option gives it.
SIGMAS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": nn.functional.gelu, "relu": nn.functional.relu, "identity": lambda x: x,
}  # fmt: skip


class GCNCausalAttention(nn.Module):
    r"""Two graph convolutions over the attention graph, in place of ordinary attention.

    It is an :data:`~yinguo.language.small_gpt.AttentionPart`: give the class itself, or a ``functools.partial`` of it
    with the options below, to ``SmallGPT(attention=...)``.

    **Use it when** you want to try attention of two hops, or a graph over tokens on which penalties act (encoders).
    **Not when** you need tokens one at a time from a cache: the second hop of an earlier token is not in the cache of
    keys and values. Nor for the penalty on cycles in a decoder, where it is zero whatever the weights.

    **Assumes** nothing of the data; that the graph is causal is what the penalties ask for, not what the layer knows.

    **Where we differ from the paper or its code, and why**: no code is public, so all but the formula is ours. Dropout
    leaves out the same edges in both convolutions, for they are of one graph. With ``sigma="identity"`` and
    :math:`W^{(1)} = I` the layer mixes by :math:`A^2`; with ``second="none"`` on top it is ordinary attention, weight
    for weight.

    **Shape**: x (B, T, d) and a mask that broadcasts to (B, H, T, T), to states (B, T, d) and attention (B, H, T, T).

    Parameters
    ----------
    width, heads : int
        The width is divided among the heads.
    dropout : float in [0, 1)
        Share of attention weights left out while training; the weights returned are those before it.
    generator : torch.Generator
        First weights and dropout masks.
    sigma : {"gelu", "relu", "identity"}
        After each convolution.
    rows : {"softmax", "sparsemax"}
        How scores become the weights of a row; the second has exact zeros, so that a graph can be read off.
    second : {"convolution", "map", "none"}
        The second layer: :math:`\sigma(A H W^{(1)})`; the same without the graph, :math:`\sigma(H W^{(1)})`, which has
        as many parameters and is the fair thing to compare with; or nothing.

    Examples
    --------
    >>> from yinguo.language.small_gpt import SmallGPT
    >>> from yinguo.nets import torch
    >>> from yinguo.nets.blocks import make_generator
    >>> gpt = SmallGPT(vocabulary=10, length=8, attention=GCNCausalAttention, generator=make_generator(0)).eval()
    >>> tuple(gpt(torch.tensor([[1, 2, 3]])).attentions[0].shape)
    (1, 4, 3, 3)
    """

    def __init__(
        self,
        width: int,
        heads: int,
        dropout: float,
        generator: torch.Generator,
        *,
        sigma: str = "gelu",
        rows: str = "softmax",
        second: str = "convolution",
    ) -> None:
        super().__init__()
        check_heads(width, heads, dropout)
        allowed = {"sigma": (sigma, SIGMAS), "rows": (rows, _ROWS), "second": (second, _SECOND)}
        for name, (value, known) in allowed.items():
            if value not in known:
                raise DataError(f"{name} is {value!r}; it must be one of {', '.join(known)}.")
        self.heads = heads
        self.sigma, self.rows = SIGMAS[sigma], _ROWS[rows]
        self.hops = 2 if second == "convolution" else 1
        # In this order ordinary attention draws its weights; W1 comes after, so that both can start from the same.
        self.into = linear(width, 3 * width, generator=generator)
        self.out = linear(width, width, generator=generator)
        self.second = None if second == "none" else _square_maps(heads, width // heads, generator)
        self.dropout = Dropout(dropout, generator)

    def forward(self, x: torch.Tensor, allowed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """New states, and the attention graph behind them."""
        batch, length, width = x.shape
        parts = self.into(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, H, T, d/H)
        scores = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5
        weights = self.rows(scores.masked_fill(~allowed, float("-inf")))
        graph = self.dropout(weights)
        mixed = self.sigma(graph @ value)
        if self.second is not None:
            mixed = self.sigma((graph @ mixed if self.hops == 2 else mixed) @ self.second)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width)), weights


def parameter_matched_attention(width: int, heads: int, dropout: float, generator: torch.Generator) -> nn.Module:
    """Ordinary attention with as many parameters and non-linear steps as :class:`GCNCausalAttention`, and one hop.

    Beside it, a difference is due to the second hop alone and not to more parameters. An
    :data:`~yinguo.language.small_gpt.AttentionPart`; parameters as there.
    """
    return GCNCausalAttention(width, heads, dropout, generator, second="map")


def sparsemax(scores: torch.Tensor) -> torch.Tensor:
    r"""The point of the simplex that is nearest to the scores of a row; many of its entries are exactly zero.

    .. math:: p_i = \max(z_i - \tau, 0), \qquad \tau = \Bigl(\sum_{j \le k} z_{(j)} - 1\Bigr) / k, \quad
        k = \max\{j : 1 + j z_{(j)} > \sum_{l \le j} z_{(l)}\}

    Parameters
    ----------
    scores : (..., n) tensor
        Minus infinity where a weight must be zero; at least one finite entry in a row.

    Returns
    -------
    (..., n) tensor
        Rows sum to one.

    Source
    ------
    Martins & Astudillo (2016), ICML.
    """
    ordered = scores.sort(dim=-1, descending=True).values
    sums = ordered.cumsum(dim=-1)
    place = torch.arange(1, scores.shape[-1] + 1, device=scores.device, dtype=scores.dtype)
    # Behind the first minus infinity both sides are minus infinity, and the comparison is false, as it must be.
    count = (1 + place * ordered > sums).sum(dim=-1, keepdim=True)
    threshold = (sums.gather(-1, count - 1) - 1) / count
    return (scores - threshold).clamp(min=0)


_ROWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "softmax": functools.partial(torch.softmax, dim=-1),
    "sparsemax": sparsemax,
}
_SECOND = ("convolution", "map", "none")


def _square_maps(heads: int, size: int, generator: torch.Generator) -> nn.Parameter:
    """One square map for each head, with weights that keep the variance of what goes in."""
    bound = math.sqrt(3 / size)
    return nn.Parameter(torch.empty(heads, size, size).uniform_(-bound, bound, generator=generator))
