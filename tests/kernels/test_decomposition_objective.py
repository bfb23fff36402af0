"""Terms of the variable-decomposition programme: inverse weights, gradients against finite differences, refusals."""

import numpy as np
import pytest
from scipy.special import expit

from yinguo.errors import DataError
from yinguo.kernels.decomposition_objective import (
    DecompositionProblem,
    alpha_gradient,
    beta_gradient,
    decomposition_objective,
    gamma_gradient,
    group_penalty,
    held_curvature,
    signed_inverse_weights,
)


def problem(seed=0, n=50, groups=(0, 1, 1, 2, 3, 3), bound=100.0):
    rng = np.random.default_rng(seed)
    B = np.column_stack([np.ones(n), rng.normal(size=(n, len(groups) - 1))])
    T = (rng.random(n) < 0.5).astype(float)
    return DecompositionProblem(B, T, rng.normal(size=n), np.array(groups), propensity=7.0, bound=bound)


def numerical_gradient(f, x, h=1e-6):
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)])


def test_the_signed_inverse_weight_is_t_minus_e_over_its_variance():
    q = np.linspace(-4, 4, 41)
    e = expit(q)
    for T in (np.zeros(41), np.ones(41)):
        W, dW = signed_inverse_weights(q, T, 1e6)
        assert np.allclose(W, (T - e) / (e * (1 - e)), rtol=1e-12)
        above, below = (signed_inverse_weights(q + h, T, 1e6)[0] for h in (1e-6, -1e-6))
        assert np.allclose(dW, (above - below) / 2e-6, rtol=1e-7)


def test_at_the_true_propensity_the_weight_has_conditional_mean_zero():
    q = np.linspace(-4, 4, 9)
    e = expit(q)
    treated, untreated = (signed_inverse_weights(q, np.full(9, t), 1e6)[0] for t in (1.0, 0.0))
    assert np.allclose(e * treated + (1 - e) * untreated, 0.0, atol=1e-12)
    # And so with drawn treatments: the mean over many draws is within 4 standard errors of 0, also times a covariate.
    rng = np.random.default_rng(1)
    x = rng.normal(size=200_000)
    T = (rng.random(x.size) < expit(x)).astype(float)
    W, _ = signed_inverse_weights(x, T, 1e6)
    for values in (W, W * x, W * np.cos(3 * x)):
        assert abs(values.mean()) < 4 * values.std() / np.sqrt(x.size)


def test_weights_are_cut_at_the_bound_and_flat_beyond():
    W, dW = signed_inverse_weights(np.array([-9.0, 9.0, -9.0]), np.array([1.0, 0.0, 0.0]), 20.0)
    assert np.allclose(W[:2], [20.0, -20.0])
    assert np.allclose(dW[:2], 0.0)
    assert W[2] == pytest.approx(-1 - np.exp(-9.0))


@pytest.mark.parametrize("bound", [1e6, 3.0])
def test_gradients_agree_with_finite_differences(bound):
    pr = problem(bound=bound)
    rng = np.random.default_rng(2)
    alpha, beta, gamma = rng.normal(size=(3, 6))
    kappa = 3.0
    q = pr.B @ beta
    W, dW = signed_inverse_weights(q, pr.T, bound)
    rest = pr.Y - pr.B @ alpha
    R = rest * W - pr.B @ gamma
    by_hand = {
        "alpha": alpha_gradient(alpha, B=pr.B, W=W, R=R, held=held_curvature(beta, pr, kappa)),
        "beta": beta_gradient(beta, problem=pr, q=q, rest=rest, R=R, dW=dW, held=held_curvature(alpha, pr, kappa)),
        "gamma": gamma_gradient(B=pr.B, R=R),
    }
    numerical = {
        "alpha": numerical_gradient(lambda x: decomposition_objective(pr, x, beta, gamma, kappa), alpha),
        "beta": numerical_gradient(lambda x: decomposition_objective(pr, alpha, x, gamma, kappa), beta),
        "gamma": numerical_gradient(lambda x: decomposition_objective(pr, alpha, beta, x, kappa), gamma),
    }
    for name, gradient in by_hand.items():
        assert np.allclose(gradient, numerical[name], rtol=1e-5, atol=1e-6), name


def test_the_constant_is_neither_coupled_nor_penalised():
    pr = problem()
    only_constant = np.r_[5.0, np.zeros(5)]
    assert group_penalty(only_constant, pr, 1.0) == 0.0
    assert not held_curvature(only_constant, pr, 1.0).any()
    zero = np.zeros(6)
    assert decomposition_objective(pr, only_constant, only_constant, zero, 1e9) == decomposition_objective(
        pr, only_constant, only_constant, zero, 0.0
    )


def test_a_group_is_penalised_by_its_length_times_the_root_of_its_size():
    pr = problem()
    assert group_penalty(np.array([9.0, 3.0, 4.0, 0.0, 0.0, 0.0]), pr, 2.0) == pytest.approx(2 * np.sqrt(2) * 5)


def test_a_basis_without_a_constant_first_column_is_refused():
    pr = problem()
    with pytest.raises(DataError, match="column 0"):
        DecompositionProblem(pr.B[:, 1:], pr.T, pr.Y, pr.groups[1:])
    with pytest.raises(DataError, match="fit together"):
        DecompositionProblem(pr.B, pr.T[:-1], pr.Y, pr.groups)
    with pytest.raises(DataError, match="finite"):
        DecompositionProblem(pr.B, pr.T, np.full(50, np.inf), pr.groups)
