r"""Log-probabilities of sequences under a model of the next token.

.. math:: \log P(x) = \sum_{t \ge p} \log \mathrm{softmax}(z_{t-1})[x_t]

with :math:`z_{t-1}` the logits at the position before token t and p the number of tokens that are given (a start token,
a prompt). Three things go wrong in released code, and each changes the figure by more than any effect that is looked
for: logits that are not normalised, logits read at the position of the token itself, and padding that is counted.

Any model will do that returns logits, as a tensor or as the attribute ``logits`` of what it returns, and in which no
position sees what stands after it: :class:`~yinguo.language.SmallGPT`, decoders of transformers, with adapters or
without. Padding may stand to the left or to the right; it is moved to the right before the model is called, where no
token sees it, so that a model with absolute positions scores a text the same however it was padded.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.errors import DataError
from yinguo.language.checks import check_texts
from yinguo.nets import torch

__all__ = ["SequenceScores", "TextScores", "score_sequences", "score_texts", "token_log_probabilities"]


@dataclass(frozen=True, slots=True)
class SequenceScores:
    """Log-probabilities of a batch of sequences, token by token.

    Attributes
    ----------
    by_token : (B, T) tensor
        Log-probability of each token given those before it, in nats; 0 where nothing is scored.
    scored : (B, T) boolean tensor
        Tokens that are real and not given.
    """

    by_token: torch.Tensor
    scored: torch.Tensor

    @property
    def total(self) -> torch.Tensor:
        """(B,) log-probability of each sequence given its prompt."""
        return self.by_token.sum(dim=1)

    @property
    def count(self) -> torch.Tensor:
        """(B,) number of tokens scored."""
        return self.scored.sum(dim=1)

    @property
    def mean(self) -> torch.Tensor:
        """(B,) log-probability per token; 0 for a sequence without scored tokens."""
        return self.total / self.count.clamp(min=1)


@dataclass(frozen=True, slots=True)
class TextScores:
    """Log-probabilities of texts.

    Attributes
    ----------
    total : (n,) float array
        Log-probability of each text given its prompt, in nats.
    count : (n,) int array
        Tokens of each text.
    """

    total: np.ndarray
    count: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """(n,) log-probability per token."""
        return self.total / np.maximum(self.count, 1)


def token_log_probabilities(logits: torch.Tensor, tokens: torch.Tensor, *, chunk: int = 128) -> torch.Tensor:
    """Log-probability of each token but the first, given those before it.

    Parameters
    ----------
    logits : (B, T, V) tensor
        Position t scores the token at t + 1.
    tokens : (B, T) integer tensor
    chunk : int, default 128
        Positions normalised at a time: beside the logits no second tensor of their size is held.

    Returns
    -------
    (B, T - 1) tensor, in single precision at least
    """
    parts = []
    # One split, not slices: the gradients of slices would each fill a tensor as large as the logits.
    for scores, following in zip(logits[:, :-1].split(chunk, dim=1), tokens[:, 1:].split(chunk, dim=1), strict=True):
        scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
        parts.append(scores.gather(-1, following[..., None])[..., 0] - scores.logsumexp(dim=-1))
    return torch.cat(parts, dim=1) if parts else logits.new_zeros(len(tokens), 0)


def check_tokens(tokens: Any) -> None:
    """Refuse anything but a (n, T) tensor of whole numbers, none of them negative.

    Raises
    ------
    DataError
    """
    if not isinstance(tokens, torch.Tensor) or tokens.ndim != 2 or tokens.is_floating_point() or tokens.is_complex():
        said = (
            f"{tokens.dtype} of shape {tuple(tokens.shape)}"
            if isinstance(tokens, torch.Tensor)
            else type(tokens).__name__
        )
        raise DataError(f"tokens is a {said}; give an integer tensor of shape (n, T): torch.as_tensor(tokens).long().")
    if tokens.numel() and int(tokens.min()) < 0:
        raise DataError(f"a token is {int(tokens.min())}; tokens count from 0. Mark padding by padding=.")


def check_vocabulary(model: Any, tokens: torch.Tensor) -> None:
    """Refuse tokens beyond those that a model knows, where it says which it knows.

    Raises
    ------
    DataError
    """
    known = getattr(model, "get_input_embeddings", lambda: None)()
    size = getattr(known, "num_embeddings", None)
    if size is not None and tokens.numel() and int(tokens.max()) >= size:
        raise DataError(f"a token is {int(tokens.max())} and the model knows 0 to {size - 1}; take the tokenizer of "
                        "the model.")  # fmt: skip


def check_prompt(prompt: Any, n: int) -> None:
    """Refuse anything but one number of given tokens, or one for each of n texts, each at least 1.

    Raises
    ------
    DataError
    """
    if not isinstance(prompt, torch.Tensor):
        check_whole("prompt", prompt)
    elif prompt.is_floating_point() or prompt.shape not in ((), (1,), (n,)):
        raise DataError(f"prompt is {prompt.dtype} of shape {tuple(prompt.shape)}; give whole numbers, one for each of "
                        f"the {n} texts.")  # fmt: skip
    elif prompt.numel() and int(prompt.min()) < 1:
        raise DataError(f"prompt is {int(prompt.min())}; it must be at least 1: the first token has nothing before it.")


def score_sequences(
    model: Any,
    tokens: torch.Tensor,
    *,
    padding: torch.Tensor | None = None,
    prompt: int | torch.Tensor = 1,
    chunk: int = 128,
) -> SequenceScores:
    """Scores of a batch, with gradients if they are on.

    Parameters
    ----------
    model : callable
        Takes (B, T) tokens, returns (B, T, V) logits or an object that has them.
    tokens : (B, T) integer tensor
    padding : (B, T) boolean tensor, optional
        True where a token is real (the ``attention_mask`` of a tokenizer); None means all are.
    prompt : int or (B,) integer tensor, default 1
        Real tokens at the start of each sequence that are given and not scored; at least one, since nothing stands
        before the first.
    chunk : int, default 128
        As :func:`token_log_probabilities`.

    Raises
    ------
    DataError
        Tokens that are no whole numbers of the vocabulary, padding of another shape, or a prompt of no token.
    """
    check_tokens(tokens)
    check_prompt(prompt, len(tokens))
    check_whole("chunk", chunk)
    real = torch.ones_like(tokens, dtype=torch.bool) if padding is None else padding.bool()
    if real.shape != tokens.shape:
        raise DataError(f"padding has shape {tuple(real.shape)} and tokens {tuple(tokens.shape)}; they must agree.")
    given = torch.as_tensor(prompt, device=tokens.device).expand(len(tokens))
    # Real tokens first, in their order; a position sees only what stands before it, so no mask is needed then.
    order = (~real).to(torch.uint8).argsort(dim=1, stable=True)
    longest = max(int(real.sum(dim=1).max()) if len(tokens) else 0, 1)
    moved = tokens.gather(1, order)[:, :longest]
    kept = real.gather(1, order)[:, :longest]
    moved = moved.masked_fill(~kept, 0)
    scores = token_log_probabilities(_logits(model, moved), moved, chunk=chunk)  # (B, longest - 1)
    wanted = kept & (torch.arange(longest, device=tokens.device) >= given[:, None])
    scores = torch.where(wanted[:, 1:], scores, torch.zeros((), dtype=scores.dtype, device=scores.device))
    # Back to the places where the tokens stood.
    by_token = scores.new_zeros(tokens.shape).scatter(1, order[:, 1:longest], scores)
    return SequenceScores(by_token, torch.zeros_like(real).scatter(1, order[:, :longest], wanted))


def score_texts(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    prompts: Sequence[str] | None = None,
    rows: int = 16,
    end: bool = False,
) -> TextScores:
    """Log-probabilities of texts, each after its prompt, without gradients.

    Prompt and text are made into tokens apart, so that the tokens of a text do not depend on what it follows; write the
    blank between them where it belongs to the text.

    Parameters
    ----------
    model, tokenizer : of transformers
        The model is put in evaluation mode for the call.
    texts : sequence of n str
    prompts : sequence of n str, optional
        None: each text stands at the start, after the tokenizer's start token.
    rows : int, default 16
        Texts scored at a time.
    end : bool, default False
        Score the token that ends a text as well, as the probability of a whole text requires.

    Raises
    ------
    DataError
        A text without tokens, prompts of another number, or a tokenizer with neither start nor end token.
    """
    check_texts("texts", texts)
    check_texts("prompts", prompts or ())
    check_whole("rows", rows)
    if prompts is not None and len(prompts) != len(texts):
        raise DataError(f"there are {len(prompts)} prompts for {len(texts)} texts; give one for each.")
    start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    if start is None or (end and tokenizer.eos_token_id is None):
        raise DataError("the tokenizer has no start or end token; set tokenizer.bos_token or tokenizer.eos_token.")
    sequences, given = [], []
    for k, text in enumerate(texts):
        before = [] if prompts is None else list(tokenizer(prompts[k], add_special_tokens=False)["input_ids"])
        own = list(tokenizer(text, add_special_tokens=False)["input_ids"])
        if not own:
            raise DataError(f"text {k} has no token ({text!r}); leave it out.")
        before = before or [start]
        sequences.append(before + own + [tokenizer.eos_token_id] * end)
        given.append(len(before))
    device = next(model.parameters()).device
    total, count = np.zeros(len(texts)), np.zeros(len(texts), dtype=np.int64)
    training = model.training
    model.eval()
    try:
        # Texts of like length together: less padding.
        queue = sorted(range(len(texts)), key=lambda k: len(sequences[k]))
        for first in range(0, len(queue), rows):
            chosen = queue[first : first + rows]
            width = len(sequences[chosen[-1]])
            tokens = torch.tensor([sequences[k] + [0] * (width - len(sequences[k])) for k in chosen], device=device)
            padding = torch.tensor([[t < len(sequences[k]) for t in range(width)] for k in chosen], device=device)
            with torch.no_grad():
                found = score_sequences(
                    model, tokens, padding=padding, prompt=torch.tensor([given[k] for k in chosen], device=device)
                )
            total[chosen], count[chosen] = found.total.cpu().numpy(), found.count.cpu().numpy()
    finally:
        model.train(training)
    return TextScores(total, count)


def _logits(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Logits of a model; one that could keep its states for generation is told not to."""
    if not callable(model):
        raise DataError(f"the model is {model!r}; give a loaded one, such as load_checkpoint(...).model.")
    takes = inspect.signature(getattr(model, "forward", model)).parameters
    try:
        answer = model(tokens, use_cache=False) if "use_cache" in takes else model(tokens)
    except IndexError as error:  # asked afterwards, so that no step of tuning pays for it
        check_vocabulary(model, tokens)
        raise DataError(f"the model cannot read {tokens.shape[1]} tokens ({error}); cut the texts.") from error
    return getattr(answer, "logits", answer)
