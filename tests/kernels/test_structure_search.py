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
