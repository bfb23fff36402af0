"""PC and ICD: with a perfect test they return the class that trying every graph returns."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from graph_toys import cpdag_class, pag_class, random_dag

from yinguo.errors import DataError
from yinguo.kernels.marked_graph import ARROW, CIRCLE, TAIL, SeparationOracle, differing_edges, from_parents
from yinguo.kernels.partial_correlation import FisherZ, correlation_of
from yinguo.kernels.structure_search import icd, legal_subsets, pc, pds_distances


@pytest.mark.parametrize("k", [2, 3, 4])
def test_pc_with_a_perfect_test_returns_the_class_of_every_directed_graph(k):
    found = cpdag_class(k)
    assert len(found) == {2: 2, 3: 11, 4: 185}[k]  # the known numbers of classes
    for members, common in found:
        for M in (members[0], members[-1]):
            assert differing_edges(pc(k, SeparationOracle(M)).marks, common) == 0


@pytest.mark.parametrize("selection", [False, True])
@pytest.mark.parametrize("k", [2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_icd_with_a_perfect_test_returns_the_class_of_every_ancestral_graph(k, selection):
    wrong = 0
    for members, common in pag_class(k, selection):
        wrong += differing_edges(icd(k, SeparationOracle(members[0]), selection=selection).marks, common) > 0
    assert wrong == 0


def test_icd_knowing_the_order_contradicts_no_graph_of_the_class_that_fits_it_and_finds_every_pair():
    for members, _ in pag_class(3, False):
        fitting = [M for M in members if _fits(M)]
        if not fitting:
            continue
        found = icd(3, SeparationOracle(fitting[0]), order=[0, 1, 2]).marks
        for M in fitting:
            assert ((found != 0) == (M != 0)).all()
            assert ((found == CIRCLE) | (found == M)).all()


def _fits(M):
    """No node an ancestor of one before it."""
    directed = (M == ARROW) & (M.T == TAIL)
    return not (np.tril(directed)).any()


def textbook(k, *edges):
    B = np.zeros((k, k))
    for a, b in edges:
        B[b, a] = 1
    return from_parents(B)


def test_a_hidden_common_cause_shows_as_two_arrows_where_two_causes_prove_it():
    # 0 -> 1 <- hidden -> 2 <- 3: the instruments 0 and 3 make the edge 1 <-> 2.
    M = textbook(5, (0, 1), (4, 1), (4, 2), (3, 2))
    found = icd(4, SeparationOracle(M, observed=(0, 1, 2, 3))).marks
    assert (found[1, 2], found[2, 1]) == (ARROW, ARROW)
    assert (found[0, 1], found[1, 0]) == (ARROW, CIRCLE)


def test_a_set_beyond_the_neighbours_is_found_where_pc_fails():
    # Spirtes, Glymour & Scheines: two nodes, each a child of hidden causes, separated only by nodes not next to both.
    M = textbook(7, (0, 1), (5, 1), (5, 2), (1, 3), (2, 4), (6, 3), (6, 2), (0, 4))
    oracle = SeparationOracle(M, observed=(0, 1, 2, 3, 4))
    found = icd(5, oracle)
    for i, j in ((a, b) for a in range(5) for b in range(a)):
        apart = any(oracle(i, j, np.array([given], dtype=int).reshape(1, -1))[0] for given in subsets_without(5, i, j))
        assert (found.marks[i, j] == 0) == apart


def subsets_without(k, i, j):
    rest = [z for z in range(k) if z not in (i, j)]
    return [[z for t, z in enumerate(rest) if bits >> t & 1] for bits in range(2 ** len(rest))]


@pytest.mark.parametrize("seed", range(60))
def test_on_random_graphs_with_hidden_nodes_icd_finds_exactly_the_pairs_that_no_set_separates(seed):
    rng = np.random.default_rng(seed)
    M = random_dag(rng, 7, 2.5)
    oracle = SeparationOracle(M, observed=tuple(rng.permutation(7)[:5].tolist()))
    found = icd(5, oracle).marks
    for i in range(5):
        for j in range(i):
            apart = any(
                oracle(i, j, np.array([given], dtype=int).reshape(1, -1))[0] for given in subsets_without(5, i, j)
            )
            assert (found[i, j] == 0) == apart


@pytest.mark.parametrize("learn", [pc, icd])
@pytest.mark.parametrize("seed", range(5))
def test_permuting_the_variables_permutes_the_graph_on_noisy_data_too(learn, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(6, 6)) @ rng.normal(size=(6, 40))
    R = correlation_of(X @ X.T)
    order = rng.permutation(6)
    one, other = learn(6, FisherZ(R, 40), alpha=0.1), learn(6, FisherZ(R[np.ix_(order, order)], 40), alpha=0.1)
    assert 0 < np.count_nonzero(one.marks) < 30
    assert (one.marks[np.ix_(order, order)] == other.marks).all()


def test_with_the_order_known_pc_directs_every_edge_along_it():
    M = textbook(4, (0, 1), (1, 2), (0, 3), (2, 3))
    assert (pc(4, SeparationOracle(M), order=[0, 1, 2, 3]).marks == M).all()
    assert (pc(4, SeparationOracle(M)).marks != M).any()


def test_no_larger_set_is_tried_than_asked_for():
    M = textbook(4, (0, 1), (0, 2), (1, 3), (2, 3))  # 0 and 3 are separated by 1 and 2 together only
    assert pc(4, SeparationOracle(M)).marks[0, 3] == 0
    for learn in (pc, icd):
        assert learn(4, SeparationOracle(M), max_conditioning=1).marks[0, 3] != 0


def test_an_order_that_is_none_is_refused():
    with pytest.raises(DataError, match="each of the 3 nodes once"):
        icd(3, SeparationOracle(np.zeros((3, 3))), order=[0, 1, 1])


def test_distances_follow_colliders_and_triangles_only():
    M = textbook(4, (0, 1), (2, 1), (2, 3))  # 0 -> 1 <- 2 -> 3: 2 is no collider on 1, 2, 3
    assert pds_distances(M, 0) == {1: 1, 2: 2}
    assert pds_distances(M, 0, reach=1) == {1: 1}
    assert pds_distances(M, 0, allowed=[2]) == {}
    assert legal_subsets(M, 0, 1) == [((1,), 1)]
    assert legal_subsets(M, 0, 2) == [((1, 2), 3)]
