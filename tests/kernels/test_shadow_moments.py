"""Moments with a shadow variable: the truth is found, errors are those of the theory, nothing wrong comes silently."""

import numpy as np
import pytest
from scipy.special import expit

import yinguo as yg
from yinguo.kernels.shadow_moments import chance_of_being_seen, fit_odds


def drawn(n: int, seed: int, *, steep: float = 0.8):
    """Log odds of being seen 0.3 + 0.5 x + 0.8 y; v moves y."""
    rng = np.random.default_rng(seed)
    x, v, e = rng.normal(size=(3, n))
    y = 0.5 * x + v + 0.5 * e
    S = (rng.random(n) < expit(0.3 + 0.5 * x + steep * y)).astype(float)
    y = np.where(S == 1, y, np.nan)
    one = np.ones(n)
    D = np.column_stack([one, x, y])
    H = np.column_stack([one, x, v])
    a = chance_of_being_seen(S, np.column_stack([x, v]))[:, None]
    return D, H * a, np.column_stack([H, v**2, v * x]) * a, S


def test_just_identified_moments_are_solved():
    D, H, _, S = drawn(20_000, 0)
    fit = fit_odds(D, H, S)
    g = (H[S == 1] * (1 + fit.w[S == 1, None])).sum(axis=0) - H.sum(axis=0)
    assert np.abs(g / len(S)).max() < 1e-8
    assert fit.theta == pytest.approx([0.3, 0.5, 0.8], abs=0.08)
    assert fit.df == 0
    assert fit.p_value is None


def test_without_the_outcome_the_moments_are_those_of_calibration_weights():
    """With h the functions of the model itself, 1/Q makes the means of those seen equal those of everybody."""
    D, _, _, S = drawn(2000, 1)
    x = D[:, :2]
    fit = fit_odds(x, x, S)
    assert ((1 + fit.w) * S) @ x == pytest.approx(x.sum(axis=0), abs=1e-6)


def test_influence_values_are_the_derivative_in_row_weights():
    D, H, R, S = drawn(400, 2)
    for moments, tolerance in ((H, 1e-4), (R, 0.15)):  # of two-step estimates the weight matrix moves as well
        fit, step = fit_odds(D, moments, S), 1e-7
        for i in (0, 7, 100):
            s = np.ones(len(S))
            s[i] += step * len(S)
            moved = fit_odds(D, moments, S, s=s)
            found = (moved.theta - fit.theta) / step
            assert np.abs(found - fit.phi[i]).max() <= tolerance * max(np.abs(fit.phi[i]).max(), 1.0)


@pytest.mark.slow
def test_errors_and_the_level_of_j_are_those_of_theory():
    thetas, ses, rejected = [], [], []
    for seed in range(300):
        D, _, R, S = drawn(3000, 10_000 + seed)
        fit = fit_odds(D, R, S)
        thetas.append(fit.theta)
        ses.append(np.sqrt(np.diag(fit.covariance())))
        rejected.append(fit.p_value < 0.05)
    z = (np.array(thetas) - [0.3, 0.5, 0.8]) / np.array(ses)
    assert np.abs(z.mean(axis=0)).max() < 0.35
    assert z.std(axis=0) == pytest.approx(1.0, abs=0.13)
    assert 0.02 < np.mean(rejected) < 0.09


def test_stabilised_moments_are_far_less_noisy():
    spread: dict[str, list[float]] = {"plain": [], "stabilised": []}
    for seed in range(20):
        D, H, _, S = drawn(2000, seed, steep=2.0)
        spread["stabilised"].append(fit_odds(D, H, S).theta[2])
        spread["plain"].append(fit_odds(D, H / H[:, :1], S).theta[2])
    assert np.std(spread["stabilised"]) < 0.7 * np.std(spread["plain"])


def test_a_shadow_variable_that_says_nothing_of_the_outcome_is_refused_or_shows_in_its_error():
    rng = np.random.default_rng(0)
    n = 5000
    x, v, y = rng.normal(size=(3, n))
    S = (rng.random(n) < expit(0.5 + y)).astype(float)
    D = np.column_stack([np.ones(n), x, np.where(S == 1, y, np.nan)])
    with pytest.raises(yg.NotIdentifiedError, match="do not tell"):
        fit_odds(D, np.column_stack([np.ones(n), x, 2 * x + 1]), S)
    fit = fit_odds(D, np.column_stack([np.ones(n), x, v, v**2, v * x]), S)
    assert np.sqrt(fit.covariance()[2, 2]) > 0.3


def test_fewer_moments_than_coefficients_are_refused():
    D, H, _, S = drawn(100, 0)
    with pytest.raises(yg.NotIdentifiedError, match="2 moments for 3"):
        fit_odds(D, H[:, :2], S)


def test_a_penalty_draws_coefficients_to_zero():
    D, _, R, S = drawn(3000, 0)
    loose, tight = (fit_odds(D, R, S, penalty=np.array([0.0, 0.0, lam])).theta[2] for lam in (1e-9, 10.0))
    assert loose == pytest.approx(0.8, abs=0.25)
    assert abs(tight) < 0.1


def test_clusters_of_copies_leave_errors_where_they_were():
    D, _, R, S = drawn(1000, 3)
    one = fit_odds(D, R, S)
    twice = np.repeat(np.arange(1000), 2)
    two = fit_odds(D[twice], R[twice], S[twice], groups=twice)
    assert two.theta == pytest.approx(one.theta, rel=1e-5)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-4)
