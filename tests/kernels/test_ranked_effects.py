"""Rank-weighted averages: their definition by a slow loop, ties, weights, and influence values by the jackknife."""

from itertools import permutations

import numpy as np
import pytest

from yinguo.kernels.ranked_effects import included, rank_by, rank_weighted


def slow(psi, priority, target):
    """Mean over all cut-offs of the lead of those above it."""
    ordered = psi[np.argsort(-priority)]
    n = len(psi)
    leads = [ordered[:k].mean() - psi.mean() for k in range(1, n + 1)]
    return np.mean(leads) if target == "AUTOC" else np.mean([k / n * lead for k, lead in enumerate(leads, 1)])


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_the_area_is_the_mean_over_all_cut_offs(target):
    rng = np.random.default_rng(0)
    psi, priority = rng.normal(size=80), rng.normal(size=80)
    assert rank_weighted(psi, rank_by(priority), target)[0] == pytest.approx(slow(psi, priority, target), rel=1e-10)


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_ties_get_the_average_over_their_orders(target):
    psi, priority = np.random.default_rng(1).normal(size=7), np.array([2.0, 1.0, 1.0, 1.0, 0.0, 0.0, -1.0])
    orders = [
        slow(psi[[0, *a, *b, 6]], -np.arange(7.0), target) for a in permutations((1, 2, 3)) for b in ((4, 5), (5, 4))
    ]
    assert rank_weighted(psi, rank_by(priority), target)[0] == pytest.approx(np.mean(orders), rel=1e-10)


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_a_priority_that_is_the_same_for_all_is_worth_exactly_nothing(target):
    theta, phi = rank_weighted(np.random.default_rng(2).normal(size=50) + 5, rank_by(np.ones(50)), target)
    assert theta == pytest.approx(0, abs=1e-14)
    assert np.abs(phi).max() < 1e-12


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_a_constant_added_to_the_scores_changes_nothing_and_a_factor_scales(target):
    rng = np.random.default_rng(3)
    psi, ranking = rng.normal(size=60), rank_by(rng.normal(size=60), rng.random(60))
    theta, phi = rank_weighted(psi, ranking, target)
    again, moved = rank_weighted(3 * psi + 100, ranking, target)
    assert again == pytest.approx(3 * theta, rel=1e-9)
    assert moved == pytest.approx(3 * phi, abs=1e-9)


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_influence_values_are_centred_and_those_of_the_jackknife(target):
    rng = np.random.default_rng(4)
    n = 400
    priority = rng.normal(size=n)
    psi = priority + rng.normal(size=n)
    theta, phi = rank_weighted(psi, rank_by(priority), target)
    kept = [np.delete(np.arange(n), i) for i in range(n)]
    jackknife = [(n - 1) * (theta - rank_weighted(psi[k], rank_by(priority[k]), target)[0]) for k in kept]
    assert phi.mean() == pytest.approx(0, abs=1e-10)
    assert np.corrcoef(phi, jackknife)[0, 1] > 0.99
    assert phi.std() == pytest.approx(np.std(jackknife), rel=0.05)


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_weights_count_as_repeats_up_to_the_cut_offs_inside_a_repeated_row(target):
    rng = np.random.default_rng(5)
    n = 4000
    priority, counts = rng.normal(size=n), rng.integers(1, 4, n)
    psi = priority + rng.normal(size=n)
    weighted = rank_weighted(psi, rank_by(priority, counts.astype(float)), target)[0]
    repeated = rank_weighted(np.repeat(psi, counts), rank_by(np.repeat(priority, counts)), target)[0]
    assert weighted == pytest.approx(repeated, abs=2 / n)
    assert abs(weighted - rank_weighted(psi, rank_by(priority), target)[0]) > 4 / n


def test_the_best_share_is_a_share_and_ties_are_let_in_alike():
    priority = np.array([3.0, 2.0, 2.0, 1.0])
    assert included(rank_by(priority), 0.25).tolist() == [1, 0, 0, 0]
    assert included(rank_by(priority), 0.5).tolist() == [1, 0.5, 0.5, 0]
    assert included(rank_by(priority), 1.0).tolist() == [1, 1, 1, 1]
    s = np.array([2.0, 1.0, 1.0, 0.0])
    assert included(rank_by(priority, s), 0.25)[0] == 0.5
