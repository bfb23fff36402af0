"""Structure learners against causal-learn, both with a perfect test, on random graphs with hidden nodes.

145 of 150 PAGs are the same to the last mark. In three of the others causal-learn makes edges undirected, which would
mean selection and contradicts the graph that was drawn; in two it leaves circles where the last rules put tails.
"""

import json
import sys
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "kernels"))
from graph_toys import ancestral, statements

from yinguo.kernels.marked_graph import (
    ARROW,
    CIRCLE,
    TAIL,
    SeparationOracle,
    differing_edges,
    from_parents,
    possible_ancestors,
)
from yinguo.kernels.structure_search import icd, pc

CASES = json.loads(Path(__file__).with_name("causal_learn.json").read_text())["cases"]


def ours(case, learn=icd):
    oracle = SeparationOracle(from_parents(np.array(case["parents"])), observed=tuple(case["observed"]))
    return learn(len(case["observed"]), oracle).marks


def contradicted(marks, case):
    """Whether a mark is not that of the graph that was drawn: a tail means an ancestor, an arrow none."""
    seen = case["observed"]
    ancestor = possible_ancestors(from_parents(np.array(case["parents"])))[np.ix_(seen, seen)]
    return bool(((marks == TAIL) & ~ancestor.T).any() or ((marks == ARROW) & ancestor.T).any())


def test_cpdags_are_the_same():
    cases = [case for case in CASES if "cpdag" in case]
    assert len(cases) == 56
    assert all(differing_edges(ours(case, pc), np.array(case["cpdag"])) == 0 for case in cases)


def test_pags_are_the_same_but_where_theirs_contradicts_the_graph_or_leaves_circles():
    contradictory, weaker = 0, 0
    for case in CASES:
        found, theirs = ours(case), np.array(case["pag"])
        assert not contradicted(found, case)
        assert ((found != 0) == (theirs != 0)).all()
        if contradicted(theirs, case):
            contradictory += 1
            continue
        differ = found != theirs
        assert (theirs[differ] == CIRCLE).all()
        weaker += bool(differ.any())
    assert (contradictory, weaker) == (3, 2)


@pytest.mark.slow
def test_where_they_leave_circles_every_equivalent_graph_has_our_tails():
    (case,) = [c for c in CASES if c["observed"] == [0, 2, 3, 4, 5] and (ours(c) != np.array(c["pag"])).any()]
    found = ours(case)
    edges = [(i, j) for i, j in combinations(range(5), 2) if found[i, j]]
    free = [(i, j) for i, j in edges if CIRCLE in (np.array(case["pag"])[i, j], np.array(case["pag"])[j, i])]
    fixed = np.array(case["pag"])
    kinds = [(ARROW, TAIL), (TAIL, ARROW), (ARROW, ARROW)]
    seen = case["observed"]
    ancestor = possible_ancestors(from_parents(np.array(case["parents"])))[np.ix_(seen, seen)]
    drawn = np.where(found == 0, 0, np.where(ancestor.T, TAIL, ARROW))
    truth, equivalent = statements(drawn), 0
    for marks in product(kinds, repeat=len(free)):
        M = fixed.copy()
        for (i, j), (at_j, at_i) in zip(free, marks, strict=True):
            M[i, j], M[j, i] = at_j, at_i
        if ((fixed != CIRCLE) & (fixed != M)).any() or not ancestral(M) or statements(M) != truth:
            continue
        equivalent += 1
        assert ((found == CIRCLE) | (found == M)).all()
    assert equivalent > 1
