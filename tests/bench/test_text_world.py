"""The counted-out world of texts: laws that sum to one, values that are sums."""

import numpy as np
import pytest

from yinguo.bench.text_world import TextWorld, all_texts, chain_log_probability, draw_chain
from yinguo.errors import DataError

WORLD = TextWorld(gamma=0.5, beta=1.5, random_state=3)


@pytest.mark.parametrize("c", [-1.0, 1.0])
def test_probabilities_of_all_texts_sum_to_one(c):
    assert np.exp(WORLD.log_shown(all_texts(), c)).sum() == pytest.approx(1)


def test_the_mean_outcome_has_mean_nought_and_spread_one_over_the_texts_read():
    p, g = np.exp(WORLD.log_marginal), WORLD.mean_outcome(all_texts())
    assert p @ g == pytest.approx(0, abs=1e-9)
    assert p @ g**2 == pytest.approx(1)


def test_the_probability_of_a_text_is_that_of_a_slow_loop():
    log, before = WORLD.log_transitions(1.0), 0
    total = 0.0
    for token in (3, 0, 7, 7, 1, 2):
        total += log[before, token]
        before = token
    assert chain_log_probability(log, [[3, 0, 7, 7, 1, 2]])[0] == pytest.approx(total)


def test_texts_are_drawn_with_their_probability():
    log = WORLD.log_transitions(-1.0)
    drawn = draw_chain(log, 20000, np.random.default_rng(0))
    p = np.exp(chain_log_probability(log, all_texts()))
    for t, v in ((0, 3), (5, 6)):
        share = p @ (all_texts()[:, t] == v)
        assert (drawn[:, t] == v).mean() == pytest.approx(share, abs=4 * np.sqrt(share / 20000))


def test_the_best_law_is_as_far_away_as_asked_and_nothing_tried_is_better():
    start = WORLD.log_marginal
    best = WORLD.best(start, 0.5)
    assert WORLD.divergence(best, start) == pytest.approx(0.5, abs=1e-6)
    other = start + 3.0 * (all_texts() == int(WORLD.worth.argmax())).mean(axis=1)
    other -= np.log(np.exp(other).sum())
    nearer = WORLD.best(start, WORLD.divergence(other, start))
    assert WORLD.mean(nearer) > WORLD.mean(other) > 0


def test_readers_who_choose_confound_a_regression_and_kept_chances_do_not():
    """Among readers who chose, the worth of a text is hidden by who reads it; weights by the kept chances find it."""
    read = WORLD.read(40000, random_state=0)
    at_random = WORLD.read(40000, random_state=0, at_random=True)
    g = WORLD.mean_outcome(read.tokens)
    slope = np.polyfit(g, read.Y, 1)[0]
    assert slope < 0.8
    assert np.polyfit(WORLD.mean_outcome(at_random.tokens), at_random.Y, 1)[0] == pytest.approx(1, abs=0.05)
    marginal = np.logaddexp(WORLD.log_shown(read.tokens, -1), WORLD.log_shown(read.tokens, 1)) - np.log(2)
    w = np.exp(marginal - read.log_shown)
    assert np.average(g * read.Y, weights=w) == pytest.approx(1, abs=0.1)
    assert np.average(g * read.Y) < 0.8


def test_a_negative_spread_is_refused():
    with pytest.raises(DataError, match="noise is -1"):
        TextWorld(noise=-1)
