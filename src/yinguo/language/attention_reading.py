r"""Attention of one text, word by word, as the causal graph over its words needs it.

Self-attention gives every token a row of weights, Z = A V. With values of unit covariance the tokens' outputs have
covariance A A', which is all that is used here: pieces of a word become one row (the mean of their rows), columns stay
as they are, and words that are no nodes are simply not looked at, which is to say that they are marginalised.

Source: Rohekar, Gurwicz & Nisimov (2023), "Causal Interpretation of Self-Attention in Pre-Trained Transformers",
NeurIPS, arXiv 2310.20307.
"""

import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from yinguo.errors import DataError
from yinguo.language.checkpoints import Checkpoint
from yinguo.language.checks import check_texts
from yinguo.nets import torch

__all__ = ["FUNCTION_WORDS", "AttentionReading", "content_words", "merge_pieces", "read_attention"]

_HOLDING = """
a an the this that these those i you he she it we they me him her us them my your his its our their who whom which what
is am are was were be been being do does did has have had will would can could shall should may might must of in on at
by for from to with into over under about as than then so if or and but nor because while when where there here also
very too just s t
"""
#: English words that hold a sentence together and name nothing; left out of graphs unless asked for. "not" is none.
FUNCTION_WORDS = frozenset(_HOLDING.split())


@dataclass(frozen=True, slots=True)
class AttentionReading:
    """Attention maps of one layer on one text.

    Attributes
    ----------
    words : tuple of str
        In the order of the text, special tokens left out.
    positions : tuple of tuple of int
        Tokens of each word.
    attention : (heads, words, columns) float array
        Rows of words; columns are tokens. In a decoder the first token, on which most heads rest when they have nothing
        to look at, has neither row nor column.
    readout : (heads, columns) float array
        Row of what a classifier reads: the mean of all tokens' rows, or the first token's.
    ordered : bool
        Whether no token looks ahead (decoders), so that the order of the words is that of causes.
    layer : int
        Counted from 0.
    hidden_size : int
        Width of the model: the number of draws behind the covariance A A'.
    ids : (tokens,) int tensor
        What was read.
    checkpoint : Checkpoint
        What read it.
    """

    words: tuple[str, ...]
    positions: tuple[tuple[int, ...], ...]
    attention: np.ndarray
    readout: np.ndarray
    ordered: bool
    layer: int
    hidden_size: int
    ids: Any
    checkpoint: Checkpoint

    @property
    def names(self) -> tuple[str, ...]:
        """Words, told apart where one stands more than once.

        A second "the" is "the(2)".
        """
        return tuple(
            word if word not in self.words[:k] else f"{word}({self.words[: k + 1].count(word)})"
            for k, word in enumerate(self.words)
        )

    def index(self, word: str) -> int:
        """Place of a word, the last one where it stands more than once.

        Raises
        ------
        DataError
            The text has no such word; the message names those that there are.
        """
        if word in self.names and word not in self.words:
            return self.names.index(word)
        found = [k for k, w in enumerate(self.words) if w.lower() == word.lower()]
        if not found:
            raise DataError(f"the text has no word {word!r}; its words are {', '.join(self.words)}.")
        return found[-1]


