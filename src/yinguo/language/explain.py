"""One text, one model, all heads: graphs and minimal explanations of what the model predicts there.

What is predicted depends on the model: the next token after a word (decoders), the word in a gap (masked language
models), the class of the text (classifiers, or the nearest of some labels). The first is explained at that word, the
second at the gap, the last at the *readout*, what the classifier reads: its row of attention is the mean of all rows,
or that of the first token.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.errors import DataError
from yinguo.language.attention_reading import AttentionReading, content_words, read_attention
from yinguo.language.checkpoints import Checkpoint, bundled_folder, load_checkpoint
from yinguo.language.checks import check_texts
from yinguo.language.cleann import CLEANN, MOST_NODES, AttentionGraph, Explanation
from yinguo.language.explanation_testers import (
    FlipTester,
    class_tester,
    masked_word_tester,
    next_token_tester,
    prototype_classes,
)
from yinguo.language.hub import transformers

__all__ = ["READOUT", "TextExplanation", "explain_text", "head_graphs", "head_of"]

#: Name of the node that stands for what a classifier reads.
READOUT = "(text)"


@dataclass(frozen=True, slots=True)
class TextExplanation:
    """Graphs and explanations of one text.

    Attributes
    ----------
    model, text, question : str
        ``question`` says in words what is explained.
    names : tuple of str
        Words, and the readout last.
    nodes : tuple of int
        Those that are in the graphs.
    target : int
        The one that is explained.
    layer : int
    kind : {"PAG", "CPDAG"}
    graphs : mapping of head to AttentionGraph
    explanations : mapping of head to list of Explanation
    union : list of Explanation
        The smallest that any head led to.
    asked : bool
        Whether the model predicts anything; without, there are graphs only.
    runs, exhaustive_runs : int
        Runs of the model, and those that trying every set up to the same size takes.
    max_size : int
    """

    model: str
    text: str
    question: str
    names: tuple[str, ...]
    nodes: tuple[int, ...]
    target: int
    layer: int
    kind: str
    graphs: Mapping[int, AttentionGraph]
    explanations: Mapping[int, list[Explanation]]
    union: list[Explanation]
    asked: bool
    runs: int
    exhaustive_runs: int
    max_size: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""

        def told(items: Sequence[Explanation]) -> list[dict[str, Any]]:
            return [{"words": [self.names[k] for k in item.words], "distance": item.distance} for item in items]

        return {
            "model": self.model, "text": self.text, "question": self.question, "layer": self.layer, "kind": self.kind,
            "target": self.names[self.target], "words": [self.names[k] for k in self.nodes],
            "heads": [
                {"head": head, "edges": [list(edge) for edge in graph.edges()], "tests": graph.tests,
                 "explanations": told(self.explanations.get(head, []))}
                for head, graph in self.graphs.items()
            ],
            "union": told(self.union), "runs": self.runs, "exhaustive_runs": self.exhaustive_runs,
        }  # fmt: skip


def explain_text(
    model: str | Checkpoint,
    text: str,
    *,
    target: str | None = None,
    labels: Sequence[str] = (),
    layer: int = -1,
    head: int | None = None,
    n_samples: float | None = None,
    all_words: bool = False,
    options: Mapping[str, Any] | None = None,
) -> TextExplanation:
    """Causal graphs over the words of a text, and minimal explanations of what a model makes of it.

    Parameters
    ----------
    model : str or Checkpoint
        Name or folder; or one that is loaded.
    text : str
    target : str, optional
        The word whose successor (decoders) or whose own place (masked language models) is explained. None is the last
        one.
    labels : sequence of str, default ()
        Classes for a model that ends in hidden states: that of the nearest label is explained.
    layer : int, default -1
    head : int, optional
        None is all.
    n_samples : float, optional
        Draws behind the covariance; None is the width of the model.
    all_words : bool, default False
        Keep function words and punctuation as nodes.
    options : mapping, optional
        Of :class:`~yinguo.language.cleann.CLEANN`.

    Raises
    ------
    DataError
        A model, layer, head or word that is not there.
    """
    if isinstance(model, Checkpoint):
        kind, checkpoint = _kind_of(model), model
    else:
        kind = head_of(model)
        checkpoint = load_checkpoint(model, head=kind)
    check_texts("labels", labels)
    check_whole("head", head, least=0, none=True)
    if labels and kind != "none":
        raise DataError(f"{checkpoint.name} predicts something itself; leave out the labels {', '.join(labels)}.")
    if target is not None and kind in ("class", "none"):
        raise DataError(
            f"{checkpoint.name} predicts no words, so {target!r} cannot be explained; leave the target out."
        )
    reading = read_attention(checkpoint, text, layer=layer, pooling="first" if kind == "class" else "mean")
    place = len(reading.words)
    if kind in ("lm", "masked"):
        named = [k for k in content_words(reading.words)] or list(range(len(reading.words)))
        place = reading.index(target) if target is not None else len(reading.words) - 1 if kind == "lm" else named[-1]
    if kind == "masked":
        reading = read_attention(checkpoint, text, layer=layer, hidden=(reading.words[place],))
    heads = list(range(len(reading.attention))) if head is None else [head]
    if head is not None and not 0 <= head < len(reading.attention):
        raise DataError(f"head is {head}; {checkpoint.name} has {len(reading.attention)}, counted from 0.")
    names = (*reading.names, READOUT)
    nodes = list(range(len(reading.words))) if all_words else content_words(reading.words, keep=(place,))
    if kind in ("class", "none"):
        nodes.append(place)
    if kind == "lm":
        nodes = [k for k in nodes if k <= place]
    if not 2 <= len(nodes) <= MOST_NODES:
        raise DataError(f"the text has {len(nodes)} words to make a graph of; give one with 2 to {MOST_NODES}.")
    settings = dict(options or {})
    known = list(inspect.signature(CLEANN).parameters)
    strange = [name for name in settings if name not in known]
    if strange:
        raise DataError(f"CLEANN has no option {strange[0]!r}; it has {', '.join(known)}.")
    graphs = head_graphs(reading, heads, nodes, n_samples=n_samples, **settings)
    tester = _tester(checkpoint, reading, kind, place, labels)
    found = {h: g.explain(place, tester) for h, g in graphs.items()} if tester is not None else {}
    union = _smallest([item for items in found.values() for item in items])
    most = CLEANN(**settings).max_size
    deepest = len(union[0].words) if union else most
    return TextExplanation(
        model=checkpoint.name, text=text, question=_question(checkpoint, reading, kind, place, labels, tester),
        names=names, nodes=tuple(nodes), target=place, layer=reading.layer,
        kind="CPDAG" if settings.get("learner") == "pc" else "PAG",
        graphs={h: g.graph_ for h, g in graphs.items()}, explanations=found, union=union, asked=tester is not None,
        runs=0 if tester is None else tester.calls,
        exhaustive_runs=sum(comb(len(nodes) - 1, size) for size in range(1, deepest + 1)), max_size=most,
    )  # fmt: skip


def head_graphs(
    reading: AttentionReading,
    heads: Sequence[int],
    nodes: Sequence[int],
    *,
    n_samples: float | None = None,
    **options: Any,
) -> dict[int, CLEANN]:
    """A fitted CLEANN for each head.

    Parameters
    ----------
    reading : AttentionReading
    heads : sequence of int
    nodes : sequence of int
        Places of words; the number of words is the place of the readout.
    n_samples : float, optional
        None is the width of the model.
    **options
        Of :class:`~yinguo.language.cleann.CLEANN`.
    """
    draws = reading.hidden_size if n_samples is None else n_samples
    names = (*reading.names, READOUT)
    return {
        head: CLEANN(**options).fit(
            np.vstack([reading.attention[head], reading.readout[head]]), n_samples=draws, nodes=nodes, names=names,
            ordered=reading.ordered,
        )
        for head in heads
    }  # fmt: skip


def head_of(name: str) -> str:
    """What a model ends in, from its configuration: "lm", "masked", "class" or "none"."""
    if name in ("minilm", "smollm2"):
        bundled_folder(name)
        return "none" if name == "minilm" else "lm"
    try:
        config = transformers.AutoConfig.from_pretrained(name)
    except (OSError, ValueError):
        return "none"  # loading says what is wrong with it
    return _kind_from((getattr(config, "architectures", None) or [""])[0])


def _kind_of(checkpoint: Checkpoint) -> str:
    return _kind_from(type(checkpoint.model).__name__)


def _kind_from(architecture: str) -> str:
    endings = {"ForMaskedLM": "masked", "ForSequenceClassification": "class", "LMHeadModel": "lm", "ForCausalLM": "lm"}
    return next((kind for ending, kind in endings.items() if architecture.endswith(ending)), "none")


def _tester(
    checkpoint: Checkpoint, reading: AttentionReading, kind: str, place: int, labels: Sequence[str]
) -> FlipTester | None:
    if kind == "lm":
        # A decoder has never seen padding in the middle of a text; attention is closed to the words instead.
        return next_token_tester(reading, place, by="mask")
    if kind == "masked":
        return masked_word_tester(reading, place)
    if kind == "class":
        return class_tester(reading)
    return class_tester(reading, prototype_classes(checkpoint, labels)) if labels else None


def _question(checkpoint: Checkpoint, reading: AttentionReading, kind: str, place: int, labels, tester) -> str:
    if tester is None:
        return "Which words move which?"
    if kind in ("lm", "masked"):
        predicted = checkpoint.tokenizer.decode([tester.before]).strip()
        where = "after" if kind == "lm" else "in the place of"
        return f"Why {predicted!r} {where} {reading.names[place]!r}?"
    return f"Why {labels[tester.before]!r}?" if labels else f"Why class {tester.before}?"


def _smallest(found: Sequence[Explanation]) -> list[Explanation]:
    least = min((len(item.words) for item in found), default=0)
    nearest: dict[tuple[int, ...], Explanation] = {}
    for item in sorted(found, key=lambda item: (item.distance, item.words)):
        if len(item.words) == least:
            nearest.setdefault(item.words, item)
    return list(nearest.values())
