"""Graphs whose edges carry a mark at each end: directed, mixed and partial ones in one matrix.

``M[i, j]`` is the mark *at j* of the edge between i and j, or 0 if there is none. So i → j is ``M[i, j] == ARROW`` and
``M[j, i] == TAIL``; i ↔ j has two arrows (a hidden common cause); i — j two tails; a circle is a mark that is an arrow
in some graphs of the equivalence class and a tail in others.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError

__all__ = [
    "ARROW", "CIRCLE", "TAIL", "SeparationOracle", "differing_edges", "from_parents", "possible_ancestors", "separated",
]  # fmt: skip

CIRCLE, ARROW, TAIL = 1, 2, 3


def from_parents(B):
    """Marks of a directed graph.

    Parameters
    ----------
    B : (k, k) array
        Not 0 at ``[i, j]`` where j is a parent of i, as in X = B X + noise.

    Returns
    -------
    M : (k, k) int array

    Raises
    ------
    DataError
        The graph has a cycle.
    """
    edge = np.asarray(B) != 0
    power = edge.astype(float)
    for _ in range(len(edge)):
        power = ((power @ edge) > 0).astype(float)
    if power.any():
        raise DataError("the graph has a cycle; number the variables so that causes come first.")
    M = np.zeros(edge.shape, dtype=np.int8)
    M[edge.T] = ARROW
    M[edge] = TAIL
    return M


def possible_ancestors(M):
    """Whether i may be an ancestor of j: a path on which no mark says the contrary.

    Parameters
    ----------
    M : (k, k) int array

    Returns
    -------
    (k, k) bool array
        With ``True`` on the diagonal. In a graph without circles these are the ancestors, undirected edges counted in
        both directions.
    """
    reach = (M != 0) & (M.T != ARROW) | np.eye(len(M), dtype=bool)
    while True:
        further = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
        if (further == reach).all():
            return reach
        reach = further


def separated(M, i, j, given):
    """Whether a set separates two nodes of a graph without circles (d-separation, in mixed graphs m-separation).

    Parameters
    ----------
    M : (k, k) int array
    i, j : int
    given : sequence of int
        Without i and j.

    Returns
    -------
    bool
    """
    k = len(M)
    inside = np.zeros(k, dtype=bool)
    inside[list(given)] = True
    directed = (M == ARROW) & (M.T == TAIL)
    opened = inside.copy()  # a collider is open if it or a descendant of it is given
    for _ in range(k):
        opened = opened | (directed & opened[None, :]).any(axis=1)
    # A walk goes on through a node according to the two marks there, so its state is the step it took last.
    waiting = [(i, b) for b in np.flatnonzero(M[i])]
    seen = set(waiting)
    while waiting:
        a, b = waiting.pop()
        if b == j:
            return False
        for c in np.flatnonzero(M[b]):
            collider = M[a, b] == ARROW and M[c, b] == ARROW
            if (opened[b] if collider else not inside[b]) and (b, c) not in seen:
                seen.add((b, c))
                waiting.append((b, c))
    return True


def differing_edges(M, other):
    """Structural Hamming distance: pairs of nodes whose edge, or whose marks, differ.

    Parameters
    ----------
    M, other : (k, k) int arrays

    Returns
    -------
    int
    """
    differs = np.asarray(M) != np.asarray(other)
    return int(np.count_nonzero(np.triu(differs | differs.T, 1)))


@dataclass
class SeparationOracle:
    """The conditional independence test of somebody who knows the graph.

    Attributes
    ----------
    M : (k, k) int array
        A graph without circles.
    observed : tuple of int or None
        Nodes that are seen; i, j and sets are counted in them. None is all.
    calls : int
        Tests made so far.
    """

    M: np.ndarray
    observed: tuple[int, ...] | None = None
    calls: int = 0

    def __call__(self, i, j, subsets):
        """1 where the set in a row of ``subsets``, (m, s), separates i from j, else 0."""
        subsets = np.asarray(subsets, dtype=np.intp)
        self.calls += len(subsets)
        seen = np.arange(len(self.M)) if self.observed is None else np.asarray(self.observed)
        return np.array([float(separated(self.M, seen[i], seen[j], seen[given])) for given in subsets])
