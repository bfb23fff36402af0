"""The best small tree is the best: against all trees by brute force, on ties, weights and small leaves."""

import time

import numpy as np
import pytest

from yinguo.kernels.small_trees import best_tree


def worth(leaf, y, s, rule):
    total, weight = np.bincount(leaf, weights=s * y), np.bincount(leaf, weights=s)
    return np.maximum(total, 0).sum() if rule == "policy" else (total**2 / weight).sum()


def brute(X, y, s, depth, rule, min_leaf):
    """The largest worth of any tree, by trying every split of every split."""
    if len(y) < min_leaf:
        return -np.inf
    best = worth(np.zeros(len(y), dtype=int), y, s, rule)
    for j in range(X.shape[1]) if depth else ():
        for value in np.unique(X[:, j])[:-1]:
            left = X[:, j] <= value
            parts = [brute(X[side], y[side], s[side], depth - 1, rule, min_leaf) for side in (left, ~left)]
            best = max(best, sum(parts))
    return best


@pytest.mark.parametrize("rule", ["policy", "spread"])
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("min_leaf", [1, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_no_tree_of_that_depth_is_better(rule, depth, min_leaf, weighted):
    rng = np.random.default_rng(7)
    for _ in range(3):
        X = np.column_stack([rng.normal(size=24), rng.integers(0, 4, 24), rng.integers(0, 2, 24)])
        s = rng.random(24) + 0.1 if weighted else np.ones(24)
        y = rng.normal(size=24)
        if rule == "spread":
            y = y - s @ y / s.sum()
        tree = best_tree(X, y, s, depth=depth, worth=rule, min_leaf=min_leaf)
        leaf = tree.apply(X)
        assert worth(leaf, y, s, rule) == pytest.approx(brute(X, y, s, depth, rule, min_leaf), abs=1e-9)
        assert np.bincount(leaf, minlength=tree.leaves).min() >= min_leaf


def test_a_rule_that_is_a_tree_is_found_and_told_in_plain_numbers():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(3000, 2)), rng.integers(1, 13, 3000)])
    gain = np.where((X[:, 2] <= 6) & (X[:, 0] > 0.5), 1.0, -1.0)
    tree = best_tree(X, gain + 0.5 * rng.normal(size=3000), min_leaf=30)
    found = np.bincount(tree.apply(X), weights=gain, minlength=tree.leaves) > 0
    assert (found[tree.apply(X)] == (gain > 0)).mean() > 0.98
    conditions = {(j, value) for path in tree.paths() for j, _, value in path}
    assert (2, 6.0) in conditions
    assert all(round(value, 2) == value for _, value in conditions)


def test_interactions_that_no_single_split_sees_are_found():
    """Exclusive or: every first split is worth nothing, so that a greedy tree stops."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 3))
    y = np.sign((X[:, 0] - 0.1) * (X[:, 1] + 0.2))
    for rule in ("policy", "spread"):
        tree = best_tree(X, y, worth=rule)
        assert worth(tree.apply(X), y, np.ones(2000), rule) > (0.97 * (y > 0).sum() if rule == "policy" else 1900)


def test_nothing_to_gain_gives_a_single_leaf():
    X = np.random.default_rng(2).normal(size=(100, 2))
    assert best_tree(X, np.ones(100)).leaves == 1
    assert best_tree(X, -np.ones(100)).leaves == 1
    assert best_tree(X, np.full(100, 3.3), worth="spread").leaves == 1
    assert best_tree(np.ones((100, 2)), X[:, 0]).leaves == 1
    assert best_tree(X[:3], X[:3, 0], min_leaf=2).leaves == 1


def test_blocks_of_a_large_table_change_nothing(monkeypatch):
    from yinguo.kernels import small_trees

    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(400, 3)), rng.normal(size=400)
    whole = best_tree(X, y, min_leaf=5)
    monkeypatch.setattr(small_trees, "BLOCK", 1000)
    assert best_tree(X, y, min_leaf=5) == whole


def test_a_deeper_tree_is_no_worse_than_a_shallow_one():
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(500, 3)), rng.normal(size=500)
    values = [worth(best_tree(X, y, depth=d).apply(X), y, np.ones(500), "policy") for d in range(4)]
    assert (np.diff(values) >= 0).all()


@pytest.mark.slow
def test_ten_thousand_rows_and_ten_covariates_take_seconds():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(10_000, 10))
    started = time.perf_counter()
    best_tree(X, np.sign(X[:, 0] * X[:, 1]) + 3 * rng.normal(size=10_000), min_leaf=100)
    assert time.perf_counter() - started < 10


def test_cuts_at_quantiles_are_kept_on_the_way_down():
    """Otherwise a root is chosen for splits below that are then not there."""
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(3000, 3)), rng.normal(size=3000) + 0.3
    tree = best_tree(X, y, max_cuts=20, min_leaf=50, worth="spread")
    rounded = np.column_stack([np.searchsorted(np.quantile(x, np.arange(1, 21) / 21), x) for x in X.T])
    same = best_tree(rounded, y, min_leaf=50, worth="spread")
    s, y = np.ones(3000), y - y.mean()
    # Quantiles of the two are off by a row or two.
    assert worth(tree.apply(X), y, s, "spread") == pytest.approx(worth(same.apply(rounded), y, s, "spread"), rel=0.15)


def test_a_rule_has_no_split_whose_sides_are_treated_alike():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(200, 3)), rng.normal(size=200) + 0.5
        tree = best_tree(X, y, min_leaf=5, max_cuts=10)
        treats = np.bincount(tree.apply(X), weights=y, minlength=tree.leaves) > 0
        paths = tree.paths()
        for a in range(tree.leaves - 1):
            siblings = paths[a][:-1] == paths[a + 1][:-1] and len(paths[a]) == len(paths[a + 1])
            assert not (siblings and treats[a] == treats[a + 1])
