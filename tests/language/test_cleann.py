"""CLEANN: the graph depends on A A' alone, and explanations are those that every set would give, where connected."""

from itertools import combinations

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.kernels.marked_graph import ARROW, CIRCLE, TAIL
from yinguo.kernels.structure_search import pds_distances
from yinguo.language.cleann import CLEANN, Explanation


def attention(seed=0, k=6):
    """A = B Lambda P of a random graph, causes first."""
    rng = np.random.default_rng(seed)
    G = np.tril(rng.random((k, k)) < 0.35, -1) * rng.uniform(0.5, 1, (k, k))
    return np.linalg.inv(np.eye(k) - G) @ np.diag(rng.uniform(0.7, 1.3, k)) @ orthogonal(rng, k), G


def orthogonal(rng, k):
    return np.linalg.qr(rng.normal(size=(k, k)))[0]


def chain(k=4, weight=0.8):
    return np.linalg.inv(np.eye(k) - np.diag(np.full(k - 1, weight), -1))


@pytest.mark.parametrize("learner", ["icd", "pc"])
@pytest.mark.parametrize("seed", range(5))
def test_an_orthogonal_factor_on_the_right_changes_nothing(learner, seed):
    A, _ = attention(seed)
    P = orthogonal(np.random.default_rng(seed + 100), 6)
    one, other = (CLEANN(learner=learner).fit(M, n_samples=1e6).graph_.marks for M in (A, A @ P))
    assert (one == other).all()
    assert one.any()


@pytest.mark.parametrize("learner", ["icd", "pc"])
def test_permuting_the_words_permutes_the_graph(learner):
    A = np.random.default_rng(4).random((7, 9)) ** 4
    order = np.random.default_rng(5).permutation(7)
    one, other = (CLEANN(learner=learner).fit(M, n_samples=60).graph_.marks for M in (A, A[order]))
    assert (one[np.ix_(order, order)] == other).all()
    assert 0 < np.count_nonzero(one) < 42


def test_scaling_rows_of_attention_changes_nothing():
    A, _ = attention(1)
    scaled = A * np.arange(1, 7)[:, None]
    one, other = (CLEANN().fit(M, n_samples=1e6).graph_.marks for M in (A, scaled))
    assert (one == other).all()


def test_words_that_are_no_nodes_are_marginalised():
    fitted = CLEANN(learner="pc").fit(chain(5), n_samples=1e6, nodes=[0, 2, 4])
    assert fitted.nodes_ == (0, 2, 4)
    assert fitted.graph_.edges() == [("0", "---", "2"), ("2", "---", "4")]


def test_of_a_hidden_common_cause_icd_makes_two_arrows_and_pc_a_contradiction():
    G = np.zeros((5, 5))
    G[1, 0] = G[1, 4] = G[2, 4] = G[2, 3] = 0.9  # 0 -> 1 <- 4 -> 2 <- 3, and 4 is no node
    A = np.linalg.inv(np.eye(5) - G)
    edges = CLEANN().fit(A, n_samples=1e6, nodes=[0, 1, 2, 3], names=list("abcdu")).graph_.edges()
    assert edges == [("a", "o->", "b"), ("b", "<->", "c"), ("d", "o->", "c")]


@pytest.mark.parametrize("learner", ["icd", "pc"])
def test_with_the_order_known_no_arrow_points_back_and_nodes_may_be_given_in_any_order(learner):
    A, G = attention(3)
    names = list("abcdef")
    for nodes in (range(6), [3, 0, 5, 1, 4, 2]):
        fitted = CLEANN(learner=learner).fit(A, n_samples=1e8, nodes=list(nodes), names=names, ordered=True)
        found = {frozenset((a, b)) for a, _, b in fitted.graph_.edges()}
        assert found == {frozenset((names[i], names[j])) for i, j in zip(*np.nonzero(G), strict=True)}
        for place, row in enumerate(fitted.nodes_):
            for other, later in enumerate(fitted.nodes_):
                if row < later and fitted.graph_.marks[place, other]:
                    assert fitted.graph_.marks[place, other] == ARROW
                    assert fitted.graph_.marks[other, place] in (TAIL, CIRCLE)


