"""The normal selection model: derivatives against finite differences, first-order errors against perturbed weights."""

import numpy as np
import pytest
from scipy import stats

from yinguo.errors import ConvergenceError
from yinguo.kernels.heckman import mills, probit, raw_map, two_step
from yinguo.kernels.heckman_likelihood import _likelihood_terms, likelihood
from yinguo.kernels.moments import ArrayMoments


def drawn(seed=0, n=400, rho=0.6, exclusion=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)) * [1.0, 3.0] + [0.0, 5.0]
    Z = rng.normal(size=n)
    u, e = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n).T
    S = (0.3 + 0.5 * X[:, 0] + exclusion * Z + u > 0).astype(float)
    Y = 1 + X @ [1.0, -0.5] + 2 * e
    return ArrayMoments(X), ArrayMoments(np.column_stack([X, Z])), np.where(S == 1, Y, np.nan), S


def test_the_mills_ratio_holds_far_into_both_tails():
    a = np.array([-30.0, -5.0, 0.0, 5.0, 30.0])
    assert mills(a) == pytest.approx(np.exp(stats.norm.logpdf(a) - stats.norm.logcdf(a)), rel=1e-12)
    assert mills(np.array([-1e8]))[0] == pytest.approx(1e8)
    assert mills(np.array([1e3]))[0] == 0


def test_scores_and_information_are_the_derivatives_of_the_likelihood():
    X, W, Y, S = drawn()
    rng = np.random.default_rng(1)
    theta = np.concatenate([rng.normal(size=3), 0.3 * rng.normal(size=4), [0.4, 0.5]])
    at = (X.D, W.D, np.where(S == 1, Y, 0.0), S == 1, rng.random(len(S)) + 0.5)
    _, scores, information = _likelihood_terms(theta, *at)
    h = 1e-5
    for j in range(len(theta)):
        up, down = (_likelihood_terms(theta + sign * h * np.eye(len(theta))[j], *at) for sign in (1, -1))
        assert scores[:, j].sum() == pytest.approx((up[0] - down[0]) / (2 * h), rel=1e-6)
        slope = (up[1].sum(axis=0) - down[1].sum(axis=0)) / (2 * h)
        assert -information[j] == pytest.approx(slope, rel=1e-5, abs=1e-5 * np.abs(information).max())


def test_influence_values_are_what_a_little_more_weight_on_a_row_does():
    X, W, Y, S = drawn()
    s = np.ones(len(S))

    def both(s):
        first = probit(W, S, s)
        second = two_step(X.D, Y, S, first, s)
        return second, likelihood(X.D, Y, S, first, second, s)

    second, full = both(s)
    for i in (0, int(np.flatnonzero(S == 0)[0]), int(np.flatnonzero(S == 1)[3])):
        (up, up_full), (down, down_full) = (both(s + sign * 1e-4 * (np.arange(len(S)) == i)) for sign in (1, -1))
        moved = np.append(up.beta - down.beta, up.mills_coefficient - down.mills_coefficient) / 2e-4
        assert second.influence[i] == pytest.approx(moved, rel=2e-3, abs=1e-7)
        moved = np.concatenate([up_full.beta - down_full.beta, up_full.gamma - down_full.gamma]) / 2e-4
        assert full.influence[i, :-2] == pytest.approx(moved, rel=2e-3, abs=1e-7)


def test_without_correlation_to_correct_for_the_likelihood_is_least_squares_and_probit():
    X, W, Y, S = drawn(n=4000)
    first = probit(W, S)
    seen = S == 1
    residual = Y[seen] - X.D[seen] @ np.linalg.lstsq(X.D[seen], Y[seen], rcond=None)[0]
    theta = np.concatenate(
        [np.linalg.lstsq(X.D[seen], Y[seen], rcond=None)[0], first.gamma, [np.log(residual.std()), 0.0]]
    )
    value, scores, _ = _likelihood_terms(theta, X.D, W.D, np.where(seen, Y, 0.0), seen, np.ones(len(S)))
    assert scores.sum(axis=0)[:-1] == pytest.approx(0.0, abs=1e-6)
    assert value == pytest.approx(first.log_likelihood + stats.norm.logpdf(residual, scale=residual.std()).sum())


def test_textbook_errors_of_the_two_steps_agree_with_influence_values_where_the_model_is_true():
    X, W, Y, S = drawn(n=20_000)
    second = two_step(X.D, Y, S, probit(W, S))
    robust = np.sqrt((second.influence**2).sum(axis=0))
    assert robust == pytest.approx(np.sqrt(np.diag(second.covariance)), rel=0.05)


def test_coefficients_in_the_units_of_the_data_give_the_same_fit():
    _, W, _, S = drawn()
    first = probit(W, S)
    raw = raw_map(W) @ first.gamma
    data = W.D[:, 1:] * W.scale + W.centre
    assert raw[0] + data @ raw[1:] == pytest.approx(first.eta)


def test_a_likelihood_without_a_maximum_inside_is_refused_not_returned():
    X, W, Y, S = drawn(n=60, rho=1.0, exclusion=0.0)
    first = probit(W, S)
    with pytest.raises(ConvergenceError, match=r"correlation of 1|no maximum|does not climb"):
        likelihood(X.D, Y, S, first, two_step(X.D, Y, S, first))
