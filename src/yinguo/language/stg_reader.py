r"""A small decoder that plays the Spurious Token Game, plain or with the Re-Attention loss.

A row becomes 18 tokens: first, then a name and a value for each of the eight items in the printed order, then
"Answer:"; the token after it is the label. The loss is the cross-entropy of the label, plus
:math:`\gamma_t` times the hinge of :func:`~yinguo.language.re_attention.re_attention_loss` on the row of "Answer:", the
six tokens of the causes being the ones to look at. The number of optimiser steps is the same for every number of rows:
with equal epochs the smallest training set is under-trained and looks like a failure of the loss.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.language.checks import check_fitted
from yinguo.language.look_up import PretrainedDecoder, pretrain_look_up
from yinguo.language.re_attention import causal_attention_mass, gamma_schedule, mean_attention, re_attention_loss
from yinguo.language.small_gpt import AttentionPart, SelfAttention, SmallGPT
from yinguo.language.stg import CAUSAL, LABELS, NAMES, STGRow, stg_values
from yinguo.nets import nn, torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.trainer import Batch, Epoch, History, Phase, Trainer, Validation

__all__ = ["STGReader", "pretrained_stg_decoder", "stg_tokens"]

_FIRST, _ANSWER = 1, 2  # token 0 is spare
_NAMES = {name: 3 + place for place, name in enumerate(NAMES)}
_VALUES = range(3 + len(NAMES), 3 + len(NAMES) + 16)  # yellow fingers reach 15
_LABELS = {label: _VALUES.stop + place for place, label in enumerate(LABELS)}
_VOCABULARY = _VALUES.stop + len(LABELS)
#: Position of "Answer:", which is last.
_LAST = -1


def stg_tokens(rows: Sequence[STGRow], *, causes_only: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows as tokens, and which tokens are causes.

    Parameters
    ----------
    rows : sequence of STGRow
    causes_only : bool, default False
        Leave out every item that is no cause.

    Returns
    -------
    tokens : (n, T) integer tensor
        T is 18, or 8 with the causes alone.
    causes : (n, T) boolean tensor
        True at name and value of each cause.
    """
    stg_values(rows)  # refuses what is no row, or a row without some of the items
    beyond = [(name, value) for row in rows for name, value in row.items if value >= len(_VALUES)]
    if beyond:
        raise DataError(f"{beyond[0][0]} is {beyond[0][1]}; the decoder has tokens for 0 to {len(_VALUES) - 1}.")
    shown = [[item for item in row.items if not causes_only or item[0] in CAUSAL] for row in rows]
    tokens = [[token for name, value in items for token in (_NAMES[name], _VALUES[value])] for items in shown]
    marked = [[name in CAUSAL for name, _ in items for _ in range(2)] for items in shown]
    ends = torch.tensor([[_FIRST, _ANSWER]]).expand(len(rows), 2)
    whole = torch.cat([ends[:, :1], torch.tensor(tokens), ends[:, 1:]], dim=1)
    return whole, nn.functional.pad(torch.tensor(marked), (1, 1), value=False)


def pretrained_stg_decoder(
    *, attention: AttentionPart = SelfAttention, random_state: int = 0, **options: Any
) -> PretrainedDecoder:
    """A decoder over the tokens of the game that can look up a value by its name, and knows nothing of risks.

    Parameters
    ----------
    attention : callable
    random_state : int
    **options
        Of :func:`~yinguo.language.look_up.pretrain_look_up`.
    """
    return pretrain_look_up(vocabulary=_VOCABULARY, first=_FIRST, names=tuple(_NAMES.values()), values=tuple(_VALUES),
                            attention=attention, random_state=random_state, **options)  # fmt: skip


