"""Pre-training for a small decoder: lists of named values, and the same list again in another order.

A sequence says ``first, name, value, name, value, ...`` for all names, then the names in a new order, each with the
value it had; the loss is on the values of the second list. What is learned is to bind a value to the name before it and
to find it again. Trained on a few hundred rows from scratch, a decoder of two layers memorises them instead; with this
behind it, tuning it is like tuning a model that can read. It stops once a held-out batch is answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.language.small_gpt import AttentionPart, SelfAttention, SmallGPT
from yinguo.nets import nn, torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.trainer import Batch, Epoch, Phase, Trainer

__all__ = ["PretrainedDecoder", "look_up_sequences", "pretrain_look_up"]

#: Sequences to draw batches from, sequences to judge by, and steps between two looks at them.
_POOL, _HELD_OUT, _LOOK_EVERY = 16_384, 256, 50


@dataclass(frozen=True, slots=True)
class PretrainedDecoder:
    """Weights of a small decoder and what it takes to build it again.

    Attributes
    ----------
    weights : mapping of name to tensor
    settings : mapping
        Options of :class:`~yinguo.language.small_gpt.SmallGPT`.
    accuracy : float
        Share of values that it looks up rightly in sequences it has not met.
    steps : int
        Of training.
    """

    weights: Mapping[str, torch.Tensor] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    accuracy: float
    steps: int

    def build(self, generator: torch.Generator) -> SmallGPT:
        """A decoder with these weights; masks of dropout come from ``generator``."""
        model = SmallGPT(**self.settings, generator=generator)
        model.load_state_dict(self.weights)
        return model


def look_up_sequences(
    n: int, *, first: int, names: Sequence[int], values: Sequence[int], generator: torch.Generator
) -> torch.Tensor:
    """Sequences of the task: (n, 1 + 4 k) tokens for k names; the second list begins at 1 + 2 k.

    Parameters
    ----------
    n : int
    first : int
        Token that every sequence begins with.
    names, values : sequences of int
        Tokens; every name occurs once in each list, values are uniform.
    generator : torch.Generator
    """
    k = len(names)
    name_tokens, value_tokens = torch.tensor(names), torch.tensor(values)
    held = value_tokens[torch.randint(len(values), (n, k), generator=generator)]
    parts = [torch.full((n, 1), first)]
    for _ in range(2):
        order = torch.rand(n, k, generator=generator).argsort(dim=1)
        parts.append(torch.stack([name_tokens[order], held.gather(1, order)], dim=-1).flatten(1))
    return torch.cat(parts, dim=1)


def pretrain_look_up(
    *,
    vocabulary: int,
    first: int,
    names: Sequence[int],
    values: Sequence[int],
    attention: AttentionPart = SelfAttention,
    width: int = 64,
    layers: int = 2,
    heads: int = 4,
    dropout: float = 0.1,
    learning_rate: float = 3e-3,
    batch_size: int = 64,
    steps: int = 1000,
    enough: float | None = None,
    random_state: int = 0,
) -> PretrainedDecoder:
    """Train a small decoder with token shift on the task above.

    Parameters
    ----------
    vocabulary : int
        Tokens of the decoder, those of the task among them.
    first, names, values
        As in :func:`look_up_sequences`.
    attention, width, layers, heads, dropout
        Of :class:`~yinguo.language.small_gpt.SmallGPT`.
    learning_rate : float
        Of AdamW, after 50 steps of warming up.
    batch_size, steps : int
        At most so many steps.
    enough : float, optional
        Share of held-out values looked up rightly that ends training before all steps are taken.
    random_state : int

    Returns
    -------
    PretrainedDecoder
        It may have fallen short of ``enough``: its accuracy tells.
    """
    check_number("enough", enough, above=0, most=1, none=True)
    check_number("learning_rate", learning_rate, above=0)
    check_whole("steps", steps)
    check_whole("batch_size", batch_size)
    check_whole("random_state", random_state, least=-(2**63), most=2**63 - 1)
    if not callable(attention):
        raise DataError(f"attention is {attention!r}; give what makes the attention of a layer, such as SelfAttention.")
    generator = make_generator(random_state)
    settings: dict[str, Any] = {
        "vocabulary": vocabulary, "length": 1 + 4 * len(names), "width": width, "layers": layers, "heads": heads,
        "dropout": dropout, "token_shift": True, "attention": attention,
    }  # fmt: skip
    task = _LookUp(SmallGPT(**settings, generator=generator), len(names), learning_rate)
    pool, held_out = (
        look_up_sequences(n, first=first, names=names, values=values, generator=generator) for n in (_POOL, _HELD_OUT)
    )
    accuracy = 0.0

    def answered(epoch: Epoch, network: _LookUp) -> bool:
        nonlocal accuracy
        accuracy = network.accuracy(held_out)
        return enough is not None and accuracy >= enough

    trainer = Trainer(epochs=max(1, steps // _LOOK_EVERY), steps_per_epoch=_LOOK_EVERY, batch_size=batch_size,
                      generator=generator, callbacks=[answered])  # fmt: skip
    history = trainer.fit(task, {"tokens": pool})
    weights = {name: value.clone() for name, value in task.model.state_dict().items()}
    return PretrainedDecoder(weights, settings, accuracy, _LOOK_EVERY * len(history.epochs))


class _LookUp(nn.Module):
    """The decoder with its loss on the values of the second list."""

    def __init__(self, model: SmallGPT, k: int, learning_rate: float) -> None:
        super().__init__()
        self.model = model
        self.names = range(1 + 2 * k, 1 + 4 * k, 2)
        self.values = slice(2 + 2 * k, None, 2)
        self.learning_rate = learning_rate

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        tokens = batch["tokens"]
        logits = self.model(tokens, places=self.names).logits
        return {"look-up": nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, self.values].flatten())}

    def phases(self) -> list[Phase]:
        optimiser = torch.optim.AdamW(self.parameters(), lr=self.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 0.02, 1.0, total_iters=_LOOK_EVERY)
        return [Phase("pre-train", self.losses, optimiser, schedule=schedule)]

    @torch.no_grad()
    def accuracy(self, tokens: torch.Tensor) -> float:
        self.eval()
        told = self.model(tokens, places=self.names).logits.argmax(dim=-1)
        return float((told == tokens[:, self.values]).float().mean())
