r"""A small decoder to try things on: pre-norm GPT with attention as a part that can be exchanged.

Two layers of width 64 train in seconds on one core. **Token shift**: with :math:`x_t = e_t + p_t + W e_{t-1}` a token
knows the one before it; without it a model this small, trained from scratch, does not learn to bind a value to the name
that stands before it.

First weights and dropout masks come from a generator that is passed in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yinguo.core.checks import check_whole
from yinguo.errors import DataError
from yinguo.language.checks import check_heads
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Dropout, linear

__all__ = ["AttentionPart", "Reading", "SelfAttention", "SmallGPT", "causal_mask"]

#: ``make(width, heads, dropout, generator)`` gives a module called as ``module(x, allowed)``: states (B, T, d) and
#: a boolean mask that broadcasts to (B, H, T, T) in; new states (B, T, d) and attention (B, H, T, T) out.
AttentionPart = Callable[[int, int, float, torch.Generator], nn.Module]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a forward pass gives.

    Attributes
    ----------
    logits : (B, T, V) tensor
        Position t scores the token at t + 1.
    attentions : tuple of (B, H, T, T) tensors
        One for each layer; rows sum to one over the tokens up to and including their own.
    hidden : (B, T, d) tensor
        States before the last linear map.
    """

    logits: torch.Tensor
    attentions: tuple[torch.Tensor, ...]
    hidden: torch.Tensor


def causal_mask(length: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """(T, T) mask of what each position may look at: itself and what stands before it."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


class SelfAttention(nn.Module):
    """Ordinary multi-head attention that returns its weights.

    **Shape**: x (B, T, d) and a mask that broadcasts to (B, H, T, T), to states (B, T, d) and attention (B, H, T, T).

    Parameters
    ----------
    width, heads : int
        The width is divided among the heads.
    dropout : float in [0, 1)
        Share of attention weights left out while training; the weights returned are those before it.
    generator : torch.Generator
    """

    def __init__(self, width: int, heads: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        check_heads(width, heads, dropout)
        self.heads = heads
        self.into = linear(width, 3 * width, generator=generator)
        self.out = linear(width, width, generator=generator)
        self.dropout = Dropout(dropout, generator)

    def forward(self, x: torch.Tensor, allowed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """New states, and the attention behind them."""
        batch, length, width = x.shape
        parts = self.into(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, H, T, d/H)
        scores = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5
        weights = scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1)
        mixed = self.dropout(weights) @ value
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width)), weights


class SmallGPT(nn.Module):
    """A decoder over whole-number tokens.

    **Shape**: (B, T) integer tokens to a :class:`Reading`.

    Parameters
    ----------
    vocabulary : int
        Number of tokens, 0 to vocabulary - 1.
    length : int
        Longest sequence.
    width, layers, heads : int
    dropout : float in [0, 1)
    token_shift : bool
        Whether each position also sees the embedding of the token before it.
    attention : callable
        Makes the attention of a layer (:data:`AttentionPart`).
    generator : torch.Generator
        First weights and dropout masks.

    Examples
    --------
    >>> from yinguo.nets import torch
    >>> from yinguo.nets.blocks import make_generator
    >>> model = SmallGPT(vocabulary=10, length=8, generator=make_generator(0)).eval()
    >>> reading = model(torch.tensor([[1, 2, 3]]))
    >>> tuple(reading.logits.shape), tuple(reading.attentions[0].shape)
    ((1, 3, 10), (1, 4, 3, 3))
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        length: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        token_shift: bool = True,
        attention: AttentionPart = SelfAttention,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        for name, value in (("vocabulary", vocabulary), ("length", length), ("layers", layers)):
            check_whole(name, value)
        check_heads(width, heads, dropout)
        self.length = length
        self.tokens = _embedding(vocabulary, width, generator)
        self.places = _embedding(length, width, generator)
        self.shift = linear(width, width, generator=generator) if token_shift else None
        self.dropout = Dropout(dropout, generator)
        self.blocks = nn.ModuleList(_Block(width, heads, dropout, attention, generator) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = linear(width, vocabulary, generator=generator)

    def forward(
        self, tokens: torch.Tensor, padding: torch.Tensor | None = None, *, places: Sequence[int] | None = None
    ) -> Reading:
        """Scores of the next token at every position, or at some.

        Parameters
        ----------
        tokens : (B, T) integer tensor
        padding : (B, T) boolean tensor, optional
            True where a token is real. Padding goes to the right.
        places : sequence of k ints, optional
            Positions to read: logits are (B, k, V) and hidden states (B, k, d), attention is whole. In the last layer
            the other positions need no feed-forward part, which saves a third of a step of one place in eighteen.
        """
        if tokens.ndim != 2 or tokens.is_floating_point():
            raise DataError(f"tokens is {tokens.dtype} of shape {tuple(tokens.shape)}; give whole numbers, (B, T).")
        length = tokens.shape[1]
        if length > self.length:
            raise DataError(f"the sequence has {length} tokens; the model takes at most {self.length}.")
        try:
            embedded = self.tokens(tokens)
        except IndexError as error:  # asked afterwards, so that no step of training pays for it
            raise DataError(f"tokens go from {int(tokens.min())} to {int(tokens.max())}; the model knows 0 to "
                            f"{self.tokens.num_embeddings - 1}.") from error  # fmt: skip
        x = embedded + self.places.weight[:length]
        if self.shift is not None:
            x = x + nn.functional.pad(self.shift(embedded)[:, :-1], (0, 0, 1, 0))
        allowed = self.sight(length, tokens.device)
        if padding is not None:
            if padding.shape != tokens.shape:
                raise DataError(f"padding has shape {tuple(padding.shape)} and tokens {tuple(tokens.shape)}; they must "
                                "agree.")  # fmt: skip
            # A position always may look at itself: a row of attention without any token would be no number.
            own = torch.eye(length, dtype=torch.bool, device=tokens.device)
            allowed = (allowed & padding.bool()[:, None, None, :]) | own
        x = self.dropout(x)
        attentions = []
        for depth, block in enumerate(self.blocks, start=1):
            x, weights = block(x, allowed, places if depth == len(self.blocks) else None)
            attentions.append(weights)
        hidden = self.norm(x)
        return Reading(self.head(hidden), tuple(attentions), hidden)

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of tokens, by the name that transformers has for it."""
        return self.tokens

    def sight(self, length: int, device: torch.device) -> torch.Tensor:
        """Which positions each position may see: (T, T), True from it to those up to itself."""
        return causal_mask(length, device)


class _Block(nn.Module):
    """Attention and a feed-forward part, each on normalised states and added to what came in."""

    def __init__(
        self, width: int, heads: int, dropout: float, attention: AttentionPart, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = attention(width, heads, dropout, generator)
        self.wider = linear(width, 4 * width, generator=generator)
        self.narrower = linear(4 * width, width, generator=generator)
        self.dropout = Dropout(dropout, generator)

    def forward(
        self, x: torch.Tensor, allowed: torch.Tensor, places: Sequence[int] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        mixed, weights = self.attention(self.before(x), allowed)
        if places is not None:
            x, mixed = x[:, list(places)], mixed[:, list(places)]
        x = x + self.dropout(mixed)
        return x + self.dropout(self.narrower(nn.functional.gelu(self.wider(self.between(x))))), weights


def _embedding(count: int, width: int, generator: torch.Generator) -> nn.Embedding:
    table = nn.utils.skip_init(nn.Embedding, count, width)
    with torch.no_grad():
        table.weight.normal_(0.0, 0.02 if width > 256 else width**-0.5, generator=generator)
    return table
