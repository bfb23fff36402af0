r"""CLEANN: a causal graph over the words of one text, from attention alone, and minimal explanations found along it.

A pre-trained transformer is read as a linear structural model of its tokens. With X = G X + Lambda U and B = (I - G)^-1
the covariance of X is (B Lambda)(B Lambda)'; that of attention's outputs, whose values have unit covariance, is A A'.
Setting the two equal, A = B Lambda P with P orthogonal: the attention matrix knows the graph up to what the covariance
A A' leaves open, and any learner that works from tests of partial correlation returns that equivalence class. One text
is enough, and nothing is trained.

An explanation of a prediction is a set of words without which the model predicts something else. Instead of trying all
sets, those are tried whose members are connected with the word to be explained by PDS paths of members, small and near
ones first.

Symbols: A attention of one head, N the draws behind A A' (by convention the width of the model), alpha the level.

Source: Rohekar, Gurwicz & Nisimov (2023), NeurIPS, arXiv 2310.20307. Known order in decoders: Rohekar et al. (2025),
ICML, arXiv 2412.07446.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.kernels.marked_graph import ARROW, CIRCLE, TAIL
from yinguo.kernels.partial_correlation import FisherZ, correlation_of
from yinguo.kernels.structure_search import icd, legal_subsets, pc, pds_distances
from yinguo.language.checks import as_numbers, check_fitted

__all__ = ["CLEANN", "AttentionGraph", "Explanation"]

_LEFT = {CIRCLE: "o", ARROW: "<", TAIL: "-"}
_RIGHT = {CIRCLE: "o", ARROW: ">", TAIL: "-"}
#: Most nodes of a graph; the sets to condition on double with each.
MOST_NODES = 30


@dataclass(frozen=True, slots=True)
class AttentionGraph:
    """What attention says about which word moves which.

    Attributes
    ----------
    names : tuple of str
    marks : (k, k) int array
        Mark at j of the edge between i and j: 0 no edge, 1 circle (arrow or tail, both fit), 2 arrow, 3 tail.
    kind : {"PAG", "CPDAG"}
        With hidden common causes or without.
    tests : int
        Independence tests made.
    """

    names: tuple[str, ...]
    marks: np.ndarray
    kind: str
    tests: int

    def edges(self) -> list[tuple[str, str, str]]:
        """Each edge as (name, marks, name), for example ``("whale", "o->", "animal")``."""
        out = []
        for i, j in combinations(range(len(self.names)), 2):
            if self.marks[i, j]:
                a, b = (i, j) if self.marks[i, j] == ARROW or self.marks[j, i] != ARROW else (j, i)
                middle = f"{_LEFT[int(self.marks[b, a])]}-{_RIGHT[int(self.marks[a, b])]}"
                out.append((self.names[a], middle, self.names[b]))
        return out


@dataclass(frozen=True, slots=True)
class Explanation:
    """A set of words without which the prediction is another one.

    Attributes
    ----------
    words : tuple of int
        Places, in ascending order.
    distance : int
        Sum of their distances from the target in the graph; 0 where no graph was used.
    """

    words: tuple[int, ...]
    distance: int = 0


class CLEANN:
    """Causal graph of one attention head over one text, and minimal explanations.

    **Use it when** you want to see which words of *this* input a head connects, and to look for the words a prediction
    hangs on along these connections. **Not when** there are few enough words to try every set, which is the reference;
    nor to find what holds for a model at large: a graph is of one text, one layer and one head. In the deepest layer of
    MiniLM, explanations along a graph were found about as often as along the same graph with its words exchanged (the
    table ``cleann-minilm``).

    **Assumes** that values are uncorrelated with unit variance, so that A A' is a covariance; that its independences
    are those of a graph and no accidents (faithfulness); that N draws stand behind it, which is a convention.

    **Where we differ from the paper and its code, and why.** Edges go at the end of a round and the separating set with
    the largest p-value is kept, so that numbering the words differently gives the same graph. Every PDS path counts,
    not only those of a search tree that uses each edge once. Sets to condition on are limited to 4 words unless asked
    for, because their number doubles with each word. Between sets of one size and distance, the order is that of the
    text.

    Parameters
    ----------
    alpha : float, default 0.01
        Level of the independence tests; smaller gives fewer edges.
    learner : {"icd", "pc"}, default "icd"
        With hidden common causes (words left out may be such) or without.
    max_conditioning : int or None, default 4
        Most words to condition on. None is no limit.
    max_size : int, default 3
        Largest explanation.
    max_range : int or None, default None
        Longest path to a word of an explanation. None is no limit.
    search_minimal : bool, default True
        Stop after the first size that gave an explanation.

    Attributes
    ----------
    graph_ : AttentionGraph
    nodes_ : tuple of int
        Rows of A that are its nodes.
    correlation_ : (k, k) float array
        Of the nodes.

    Examples
    --------
    A chain cause, middle, end, as attention would show it:

    >>> import numpy as np
    >>> G = np.array([[0, 0, 0], [0.8, 0, 0], [0, 0.8, 0]])
    >>> P = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    >>> A = np.linalg.inv(np.eye(3) - G) @ P
    >>> found = CLEANN(learner="pc").fit(A, n_samples=768, names=("cause", "middle", "end"))
    >>> found.graph_.edges()
    [('cause', '---', 'middle'), ('middle', '---', 'end')]
    >>> found.explain(2, lambda words: 1 in words)
    [Explanation(words=(1,), distance=1)]
    """

    def __init__(
        self,
        *,
        alpha: float = 0.01,
        learner: str = "icd",
        max_conditioning: int | None = 4,
        max_size: int = 3,
        max_range: int | None = None,
        search_minimal: bool = True,
    ):
        self.alpha = alpha
        self.learner = learner
        self.max_conditioning = max_conditioning
        self.max_size = max_size
        self.max_range = max_range
        self.search_minimal = search_minimal

    def fit(
        self,
        A: Any,
        *,
        n_samples: float,
        nodes: Sequence[int] | None = None,
        names: Sequence[str] | None = None,
        ordered: bool = False,
    ) -> "CLEANN":
        """Learn the graph.

        Parameters
        ----------
        A : (words, columns) float array
            Attention of one head.
        n_samples : float
            Draws behind A A'; the width of the model.
        nodes : sequence of int, optional
            Rows that are nodes; the others are marginalised. None is all.
        names : sequence of str, optional
            Of all rows. None numbers them.
        ordered : bool, default False
            Whether a row is no cause of those above it, as in decoders.

        Raises
        ------
        DataError
            Options out of range, fewer than two nodes or more than 30, a row of zeros.
        """
        self._check()
        A = as_numbers("attention", A)
        if A.ndim != 2:
            raise DataError(f"attention has shape {A.shape}; give one head, (words, columns).")
        if not np.isfinite(A).all():
            raise DataError("attention has entries that are not finite; load the model in single precision.")
        check_number("n_samples", n_samples)
        for k in () if nodes is None else nodes:
            check_whole("a row in nodes", k, least=0, most=len(A) - 1)
        used = list(range(len(A))) if nodes is None else [int(k) for k in nodes]
        if names is not None and len(names) != len(A):
            raise DataError(f"there are {len(names)} names for {len(A)} rows of attention; give one for each.")
        if not 2 <= len(used) <= MOST_NODES or len(set(used)) < len(used):
            raise DataError(f"{len(used)} nodes make no graph here; name 2 to {MOST_NODES} different rows, by nodes=.")
        rows = A[used]
        if not (filled := rows.any(axis=1)).all():
            raise DataError(f"row {used[int(filled.argmin())]} of attention is all zeros; leave it out of nodes=.")
        R = correlation_of(rows @ rows.T)
        test = FisherZ(R, n_samples)
        learn = icd if self.learner == "icd" else pc
        order = list(np.argsort(used)) if ordered else None
        learned = learn(len(used), test, alpha=self.alpha, order=order, max_conditioning=self.max_conditioning)
        label = [str(k) for k in range(len(A))] if names is None else list(names)
        kind = "PAG" if self.learner == "icd" else "CPDAG"
        self.graph_ = AttentionGraph(tuple(label[k] for k in used), learned.marks, kind, test.calls)
        self.nodes_ = tuple(used)
        self.correlation_ = R
        return self

    def candidates(self, target: int, size: int, allowed: Collection[int] | None = None) -> list[Explanation]:
        """Sets of one size in the order in which :meth:`explain` tries them.

        Parameters
        ----------
        target : int
            Row of A to be explained.
        size : int
        allowed : collection of int, optional
            Rows that may be part of an explanation. None is all nodes but the target.
        """
        check_whole("size", size)
        root = self._place(target)
        pool = None
        if allowed is not None:
            pool = [place for place, row in enumerate(self.nodes_) if row in set(allowed)]
        found = legal_subsets(self.graph_.marks, root, size, pool=pool, reach=self.max_range)
        return [Explanation(tuple(sorted(self.nodes_[z] for z in given)), far) for given, far in found]

    def explain(
        self, target: int, tester: Callable[[Sequence[int]], bool], *, allowed: Collection[int] | None = None
    ) -> list[Explanation]:
        """Sets of words without which the prediction changes.

        Parameters
        ----------
        target : int
            Row of A to be explained; it is never part of an explanation.
        tester : callable
            ``tester(rows) -> bool``: whether the prediction changes without these words.
        allowed : collection of int, optional
            Rows that may be part of an explanation. None is all nodes but the target.

        Returns
        -------
        list of Explanation
            Of one size if ``search_minimal``; empty if there is none up to ``max_size`` in the graph.

        Raises
        ------
        DataError
            The target is no node.
        """
        found: list[Explanation] = []
        for size in range(1, self.max_size + 1):
            found += [item for item in self.candidates(target, size, allowed) if tester(item.words)]
            if found and self.search_minimal:
                break
        return found

    def distances(self, target: int) -> dict[int, int]:
        """Length of the shortest PDS path from each row of A to the target.

        Parameters
        ----------
        target : int
        """
        far = pds_distances(self.graph_.marks, self._place(target), None, self.max_range)
        return {self.nodes_[place]: length for place, length in far.items()}

    def _place(self, target: int) -> int:
        check_fitted(self, "nodes_")
        if target not in self.nodes_:
            raise DataError(f"row {target} is no node of the graph; nodes are {', '.join(map(str, self.nodes_))}.")
        return self.nodes_.index(target)

    def _check(self) -> None:
        if self.learner not in ("icd", "pc"):
            raise DataError(f"learner is {self.learner!r}; it must be 'icd' or 'pc'.")
        check_number("alpha", self.alpha, above=0, below=1)
        check_whole("max_size", self.max_size)
        check_whole("max_conditioning", self.max_conditioning, least=0, none=True)
        check_whole("max_range", self.max_range, none=True)
