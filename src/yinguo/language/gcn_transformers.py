r"""Two-hop attention inside an existing transformers model, which keeps its trained queries, keys and values.

For each head, with attention :math:`A` and values :math:`V` as the model computes them,

.. math:: (1 - g)\, A V + g\, \sigma\bigl(A\, \sigma(A V)\, W^{(1)}\bigr),

:math:`W^{(1)}` one square map for each head, the identity at first, and :math:`g` one gate for each head. At
:math:`g = 0`, the start, the model is what it was; at 1 the layer is that of
:mod:`yinguo.language.gcn_attention`. Tuning moves both. The gate is ours: without it a trained model would be broken
before its first step.

It goes in through the registry of attention functions of transformers, so rotary positions, grouped keys and values,
masks and output maps are the model's own, for encoders and decoders alike.
"""

from collections.abc import Collection
from typing import Any

from yinguo.core.checks import check_number
from yinguo.errors import DataError
from yinguo.language.gcn_attention import SIGMAS
from yinguo.language.hub import transformers
from yinguo.nets import nn, torch

__all__ = ["GCNHeads", "use_gcn_attention"]

#: The name under which transformers knows this attention.
NAME = "yinguo_gcn"


class GCNHeads(nn.Module):
    """What the second convolution of one layer adds: a map and a gate for each head.

    **Shape**: graph (B, H, T, T) and value (B, H, T, k) to (B, H, T, k).

    Parameters
    ----------
    heads, size : int
        Heads that ask (not those of keys and values), and width of each.
    sigma : {"gelu", "relu", "identity"}
    gate : float
        At the start; 0 leaves the model as it is, 1 is the two convolutions alone.
    """

    def __init__(self, heads: int, size: int, *, sigma: str = "gelu", gate: float = 0.0) -> None:
        super().__init__()
        if sigma not in SIGMAS:
            raise DataError(f"sigma is {sigma!r}; it must be one of {', '.join(SIGMAS)}.")
        self.sigma = SIGMAS[sigma]
        self.second = nn.Parameter(torch.eye(size).repeat(heads, 1, 1))
        self.gate = nn.Parameter(torch.full((heads, 1, 1), float(gate)))

    def forward(self, graph: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Mixed values of both kinds."""
        once = graph @ value
        twice = self.sigma(graph @ self.sigma(once) @ self.second)
        return once + self.gate * (twice - once)


def use_gcn_attention(
    model: Any, *, sigma: str = "gelu", gate: float = 0.0, layers: Collection[int] | None = None
) -> dict[str, nn.Parameter]:
    """Give the layers of a model a second hop, in place.

    The new weights are part of the model's ``state_dict``. To load a tuned model, load the original, call this again
    and then ``load_state_dict``. The cache of keys and values is switched off, see below. Attention is returned where a
    call asks for it by ``output_attentions=True``.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        One that chooses its attention from the registry of transformers, as BERT, Llama and most others do.
    sigma : {"gelu", "relu", "identity"}
    gate : float
        At the start, see :class:`GCNHeads`.
    layers : collection of int, optional
        Which attention layers, counted from 0; None is all. Attention between an encoder and a decoder is never
        changed: it has no square graph.

    Returns
    -------
    dict of name to parameter
        The new parameters under their names in the model: what to train, if nothing else is to move.

    Raises
    ------
    DataError
        The model does not choose its attention from the registry, or a layer is asked for that it does not have; and
        later, where tokens come one at a time from a cache: the second hop of the tokens before is not in it.

    Examples
    --------
    >>> from yinguo.language.hub import transformers
    >>> config = transformers.BertConfig(hidden_size=8, num_attention_heads=2, intermediate_size=8,
    ...                                  num_hidden_layers=1, vocab_size=20)
    >>> sorted(use_gcn_attention(transformers.BertModel(config)))
    ['encoder.layer.0.attention.self.gcn.gate', 'encoder.layer.0.attention.self.gcn.second']
    """
    if not hasattr(model, "modules"):
        raise DataError(f"the model is {model!r}; give a loaded one, such as load_checkpoint(...).model.")
    check_number("gate", gate)
    parts = _attention_layers(model)
    if layers is not None and not isinstance(layers, Collection):
        raise DataError(f"layers is {layers!r}; name some in a list, or pass None for all {len(parts)}.")
    chosen = set(range(len(parts)) if layers is None else layers)
    unknown = sorted(chosen - set(range(len(parts))))
    if unknown:
        raise DataError(f"the model has attention layers 0 to {len(parts) - 1}; there is no {unknown}.")
    transformers.AttentionInterface.register(NAME, gcn_attention_forward)
    transformers.AttentionMaskInterface.register(NAME, transformers.masking_utils.eager_mask)
    model.set_attn_implementation(NAME)
    model.config.use_cache = False
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.use_cache = False
    for place in chosen:
        part = parts[place]
        like = next(part.parameters())
        size = getattr(part, "head_dim", None) or part.attention_head_size
        heads = GCNHeads(part.config.num_attention_heads, size, sigma=sigma, gate=gate)
        part.gcn = heads.to(device=like.device, dtype=like.dtype)
    return {name: weight for name, weight in model.named_parameters() if ".gcn." in name}


def gcn_attention_forward(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **unused: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention as transformers asks for it: queries (B, H, T, k), keys and values (B, G, T, k), an additive mask.

    A layer without :class:`GCNHeads` gets ordinary attention.

    Returns
    -------
    states : (B, T, H, k) tensor
    weights : (B, H, T, T) tensor
    """
    groups = query.shape[1] // key.shape[1]  # heads that share one key and value
    key, value = (part.repeat_interleave(groups, dim=1) for part in (key, value))
    scores = query @ key.transpose(-1, -2) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    graph = nn.functional.dropout(weights, p=dropout, training=module.training)
    heads = getattr(module, "gcn", None)
    if heads is None:
        mixed = graph @ value
    elif graph.shape[-1] != graph.shape[-2]:
        raise DataError(f"{graph.shape[-2]} new tokens came with {graph.shape[-1]} to look at, so from a cache; two "
                        "convolutions need the whole sequence: call the model with use_cache=False.")  # fmt: skip
    else:
        mixed = heads(graph, value)
    return mixed.transpose(1, 2).contiguous(), weights


def _attention_layers(model: Any) -> list[Any]:
    """Self-attention modules of a model, in order: those that transformers itself records attention from."""
    recorded = (getattr(model, "_can_record_outputs", None) or {}).get("attentions", ())
    listed = recorded if isinstance(recorded, list | tuple) else (recorded,)
    kinds: tuple[Any, ...] = tuple(getattr(one, "target_class", one) for one in listed)
    parts = [part for part in model.modules() if isinstance(part, kinds)]
    if not parts or not model._can_set_attn_implementation():
        raise DataError(f"{type(model).__name__} does not choose its attention from the registry of transformers; take "
                        "a model that does, such as BertModel or LlamaForCausalLM.")  # fmt: skip
    return parts
