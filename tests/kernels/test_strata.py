"""Groups of equal rows."""

import numpy as np

from yinguo.kernels import strata
from yinguo.kernels.strata import group_matches, row_groups


def test_rows_share_a_group_exactly_when_they_are_equal():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(-1, 2, 500) * 0.1, rng.integers(0, 2, 500), rng.integers(0, 3, 500) - 1.0])
    group, first = row_groups(X)
    equal = (X[:, None] == X[None]).all(axis=2)
    assert np.array_equal(equal, group[:, None] == group[None])
    assert np.array_equal(X[first][group], X)
    assert all(first[g] == np.flatnonzero(group == g)[0] for g in range(first.size))


def test_minus_zero_equals_zero():
    group, _ = row_groups(np.array([[0.0], [-0.0], [1.0]]))
    assert group[0] == group[1] != group[2]


def test_colliding_hashes_do_not_merge_different_rows(monkeypatch):
    monkeypatch.setattr(strata, "_MIX", np.uint64(0))  # every row hashes to the same number
    X = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [5.0, 6.0]])
    group, first = row_groups(X)
    assert group[0] == group[2]
    assert np.unique(group).size == first.size == 3


def test_every_unit_is_matched_to_all_donors_of_its_group():
    rng = np.random.default_rng(1)
    group = rng.integers(0, 9, 200)
    T = rng.random(200) < 0.2
    focal, donors = np.flatnonzero(T), np.flatnonzero(~T & (group != 3))
    matches = group_matches(group=group, focal=focal, donors=donors)
    for i, row in enumerate(focal):
        found = matches.donors[matches.start[i] : matches.stop[i]]
        assert sorted(found) == donors[group[donors] == group[row]].tolist()
    assert np.isnan(matches.distance[~matches.matched]).all()
    assert (matches.distance[matches.matched] == 0).all()
