"""From texts with causal spans to a tuned model, and to attention before and after.

Everything that :mod:`yinguo.language.cat` needs, put together with one choice of settings: LoRA on queries and values,
AdamW with a short warm-up and linear decay, padding, eager attention.
"""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.language.cat import CATTrainer, CausalCollator, chosen_attention
from yinguo.language.causal_spans import IGNORED, SPACE_MARKS, CausalText, TokenRow, tokenise, tokenise_all
from yinguo.language.checkpoints import Checkpoint, load_checkpoint
from yinguo.language.checks import check_texts
from yinguo.language.hub import peft, transformers
from yinguo.language.re_attention import causal_attention_mass
from yinguo.nets import torch

__all__ = ["AttentionReading", "CausalAttentionTuning", "read_attention"]


@dataclass(frozen=True, slots=True, eq=False)
class AttentionReading:
    """Where a model looks in one text.

    Attributes
    ----------
    tokens : T texts
        As they stand in the text; special tokens by their name.
    attention : (T, T) float array
        Mean over heads and layers; row i sums to one over the tokens up to i.
    supervision : (T, T) bool array
        Where it ought to look.
    mass : float
        Mean share of attention, in supervised rows, on causal tokens; NaN where nothing is supervised.
    """

    tokens: tuple[str, ...]
    attention: np.ndarray
    supervision: np.ndarray
    mass: float


class CausalAttentionTuning:
    """Tune a decoder on texts whose causal spans are known.

    **Use it when** you have some hundred prompts with answers and know which words cause the answer. **Not when** the
    spans are guesses, or the shortcuts of the training texts will hold where the model is used: plain tuning
    (``gamma=0``) is then as good and cheaper to prepare.

    **Assumes** what :class:`~yinguo.language.cat.CATTrainer` assumes.

    **Where we differ from the paper or its code, and why**: see there.

    Parameters
    ----------
    checkpoint : str or Checkpoint
        A name or folder for :func:`~yinguo.language.checkpoints.load_checkpoint`, or what it returned. The model of a
        given one is changed in place, as transformers and peft do.
    gamma, decay, alpha, form, layers, per_head, skip_first
        As in :class:`~yinguo.language.cat.CATTrainer`.
    lora_rank : int or None, default 8
        Rank of the adapters; None tunes all weights.
    lora_targets : sequence of str, default ("q_proj", "v_proj")
        Linear maps that get an adapter.
    epochs : int, default 3
    steps : int, optional
        Optimiser steps, in place of ``epochs``.
    batch_size : int, default 8
    learning_rate : float, default 0.001
        For adapters; take some 1e-5 for all weights.
    max_length : int, optional
        Longest sequence of tokens; a span that is cut is not supervised.
    bf16 : bool, default False
        Multiply in 16 bits while tuning, the weights staying in 32: half the time on processors that have them.
    random_state : int, default 0
        First adapter weights and order of the rows. The global state of random numbers is left as it was.

    Attributes
    ----------
    model_ : transformers or peft model
        Tuned, in evaluation mode.
    tokenizer_
    history_ : list of dict
        The Trainer's logs: ``loss``, ``lm_loss``, ``attention_loss``, ``attention_mass``, step by step.
    before_, after_ : list of AttentionReading
        Of the texts in ``shown``.
    dropped_ : int
        Links lost to truncation.

    Examples
    --------
    >>> tuning = CausalAttentionTuning("smollm2", steps=50)
    >>> tuning.gamma, tuning.lora_rank
    (0.1, 8)
    """

    def __init__(
        self,
        checkpoint: str | Checkpoint = "smollm2",
        *,
        gamma: float = 0.1,
        decay: float = 1.0,
        alpha: float = 2.0,
        form: str = "hinge",
        layers: Sequence[int] | None = None,
        per_head: bool = False,
        skip_first: bool = True,
        lora_rank: int | None = 8,
        lora_targets: Sequence[str] = ("q_proj", "v_proj"),
        epochs: int = 3,
        steps: int | None = None,
        batch_size: int = 8,
        learning_rate: float = 1e-3,
        max_length: int | None = None,
        bf16: bool = False,
        random_state: int = 0,
    ) -> None:
        self.checkpoint = checkpoint
        self.gamma = gamma
        self.decay = decay
        self.alpha = alpha
        self.form = form
        self.layers = layers
        self.per_head = per_head
        self.skip_first = skip_first
        self.lora_rank = lora_rank
        self.lora_targets = lora_targets
        self.epochs = epochs
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.max_length = max_length
        self.bf16 = bf16
        self.random_state = random_state

    def fit(self, texts: Sequence[CausalText], *, shown: Sequence[CausalText] | None = None) -> "CausalAttentionTuning":
        """Tune.

        Parameters
        ----------
        texts : sequence of CausalText
            With answers; those without links teach the language-modelling loss alone.
        shown : sequence of CausalText, optional
            Texts whose attention is read before and after; None is the first text, an empty sequence reads none.

        Raises
        ------
        DataError
            No texts, a text without an answer, answers that are cut off whole, options out of range, or a model that
            returns no attention.
        """
        self._check()
        for name, given in (("texts", texts), ("shown", shown or ())):
            if not isinstance(given, Sequence) or not all(isinstance(text, CausalText) for text in given):
                raise DataError(f"{name} must be a list of CausalText, each with a prompt and its answer.")
        if not texts:
            raise DataError("texts is empty; give at least one text to tune on.")
        silent = sum(not text.answer for text in texts)
        if silent:
            raise DataError(f"{silent} of {len(texts)} texts have no answer; there is nothing to tune on in them.")
        loaded = self.checkpoint if isinstance(self.checkpoint, Checkpoint) else load_checkpoint(self.checkpoint)
        model, self.tokenizer_ = loaded.model, loaded.tokenizer
        rows = tokenise_all(texts, self.tokenizer_, max_length=self.max_length)
        if all((row.labels == IGNORED).all() for row in rows):
            raise DataError(f"max_length is {self.max_length}, which cuts off every answer; raise it.")
        self.dropped_ = sum(row.dropped for row in rows)
        looked_at = texts[:1] if shown is None else shown
        self.before_ = [read_attention(model, self.tokenizer_, text) for text in looked_at]
        with _global_randomness_kept(), tempfile.TemporaryDirectory() as folder:
            transformers.set_seed(self.random_state)
            if self.lora_rank is not None:
                settings = peft.LoraConfig(
                    r=self.lora_rank, lora_alpha=2 * self.lora_rank, lora_dropout=0.0,
                    target_modules=list(self.lora_targets), task_type="CAUSAL_LM",
                )  # fmt: skip
                try:
                    model = peft.get_peft_model(model, settings)
                except ValueError as error:  # what has no such map is found out by peft alone
                    raise DataError(f"lora_targets is {tuple(self.lora_targets)}: {error}") from error
            trainer = CATTrainer(
                model, self._arguments(folder), train_dataset=rows,
                data_collator=CausalCollator(self.tokenizer_.pad_token_id),
                gamma=self.gamma, decay=self.decay, alpha=self.alpha, form=self.form, layers=self.layers,
                per_head=self.per_head, skip_first=self.skip_first,
            )  # fmt: skip
            trainer.remove_callback(transformers.PrinterCallback)  # a library does not print
            trainer.train()
            # Or else reading later would go on in 16 bits.
            trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        self.model_ = model.eval()
        self.history_ = [entry for entry in trainer.state.log_history if "loss" in entry]
        self.after_ = [read_attention(model, self.tokenizer_, text) for text in looked_at]
        return self

    def _check(self) -> None:
        check_whole("lora_rank", self.lora_rank, none=True)
        check_texts("lora_targets", self.lora_targets)
        check_number("epochs", self.epochs, above=0)
        check_whole("steps", self.steps, none=True)
        check_whole("batch_size", self.batch_size)
        check_number("learning_rate", self.learning_rate, above=0)
        check_whole("random_state", self.random_state, least=0, most=2**32 - 1)

    def _arguments(self, folder: str) -> Any:
        return transformers.TrainingArguments(
            output_dir=folder, per_device_train_batch_size=self.batch_size, learning_rate=self.learning_rate,
            num_train_epochs=self.epochs, max_steps=-1 if self.steps is None else self.steps, seed=self.random_state,
            warmup_steps=5, lr_scheduler_type="linear", weight_decay=0.0, logging_steps=1, save_strategy="no",
            report_to="none", disable_tqdm=True, remove_unused_columns=False, use_cpu=not torch.cuda.is_available(),
            dataloader_pin_memory=False,
            bf16=self.bf16,
        )  # fmt: skip


