"""Weighted medians, votes, cliques and overlapping intervals against enumeration."""

from itertools import combinations

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.kernels.agreeing_instruments import (
    downward_groups,
    judged,
    largest_cliques,
    overlapping_groups,
    votes,
    weighted_median,
)
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.reduced_form import reduced_form


def form(seed=0, n=3000, direct=(0.0, 0.0, 0.0, 0.8, -0.8)):
    rng = np.random.default_rng(seed)
    q = len(direct)
    Z, U = rng.normal(size=(n, q)), rng.normal(size=n)
    T = 0.5 * Z.sum(axis=1) + U
    Y = T + Z @ np.array(direct) + U + rng.normal(size=n)
    return reduced_form(InstrumentMoments(Y=Y, T=T, X=np.empty((n, 0)), Z=Z))


def test_equal_weights_give_the_median_and_a_value_with_more_than_half_of_the_weight_is_near_it():
    rng = np.random.default_rng(0)
    for q in (3, 4, 9):
        values = rng.normal(size=q)
        assert weighted_median(values, np.ones(q)) == pytest.approx(np.median(values), rel=1e-12)
    assert weighted_median([5.0, 1.0, 9.0], [1e6, 1.0, 1.0]) == pytest.approx(5.0, abs=1e-4)


def test_repeating_a_value_is_the_same_as_doubling_its_weight():
    # Halfway into its own weight a value stands in both versions; between equal values nothing is interpolated.
    assert weighted_median([1.0, 2.0, 2.0, 4.0], np.ones(4)) == pytest.approx(2.0)
    assert weighted_median([1.0, 2.0, 4.0], [1.0, 2.0, 1.0]) == pytest.approx(2.0)


def test_votes_are_mutual_and_bring_valid_candidates_together():
    agree = votes(form(), np.sqrt(np.log(3000)))
    assert (agree == agree.T).all()
    assert agree[:3, :3].all()
    assert not agree[:3, 3:].any()


def test_a_vote_is_a_test_of_what_the_other_does_directly_with_its_delta_method_error():
    found = form(1)
    j, k = 0, 3
    ratio = found.ratios[j]
    V0, V1, V2 = found.covariances
    # Gradient of Gamma_k - Gamma_j gamma_k / gamma_j; blocks of the joint covariance (symmetric without groups).
    gradient = np.zeros((2, 5))
    gradient[0, k], gradient[0, j] = 1.0, -found.treatment[k] / found.treatment[j]
    gradient[1, k], gradient[1, j] = -ratio, ratio * found.treatment[k] / found.treatment[j]
    joint = np.block([[V0, V1 / 2], [V1 / 2, V2]])
    se = np.sqrt(gradient.ravel() @ joint @ gradient.ravel())
    size = abs(found.deviation(ratio)[k]) / se
    # The other direction divides by another coefficient; the vote needs both.
    assert not votes(found, size * 0.999)[j, k]
    assert votes(found, size * 1.5)[j, k]


@pytest.mark.parametrize("seed", range(8))
def test_largest_cliques_equal_trying_all_subsets(seed):
    rng = np.random.default_rng(seed)
    q = 8
    agree = rng.random((q, q)) < 0.6
    agree = agree & agree.T | np.eye(q, dtype=bool)
    for size in range(q, 0, -1):
        expected = [g for g in combinations(range(q), size) if all(agree[i, j] for i, j in combinations(g, 2))]
        if expected:
            break
    assert sorted(largest_cliques(agree)) == expected


def test_a_search_that_would_take_forever_is_refused():
    # Parts of three that agree with all but one another: the number of largest cliques is 3 to the power of parts.
    q = 33
    agree = ~np.kron(np.eye(q // 3, dtype=bool), np.ones((3, 3), dtype=bool)) | np.eye(q, dtype=bool)
    with pytest.raises(DataError, match="too many ways"):
        largest_cliques(agree)


def test_overlapping_groups_have_a_common_point_and_are_the_largest():
    low, high = np.array([0.0, 1.0, 1.5, 5.0, 5.5]), np.array([2.0, 3.0, 4.0, 6.0, 7.0])
    assert overlapping_groups(low, high) == [(0, 1, 2)]
    assert overlapping_groups(low[[0, 3, 4]], high[[0, 3, 4]]) == [(1, 2)]
    assert overlapping_groups(np.array([0.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0])) == [(0,), (1,), (2,)]


def test_downward_testing_stops_at_the_first_group_that_is_not_refused():
    found = downward_groups(form(2), 0.01)
    assert found[0].members == (0, 1, 2)
    assert found[0].p_value >= 0.01
    # With the bar at 1 nothing passes and it goes on until nobody is left to agree with.
    assert len(downward_groups(form(2), 1.0)[0].members) == 1
    # With the bar near 0 everything passes at once.
    assert downward_groups(form(2, n=200), 1e-300)[0].members == (0, 1, 2, 3, 4)


def test_a_judged_group_names_its_effect_and_how_badly_it_disagrees():
    found = form(3)
    good, mixed = judged(found, [2, 0, 1]), judged(found, [0, 1, 3])
    assert good.members == (0, 1, 2)
    assert good.effect == pytest.approx(1.0, abs=0.1)
    assert good.p_value > 0.01 > mixed.p_value
    assert judged(found, [4]).p_value == 1.0
