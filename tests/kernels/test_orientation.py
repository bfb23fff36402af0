"""Single rules on the smallest graphs that need them; all together are tested in test_structure_search."""

import numpy as np

from yinguo.kernels.marked_graph import ARROW, CIRCLE, TAIL
from yinguo.kernels.orientation import arrowheads, complete_tails, meek_rules, orient_colliders

MARKS = {"-": TAIL, ">": ARROW, "<": ARROW, "o": CIRCLE}


def graph(k, *edges):
    """Edges written as "0 o-> 1"."""
    M = np.zeros((k, k), dtype=np.int8)
    for edge in edges:
        a, middle, b = edge.split()
        M[int(b), int(a)], M[int(a), int(b)] = MARKS[middle[0]], MARKS[middle[-1]]
    return M


def test_a_middle_that_does_not_separate_is_a_collider():
    M = graph(3, "0 o-o 1", "1 o-o 2")
    orient_colliders(M, {(0, 2): ()})
    assert (graph(3, "0 o-> 1", "1 <-o 2") == M).all()
    kept = graph(3, "0 o-o 1", "1 o-o 2")
    orient_colliders(kept, {(0, 2): (1,)})
    assert (kept == graph(3, "0 o-o 1", "1 o-o 2")).all()


def test_meek_avoids_new_colliders_and_cycles():
    M = graph(3, "0 --> 1", "1 --- 2")
    meek_rules(M)
    assert (graph(3, "0 --> 1", "1 --> 2") == M).all()
    M = graph(3, "0 --> 1", "1 --> 2", "0 --- 2")
    meek_rules(M)
    assert M[0, 2] == ARROW
    M = graph(4, "0 --- 1", "0 --- 2", "0 --- 3", "1 --> 3", "2 --> 3")
    meek_rules(M)
    assert M[0, 3] == ARROW
    assert M[0, 1] == TAIL


def test_a_discriminating_path_decides_on_its_last_inner_node():
    # 0 *-> 1 <-> 2 o-* 3, with 1 a parent of 3 and 0 not adjacent to 3.
    start = ("0 o-> 1", "1 <-> 2", "1 --> 3", "2 o-o 3")
    tail, collider = graph(4, *start), graph(4, *start)
    arrowheads(tail, {(0, 3): (1, 2)})
    arrowheads(collider, {(0, 3): (1,)})
    assert (tail[3, 2], tail[2, 3]) == (TAIL, ARROW)
    assert (collider[3, 2], collider[2, 3]) == (ARROW, ARROW)


def test_a_tail_follows_from_a_directed_way_round():
    M = graph(3, "0 --> 1", "1 --> 2", "0 o-> 2")
    complete_tails(M)
    assert M[2, 0] == TAIL


def test_a_circle_of_circles_is_undirected_only_if_there_may_be_selection():
    cycle = ("0 o-o 1", "1 o-o 2", "2 o-o 3", "3 o-o 0")
    plain, selected = graph(4, *cycle), graph(4, *cycle)
    complete_tails(plain)
    complete_tails(selected, selection=True)
    assert set(plain[plain != 0]) == {CIRCLE}
    assert set(selected[selected != 0]) == {TAIL}


def test_of_two_findings_for_one_mark_the_arrow_stays():
    # The first rule wants a tail at 1 for 0 *-> 1 o-o 2 and an arrow for 3 *-> 2 o-o 1.
    M = graph(4, "0 o-> 1", "1 o-o 2", "3 o-> 2")
    arrowheads(M, {})
    assert (M[1, 2], M[2, 1]) == (ARROW, ARROW)
