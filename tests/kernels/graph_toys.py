"""Graphs to learn, and equivalence classes found by trying every graph there is."""

from collections import defaultdict
from itertools import combinations, product

import numpy as np

from yinguo.kernels.marked_graph import ARROW, CIRCLE, TAIL, from_parents, possible_ancestors, separated


def random_dag(rng, k, degree):
    """Edges from lower to higher rank of a random order, ``degree`` of them at a node on average."""
    B = np.tril(rng.random((k, k)) < degree / (k - 1), -1)
    order = rng.permutation(k)
    return from_parents(B[np.ix_(order, order)])


def statements(M):
    """All independences that a graph implies."""
    k = len(M)
    return frozenset(
        (i, j, given)
        for i, j in combinations(range(k), 2)
        for size in range(k - 1)
        for given in combinations([z for z in range(k) if z not in (i, j)], size)
        if separated(M, i, j, given)
    )


def ancestral(M):
    reach = possible_ancestors(M)  # no circles: anterior
    directed = (M == ARROW) & (M.T == TAIL)
    up = directed | np.eye(len(M), dtype=bool)
    for _ in M:
        up = (up.astype(int) @ up.astype(int)) > 0
    if (directed & up.T).any():
        return False
    two = (M == ARROW) & (M.T == ARROW)
    # No arrowhead at a node that is anterior to the other end, hence none at the end of an undirected edge.
    undirected = ((M == TAIL) & (M.T == TAIL)).any(axis=1)
    return not ((two | directed) & reach.T).any() and not (undirected & (M == ARROW).any(axis=0)).any()


def ancestral_graphs(k, selection):
    """All maximal ancestral graphs on k nodes."""
    pairs = list(combinations(range(k), 2))
    kinds = [(0, 0), (ARROW, TAIL), (TAIL, ARROW), (ARROW, ARROW), *([(TAIL, TAIL)] if selection else [])]
    for marks in product(kinds, repeat=len(pairs)):
        M = np.zeros((k, k), dtype=np.int8)
        for (i, j), (at_j, at_i) in zip(pairs, marks, strict=True):
            M[i, j], M[j, i] = at_j, at_i
        if not ancestral(M):
            continue
        told = statements(M)
        if all(M[i, j] or any(s[:2] == (i, j) for s in told) for i, j in pairs):
            yield M, told


def directed_graphs(k):
    """All acyclic directed graphs on k nodes."""
    pairs = list(combinations(range(k), 2))
    for marks in product([(0, 0), (ARROW, TAIL), (TAIL, ARROW)], repeat=len(pairs)):
        M = np.zeros((k, k), dtype=np.int8)
        for (i, j), (at_j, at_i) in zip(pairs, marks, strict=True):
            M[i, j], M[j, i] = at_j, at_i
        edge, power = (M == ARROW).astype(int), np.eye(k, dtype=int)
        for _ in range(k):
            power = power @ edge
        if not power.any():
            yield M, statements(M)


def classes(graphs, unsure):
    """Members of each equivalence class, and the graph of the marks that they agree on."""
    members = defaultdict(list)
    for M, told in graphs:
        members[told].append(M)
    for group in members.values():
        stack = np.array(group)
        common = np.where((stack == stack[0]).all(axis=0), stack[0], unsure)
        yield group, common.astype(np.int8)


def pag_class(k, selection):
    return list(classes(ancestral_graphs(k, selection), CIRCLE))


def cpdag_class(k):
    # An edge that can point both ways is undirected: a tail where members disagree, and at the other end, too.
    out = []
    for group, common in classes(directed_graphs(k), CIRCLE):
        out.append((group, np.where(common == CIRCLE, TAIL, common).astype(np.int8)))
    return out
