r"""Directions that follow from which pairs are adjacent and what separates the others.

All rules of one sweep look at the same graph and their findings are set together, so that neither the numbering of
the nodes nor the sequence of rules decides; where two findings contradict each other, which the tests of a finite
sample can bring about, the arrow stays. Marks are those of :mod:`yinguo.kernels.marked_graph`.

Sources: Meek (1995), UAI, for graphs without hidden causes; Zhang (2008), Artificial Intelligence 172, rules R1 to R10,
for those with hidden causes and selection.
"""

from itertools import combinations, pairwise, permutations

import numpy as np

from yinguo.kernels.marked_graph import ARROW, CIRCLE, TAIL

__all__ = ["arrowheads", "complete_tails", "meek_rules", "orient_colliders"]


def orient_colliders(M, separating):
    """Arrows into the middle of every i - c - j, i and j not adjacent, whose c is not in the set that separates them.

    Parameters
    ----------
    M : (k, k) int array
        Changed in place. In a graph with undirected edges, two arrows on one edge mark a contradiction.
    separating : mapping of (i, j), i < j, to tuple of int
    """
    for (i, j), given in separating.items():
        if M[i, j]:
            continue
        for c in np.flatnonzero((M[i] != 0) & (M[j] != 0)):
            if c not in given:
                M[i, c] = M[j, c] = ARROW


def meek_rules(M):
    """Direct the undirected edges that can point one way only, without new colliders and cycles.

    Parameters
    ----------
    M : (k, k) int array
        Directed and undirected edges; changed in place.

    Source
    ------
    Meek (1995), "Causal inference and causal explanation with background knowledge", UAI; rules 1 to 3, the fourth
    being needed with background knowledge only.
    """
    k = len(M)
    while True:
        found = set()
        directed = (M == ARROW) & (M.T == TAIL)
        undirected = (M == TAIL) & (M.T == TAIL)
        for b, c in np.argwhere(undirected).tolist():
            into_b = any(directed[a, b] and not M[a, c] for a in range(k))
            chain = (directed[b] & directed[:, c]).any()
            two = [d for d in range(k) if undirected[b, d] and directed[d, c]]
            if into_b or chain or any(not M[d, e] for d, e in combinations(two, 2)):
                found.add((b, c))
        if not found:
            return
        for b, c in found:
            M[b, c] = ARROW


def arrowheads(M, separating):
    """Rules R1 to R4: all arrows that hidden causes leave standing.

    Parameters
    ----------
    M : (k, k) int array
        Colliders oriented; changed in place.
    separating : mapping of (i, j), i < j, to tuple of int
    """
    while _set(M, _rules_one_to_three(M) | _discriminating_paths(M, separating)):
        pass


def complete_tails(M, *, selection=False):
    """Rules R8 to R10, after R5 to R7 if there may be selection: all tails.

    Parameters
    ----------
    M : (k, k) int array
        After :func:`arrowheads`; changed in place.
    selection : bool, default False
        Whether who is seen may depend on the variables.
    """
    if selection:
        _set(M, _circle_cycles(M))
        while _set(M, _rules_six_and_seven(M)):
            pass
    while _set(M, _rules_eight_to_ten(M)):
        pass


def _set(M: np.ndarray, found: set[tuple[int, int, int]]) -> bool:
    """Put marks where circles are; of two marks for one place the arrow. Whether anything changed."""
    changed = False
    for a, b, mark in sorted(found, key=lambda item: item[2]):  # ARROW < TAIL
        if M[a, b] == CIRCLE:
            M[a, b] = mark
            changed = True
    return changed


def _rules_one_to_three(M: np.ndarray) -> set[tuple[int, int, int]]:
    found: set[tuple[int, int, int]] = set()
    for a, b in np.argwhere(M == ARROW).tolist():  # a *-> b
        for c in np.flatnonzero(M[b]).tolist():
            if c == a:
                continue
            if not M[a, c] and M[c, b] == CIRCLE:  # R1: b is no collider
                found |= {(c, b, TAIL), (b, c, ARROW)}
            if M[b, c] == ARROW and M[a, c] == CIRCLE and (M[b, a] == TAIL or M[c, b] == TAIL):  # R2
                found.add((a, c, ARROW))
    for d, b in np.argwhere(M == CIRCLE).tolist():  # R3: d *-o b
        sides = [a for a in np.flatnonzero(M[:, b] == ARROW) if M[a, d] == CIRCLE]
        if any(not M[a, c] for a, c in combinations(sides, 2)):
            found.add((d, b, ARROW))
    return found


