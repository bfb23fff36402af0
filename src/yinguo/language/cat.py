r"""Causal Attention Tuning: ordinary tuning, and a loss on the attention of rows whose causes are known.

.. math:: L = L_{\text{LM}} + \gamma_t L_{\text{attn}}, \qquad \gamma_t = \gamma_0 r^t \text{ in epoch } t,

with the language-modelling loss on the answer alone and the Re-Attention loss of
:mod:`yinguo.language.re_attention` on the average of attention over heads and layers, or on each head of each layer.

Source: Han, Zhao, Zhao, Ye, Pan & Kuang (2025), CAT: Causal Attention Tuning, EMNLP, arXiv 2509.01535. The training
loop is not in the released code; the schedule of gamma is from memory of the paper and an option here.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.errors import DataError
from yinguo.language.causal_spans import IGNORED, TokenRow
from yinguo.language.hub import transformers
from yinguo.language.re_attention import causal_attention_mass, gamma_schedule, re_attention_loss
from yinguo.nets import nn, torch

__all__ = ["CATTrainer", "CausalCollator", "chosen_attention"]


class CausalCollator:
    """Rows of different length to one batch, padded on either side.

    Parameters
    ----------
    pad_id : int
        Token of padding; it may be that of the end of text, since the attention mask is given explicitly.
    side : {"right", "left"}
        Where padding goes. It makes no difference to the losses.

    Examples
    --------
    >>> collator = CausalCollator(pad_id=0)
    """

    def __init__(self, pad_id: int, side: str = "right") -> None:
        if side not in ("right", "left"):
            raise DataError(f"side is {side!r}; padding goes to the 'right' or the 'left'.")
        if pad_id is None:
            raise DataError("the tokenizer has no padding token; set tokenizer.pad_token = tokenizer.eos_token.")
        check_whole("pad_id", pad_id, least=0)
        self.pad_id = pad_id
        self.side = side

    def __call__(self, rows: Sequence[TokenRow]) -> dict[str, torch.Tensor]:
        """A batch: input_ids, attention_mask and labels (B, T); supervision (B, T, T)."""
        odd = [row for row in rows if not isinstance(row, TokenRow)]
        if odd or not rows:
            raise DataError(f"the batch holds {f'a {type(odd[0]).__name__}' if odd else 'no row'}; give TokenRows, as "
                            "tokenise makes them.")  # fmt: skip
        length = max(len(row.input_ids) for row in rows)
        shape = (len(rows), length)
        ids, labels = np.full(shape, self.pad_id), np.full(shape, IGNORED)
        real, supervision = np.zeros(shape, dtype=np.int64), np.zeros((*shape, length), dtype=bool)
        for k, row in enumerate(rows):
            size = len(row.input_ids)
            place = slice(0, size) if self.side == "right" else slice(length - size, length)
            ids[k, place], labels[k, place], real[k, place] = row.input_ids, row.labels, 1
            supervision[k, place, place] = row.supervision
        arrays = {"input_ids": ids, "attention_mask": real, "labels": labels, "supervision": supervision}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def chosen_attention(outputs: Any, *, layers: Sequence[int] | None, per_head: bool) -> torch.Tensor:
    """Attention that the loss is taken of: the average, (B, T, T), or every head of every layer, (B, L H, T, T).

    Parameters
    ----------
    outputs : model output
        With ``attentions``, a (B, H, T, T) tensor for each layer.
    layers : sequence of int, optional
        Which layers, counted from 0, negative ones from the end; None is all.
    per_head : bool

    Raises
    ------
    DataError
        The model returned no attention, or has no such layer.
    """
    given = getattr(outputs, "attentions", None)
    if not given or any(layer is None for layer in given):
        raise DataError(
            "the model returned no attention: its implementation is a fused one. Load it with "
            'attn_implementation="eager", or call model.set_attn_implementation("eager").'
        )
    count = len(given)
    if layers is not None and (not isinstance(layers, Iterable) or not tuple(layers)):
        raise DataError(f"layers is {layers!r}; name at least one in a list, or pass None for all {count}.")
    outside = [k for k in layers or () if not -count <= k < count]
    if outside:
        raise DataError(f"layers names {outside}; the model has {count} layers, 0 to {count - 1}.")
    taken = given if layers is None else [given[k] for k in layers]
    return torch.cat(list(taken), dim=1) if per_head else torch.stack([one.mean(dim=1) for one in taken]).mean(dim=0)


class CATTrainer(transformers.Trainer):
    r"""A ``transformers.Trainer`` for full or LoRA tuning that also teaches a decoder where to look.

    **Use it when** a decoder is tuned on rows in which the tokens that cause the answer are known, and shortcuts in the
    training rows will not hold later. **Not when** the spans are guesses: a wrong span teaches a wrong shortcut, with
    nothing in the loss to say so. An encoder has no rows that predict the next token, and is refused nowhere: the loss
    would be meaningless.

    **Assumes** that attention is a fair account of what a decoder uses; other layers can still carry a spurious value
    to the position of a causal token, and from there it is read unseen.

    **Where we differ from the paper or its code, and why**: the hinge is the default form, "div" being unbounded below;
    the first token, on which decoders park attention, is left out of both means (``skip_first``); spans become tokens
    by offsets.

    Parameters
    ----------
    *args, **options
        As for ``transformers.Trainer``: model, args, train_dataset, data_collator, ... The data set is a list of
        :class:`~yinguo.language.causal_spans.TokenRow`, the collator a :class:`CausalCollator`, the model a decoder
        with eager attention, bare or wrapped by peft.
    gamma : float or callable (epoch) -> float, default 0.1
        Weight of the Re-Attention loss; 0 is plain tuning, without asking for attention. A callable is given the number
        of finished epochs.
    decay : float, default 1.0
        r above, where gamma is a number.
    alpha, form, smoothed, skip_first
        As in :func:`~yinguo.language.re_attention.re_attention_loss`.
    layers : sequence of int, optional
        Layers whose attention counts; None is all.
    per_head : bool, default False
        Ask every head of every layer for the ratio, instead of their average; the average lets a few heads meet it.
    answer_logits_only : bool, default True
        Compute scores over the vocabulary only where an answer is predicted, where the model can do that. The loss is
        the same but for rounding, and most of the memory is saved.

    Notes
    -----
    The logs hold, next to ``loss``, the means since the last log of ``lm_loss`` and, while gamma is above 0, of
    ``attention_loss`` and ``attention_mass`` (the share of attention, in supervised rows, on causal tokens).
    """

    def __init__(
        self,
        *args: Any,
        gamma: float | Callable[[int], float] = 0.1,
        decay: float = 1.0,
        alpha: float = 2.0,
        form: str = "hinge",
        smoothed: bool = False,
        skip_first: bool = True,
        layers: Sequence[int] | None = None,
        per_head: bool = False,
        answer_logits_only: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        # transformers would otherwise drop what the model's forward does not name: the supervision.
        self.args.remove_unused_columns = False
        self.gamma = gamma
        self.decay = decay
        self.alpha = alpha
        self.form = form
        self.smoothed = smoothed
        self.skip_first = skip_first
        self.layers = layers
        self.per_head = per_head
        self.answer_logits_only = answer_logits_only
        self._seen: dict[str, list[torch.Tensor]] = {}
        if not callable(gamma):
            gamma_schedule(gamma, decay, 0)  # refuses numbers out of range now, not after an epoch

    def gamma_now(self) -> float:
        """Weight of the Re-Attention loss in the present epoch."""
        epoch = int(self.state.epoch or 0)
        return self.gamma(epoch) if callable(self.gamma) else gamma_schedule(self.gamma, self.decay, epoch)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Both losses of a batch; see the class."""
        supervision, labels = inputs["supervision"], inputs["labels"]
        gamma = self.gamma_now()
        real = inputs["attention_mask"].bool()
        takes = _arguments(model)
        given = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
        if "position_ids" in takes:
            # Counted from the first real token, so that padding on the left shifts nothing.
            given["position_ids"] = (real.long().cumsum(dim=1) - 1).clamp(min=0)
        if "use_cache" in takes:
            given["use_cache"] = False
        # The label of position t is the token at t + 1.
        wanted = nn.functional.pad(labels[:, 1:], (0, 1), value=IGNORED)
        if self.answer_logits_only and "logits_to_keep" in takes:
            kept = (wanted != IGNORED).any(dim=0).nonzero()[:, 0]
            kept = kept if len(kept) else torch.zeros(1, dtype=torch.long, device=labels.device)
            given["logits_to_keep"] = kept
            wanted = wanted[:, kept]
        outputs = model(**given, output_attentions=True) if gamma else model(**given)
        count = (wanted != IGNORED).sum().clamp(min=1) if num_items_in_batch is None else num_items_in_batch
        loss = _summed_loss(outputs.logits, wanted) / count
        self._note("lm_loss", loss if num_items_in_batch is None else loss * self._parts())
        if gamma:
            attention = chosen_attention(outputs, layers=self.layers, per_head=self.per_head)
            attention_loss = re_attention_loss(
                attention, supervision, alpha=self.alpha, form=self.form, smoothed=self.smoothed,
                skip_first=self.skip_first, real=real,
            )  # fmt: skip
            with torch.no_grad():
                self._note("attention_mass", causal_attention_mass(attention, supervision, real=real))
            self._note("attention_loss", attention_loss)
            # With the number of answer tokens given, nobody divides by the number of accumulated batches later.
            loss = loss + gamma * attention_loss / (1 if num_items_in_batch is None else self._parts())
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The Trainer's log, with the two losses and the attention mass beside ``loss``."""
        if "loss" in logs:
            means = {name: _mean(values) for name, values in self._seen.items()}
            logs = {**logs, **{name: value for name, value in means.items() if value == value}}
            self._seen = {}
        super().log(logs, start_time)

    def _note(self, name: str, value: torch.Tensor) -> None:
        if getattr(self.model, "training", False):
            self._seen.setdefault(name, []).append(value.detach())

    def _parts(self) -> int:
        """Batches that are accumulated into one step."""
        return getattr(self, "current_gradient_accumulation_steps", 1) or 1


def _arguments(model: nn.Module) -> frozenset[str]:
    """What the decoder's forward names, looked up behind the wrappers of peft and of parallel training."""
    inner: Any = getattr(model, "module", model)
    inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
    return frozenset(inspect.signature(type(inner).forward).parameters)


def _summed_loss(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    scores = logits.float().reshape(-1, logits.shape[-1])
    return nn.functional.cross_entropy(scores, wanted.reshape(-1), ignore_index=IGNORED, reduction="sum")


def _mean(values: Sequence[torch.Tensor]) -> float:
    """Over the batches in which the value is a number."""
    return float(torch.stack(list(values)).nanmean())
