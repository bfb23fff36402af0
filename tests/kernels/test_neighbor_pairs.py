"""Tree and matrix product against a search through all pairs of points."""

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.kernels import neighbor_pairs
from yinguo.kernels.neighbor_pairs import Reach, product_pairs, tree_pairs

SEARCHES = [tree_pairs, product_pairs]


def all_pairs(here, there, size, reach):
    found = []
    for i, point in enumerate(here):
        distance = np.sqrt(((there - point) ** 2).sum(axis=1))
        radius = reach.caliper + reach.slack
        if reach.nth is not None:
            order = np.argsort(distance, kind="stable")
            nth = np.searchsorted(np.cumsum(size[order]), reach.nth)
            if nth < order.size:
                radius = reach.radius(distance[order[nth]])
        found += [(i, j) for j in np.flatnonzero(distance <= radius)]
    return set(found)


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(("nth", "caliper"), [(1, np.inf), (2, 1.5), (5, np.inf), (40, np.inf), (40, 1.5), (None, 1.5)])
@pytest.mark.parametrize("grid", [True, False])
def test_pairs_are_those_of_a_search_through_all_pairs(search, nth, caliper, grid):
    rng = np.random.default_rng(0)
    here, there = rng.normal(size=(90, 3)), rng.normal(size=(150, 3))
    if grid:  # many distances are exactly equal
        here, there = np.unique(np.round(here), axis=0), np.unique(np.round(there), axis=0)
    size = rng.integers(1, 4, len(there))
    reach = Reach(nth, caliper, 0.0, 1e-10)
    row, column, distance = search(here, there, size, reach)
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == all_pairs(here, there, size, reach)
    assert np.allclose(distance, np.sqrt(((here[row] - there[column]) ** 2).sum(axis=1)), rtol=0, atol=1e-12)
    assert (np.diff(row) >= 0).all()
    assert (np.diff(distance)[np.diff(row) == 0] >= -1e-12).all()


@pytest.mark.parametrize("search", SEARCHES)
def test_a_tie_tolerance_widens_the_sets(search):
    here, there = np.zeros((1, 2)), np.array([[1.0, 0.0], [0.0, 1.1], [2.0, 0.0]])
    size = np.ones(3, int)
    assert search(here, there, size, Reach(1, np.inf, 0.0, 1e-10))[1].tolist() == [0]
    assert search(here, there, size, Reach(1, np.inf, 0.22, 1e-10))[1].tolist() == [0, 1]


def test_the_matrix_product_is_exact_where_single_precision_is_not():
    rng = np.random.default_rng(1)
    # Far from each other's norm: squared norms near 1e4, nearest squared distances near 1e-6.
    center = 100 * rng.normal(size=(40, 12))
    there = np.vstack([center + 1e-3 * rng.normal(size=center.shape) for _ in range(30)])
    here = center + 1e-3 * rng.normal(size=center.shape)
    size = np.ones(len(there), int)
    reach = Reach(3, np.inf, 0.0, 0.0)
    row, column, _ = product_pairs(here, there, size, reach)
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == all_pairs(here, there, size, reach)


def test_the_matrix_product_works_across_blocks_and_tiles(monkeypatch):
    monkeypatch.setattr(neighbor_pairs, "_ROWS", 7)
    monkeypatch.setattr(neighbor_pairs, "_WIDTH", 2)
    rng = np.random.default_rng(2)
    here, there = rng.normal(size=(30, 4)), rng.normal(size=(333, 4))
    size = np.ones(333, int)
    for reach in (Reach(1, np.inf, 0.0, 0.0), Reach(9, np.inf, 0.0, 0.0), Reach(None, 1.2, 0.0, 0.0)):
        row, column, _ = product_pairs(here, there, size, reach)
        assert set(zip(row.tolist(), column.tolist(), strict=True)) == all_pairs(here, there, size, reach)


@pytest.mark.parametrize("search", SEARCHES)
def test_too_wide_a_caliper_is_refused_before_memory_runs_out(search, monkeypatch):
    monkeypatch.setattr(neighbor_pairs, "_MOST_PAIRS", 1000)
    points = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(DataError, match="smaller caliper"):
        search(points, points, np.ones(100, int), Reach(None, 50.0, 0.0, 0.0))
