"""Match sets in several covariates, against a search through all pairs of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yinguo.errors import DataError
from yinguo.kernels.neighbors import metric_points, nearest_matches, nearest_matches_within
from yinguo.kernels.strata import row_groups


def squared_distances(X, V):
    difference = X[:, None] - X[None]
    return np.einsum("ijk,kl,ijl->ij", difference, V, difference)


def sets(matches) -> dict:
    return {
        int(row): set(matches.donors[a:b].tolist())
        for row, a, b in zip(matches.focal, matches.start, matches.stop, strict=True)
    }


def arms(n, seed=0):
    T = np.random.default_rng(seed).random(n) < 0.4
    return np.flatnonzero(T), np.flatnonzero(~T)


@pytest.mark.parametrize("p", [1, 2, 5, 12])
def test_the_metrics_are_inverse_covariance_inverse_variance_and_the_matrix_given(p):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, p)) @ rng.normal(size=(p, p)) + 1e4
    V = np.cov(rng.normal(size=(p, 3 * p + 2)))
    V = np.atleast_2d(V)
    wanted = {
        "mahalanobis": np.linalg.inv(np.atleast_2d(np.cov(X.T, bias=True))),
        "inverse_variance": np.diag(1 / X.var(axis=0)),
    }
    for metric, matrix in [*wanted.items(), (V, V)]:
        points = metric_points(X, metric)
        A = points.coordinates[points.cell]
        found = squared_distances(A, np.eye(A.shape[1]))
        assert np.allclose(found, squared_distances(X, matrix), rtol=1e-6, atol=1e-8)


def test_constant_and_collinear_columns_carry_no_distance():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 2))
    wide = np.column_stack([X, np.full(50, 0.1), X.sum(axis=1)])
    for metric in ("mahalanobis", "inverse_variance"):
        base = metric_points(X if metric == "mahalanobis" else wide[:, [0, 1, 3]], metric)
        more = metric_points(wide, metric)
        a, b = (squared_distances(m.coordinates[m.cell], np.eye(m.coordinates.shape[1])) for m in (base, more))
        assert np.allclose(a, b)


def test_a_metric_that_measures_no_distance_is_refused():
    X = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(DataError, match="negative eigenvalue"):
        metric_points(X, np.diag([1.0, -1.0]))
    with pytest.raises(DataError, match=r"shape \(3, 3\)"):
        metric_points(X, np.eye(3))
    with pytest.raises(DataError, match="'euclid'"):
        metric_points(X, "euclid")


@settings(max_examples=40, deadline=None)
@given(
    n_neighbors=st.sampled_from([1, 2, 4, None]),
    caliper=st.sampled_from([None, 0.7, 1.5]),
    p=st.sampled_from([1, 2, 3, 9]),
    discrete=st.booleans(),
    seed=st.integers(0, 20),
)
def test_matches_are_those_of_a_search_through_all_rows(n_neighbors, caliper, p, discrete, seed):
    if n_neighbors is None and caliper is None:
        caliper = 1.0
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(70, p))
    X = np.round(X) if discrete else X
    focal, donors = arms(70, seed)
    points = metric_points(X, np.eye(p))
    found = sets(nearest_matches(points=points, focal=focal, donors=donors, n_neighbors=n_neighbors, caliper=caliper))
    distance = np.sqrt(squared_distances(X, np.eye(p)))
    for i in focal:
        row = distance[i, donors]
        radius = np.inf if caliper is None else caliper
        if n_neighbors is not None:
            radius = min(radius, np.sort(row)[n_neighbors - 1])
        assert found[int(i)] == set(donors[row <= radius + 1e-9].tolist())


def test_an_offset_of_a_thousand_standard_deviations_changes_no_match():
    rng = np.random.default_rng(3)
    for p in (3, 12):
        X = rng.normal(size=(400, p))
        focal, donors = arms(400)
        plain, moved = (
            sets(nearest_matches(points=metric_points(Z), focal=focal, donors=donors)) for Z in (X, X + 1000.0)
        )
        assert plain == moved


def test_exact_columns_restrict_the_donors_to_equal_rows():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 2))
    groups, _ = row_groups(rng.integers(0, 6, (200, 1)).astype(float))
    focal, donors = arms(200)
    donors = donors[groups[donors] != 2]  # one group without donors
    points = metric_points(X)
    matches = nearest_matches_within(groups=groups, points=points, focal=focal, donors=donors, n_neighbors=2)
    found = sets(matches)
    assert set(found) == set(focal.tolist())
    for i in focal:
        own = donors[groups[donors] == groups[i]]
        alone = sets(nearest_matches(points=points, focal=np.array([i]), donors=own, n_neighbors=2))
        assert found[int(i)] == alone[int(i)]
        assert bool(found[int(i)]) == (groups[i] != 2)


def test_a_search_without_limits_is_refused():
    X = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(ValueError, match="both None"):
        nearest_matches(points=metric_points(X), focal=np.arange(5), donors=np.arange(5, 10), n_neighbors=None)


def test_rows_without_any_difference_all_match():
    points = metric_points(np.ones((6, 3)))
    matches = nearest_matches(points=points, focal=np.arange(3), donors=np.arange(3, 6))
    assert matches.count.tolist() == [3, 3, 3]


@pytest.mark.parametrize("p", [2, 6, 15])
def test_continuous_covariates_get_the_neighbours_that_scikit_learn_finds(p):
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(p)
    X = rng.normal(size=(1200, p)) @ rng.normal(size=(p, p))
    focal, donors = arms(1200)
    V = np.linalg.inv(np.cov(X.T))
    peer = NearestNeighbors(n_neighbors=3, metric="mahalanobis", metric_params={"VI": V}, algorithm="brute")
    expected = donors[peer.fit(X[donors]).kneighbors(X[focal], return_distance=False)]
    found = sets(nearest_matches(points=metric_points(X), focal=focal, donors=donors, n_neighbors=3))
    assert all(found[int(i)] == set(row.tolist()) for i, row in zip(focal, expected, strict=True))
