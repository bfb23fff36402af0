"""What a decoder answers: the best of given candidates, or free text decoded greedily; and how often it is right.

Prompts are padded on the left, so that every row continues at the same place, and the attention mask and positions are
given explicitly: in many tokenizers the padding token is that of the end of text, and would not be told apart.
"""

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.errors import DataError
from yinguo.language.causal_spans import CausalText
from yinguo.language.checks import check_texts
from yinguo.nets import torch

__all__ = ["answer_log_probabilities", "greedy_answers", "half_precision", "score_candidates"]


@contextmanager
def half_precision(model: Any) -> Iterator[None]:
    """Read with 16-bit products, some twice as fast where the processor has them, but score tokens in full precision.

    In 16 bits two scores near 20 are told apart from a tenth on, and ties would be decided by the order of the tokens.

    Parameters
    ----------
    model : decoder of transformers, bare or wrapped by peft
    """
    device = next(model.parameters()).device.type

    def exactly(head: Any, given: tuple[torch.Tensor, ...], _scores: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, enabled=False):
            bias = None if head.bias is None else head.bias.float()
            return torch.nn.functional.linear(given[0].float(), head.weight.float(), bias)

    hook = model.get_output_embeddings().register_forward_hook(exactly)
    try:
        with torch.autocast(device, dtype=torch.bfloat16):
            yield
    finally:
        hook.remove()


@torch.no_grad()
def score_candidates(
    model: Any, tokenizer: Any, prompts: Sequence[str], candidates: Sequence[str], *, batch_size: int = 16
) -> np.ndarray:
    """Log-probability of each candidate as the answer to each prompt.

    Parameters
    ----------
    model : decoder of transformers, bare or wrapped by peft
    tokenizer : fast tokenizer with a padding token
    prompts, candidates : sequence of str
        Joined by one space, as in :class:`~yinguo.language.causal_spans.CausalText`.
    batch_size : int, default 16

    Returns
    -------
    (n, k) float array
        Sum over the tokens of the candidate, the end of text not among them.
    """
    check_texts("prompts", prompts)
    check_texts("candidates", candidates)
    if not candidates or not all(candidate.strip() for candidate in candidates):
        raise DataError(f"candidates is {candidates!r}; give at least one answer to score, and none that is empty.")
    pad = _pad_id(tokenizer)
    scores = np.zeros((len(prompts), len(candidates)))
    keep_one = {"logits_to_keep": 1} if _keeps(model) else {}
    for rows in _batches(len(prompts), batch_size):
        joined = [[_ids(tokenizer, CausalText(prompts[i], answer).text) for i in rows] for answer in candidates]
        alone = [_ids(tokenizer, CausalText(prompts[i], "").text) for i in rows]
        # The prompt is read once for all candidates, as far as its tokens are the same with each of them.
        shared = [min(_shared(whole, head) for whole in wholes) for head, *wholes in zip(alone, *joined, strict=True)]
        ids, real = _left_padded([head[:size] for head, size in zip(alone, shared, strict=True)], pad)
        read = model(**_inputs(model, ids, real), use_cache=True, **keep_one)
        first = read.logits[:, -1:].float().log_softmax(dim=-1).cpu()
        for k, wholes in enumerate(joined):
            tail, counted = _right_padded([whole[size:] for whole, size in zip(wholes, shared, strict=True)], pad)
            following = first
            if tail.shape[1] > 1:
                seen = torch.cat([real, counted[:, :-1]], dim=1)
                place = real.sum(dim=1, keepdim=True) + torch.arange(tail.shape[1] - 1)
                cache = copy.deepcopy(read.past_key_values)  # reading on would lengthen the one of the prompt
                more = model(**_inputs(model, tail[:, :-1], seen, place), past_key_values=cache, use_cache=True)
                following = torch.cat([first, more.logits.float().log_softmax(dim=-1).cpu()], dim=1)
            found = following.gather(-1, tail[..., None])[..., 0]
            scores[list(rows), k] = (found * counted).sum(dim=1).double().numpy()
    return scores


@torch.no_grad()
def answer_log_probabilities(
    model: Any, tokenizer: Any, prompts: Sequence[str], answers: Sequence[str], *, batch_size: int = 16
) -> np.ndarray:
    """Log-probability of one answer to each prompt, as a (n,) float array; the end of text is not counted.

    Parameters
    ----------
    model, tokenizer, batch_size
        As in :func:`score_candidates`.
    prompts, answers : sequences of str of the same length
    """
    check_texts("prompts", prompts)
    check_texts("answers", answers)
    if not all(answer.strip() for answer in answers):
        raise DataError("an answer is empty, so there is nothing to score; leave it out.")
    if len(prompts) != len(answers):
        raise DataError(f"there are {len(prompts)} prompts and {len(answers)} answers; give one answer for each.")
    pad, found = _pad_id(tokenizer), np.zeros(len(prompts))
    for rows in _batches(len(prompts), batch_size):
        wholes = [_ids(tokenizer, CausalText(prompts[i], answers[i]).text) for i in rows]
        alone = [_ids(tokenizer, CausalText(prompts[i], "").text) for i in rows]
        lengths = torch.tensor([len(whole) - _shared(whole, head) for whole, head in zip(wholes, alone, strict=True)])
        most = int(lengths.max())
        ids, real = _left_padded(wholes, pad)
        logits = model(**_inputs(model, ids, real), **({"logits_to_keep": most + 1} if _keeps(model) else {})).logits
        scores = logits[:, -most - 1 : -1].float().log_softmax(dim=-1).cpu().gather(-1, ids[:, -most:, None])[..., 0]
        counted = torch.arange(most) >= most - lengths[:, None]
        found[list(rows)] = (scores * counted).sum(dim=1).double().numpy()
    return found


