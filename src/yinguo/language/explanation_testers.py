"""Does the model change its mind without these words? Testers for the search of minimal explanations.

A tester takes places of words and says whether the prediction is another one once they are taken away. Words are taken
away by putting the padding token in their place, the tokens around them staying where they are, or by closing attention
to them. Answers are remembered: asking twice costs one run of the model.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from yinguo.errors import DataError
from yinguo.language.attention_reading import AttentionReading
from yinguo.language.checkpoints import Checkpoint
from yinguo.language.cleann import Explanation
from yinguo.nets import torch

__all__ = [
    "FlipTester",
    "class_tester",
    "embed",
    "exhaustive_explanations",
    "masked_word_tester",
    "next_token_tester",
    "prototype_classes",
]


class FlipTester:
    """Whether a decision changes when words are taken away.

    Parameters
    ----------
    decide : callable
        ``decide(ids, mask) -> int`` with (tokens,) tensors: the class or the token that is predicted.
    reading : AttentionReading
    by : {"pad", "mask"}, default "pad"
        Put the padding token in their place, or close attention to them.

    Attributes
    ----------
    before : int
        The decision with all words.
    calls : int
        Runs of the model so far, the one for ``before`` not counted.
    """

    def __init__(self, decide: Callable[[Any, Any], int], reading: AttentionReading, *, by: str = "pad"):
        if by not in ("pad", "mask"):
            raise DataError(f"by is {by!r}; it must be 'pad' or 'mask'.")
        self.decide, self.reading, self.by = decide, reading, by
        self.before = int(decide(reading.ids, torch.ones_like(reading.ids)))
        self._known: dict[frozenset[int], bool] = {}

    @property
    def calls(self) -> int:
        """Different sets of words asked about."""
        return len(self._known)

    def after(self, words: Sequence[int]) -> int:
        """The decision without these words."""
        ids, mask = self.reading.ids.clone(), torch.ones_like(self.reading.ids)
        places = [p for k in words for p in self.reading.positions[k]]
        if self.by == "pad":
            ids[places] = self.reading.checkpoint.tokenizer.pad_token_id
        else:
            mask[places] = 0
        return int(self.decide(ids, mask))

    def __call__(self, words: Sequence[int]) -> bool:
        """Whether the decision is another one without these words."""
        key = frozenset(int(k) for k in words)
        if key not in self._known:
            self._known[key] = self.after(sorted(key)) != self.before
        return self._known[key]


def next_token_tester(reading: AttentionReading, target: int, *, by: str = "pad") -> FlipTester:
    """Explains the token that a decoder predicts after a word.

    Parameters
    ----------
    reading : AttentionReading
        Of a model that ends in logits.
    target : int
        Place of the word; what comes after it plays no part.
    by : {"pad", "mask"}, default "pad"
    """
    at = reading.positions[target][-1]
    model = reading.checkpoint.model

    def decide(ids: Any, mask: Any) -> int:
        return int(_logits(model, ids[: at + 1], mask[: at + 1])[-1].argmax())

    return FlipTester(decide, reading, by=by)


def masked_word_tester(reading: AttentionReading, target: int, *, by: str = "pad") -> FlipTester:
    """Explains the word that a masked language model puts in a gap.

    Parameters
    ----------
    reading : AttentionReading
        With the word hidden, of a model that ends in logits.
    target : int
        Place of the gap.
    by : {"pad", "mask"}, default "pad"
    """
    at = reading.positions[target][0]
    model = reading.checkpoint.model
    return FlipTester(lambda ids, mask: int(_logits(model, ids, mask)[at].argmax()), reading, by=by)


def class_tester(
    reading: AttentionReading, classify: Callable[[np.ndarray], int] | None = None, *, by: str = "pad"
) -> FlipTester:
    """Explains the class of a text.

    Parameters
    ----------
    reading : AttentionReading
    classify : callable, optional
        ``classify(embedding) -> class`` of a (width,) array from :func:`embed`. None asks the model itself, which then
        must end in logits of classes.
    by : {"pad", "mask"}, default "pad"
    """
    model = reading.checkpoint.model

    def decide(ids: Any, mask: Any) -> int:
        if classify is None:
            return int(_logits(model, ids, mask).argmax())
        return int(classify(_pooled(model, ids[None], mask[None])[0]))

    return FlipTester(decide, reading, by=by)


def embed(checkpoint: Checkpoint, texts: Sequence[str], batch: int = 32) -> np.ndarray:
    """Embeddings of texts: mean of the last hidden states, scaled to length 1.

    Parameters
    ----------
    checkpoint : Checkpoint
        A model that ends in hidden states.
    texts : sequence of str
    batch : int, default 32

    Returns
    -------
    (texts, width) float array
    """
    out = []
    for start in range(0, len(texts), batch):
        coded = checkpoint.tokenizer(list(texts[start : start + batch]), return_tensors="pt", padding=True)
        out.append(_pooled(checkpoint.model, coded["input_ids"], coded["attention_mask"]))
    return np.concatenate(out)


def embedding_classifier(
    checkpoint: Checkpoint, texts: Sequence[str], classes: Sequence[int], *, C: float = 1.0
) -> Callable[[np.ndarray], np.ndarray]:
    """A logistic classifier of embeddings.

    Parameters
    ----------
    checkpoint : Checkpoint
        A model that ends in hidden states.
    texts : sequence of str
    classes : sequence of int
        Of each text.
    C : float, default 1.0
        Inverse strength of the ridge penalty, as in scikit-learn.

    Returns
    -------
    callable
        ``classify(embeddings) -> classes``: (width,) to a number, (m, width) to (m,).
    """
    fit = LogisticRegression(C=C, max_iter=2000).fit(embed(checkpoint, texts), classes)

    def classify(embeddings: np.ndarray) -> np.ndarray:
        found = fit.predict(np.atleast_2d(embeddings))
        return found if np.ndim(embeddings) == 2 else found[0]

    return classify


def prototype_classes(checkpoint: Checkpoint, labels: Sequence[str]) -> Callable[[np.ndarray], int]:
    """A classifier without training: the label whose embedding is nearest.

    Parameters
    ----------
    checkpoint : Checkpoint
        A model that ends in hidden states.
    labels : sequence of str
        At least two.

    Raises
    ------
    DataError
        Fewer than two different labels.
    """
    if len(set(labels)) < 2:
        raise DataError(f"labels are {', '.join(labels) or 'none'}; name at least two different ones.")
    near = embed(checkpoint, labels)
    return lambda embedding: int((near @ embedding).argmax())


def exhaustive_explanations(
    words: Sequence[int], tester: Callable[[Sequence[int]], bool], *, max_size: int = 3, search_minimal: bool = True
) -> list[Explanation]:
    """The reference: try every set.

    Parameters
    ----------
    words : sequence of int
        Places that may be part of an explanation.
    tester : callable
        ``tester(words) -> bool``.
    max_size : int, default 3
    search_minimal : bool, default True
        Stop after the first size that gave an explanation.

    Returns
    -------
    list of Explanation
        In the order of the text.
    """
    found: list[Explanation] = []
    for size in range(1, max_size + 1):
        found += [Explanation(given) for given in combinations(sorted(words), size) if tester(given)]
        if found and search_minimal:
            break
    return found


def flips_of_all(
    reading: AttentionReading,
    sets: Sequence[tuple[int, ...]],
    classify: Callable[[np.ndarray], np.ndarray],
    *,
    batch: int = 64,
) -> dict[tuple[int, ...], bool]:
    """Whether padding each of many sets of words flips the class; many runs of the model at once.

    Parameters
    ----------
    reading : AttentionReading
        Of a model that ends in hidden states.
    sets : sequence of tuple of int
        Places of words.
    classify : callable
        ``classify(embeddings) -> classes``, (m, width) to (m,).
    batch : int, default 64

    Returns
    -------
    dict of set to bool
    """
    model, pad = reading.checkpoint.model, reading.checkpoint.tokenizer.pad_token_id
    whole = reading.ids[None]
    before = classify(_pooled(model, whole, torch.ones_like(whole)))[0]
    flips: dict[tuple[int, ...], bool] = {}
    for start in range(0, len(sets), batch):
        part = sets[start : start + batch]
        ids = whole.repeat(len(part), 1)
        for row, words in enumerate(part):
            ids[row, [p for k in words for p in reading.positions[k]]] = pad
        after = classify(_pooled(model, ids, torch.ones_like(ids)))
        flips.update((words, bool(now != before)) for words, now in zip(part, after, strict=True))
    return flips


def _logits(model: Any, ids: Any, mask: Any) -> Any:
    with torch.no_grad():
        read = model(input_ids=ids[None], attention_mask=mask[None])
    if not hasattr(read, "logits"):
        raise DataError(
            "the model ends in hidden states and predicts nothing; load it with a head, or give a classifier."
        )
    return read.logits[0]


def _pooled(model: Any, ids: Any, mask: Any) -> np.ndarray:
    with torch.no_grad():
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weight = mask[:, :, None].to(states.dtype)
    mean = (states * weight).sum(dim=1) / weight.sum(dim=1)
    return torch.nn.functional.normalize(mean, dim=1).numpy()
