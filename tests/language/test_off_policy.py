"""Values of a policy: closed forms on a population, double robustness, honest spread."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo.errors import DataError
from yinguo.language.off_policy import (
    doubly_robust_value,
    effective_share,
    importance_weights,
    inverse_probability_value,
    outcome_value,
    weights_check,
)

RNG = np.random.default_rng(0)
#: All texts of three letters out of two, each in exact proportion to its chance: a sample that is the population.
TEXTS = np.array(list(itertools.product([0, 1], repeat=3)))
COUNTS = np.array([3, 9, 5, 11, 8, 12, 6, 10])  # of 64
LOG_R = np.log(COUNTS / 64)
LOG_F = np.log(RNG.dirichlet(np.ones(8)))
LOG_0 = np.log(np.full(8, 1 / 8))
G = TEXTS @ [1.0, -2.0, 0.5] + 3 * TEXTS[:, 0] * TEXTS[:, 2]
WRONG_G, WRONG_LOG_R = RNG.normal(size=8), np.log(RNG.dirichlet(np.ones(8)))
VALUE = np.exp(LOG_F) @ G
READ, DRAWN = np.repeat(np.arange(8), COUNTS), np.arange(8)
PLAIN = {"normalise": False}


def dr(g, log_r, **options):
    return doubly_robust_value(G[READ], g[READ], (LOG_F - log_r)[READ], g[DRAWN], (LOG_F - LOG_0)[DRAWN], **options)


@pytest.mark.parametrize("options", [{}, PLAIN])
def test_on_the_population_every_estimate_is_the_value(options):
    assert inverse_probability_value(G[READ], (LOG_F - LOG_R)[READ], **options).estimate == pytest.approx(VALUE)
    assert outcome_value(G[DRAWN], (LOG_F - LOG_0)[DRAWN], **options).estimate == pytest.approx(VALUE)
    assert dr(G, LOG_R, **options).estimate == pytest.approx(VALUE)


@pytest.mark.parametrize("options", [{}, PLAIN])
def test_one_half_may_be_wrong_but_not_both(options):
    assert dr(WRONG_G, LOG_R, **options).estimate == pytest.approx(VALUE)
    assert dr(G, WRONG_LOG_R, **options).estimate == pytest.approx(VALUE)
    assert abs(dr(WRONG_G, WRONG_LOG_R, **options).estimate - VALUE) > 0.1
    # The parts alone have no such second chance.
    assert abs(outcome_value(WRONG_G[DRAWN], (LOG_F - LOG_0)[DRAWN], **options).estimate - VALUE) > 0.1
    assert abs(inverse_probability_value(G[READ], (LOG_F - WRONG_LOG_R)[READ], **options).estimate - VALUE) > 0.1


@pytest.mark.parametrize("options", [{}, PLAIN])
def test_with_an_exact_outcome_model_the_spread_is_that_of_its_own_term_alone(options):
    both, alone = dr(G, WRONG_LOG_R, **options), outcome_value(G[DRAWN], (LOG_F - LOG_0)[DRAWN], **options)
    assert both.estimate == alone.estimate
    assert both.se == alone.se
    assert not both.phi.any()


def test_normalised_weights_do_not_see_constants_in_the_log_ratio_and_shift_with_the_outcome():
    ell, Y = RNG.normal(size=50), RNG.normal(size=50)
    base = inverse_probability_value(Y, ell)
    assert inverse_probability_value(Y, ell + 800).estimate == pytest.approx(base.estimate)
    moved = inverse_probability_value(2 * Y + 5, ell)
    assert moved.estimate == pytest.approx(2 * base.estimate + 5)
    assert moved.se == pytest.approx(2 * base.se)
    plain = inverse_probability_value(Y, ell, normalise=False).estimate
    assert inverse_probability_value(Y + 5, ell, normalise=False).estimate != pytest.approx(plain + 5)


def test_a_bound_far_away_is_no_bound_and_a_near_one_binds():
    ell = RNG.normal(size=50)
    assert np.array_equal(importance_weights(ell, clip=1e3), importance_weights(ell))
    assert importance_weights(ell, normalise=False, clip=0.5).max() == pytest.approx(np.exp(0.5))
    assert np.allclose(importance_weights(ell, clip=1e-12), 1)


def test_the_standard_error_is_the_spread_over_draws_and_intervals_hold_the_value():
    estimates, covered, errors = [], [], []
    p_read, p_0 = COUNTS / 64, np.full(8, 1 / 8)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        read, drawn = rng.choice(8, size=300, p=p_read), rng.choice(8, size=500, p=p_0)
        Y = G[read] + rng.normal(size=300)
        found = doubly_robust_value(
            Y, WRONG_G[read], (LOG_F - LOG_R)[read], WRONG_G[drawn], (LOG_F - LOG_0)[drawn], normalise=True
        )
        estimates.append(found.estimate)
        errors.append(found.se)
        covered.append(found.ci()[0] <= VALUE <= found.ci()[1])
    assert np.mean(errors) == pytest.approx(np.std(estimates), rel=0.1)
    assert abs(np.mean(estimates) - VALUE) < 4 * np.std(estimates) / 20
    assert 0.92 < np.mean(covered) < 0.975


def test_a_difference_of_two_models_has_the_spread_of_the_difference():
    near = LOG_F + 0.05 * RNG.normal(size=8)
    near = near - np.log(np.exp(near).sum())
    one = inverse_probability_value(G[READ], (LOG_F - LOG_R)[READ])
    two = inverse_probability_value(G[READ], (near - LOG_R)[READ])
    assert (one - two).se < 0.3 * one.se
    assert (one - two).estimate == pytest.approx(one.estimate - two.estimate)
    with pytest.raises(DataError, match="64 and 10 texts read"):
        one - inverse_probability_value(G[READ][:10], (LOG_F - LOG_R)[READ][:10])


def test_the_effective_sample_is_all_texts_or_one():
    assert effective_share(np.ones(20)) == pytest.approx(1)
    assert effective_share([1.0] + [0.0] * 19) == pytest.approx(1 / 20)
    verdicts = [weights_check(w).verdict for w in (np.ones(20), [1.0] * 4 + [0.0] * 16, [1.0] + [0.0] * 19)]
    assert verdicts == ["ok", "look", "stop"]
    assert "the 20 texts read count as 1" in weights_check([1.0] + [0.0] * 19).sentence


def test_both_kinds_of_texts_are_checked():
    assert [d.sentence.split(" count")[0] for d in dr(G, LOG_R).diagnostics] == [
        "the 64 texts read",
        "the 8 texts drawn",
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: importance_weights([]), r"log_ratio has shape \(0,\)"),
        (lambda: importance_weights([0.0, np.nan]), "1 entries that are no finite numbers"),
        (lambda: importance_weights([0.0], clip=0), "clip is 0; it must be a finite number, above 0"),
        (lambda: importance_weights([900.0], normalise=False), r"a weight is exp\(900\)"),
        (lambda: inverse_probability_value([1.0, 2.0], [0.0]), "Y has 2 entries and its log ratio 1"),
        (lambda: outcome_value([np.inf], [0.0]), "g_drawn has shape"),
    ],
)
def test_bad_input_is_refused_with_the_value_met(call, message):
    with pytest.raises(DataError, match=message):
        call()


Y3, ELL3 = [1.0, 2.0, 3.0], [0.0, 0.1, 0.2]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: inverse_probability_value(["a", "b", "c"], ELL3), "Y holds something else than numbers"),
        (lambda: inverse_probability_value(Y3, ["a", "b", "c"]), "log_ratio holds something else"),
        (lambda: inverse_probability_value(Y3, ELL3, clip="a"), "clip is 'a'"),
        (lambda: doubly_robust_value(Y3, Y3[:1], ELL3, Y3, ELL3), "Y has 3 entries and g 1"),
        (lambda: doubly_robust_value(Y3[:1], Y3, ELL3, Y3, ELL3), "Y has 1 entries and g 3"),
        (lambda: effective_share([-1.0, 2.0]), "1 of them negative"),
        (lambda: effective_share([]), "there are 0 weights"),
    ],
)
def test_outcomes_and_weights_that_do_not_fit_are_refused(make, words):
    with pytest.raises(DataError, match=words):
        make()


def test_a_single_text_has_no_standard_error():
    assert np.isnan(inverse_probability_value([1.0], [0.0]).se)