@torch.no_grad()
def greedy_answers(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, max_new_tokens: int = 16, batch_size: int = 16
) -> list[str]:
    """The likeliest continuation of each prompt, token by token, up to the end of text.

    Parameters
    ----------
    model : decoder of transformers, bare or wrapped by peft
    tokenizer : fast tokenizer with a padding token
    prompts : sequence of str
    max_new_tokens : int, default 16
    batch_size : int, default 16

    Returns
    -------
    list of str
        Without special tokens and without blanks around them.
    """
    check_texts("prompts", prompts)
    check_whole("max_new_tokens", max_new_tokens)
    pad, eos = _pad_id(tokenizer), tokenizer.eos_token_id
    answers: list[str] = []
    keep_one = {"logits_to_keep": 1} if _keeps(model) else {}
    for rows in _batches(len(prompts), batch_size):
        ids, real = _left_padded([_ids(tokenizer, CausalText(prompts[i], "").text) for i in rows], pad)
        ended = torch.zeros(len(rows), dtype=torch.bool)
        written: list[torch.Tensor] = []
        given, cache = _inputs(model, ids, real), None
        place = real.sum(dim=1, keepdim=True)
        for _ in range(max_new_tokens):
            read = model(**given, past_key_values=cache, use_cache=True, **keep_one)
            token = read.logits[:, -1].argmax(dim=-1).cpu()
            token = torch.where(ended, torch.full_like(token, pad if eos is None else eos), token)
            written.append(token)
            ended = ended | (token == eos) if eos is not None else ended
            if ended.all():
                break
            real = torch.cat([real, torch.ones_like(real[:, :1])], dim=1)
            given, cache = _inputs(model, token[:, None], real, place), read.past_key_values
            place = place + 1
        answers += [_cut(row, eos, tokenizer) for row in torch.stack(written, dim=1).tolist()]
    return answers


def _batches(count: int, size: int) -> Iterator[range]:
    check_whole("batch_size", size)
    return (range(start, min(count, start + size)) for start in range(0, count, size))


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids = list(tokenizer(text)["input_ids"])
    if not ids:
        raise DataError(f"the prompt {text!r} has no token, so nothing stands before an answer; write one.")
    # Some tokenizers end every text; a prompt is to be continued.
    return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids


def _shared(whole: Sequence[int], head: Sequence[int]) -> int:
    """Length of the beginning that prompt and prompt with answer share: what comes after it is scored."""
    same = next((k for k, (a, b) in enumerate(zip(whole, head, strict=False)) if a != b), min(len(whole), len(head)))
    return max(same, 1)  # the first token of all is predicted by nothing


def _left_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens, and ones where they are real."""
    flipped, real = _right_padded([row[::-1] for row in rows], pad)
    return flipped.flip(1), real.flip(1)


def _right_padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    length = max(len(row) for row in rows)
    ids, real = np.full((len(rows), length), pad), np.zeros((len(rows), length), dtype=np.int64)
    for k, row in enumerate(rows):
        ids[k, : len(row)], real[k, : len(row)] = row, 1
    return torch.from_numpy(ids), torch.from_numpy(real)


def _inputs(
    model: Any, ids: torch.Tensor, real: torch.Tensor, place: torch.Tensor | None = None
) -> dict[str, torch.Tensor]:
    device = next(model.parameters()).device
    given = {"input_ids": ids.to(device), "attention_mask": real.to(device)}
    if "position_ids" in _names(model):
        positions = (real.cumsum(dim=1) - 1).clamp(min=0) if place is None else place
        given["position_ids"] = positions.to(device)
    return given


def _names(model: Any) -> frozenset[str]:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return frozenset(inspect.signature(type(inner).forward).parameters)


def _keeps(model: Any) -> bool:
    """Whether the model can leave out scores that are not asked for."""
    return "logits_to_keep" in _names(model)


def _pad_id(tokenizer: Any) -> int:
    if tokenizer.pad_token_id is None:
        raise DataError("the tokenizer has no padding token; set tokenizer.pad_token = tokenizer.eos_token.")
    return tokenizer.pad_token_id


def _cut(ids: Sequence[int], eos: int | None, tokenizer: Any) -> str:
    kept = list(ids[: ids.index(eos)]) if eos in ids else list(ids)
    return tokenizer.decode(kept, skip_special_tokens=True).strip()