def test_a_smaller_level_gives_fewer_edges():
    A = np.random.default_rng(4).random((7, 9)) ** 4
    counts = [np.count_nonzero(CLEANN(alpha=a).fit(A, n_samples=60).graph_.marks) for a in (0.5, 0.05, 1e-4)]
    assert counts[0] >= counts[1] >= counts[2]
    assert counts[0] > counts[2]


def test_candidates_are_connected_with_the_target_and_come_nearest_first():
    fitted = CLEANN(learner="pc").fit(chain(4), n_samples=1e6)
    # Along 0 - 1 - 2 - 3 no inner node is a collider: only the neighbour of 3 is on a PDS path.
    assert [item.words for item in fitted.candidates(3, 1)] == [(2,)]
    assert fitted.candidates(3, 2) == []
    A, _ = attention(2)
    fitted = CLEANN(alpha=0.4).fit(A, n_samples=60)
    far = pds_distances(fitted.graph_.marks, 5)
    assert fitted.distances(5) == far
    for size in (1, 2, 3):
        found = fitted.candidates(5, size)
        assert [item.distance for item in found] == sorted(item.distance for item in found)
        for item in found:
            assert item.distance == sum(far[k] for k in item.words)
            assert set(pds_distances(fitted.graph_.marks, 5, allowed=item.words)) == set(item.words)


@pytest.mark.parametrize("seed", range(4))
def test_in_a_complete_graph_explanations_are_those_of_trying_every_set(seed):
    from yinguo.language.explanation_testers import exhaustive_explanations

    rng = np.random.default_rng(seed)
    A = np.ones((6, 6)) + 0.05 * rng.random((6, 6))
    fitted = CLEANN(alpha=0.999, max_conditioning=0).fit(A, n_samples=400)
    assert np.count_nonzero(fitted.graph_.marks) == 30
    needed = set(rng.permutation(5)[: 1 + seed % 3].tolist())

    def tester(words):
        return needed <= set(words)

    for minimal in (True, False):
        fitted.search_minimal = minimal
        found = {item.words for item in fitted.explain(5, tester)}
        every = {item.words for item in exhaustive_explanations(range(5), tester, search_minimal=minimal)}
        assert found == every
    assert len(needed) == 3 or any(len(words) > len(needed) for words in found)


def test_the_search_stops_at_the_first_size_and_never_asks_about_the_target():
    asked = []

    def tester(words):
        asked.append(tuple(words))
        return words == (1,)

    fitted = CLEANN(alpha=0.5, max_conditioning=0).fit(np.ones((4, 4)) + 0.1 * np.eye(4), n_samples=100)
    assert fitted.explain(3, tester) == [Explanation((1,), 1)]
    assert sorted(asked) == [(0,), (1,), (2,)]
    asked.clear()
    assert fitted.explain(3, lambda words: False) == []
    assert fitted.explain(3, tester, allowed=[0, 2]) == []
    assert all(3 not in words and 1 not in words for words in asked)


def test_larger_sets_and_longer_paths_are_tried_only_as_far_as_asked():
    fitted = CLEANN(alpha=0.5, max_conditioning=0, max_size=2).fit(np.ones((5, 5)) + 0.1 * np.eye(5), n_samples=100)
    sizes = set()
    fitted.explain(4, lambda words: sizes.add(len(words)) or False)
    assert sizes == {1, 2}
    A, _ = attention(2)
    near = CLEANN(alpha=0.4, max_range=1).fit(A, n_samples=60)
    assert set(near.distances(5).values()) == {1}


def test_edges_are_written_with_the_arrow_to_the_right():
    A, _ = attention(0)
    for a, middle, b in CLEANN().fit(A, n_samples=1e6).graph_.edges():
        assert a != b
        assert middle in ("o-o", "o->", "-->", "<->", "---")


