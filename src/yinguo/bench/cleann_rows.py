"""Rows of the tables on causal graphs from attention: learners of a graph, and searches for an explanation."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from yinguo.kernels.marked_graph import TAIL
from yinguo.kernels.partial_correlation import FisherZ, correlation_of
from yinguo.language.cleann import CLEANN

__all__ = [
    "AttentionOrder", "AttentionPrefixes", "AttentionStudy", "GraphOrder", "HeadGraphs", "LearnedGraph",
    "MarginalThreshold", "RandomOrder", "Search", "SentenceStudy", "by_size", "shrinking_level",
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
    attention : (layers, heads, words, tokens) float array
    readout : (layers, heads, tokens) float array
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


@dataclass(slots=True)
class Search:
    """Outcome of one search.

    Attributes
    ----------
    found : list of tuple of int
        Explanations, all of one size.
    calls : int
        Sets asked about.
    first : int
        Those up to and including the first explanation; all, if there was none.
    """

    found: list[tuple[int, ...]]
    calls: int
    first: int


def by_size(study: SentenceStudy, sets_of: Callable[[int], Iterable[tuple[int, ...]]]) -> Search:
    """Try sets, smaller ones first, until one size has given an explanation.

    Parameters
    ----------
    study : SentenceStudy
    sets_of : callable
        ``sets_of(size)``: the sets of a size in the order to try them in.
    """
    done = Search([], 0, 0)
    for size in range(1, MOST_WORDS + 1):
        for words in sets_of(size):
            done.calls += 1
            if study.tester(words):
                done.first = done.first or done.calls
                done.found.append(words)
        if done.found:
            break
    done.first = done.first or done.calls
    return done


class RandomOrder:
    """All sets of a size in random order: exhaustive search, which may come upon one early by luck.

    Parameters
    ----------
    random_state : int
    """

    def __init__(self, random_state: int = 0):
        self.random_state = random_state

    def fit(self, study: SentenceStudy) -> "RandomOrder":
        """Search."""
        rng = np.random.default_rng(self.random_state)

        def sets_of(size: int) -> list[tuple[int, ...]]:
            sets = list(combinations(study.nodes, size))
            return [sets[k] for k in rng.permutation(len(sets))]

        self.searches_ = [by_size(study, sets_of)]
        return self


class AttentionOrder:
    """All sets of a size, those first on which the readout rests most, on average over the heads.

    Parameters
    ----------
    layer : int
    """

    def __init__(self, layer: int = -1):
        self.layer = layer

    def fit(self, study: SentenceStudy) -> "AttentionOrder":
        """Search."""
        weight = _weights(study, self.layer)

        def sets_of(size: int) -> list[tuple[int, ...]]:
            return sorted(combinations(study.nodes, size), key=lambda words: -sum(weight[k] for k in words))

        self.searches_ = [by_size(study, sets_of)]
        return self


class AttentionPrefixes:
    """One set of each size: the words on which the readout rests most.

    Parameters
    ----------
    layer : int
    """

    def __init__(self, layer: int = -1):
        self.layer = layer

    def fit(self, study: SentenceStudy) -> "AttentionPrefixes":
        """Search."""
        weight = _weights(study, self.layer)
        ranked = sorted(study.nodes, key=lambda k: -weight[k])
        self.searches_ = [by_size(study, lambda size: [tuple(sorted(ranked[:size]))])]
        return self


class HeadGraphs:
    """A search for each head: the sets that its graph licenses, nearest first.

    Parameters
    ----------
    learner : {"icd", "pc"}
    alpha : float
    layer : int
    complete : bool
        Go on with the sets of the same size that the graph does not license.
    """

    def __init__(self, learner: str = "icd", alpha: float = 0.01, layer: int = -1, complete: bool = False):
        self.learner, self.alpha, self.layer, self.complete = learner, alpha, layer, complete

    def fit(self, study: SentenceStudy) -> "HeadGraphs":
        """Learn the graphs and search along each."""
        self.searches_ = []
        for model in _graphs(study, self.learner, self.alpha, self.layer):

            def sets_of(size: int, model: CLEANN = model) -> list[tuple[int, ...]]:
                licensed = [item.words for item in model.candidates(len(study.positions), size)]
                return licensed + (_others(study, size, licensed) if self.complete else [])

            self.searches_.append(by_size(study, sets_of))
        return self


class GraphOrder:
    """The sets that the graph of any head licenses, those of most heads first, then nearest first.

    Parameters
    ----------
    learner : {"icd", "pc"}
    alpha : float
    layer : int
    complete : bool
        Go on with the sets of the same size that no head licenses.
    """

    def __init__(self, learner: str = "icd", alpha: float = 0.01, layer: int = -1, complete: bool = False):
        self.learner, self.alpha, self.layer, self.complete = learner, alpha, layer, complete

    def fit(self, study: SentenceStudy) -> "GraphOrder":
        """Learn the graphs and search along all of them."""
        models = _graphs(study, self.learner, self.alpha, self.layer)

        def sets_of(size: int) -> list[tuple[int, ...]]:
            far: dict[tuple[int, ...], list[int]] = {}
            for model in models:
                for item in model.candidates(len(study.positions), size):
                    far.setdefault(item.words, []).append(item.distance)
            licensed = sorted(far, key=lambda words: (-len(far[words]), float(np.mean(far[words])), words))
            return licensed + (_others(study, size, licensed) if self.complete else [])

        self.searches_ = [by_size(study, sets_of)]
        return self


def _graphs(study: SentenceStudy, learner: str, alpha: float, layer: int) -> list[CLEANN]:
    nodes = [*study.nodes, len(study.positions)]
    return [
        CLEANN(alpha=alpha, learner=learner).fit(np.vstack([rows, readout]), n_samples=study.n_samples, nodes=nodes)
        for rows, readout in zip(study.attention[layer], study.readout[layer], strict=True)
    ]


def _others(study: SentenceStudy, size: int, licensed: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    known = set(licensed)
    return [words for words in combinations(study.nodes, size) if words not in known]


def _weights(study: SentenceStudy, layer: int) -> dict[int, float]:
    row = study.readout[layer].mean(axis=0)
    return {k: float(row[list(study.positions[k])].sum()) for k in study.nodes}
