r"""Structure from tests of conditional independence: PC, and iterative causal discovery (ICD) with hidden causes.

A test is ``test(i, j, subsets) -> p-values`` with ``subsets`` an (m, s) array; independent is p > alpha. Both learners
go through rounds s = 0, 1, 2, ... and in round s look, for every edge left, at candidate sets of size s:

* PC: subsets of the neighbours of an end;
* ICD: sets from which every member can be reached, from an end, on a path of members (*PDS path*: each inner node is a
  possible collider or forms a triangle with its neighbours on the path), all of them possible ancestors of an end.
  After each round the marks are set anew and narrow the next search.

Edges go at the end of a round, and of several sets that separate a pair the one with the largest p-value is kept. So
the numbering of the nodes decides nothing. With ``order`` the direction of time is known: a node is no ancestor of
those before it, and only nodes before the later end are candidates.

Sources: Spirtes & Glymour (1991); Colombo & Maathuis (2014, JMLR 15) for rounds without order; Rohekar et al. (2021),
NeurIPS, arXiv 2111.04095 (ICD); Rohekar et al. (2025), ICML, arXiv 2412.07446 (known order).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.marked_graph import ARROW, CIRCLE, TAIL, possible_ancestors
from yinguo.kernels.orientation import arrowheads, complete_tails, meek_rules, orient_colliders

__all__ = ["Learned", "icd", "legal_subsets", "pc", "pds_distances"]


@dataclass(frozen=True, slots=True)
class Learned:
    """A graph and how it was found.

    Attributes
    ----------
    marks : (k, k) int array
        CPDAG (no circles; two arrows mark a contradiction) from :func:`pc`, PAG from :func:`icd`.
    separating : dict of (i, j), i < j, to tuple of int
        A set for each pair without an edge.
    rounds : int
        Largest size of a set that was tried.
    """

    marks: np.ndarray
    separating: dict[tuple[int, int], tuple[int, ...]]
    rounds: int


def pc(k, test, *, alpha=0.01, order=None, max_conditioning=None):
    """Equivalence class of a directed graph without hidden common causes.

    Parameters
    ----------
    k : int
        Number of nodes.
    test : callable
    alpha : float, default 0.01
        Level of each test.
    order : sequence of int, optional
        All nodes, causes first; the graph is then directed throughout.
    max_conditioning : int, optional
        Largest set to condition on.

    Returns
    -------
    Learned
    """
    rank = _ranks(k, order)
    M = np.where(np.eye(k, dtype=bool), 0, TAIL).astype(np.int8)

    def candidates(M, size):
        neighbours = [np.flatnonzero(M[a]) for a in range(k)]
        return lambda a, b: {
            given
            for end, other in ((a, b), (b, a))
            for given in combinations(_allowed(neighbours[end], other, rank, a, b), size)
        }

    separating, rounds = _remove_edges(M, test, alpha, candidates, max_conditioning, lambda M, separating: None)
    if rank is not None:
        for a, b in np.argwhere(M):
            M[a, b] = ARROW if rank[a] < rank[b] else TAIL
    else:
        orient_colliders(M, separating)
        meek_rules(M)
    return Learned(M, separating, rounds)


def icd(k, test, *, alpha=0.01, order=None, max_conditioning=None, selection=False):
    """Equivalence class of an ancestral graph: hidden common causes allowed.

    Parameters
    ----------
    k : int
        Number of nodes.
    test : callable
    alpha : float, default 0.01
        Level of each test.
    order : sequence of int, optional
        All nodes, causes first.
    max_conditioning : int, optional
        Largest set to condition on.
    selection : bool, default False
        Whether who is seen may depend on the variables; edges may then end in two tails.

    Returns
    -------
    Learned
    """
    rank = _ranks(k, order)
    M = np.where(np.eye(k, dtype=bool), 0, CIRCLE).astype(np.int8)

    def orient(M, separating):
        M[M != 0] = CIRCLE
        if rank is not None:
            M[(M != 0) & (rank[:, None] < rank[None, :])] = ARROW
        orient_colliders(M, separating)
        arrowheads(M, separating)

    def candidates(M, size):
        if size == 0:
            return lambda a, b: {()}
        ancestor = possible_ancestors(M)
        sets: dict[tuple[int, int], list[tuple[int, ...]]] = {}

        def of_root(root, last):
            if (root, last) not in sets:
                pool = None if rank is None else np.flatnonzero(rank <= last)
                sets[root, last] = [given for given, _ in legal_subsets(M, root, size, pool=pool, reach=size)]
            return sets[root, last]

        def of_edge(a, b):
            last = 0 if rank is None else max(rank[a], rank[b])
            may = set(np.flatnonzero(ancestor[:, a] | ancestor[:, b]).tolist())
            found = set()
            for root, other in ((a, b), (b, a)):
                found |= {given for given in of_root(root, last) if other not in given and may.issuperset(given)}
            return found

        return of_edge

    separating, rounds = _remove_edges(M, test, alpha, candidates, max_conditioning, orient)
    orient(M, separating)
    complete_tails(M, selection=selection)
    return Learned(M, separating, rounds)


def pds_distances(M, root, allowed=None, reach=None):
    """Length of the shortest PDS path from a node to each other node.

    Parameters
    ----------
    M : (k, k) int array
    root : int
    allowed : collection of int, optional
        Nodes that paths may visit. None is all.
    reach : int, optional
        Longest path.

    Returns
    -------
    dict of int to int
        The nodes that can be reached, without the root.
    """
    return _reached(_onward(M), root, range(len(M)) if allowed is None else [int(z) for z in allowed], reach)


def legal_subsets(M, root, size, *, pool=None, reach=None):
    """Sets of one size whose members are reached, from the root, on PDS paths of members.

    Parameters
    ----------
    M : (k, k) int array
    root : int
    size : int
    pool : collection of int, optional
        Nodes to choose from. None is all.
    reach : int, optional
        Longest path.

    Returns
    -------
    list of (tuple of int, int)
        Sets in ascending order of the sum of their members' distances from the root, which stands beside each.
    """
    onward = _onward(M)
    distance = _reached(onward, root, range(len(M)) if pool is None else [int(z) for z in pool], reach)
    near = {z for z, far in distance.items() if far == 1}
    found = []
    for given in combinations(sorted(distance), size):
        # Neighbours are their own path; only sets with others need a search.
        if near.issuperset(given) or len(_reached(onward, root, given, reach)) == size:
            found.append((given, sum(distance[z] for z in given)))
    return sorted(found, key=lambda item: (item[1], item[0]))


def _onward(M: np.ndarray) -> list[list[list[int]]]:
    """``[a][b]``: nodes to which a PDS path that came from a to b may go on; ``[b][b]``: all neighbours of b."""
    adjacent, arrow = M != 0, M == ARROW
    collider = arrow[:, :, None] & arrow.T[None, :, :]  # a *-> b <-* c at [a, b, c]
    passes = adjacent[:, :, None] & adjacent[None, :, :] & (collider | adjacent[:, None, :])
    k = len(M)
    passes[np.arange(k), :, np.arange(k)] = False
    passes[np.arange(k), np.arange(k), :] = adjacent
    return [[np.flatnonzero(row).tolist() for row in rows] for rows in passes]


def _reached(onward: list[list[list[int]]], root: int, allowed: Sequence[int], reach: int | None) -> dict[int, int]:
    inside = set(allowed) - {root}
    steps = [(root, b) for b in onward[root][root] if b in inside]
    taken, distance, length = set(steps), {b: 1 for _, b in steps}, 1
    while steps and (reach is None or length < reach):
        length += 1
        further = []
        for a, b in steps:
            for c in onward[a][b]:
                if c in inside and (b, c) not in taken:
                    taken.add((b, c))
                    distance.setdefault(c, length)
                    further.append((b, c))
        steps = further
    return distance


def _remove_edges(
    M: np.ndarray,
    test: Callable,
    alpha: float,
    candidates: Callable,
    most: int | None,
    orient: Callable,
) -> tuple[dict[tuple[int, int], tuple[int, ...]], int]:
    """Go through the rounds, taking edges out of M in place."""
    k = len(M)
    separating: dict[tuple[int, int], tuple[int, ...]] = {}
    size = 0
    while size <= (k - 2 if most is None else min(most, k - 2)):
        sets_of = candidates(M, size)
        gone, tried = [], False
        for a, b in combinations(range(k), 2):
            if not M[a, b]:
                continue
            sets = sorted(sets_of(a, b))
            if not sets:
                continue
            tried = True
            p = test(a, b, np.array(sets, dtype=np.intp).reshape(len(sets), size))
            best = int(np.argmax(p))
            if p[best] > alpha:
                separating[a, b] = sets[best]
                gone.append((a, b))
        if not tried:
            break
        for a, b in gone:
            M[a, b] = M[b, a] = 0
        orient(M, separating)
        size += 1
    return separating, max(size - 1, 0)


def _ranks(k: int, order: Sequence[int] | None) -> np.ndarray | None:
    if order is None:
        return None
    if sorted(order) != list(range(k)):
        raise DataError(f"order is {list(order)}; it must hold each of the {k} nodes once, causes first.")
    return np.argsort(np.asarray(order))


def _allowed(neighbours, other: int, rank: np.ndarray | None, a: int, b: int) -> list[int]:
    return [
        int(c)
        for c in neighbours
        if c != other and (rank is None or rank[c] < max(rank[a], rank[b])) and c not in (a, b)
    ]