class STGReader:
    """Tunes a pre-trained small decoder on rows of the game and answers others.

    **Use it when** a method is to be tried on the game in seconds. **Not when** the model is a checkpoint of
    transformers: the loss is the same, the loop is theirs.

    **Where we differ from the paper or its code, and why**: the decoder has 0.1 million parameters and reads a token
    for each name and number, for the comparison must run on a laptop; the epoch is chosen by cross-entropy on held-out
    rows of the training law, where the released code keeps the last.

    Parameters
    ----------
    start : PretrainedDecoder
        From :func:`pretrained_stg_decoder`.
    gamma : float, default 0.0
        Weight of the Re-Attention loss in the first epoch; 0 is ordinary tuning.
    alpha : float, default 2.0
        Ratio of attention that the hinge asks for.
    decay : float, default 1.0
        Factor on gamma from epoch to epoch.
    causes_only : bool, default False
        Leave out all other items, while training and answering: nothing spurious is left to read.
    steps : int, default 750
        Optimiser steps, whatever the number of rows.
    batch_size : int, default 64
    learning_rate : float, default 0.001
        Of AdamW in the first step; half a cosine down to zero.
    random_state : int, default 0

    Attributes
    ----------
    model_ : SmallGPT
    history_ : History
    validation_loss_ : float
        Smallest cross-entropy on the validation rows, whose weights are kept.
    """

    def __init__(
        self,
        *,
        start: PretrainedDecoder,
        gamma: float = 0.0,
        alpha: float = 2.0,
        decay: float = 1.0,
        causes_only: bool = False,
        steps: int = 750,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        random_state: int = 0,
    ) -> None:
        self.start = start
        self.gamma = gamma
        self.alpha = alpha
        self.decay = decay
        self.causes_only = causes_only
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, rows: Sequence[STGRow], validation: Sequence[STGRow]) -> "STGReader":
        """Tune on ``rows``, keeping the weights that do best on ``validation``.

        Parameters
        ----------
        rows, validation : sequences of STGRow
            Of the same law; the validation rows are not trained on.
        """
        if not isinstance(self.start, PretrainedDecoder):
            raise DataError(f"start is {self.start!r}; give what pretrained_stg_decoder returns.")
        for name in ("steps", "batch_size"):
            check_whole(name, getattr(self, name))
        check_number("learning_rate", self.learning_rate, above=0)
        check_whole("random_state", self.random_state, least=-(2**63), most=2**63 - 1)
        gamma_schedule(self.gamma, self.decay, 0)
        if not rows or not validation:
            raise DataError(f"there are {len(rows)} training and {len(validation)} validation rows; give both.")
        generator = make_generator(self.random_state)
        tuning = _Tuning(self.start.build(generator), self)
        steps_per_epoch = max(1, round(len(rows) / self.batch_size))
        epochs = max(1, round(self.steps / steps_per_epoch))
        held_out = self._batch(validation)
        # About thirty looks, whatever the number of epochs: a look costs as much as a few steps.
        look = Validation("cross-entropy of the label on held-out rows", lambda: float(tuning.label_loss(held_out)),
                          every=max(1, epochs // 30))  # fmt: skip
        trainer = Trainer(epochs=epochs, batch_size=self.batch_size, generator=generator, callbacks=[tuning.next_epoch])
        self.history_: History = trainer.fit(tuning, self._batch(rows), look)
        self.validation_loss_ = min(e.validation for e in self.history_.epochs if e.validation is not None)
        self.model_: SmallGPT = tuning.model
        return self

    @torch.no_grad()
    def predict(self, rows: Sequence[STGRow]) -> list[str]:
        """A label for each row, the likeliest of the three."""
        check_fitted(self, "model_")
        labels = torch.tensor(list(_LABELS.values()))
        tokens, _ = stg_tokens(rows, causes_only=self.causes_only)
        best = self.model_(tokens, places=[_LAST]).logits[:, 0, labels].argmax(dim=-1)
        return [LABELS[place] for place in best.tolist()]

    @torch.no_grad()
    def causal_mass(self, rows: Sequence[STGRow]) -> float:
        """Share of the attention of "Answer:", over all heads and layers, that falls on tokens of the causes."""
        check_fitted(self, "model_")
        tokens, causes = stg_tokens(rows, causes_only=self.causes_only)
        return float(causal_attention_mass(mean_attention(self.model_(tokens).attentions), _supervision(causes)))

    def _batch(self, rows: Sequence[STGRow]) -> dict[str, torch.Tensor]:
        tokens, causes = stg_tokens(rows, causes_only=self.causes_only)
        return {"tokens": tokens, "causes": causes, "label": torch.tensor([_LABELS[row.label] for row in rows])}


class _Tuning(nn.Module):
    """The decoder with the losses of a reader."""

    def __init__(self, model: SmallGPT, reader: STGReader) -> None:
        super().__init__()
        self.model = model
        self.reader = reader
        self.epoch = 0

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        reading = self.model(batch["tokens"], places=[_LAST])
        found = {"label": nn.functional.cross_entropy(reading.logits[:, 0], batch["label"])}
        gamma = gamma_schedule(self.reader.gamma, self.reader.decay, self.epoch)
        if gamma:
            found["attention"] = gamma * re_attention_loss(
                mean_attention(reading.attentions), _supervision(batch["causes"]), alpha=self.reader.alpha
            )
        return found

    def label_loss(self, batch: Batch) -> torch.Tensor:
        return nn.functional.cross_entropy(self.model(batch["tokens"], places=[_LAST]).logits[:, 0], batch["label"])

    def next_epoch(self, epoch: Epoch, network: nn.Module) -> None:
        self.epoch = epoch.number

    def phases(self) -> list[Phase]:
        optimiser = torch.optim.AdamW(self.parameters(), lr=self.reader.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.reader.steps)
        return [Phase("tune", self.losses, optimiser, schedule=schedule)]


def _supervision(causes: torch.Tensor) -> torch.Tensor:
    """(B, T) causes as the supervision of the row of "Answer:" alone, (B, T, T)."""
    length = causes.shape[1]
    answer = torch.arange(length) == length - 1
    return causes[:, None, :] & answer[None, :, None]
