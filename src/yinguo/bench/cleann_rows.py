"""Rows of the tables on causal graphs from attention: learners of a graph, and searches for an explanation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from yinguo.kernels.marked_graph import TAIL
from yinguo.kernels.partial_correlation import FisherZ, correlation_of
from yinguo.language.cleann import CLEANN

__all__ = [
    "AttentionOrder", "AttentionPrefixes", "AttentionStudy", "GraphOrder", "HeadGraph", "LearnedGraph",
    "MarginalThreshold", "RandomOrder", "SentenceStudy", "shrinking_level",
]  # fmt: skip

#: Largest explanation that is looked for.
MOST_WORDS = 3


@dataclass(frozen=True, slots=True)
class AttentionStudy:
    """An attention matrix to learn a graph from.

    Attributes
    ----------
    A : (k, k) float array
    n_samples : float
        Draws behind A A'.
    order : tuple of int
        Nodes, causes first; for rows that are told it.
    """

    A: np.ndarray
    n_samples: float
    order: tuple[int, ...]


def shrinking_level(n: float) -> float:
    """Level of the tests: 0.01, and 100 / N from N = 10,000 on, so that errors of both kinds vanish as N grows.

    >>> shrinking_level(384), shrinking_level(1e6)
    (0.01, 0.0001)
    """
    return min(0.01, 100 / n)


class LearnedGraph:
    """CLEANN's graph, whatever the number of words to condition on.

    Parameters
    ----------
    learner : {"icd", "pc"}
    alpha : float or None
        None shrinks with N.
    ordered : bool
        Whether it is told the order of the nodes.
    """

    def __init__(self, learner: str = "icd", alpha: float | None = None, ordered: bool = False):
        self.learner, self.alpha, self.ordered = learner, alpha, ordered

    def fit(self, study: AttentionStudy) -> "LearnedGraph":
        """Learn from the attention matrix and N."""
        alpha = shrinking_level(study.n_samples) if self.alpha is None else self.alpha
        order = np.array(study.order if self.ordered else range(len(study.A)))
        model = CLEANN(alpha=alpha, learner=self.learner, max_conditioning=None)
        marks = model.fit(study.A[order], n_samples=study.n_samples, ordered=self.ordered).graph_.marks
        self.marks_ = np.zeros_like(marks)
        self.marks_[np.ix_(order, order)] = marks
        self.truth_ = "ordered" if self.ordered else model.graph_.kind
        return self


class MarginalThreshold:
    """An undirected edge wherever two words are correlated: what a picture of A A' shows."""

    def fit(self, study: AttentionStudy) -> "MarginalThreshold":
        """Test every pair, given nothing."""
        k = len(study.A)
        test = FisherZ(correlation_of(study.A @ study.A.T), study.n_samples)
        self.marks_ = np.zeros((k, k), dtype=np.int8)
        for i, j in combinations(range(k), 2):
            if test(i, j, np.zeros((1, 0), dtype=int))[0] <= shrinking_level(study.n_samples):
                self.marks_[i, j] = self.marks_[j, i] = TAIL
        self.truth_ = "CPDAG"
        return self


@dataclass(frozen=True, slots=True)
class SentenceStudy:
    """A sentence whose class is to be explained.

    Attributes
    ----------
    attention : (heads, words, tokens) float array
    readout : (heads, tokens) float array
    positions : tuple of tuple of int
    nodes : tuple of int
        Words that may be part of an explanation.
    n_samples : float
    tester : callable
        ``tester(words) -> bool``.
    """

    attention: np.ndarray
    readout: np.ndarray
    positions: tuple[tuple[int, ...], ...]
    nodes: tuple[int, ...]
    n_samples: float
    tester: Callable[[Sequence[int]], bool]


class _Search:
    """Try sets, smaller ones first, until one size has given an explanation.

    After ``fit``: ``found_`` are the explanations, ``calls_`` the sets asked about, ``first_`` those up to and including
    the first explanation (all, if there was none).
    """

    def fit(self, study: SentenceStudy) -> Any:
        """Search."""
        self.found_: list[tuple[int, ...]] = []
        self.calls_, self.first_ = 0, 0
        for size in range(1, MOST_WORDS + 1):
            for words in self._of_size(study, size):
                self.calls_ += 1
                if study.tester(words):
                    self.first_ = self.first_ or self.calls_
                    self.found_.append(words)
            if self.found_:
                break
        self.first_ = self.first_ or self.calls_
        return self

    def _of_size(self, study: SentenceStudy, size: int) -> Iterator[tuple[int, ...]]:
        raise NotImplementedError


class RandomOrder(_Search):
    """All sets of a size in random order: exhaustive search, which may stop early by luck."""

    def __init__(self, random_state: int = 0):
        self.random_state = random_state

    def _of_size(self, study, size):
        sets = list(combinations(study.nodes, size))
        rng = np.random.default_rng([self.random_state, size])
        yield from (sets[k] for k in rng.permutation(len(sets)))


class AttentionOrder(_Search):
    """All sets of a size, those first on which the readout rests most, on average over the heads."""

    def _of_size(self, study, size):
        weight = _weights(study)
        yield from sorted(combinations(study.nodes, size), key=lambda words: -sum(weight[k] for k in words))


class AttentionPrefixes(_Search):
    """One set of each size: the words on which the readout rests most."""

    def _of_size(self, study, size):
        weight = _weights(study)
        yield tuple(sorted(sorted(study.nodes, key=lambda k: -weight[k])[:size]))


class HeadGraph(_Search):
    """The sets that the graph of one head licenses, nearest first.

    Parameters
    ----------
    head : int
    learner : {"icd", "pc"}
    alpha : float
    """

    def __init__(self, head: int = 0, learner: str = "icd", alpha: float = 0.01):
        self.head, self.learner, self.alpha = head, learner, alpha

    def _of_size(self, study, size):
        if size == 1:
            self.model_ = _graph(study, self.head, self.learner, self.alpha)
        yield from (item.words for item in self.model_.candidates(len(study.positions), size))


class GraphOrder(_Search):
    """The sets that the graph of any head licenses, those of most heads first, then nearest first.

    Parameters
    ----------
    learner : {"icd", "pc"}
    alpha : float
    complete : bool
        Go on with the sets of the same size that no head licenses.
    """

    def __init__(self, learner: str = "icd", alpha: float = 0.01, complete: bool = False):
        self.learner, self.alpha, self.complete = learner, alpha, complete

    def _of_size(self, study, size):
        if size == 1:
            heads = range(len(study.attention))
            self.models_ = [_graph(study, head, self.learner, self.alpha) for head in heads]
        far: dict[tuple[int, ...], list[int]] = {}
        for model in self.models_:
            for item in model.candidates(len(study.positions), size):
                far.setdefault(item.words, []).append(item.distance)
        order = sorted(far, key=lambda words: (-len(far[words]), float(np.mean(far[words])), words))
        yield from order
        if self.complete:
            yield from (words for words in combinations(study.nodes, size) if words not in far)


def _graph(study: SentenceStudy, head: int, learner: str, alpha: float) -> CLEANN:
    A = np.vstack([study.attention[head], study.readout[head]])
    return CLEANN(alpha=alpha, learner=learner).fit(
        A, n_samples=study.n_samples, nodes=[*study.nodes, len(study.positions)]
    )


def _weights(study: SentenceStudy) -> dict[int, float]:
    row = study.readout.mean(axis=0)
    return {k: float(row[list(study.positions[k])].sum()) for k in study.nodes}
