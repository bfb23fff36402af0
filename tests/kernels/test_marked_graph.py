"""Separation in graphs, against a slow search of all paths."""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from graph_toys import ancestral_graphs, random_dag

from yinguo.errors import DataError
from yinguo.kernels.marked_graph import (
    ARROW,
    CIRCLE,
    TAIL,
    SeparationOracle,
    differing_edges,
    from_parents,
    possible_ancestors,
    separated,
)


def separated_by_paths(M, i, j, given):
    """The definition, path by path."""
    directed = (
        np.linalg.matrix_power(((M == ARROW) & (M.T == TAIL)).astype(int) + np.eye(len(M), dtype=int), len(M)) > 0
    )

    def blocked(path):
        for a, b, c in zip(path, path[1:], path[2:], strict=False):
            collider = M[a, b] == ARROW and M[c, b] == ARROW
            if collider and not directed[b, list(given)].any():
                return True
            if not collider and b in given:
                return True
        return False

    def paths(path):
        if path[-1] == j:
            yield path
            return
        for node in np.flatnonzero(M[path[-1]]):
            if node not in path:
                yield from paths([*path, int(node)])

    return all(blocked(path) for path in paths([i]))


@pytest.mark.parametrize("seed", range(20))
def test_separation_is_that_of_the_definition_on_directed_graphs(seed):
    rng = np.random.default_rng(seed)
    M = random_dag(rng, 6, 2.5)
    for i, j in combinations(range(6), 2):
        rest = [z for z in range(6) if z not in (i, j)]
        given = [z for z in rest if rng.random() < 0.5]
        assert separated(M, i, j, given) == separated_by_paths(M, i, j, given)


def test_separation_is_that_of_the_definition_on_every_ancestral_graph_of_three():
    for M, _ in ancestral_graphs(3, selection=True):
        for i, j, z in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
            for given in ([], [z]):
                assert separated(M, i, j, given) == separated_by_paths(M, i, j, given)


def test_an_oracle_with_hidden_nodes_counts_in_those_seen():
    M = from_parents(np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0]]))  # 1 <- 0 -> 2
    hidden, whole = SeparationOracle(M, observed=(1, 2)), SeparationOracle(M)
    assert hidden(0, 1, np.zeros((1, 0), dtype=int)).tolist() == [0.0]
    assert whole(1, 2, np.array([[0]])).tolist() == [1.0]
    assert whole.calls == 1


def test_a_possible_ancestor_needs_a_path_without_an_arrow_against_it():
    M = np.zeros((4, 4), dtype=np.int8)
    M[0, 1], M[1, 0] = ARROW, CIRCLE  # 0 o-> 1
    M[1, 2], M[2, 1] = ARROW, TAIL  # 1 -> 2
    M[2, 3] = M[3, 2] = ARROW  # 2 <-> 3
    may = possible_ancestors(M)
    assert may[0].tolist() == [True, True, True, False]
    assert may[3].tolist() == [False, False, False, True]


def test_an_edge_that_differs_at_both_ends_counts_once():
    one, other = from_parents(np.array([[0, 0], [1, 0]])), from_parents(np.array([[0, 1], [0, 0]]))
    assert differing_edges(one, other) == 1
    assert differing_edges(one, one) == 0
    assert differing_edges(one, np.zeros((2, 2))) == 1


def test_a_cycle_is_refused():
    with pytest.raises(DataError, match="cycle"):
        from_parents(np.array([[0, 1], [1, 0]]))