@pytest.mark.parametrize(
    ("options", "call", "words"),
    [
        ({"learner": "ges"}, {}, "'icd' or 'pc'"),
        ({"alpha": 1.0}, {}, "alpha is 1.0"),
        ({"max_size": 0}, {}, "max_size is 0"),
        ({}, {"nodes": [1]}, "1 nodes"),
        ({}, {"nodes": [1, 1]}, "2 nodes"),
        ({}, {"n_samples": 3}, "too few"),
    ],
)
def test_bad_options_are_named(options, call, words):
    with pytest.raises(DataError, match=words):
        CLEANN(**options).fit(chain(4), **{"n_samples": 100, **call})


def test_bad_attention_and_targets_are_named():
    with pytest.raises(DataError, match="give one head"):
        CLEANN().fit(np.ones((2, 3, 3)), n_samples=100)
    with pytest.raises(DataError, match="40 nodes"):
        CLEANN().fit(np.eye(40), n_samples=100)
    with pytest.raises(DataError, match="row 1 is no node of the graph; nodes are 0, 2"):
        CLEANN().fit(chain(4), n_samples=100, nodes=[0, 2]).explain(1, lambda words: True)


def test_fitting_changes_nothing_of_the_input_and_forgets_what_was_before():
    A, _ = attention(0)
    before, fitted = A.copy(), CLEANN()
    first = fitted.fit(A, n_samples=1e6).graph_
    fitted.fit(chain(3), n_samples=1e6)
    assert fitted.nodes_ == (0, 1, 2)
    assert (fitted.fit(A, n_samples=1e6).graph_.marks == first.marks).all()
    assert (before == A).all()


def test_pairs_that_a_threshold_joins_are_not_those_of_the_graph():
    """The naive reading of A A' fails on a chain, where all words are correlated."""
    fitted = CLEANN().fit(chain(4), n_samples=1e6)
    assert (np.abs(fitted.correlation_) > 0.1).all()
    joined = {(a, b) for a, b in combinations(range(4), 2) if fitted.graph_.marks[a, b]}
    assert joined == {(0, 1), (1, 2), (2, 3)}


SQUARE = np.random.default_rng(0).dirichlet(np.ones(4), size=4)


@pytest.mark.parametrize(
    ("A", "given", "words"),
    [
        ("abc", {}, "attention holds something else than numbers"),
        (SQUARE * np.nan, {}, "attention has entries that are not finite"),
        (np.vstack([SQUARE[:3], np.zeros(4)]), {}, "row 3 of attention is all zeros"),
        (SQUARE, {"n_samples": np.nan}, "n_samples is nan"),
        (SQUARE, {"n_samples": np.inf}, "n_samples is inf"),
        (SQUARE, {"n_samples": "a"}, "n_samples is 'a'"),
        (SQUARE, {"nodes": [0, 9]}, "a row in nodes is 9"),
        (SQUARE, {"nodes": [0, -1]}, "a row in nodes is -1"),
        (SQUARE, {"names": ["a"]}, "1 names for 4 rows"),
    ],
)
def test_attention_draws_and_rows_that_make_no_graph_are_refused(A, given, words):
    with pytest.raises(DataError, match=words):
        CLEANN().fit(A, **{"n_samples": 100, **given})


@pytest.mark.parametrize(
    "options",
    [{"alpha": "a"}, {"max_conditioning": -1}, {"max_conditioning": 2.5}, {"max_size": 1.5}, {"max_range": 0}],
)
def test_options_out_of_range_are_refused_by_name(options):
    with pytest.raises(DataError, match=f"{next(iter(options))} is"):
        CLEANN(**options).fit(SQUARE, n_samples=100)


def test_nothing_is_explained_before_a_fit():
    with pytest.raises(DataError, match="not fitted; call fit first"):
        CLEANN().explain(0, lambda words: True)