def _discriminating_paths(M: np.ndarray, separating) -> set[tuple[int, int, int]]:
    """R4: a path d, ..., a, b, c of colliders that are parents of c tells whether b is one, too."""
    found: set[tuple[int, int, int]] = set()
    parent = (M == ARROW) & (M.T == TAIL)
    for c, b in np.argwhere(M == CIRCLE).tolist():  # b o-* c
        for a in np.flatnonzero((M[b] == ARROW) & parent[:, c]).tolist():
            d = _start_of_path(M, parent, int(a), int(b), int(c))
            if d is None:
                continue
            if b in separating.get((min(d, c), max(d, c)), ()):
                found |= {(c, b, TAIL), (b, c, ARROW)}
            else:
                found |= {(a, b, ARROW), (b, a, ARROW), (b, c, ARROW), (c, b, ARROW)}
    return found


def _start_of_path(M: np.ndarray, parent: np.ndarray, a: int, b: int, c: int) -> int | None:
    waiting, seen = [a], {a, b, c}
    while waiting:
        inner = waiting.pop(0)
        for d in np.flatnonzero(M[:, inner] == ARROW):
            if d in seen:
                continue
            if not M[d, c]:
                return int(d)
            if parent[d, c] and M[inner, d] == ARROW:
                seen.add(int(d))
                waiting.append(int(d))
    return None


def _circle_cycles(M: np.ndarray) -> set[tuple[int, int, int]]:
    """R5: an edge o-o closed to a cycle by an uncovered path of o-o edges is undirected, and so is the path."""
    circles = (M == CIRCLE) & (M.T == CIRCLE)
    found: set[tuple[int, int, int]] = set()
    for a, b in np.argwhere(np.triu(circles)).tolist():
        for path in _uncovered_paths(M, int(a), int(b), circles):
            if len(path) < 4 or M[path[-2], a] or M[path[1], b]:
                continue
            for u, v in [*pairwise(path), (a, b)]:
                found |= {(int(u), int(v), TAIL), (int(v), int(u), TAIL)}
    return found


def _rules_six_and_seven(M: np.ndarray) -> set[tuple[int, int, int]]:
    found = set()
    for c, b in np.argwhere(M == CIRCLE).tolist():  # b o-* c
        for a in np.flatnonzero(M[b] == TAIL):  # a --* b
            undirected = M[a, b] == TAIL
            if a != c and (undirected or (M[a, b] == CIRCLE and not M[a, c])):
                found.add((c, b, TAIL))
    return found


def _rules_eight_to_ten(M: np.ndarray) -> set[tuple[int, int, int]]:
    found = set()
    parent = (M == ARROW) & (M.T == TAIL)
    possible = (M != 0) & (M != TAIL) & (M.T != ARROW)  # u to v may be directed that way
    for a, c in np.argwhere((M == ARROW) & (M.T == CIRCLE)).tolist():  # a o-> c
        middle = parent[:, c] & (M[:, a] == TAIL) & ((M[a] == ARROW) | (M[a] == CIRCLE))
        if middle.any() or _leads_round(M, int(a), int(c), possible) or _leads_in(M, int(a), int(c), parent, possible):
            found.add((int(c), int(a), TAIL))
    return found


def _leads_round(M, a: int, c: int, possible: np.ndarray) -> bool:
    """R9: an uncovered possibly directed path from a to c whose second node is not adjacent to c."""
    return any(len(path) > 3 and not M[path[1], c] for path in _uncovered_paths(M, a, c, possible))


def _leads_in(M, a: int, c: int, parent: np.ndarray, possible: np.ndarray) -> bool:
    """R10: such paths from a to two parents of c, whose first steps are not adjacent to each other."""
    first = {
        int(b): {path[1] for path in _uncovered_paths(M, a, int(b), possible, but=c)}
        for b in np.flatnonzero(parent[:, c])
    }
    return any(m != w and not M[m, w] for b, d in permutations(first, 2) for m in first[b] for w in first[d])


def _uncovered_paths(M, start: int, end: int, step: np.ndarray, but: int | None = None):
    """Paths of allowed steps on which no node is adjacent to the one after the next."""
    waiting = [[start]]
    while waiting:
        path = waiting.pop()
        if path[-1] == end:
            yield path
            continue
        for node in np.flatnonzero(step[path[-1]]):
            if node in path or node == but or (len(path) > 1 and M[path[-2], node]):
                continue
            waiting.append([*path, int(node)])
