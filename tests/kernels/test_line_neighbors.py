"""Neighbours on a line, against a search through all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yinguo.kernels.line_neighbors import greedy_line_matches, line_matches


def all_pairs(values, i, donors, n_neighbors, caliper=None, tie_tolerance=0.0) -> set:
    distance = np.abs(values[donors] - values[i])
    inside = np.ones(donors.size, bool)
    if n_neighbors is not None:
        nth = np.sort(distance)[min(n_neighbors, donors.size) - 1]
        inside &= distance**2 <= nth**2 + tie_tolerance + 1e-12
    if caliper is not None:
        inside &= distance <= caliper + 1e-12
    return set(donors[inside].tolist())


def sets(matches) -> dict:
    return {
        int(row): set(matches.donors[a:b].tolist())
        for row, a, b in zip(matches.focal, matches.start, matches.stop, strict=True)
    }


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.integers(-20, 20), min_size=4, max_size=40),
    n_neighbors=st.sampled_from([1, 2, 3, 7, None]),
    caliper=st.sampled_from([None, 0.0, 1.0, 3.5]),
    tie_tolerance=st.sampled_from([0.0, 1.0, 5.0]),
    seed=st.integers(0, 5),
)
def test_matches_are_those_of_a_search_through_all_pairs(values, n_neighbors, caliper, tie_tolerance, seed):
    values = np.array(values, float)
    T = np.random.default_rng(seed).permutation(values.size) % 2
    focal, donors = np.flatnonzero(T == 1), np.flatnonzero(T == 0)
    options = {"n_neighbors": n_neighbors, "caliper": caliper, "tie_tolerance": tie_tolerance}
    if n_neighbors is None and caliper is None:
        with pytest.raises(ValueError, match="both None"):
            line_matches(values=values, focal=focal, donors=donors, **options)
        return
    found = sets(line_matches(values=values, focal=focal, donors=donors, **options))
    assert found == {int(i): all_pairs(values, i, donors, **options) for i in focal}


def test_the_distance_is_that_of_the_farthest_match():
    matches = line_matches(
        values=np.array([0.0, 1.0, -1.0, 5.0]), focal=np.array([0]), donors=np.array([1, 2, 3]), n_neighbors=1
    )
    assert matches.count.tolist() == [2]  # 1 and -1 are equally near
    assert matches.distance.tolist() == [1.0]


def test_scores_that_differ_in_the_last_bit_are_ties():
    values = np.array([0.3, 0.1 + 0.2, 0.3 - 1e-16, 0.9])
    matches = line_matches(values=values, focal=np.array([0]), donors=np.array([1, 2, 3]))
    assert matches.count.tolist() == [2]


def test_no_donors_means_no_match():
    matches = line_matches(values=np.arange(3.0), focal=np.arange(3), donors=np.zeros(0, int))
    assert not matches.matched.any()
    assert np.isnan(matches.distance).all()


def greedy_by_scanning(values, focal, donors, rounds, caliper):
    """Nearest free donor by looking at all of them; the lower value wins, then the earlier donor."""
    free, taken = list(donors), {int(i): [] for i in focal}
    for _ in range(rounds):
        for i in focal:
            if not free:
                continue
            best = min(range(len(free)), key=lambda k: (abs(values[free[k]] - values[i]), values[free[k]], k))
            if caliper is None or abs(values[free[best]] - values[i]) <= caliper:
                taken[int(i)].append(int(free.pop(best)))
    return taken


@settings(max_examples=80, deadline=None)
@given(
    values=st.lists(st.integers(-8, 8), min_size=4, max_size=30),
    rounds=st.integers(1, 3),
    caliper=st.sampled_from([None, 0.0, 2.0]),
    seed=st.integers(0, 10),
)
def test_greedy_matching_takes_the_nearest_free_donor_every_time(values, rounds, caliper, seed):
    values = np.array(values, float)
    rng = np.random.default_rng(seed)
    T = rng.random(values.size) < 0.4
    focal, donors = rng.permutation(np.flatnonzero(T)), np.flatnonzero(~T)
    matches = greedy_line_matches(values=values, focal=focal, donors=donors, n_neighbors=rounds, caliper=caliper)
    assert {k: sorted(v) for k, v in sets(matches).items()} == {
        k: sorted(v) for k, v in greedy_by_scanning(values, focal, donors, rounds, caliper).items()
    }
    assert np.unique(matches.donors).size == matches.donors.size


def test_greedy_matching_of_continuous_scores_agrees_with_scanning():
    rng = np.random.default_rng(0)
    values = rng.normal(size=700)
    T = rng.random(700) < 0.35
    focal, donors = np.flatnonzero(T), np.flatnonzero(~T)
    focal = focal[np.argsort(-values[focal])]
    matches = greedy_line_matches(values=values, focal=focal, donors=donors)
    expected = greedy_by_scanning(values, focal, donors, 1, None)
    assert sets(matches) == {k: set(v) for k, v in expected.items()}
    gap = [abs(values[i] - values[j[0]]) for i, j in ((i, expected[int(i)]) for i in focal)]
    assert np.allclose(matches.distance, gap)