@torch.no_grad()
def read_attention(
    model: Any, tokenizer: Any, text: CausalText, *, layers: Sequence[int] | None = None
) -> AttentionReading:
    """Where a model looks in one text, as the mean over heads and layers.

    Parameters
    ----------
    model : decoder with eager attention
    tokenizer : fast tokenizer
    text : CausalText
    layers : sequence of int, optional
        Which layers; None is all.

    Raises
    ------
    DataError
        The model returns no attention.
    """
    row: TokenRow = tokenise(text, tokenizer, append_eos=False)
    device = next(model.parameters()).device
    ids = torch.from_numpy(row.input_ids)[None].to(device)
    was_training = model.training
    read = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), output_attentions=True)
    model.train(was_training)
    attention = chosen_attention(read, layers=layers, per_head=False).float().cpu()
    M = torch.from_numpy(row.supervision)[None]
    names = tokenizer.convert_ids_to_tokens(row.input_ids.tolist())
    tokens = tuple(
        text.text[start:end] if end > start else name if name.strip(SPACE_MARKS) else " "
        for (start, end), name in zip(row.offsets, names, strict=True)
    )
    return AttentionReading(tokens, attention[0].numpy(), row.supervision, float(causal_attention_mass(attention, M)))


@contextmanager
def _global_randomness_kept() -> Iterator[None]:
    """transformers seeds every global generator; the caller's programme shall not notice."""
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])  # noqa: NPY002