def read_attention(
    checkpoint: Checkpoint,
    text: str,
    *,
    layer: int = -1,
    hidden: Sequence[str] = (),
    drop_first: bool = True,
    pooling: str = "mean",
) -> AttentionReading:
    """Run a model on a text and keep the attention of one layer.

    Parameters
    ----------
    checkpoint : Checkpoint
        Any transformers model that returns attention, with a fast tokenizer.
    text : str
    layer : int, default -1
        -1 is the deepest.
    hidden : sequence of str, default ()
        Words that are replaced by the mask token before the model reads them.
    drop_first : bool, default True
        In a decoder, leave out row and column of the first token. Its row is (1, 0, ...), so that this is conditioning
        on it; it has no causes, and conditioning on it opens no path.
    pooling : {"mean", "first"}, default "mean"
        What a classifier on top reads: the mean of all tokens, or the first.

    Returns
    -------
    AttentionReading

    Raises
    ------
    DataError
        Fewer than two words, a text that is too long, no such layer or word, or a model that returns no attention.
    """
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    if pooling not in ("mean", "first"):
        raise DataError(f"pooling is {pooling!r}; it must be 'mean' or 'first'.")
    if not getattr(tokenizer, "is_fast", False):
        raise DataError(f"the tokenizer of {checkpoint.name!r} does not say which word a token is of; take a fast one.")
    check_texts("the text", [text])
    check_texts("hidden", hidden)
    if not text.strip():
        raise DataError("the text is empty; give a sentence.")
    coded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    ids = coded["input_ids"][0]
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and len(ids) > longest:
        raise DataError(f"the text has {len(ids)} tokens; {checkpoint.name!r} takes at most {longest}.")
    words, positions = _words(text, coded)
    if hidden:
        ids = _hide(checkpoint, ids, words, positions, hidden)
    with torch.no_grad():
        read = model(input_ids=ids[None], attention_mask=torch.ones_like(ids)[None], output_attentions=True)
    maps = getattr(read, "attentions", None)
    if not maps or maps[0] is None:
        raise DataError(f"{checkpoint.name!r} returned no attention; load it with eager attention.")
    if not isinstance(layer, Integral) or not -len(maps) <= layer < len(maps):
        raise DataError(f"layer is {layer}; {checkpoint.name!r} has {len(maps)}, counted from 0.")
    A = maps[layer][0].double().numpy()
    ordered = bool(np.triu(A, 1).max() < 1e-9) and len(ids) > 1
    if ordered and drop_first:
        A = A[:, :, 1:]
        kept = [k for k, at in enumerate(positions) if at != (0,)]
        words, positions = [words[k] for k in kept], [tuple(p for p in positions[k] if p > 0) for k in kept]
    if len(words) < 2:
        raise DataError(f"{text!r} has {len(words)} words to make a graph of; at least 2 are needed.")
    size = int(getattr(model.config, "hidden_size", A.shape[-1]))
    return AttentionReading(
        words=tuple(words), positions=tuple(positions), attention=merge_pieces(A, positions),
        readout=A.mean(axis=1) if pooling == "mean" else A[:, 0], ordered=ordered, layer=layer % len(maps),
        hidden_size=size, ids=ids, checkpoint=checkpoint,
    )  # fmt: skip


def merge_pieces(A, positions):
    """Rows of words from rows of tokens: the mean over the pieces of a word.

    Parameters
    ----------
    A : (heads, tokens, columns) float array
    positions : sequence of sequence of int
        Tokens of each word.

    Returns
    -------
    (heads, words, columns) float array
        Columns stay tokens: adding up those of a word would change the covariance A A' of the rows.
    """
    return np.stack([A[:, list(at), :].mean(axis=1) for at in positions], axis=1)


def content_words(words: Sequence[str], keep: Collection[int] = ()) -> list[int]:
    """Places of the words that name something: neither function words nor punctuation.

    Parameters
    ----------
    words : sequence of str
    keep : collection of int, default ()
        Places to take in any case.

    Examples
    --------
    >>> content_words(["The", "whale", "is", "an", "animal", "."])
    [1, 4]
    """
    return [
        k for k, w in enumerate(words)
        if k in keep or (w.lower() not in FUNCTION_WORDS and any(ch not in string.punctuation for ch in w))
    ]  # fmt: skip


def _words(text: str, coded: Any) -> tuple[list[str], list[tuple[int, ...]]]:
    """Words and their tokens; special tokens belong to none."""
    encoding = coded.encodings[0]
    at: dict[int, list[int]] = {}
    for token, word in enumerate(encoding.word_ids):
        if word is not None and not encoding.special_tokens_mask[token]:
            at.setdefault(word, []).append(token)
    words, positions = [], []
    for tokens in at.values():
        name = text[encoding.offsets[tokens[0]][0] : encoding.offsets[tokens[-1]][1]].strip()
        if name:
            words.append(name)
            positions.append(tuple(tokens))
    return words, positions


def _hide(checkpoint: Checkpoint, ids, words: Sequence[str], positions, hidden: Sequence[str]):
    mask = checkpoint.tokenizer.mask_token_id
    if mask is None:
        raise DataError(f"{checkpoint.name!r} has no mask token, so no word can be hidden from it.")
    ids = ids.clone()
    for word in hidden:
        at = [p for w, p in zip(words, positions, strict=True) if w.lower() == word.lower()]
        if not at:
            raise DataError(f"the text has no word {word!r}; its words are {', '.join(words)}.")
        ids[list(at[-1])] = mask
    return ids
