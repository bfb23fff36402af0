"""The confounder-balancing programme: gradients, a slow port, published figures, limits, and where it goes wrong."""

import numpy as np
import pytest

from yinguo.datasets import dcb_simulation, job_training
from yinguo.errors import DataError
from yinguo.kernels.differentiated_balance import (
    BalanceStrengths,
    balance_objective,
    beta_gradient,
    differentiated_balance,
    omega_gradient,
)


def problem(seed=0, n=40, p=5):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(n, p))
    Y = M @ rng.normal(size=p) + rng.normal(size=n)
    return {"M": M, "Y": Y, "target": rng.normal(size=p) * 0.3}


def numerical_gradient(f, x, h=1e-6):
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)])


@pytest.mark.parametrize("residual_weight", [0.0, 1.0, 2.5])
def test_gradients_agree_with_finite_differences(residual_weight):
    data = problem()
    M, Y, target = data["M"], data["Y"], data["target"]
    rng = np.random.default_rng(1)
    omega, beta = rng.random(40), rng.normal(size=5)
    strengths = BalanceStrengths(3.0, 2.0, 5.0, 0.7, 0.1, residual_weight)
    W, residual = omega**2, Y - M @ beta
    imbalance = target - M.T @ W
    in_beta = beta_gradient(
        beta, M=M, weight=1 + residual_weight * W, residual=residual, imbalance=imbalance, strengths=strengths
    )
    in_omega = omega_gradient(omega, fit=M @ beta, gap=beta @ imbalance, squared=residual**2, strengths=strengths)
    by_beta = numerical_gradient(lambda b: balance_objective(omega, b, **data, strengths=strengths), beta)
    by_omega = numerical_gradient(lambda o: balance_objective(o, beta, **data, strengths=strengths), omega)
    assert np.allclose(in_beta, by_beta, rtol=1e-6, atol=1e-5)
    assert np.allclose(in_omega, by_omega, rtol=1e-6, atol=1e-5)


def plain_programme(*, M, Y, target, strengths, max_iter):
    """The published steps with every product recomputed and the bound checked on values of the objective."""
    s, (n, p) = strengths, M.shape

    def f(o, b):
        return balance_objective(o, b, M=M, Y=Y, target=target, strengths=s)

    def step(v, gradient, size, value, lasso):
        while True:
            z = v - size * gradient
            z = np.sign(z) * np.maximum(np.abs(z) - size * lasso, 0)
            if value(z) <= value(v) + gradient @ (z - v) + (z - v) @ (z - v) / (2 * size):
                return z, size
            size /= 2

    omega = omega_old = np.full(n, 1 / n)
    beta = beta_old = np.ones(p)
    size_beta = size_omega = 1.0
    for k in range(1, max_iter + 1):
        W = omega**2
        v = beta + k / (k + 3) * (beta - beta_old)
        g = target - M.T @ W
        gradient = 2 * s.balance * (v @ g) * g - 2 * s.outcome * M.T @ ((1 + W) * (Y - M @ v)) + 2 * s.ridge * v
        beta_old, (beta, size_beta) = beta, step(v, gradient, size_beta, lambda z, o=omega: f(o, z), s.lasso)
        v = omega + k / (k + 3) * (omega - omega_old)
        gap = beta @ (target - M.T @ v**2)
        gradient = -4 * s.balance * gap * (M @ beta) * v + 2 * s.outcome * (Y - M @ beta) ** 2 * v + 4 * s.spread * v**3
        omega_old, (omega, size_omega) = omega, step(v, gradient, size_omega, lambda z, b=beta: f(z, b), 0.0)
        omega = omega / np.linalg.norm(omega)
    return omega**2, beta


def test_reusing_products_changes_nothing():
    data = problem(3, n=60, p=4)
    strengths = BalanceStrengths()
    slow_weights, slow_beta = plain_programme(**data, strengths=strengths, max_iter=60)
    fast = differentiated_balance(**data, strengths=strengths, max_iter=60, tol=0.0)
    assert fast.iterations == 60
    assert np.allclose(fast.balance_weights, slow_weights, rtol=1e-7, atol=1e-12)
    assert np.allclose(fast.beta, slow_beta, rtol=1e-7, atol=1e-10)


def test_weights_are_a_distribution_and_what_is_reported_is_what_was_reached():
    data = problem(4)
    fit = differentiated_balance(**data)
    assert fit.balance_weights.min() >= 0
    assert fit.balance_weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.allclose(fit.imbalance, data["target"] - fit.balance_weights @ data["M"], atol=1e-12)
    omega = np.sqrt(fit.balance_weights)
    smooth = balance_objective(omega, fit.beta, **data, strengths=BalanceStrengths())
    assert fit.objective == pytest.approx(smooth + 0.1 * np.abs(fit.beta).sum(), rel=1e-12)


def test_a_target_at_the_plain_mean_needs_no_weighting():
    data = problem(5, n=80)
    data["target"] = data["M"].mean(axis=0)
    fit = differentiated_balance(**data, strengths=BalanceStrengths(outcome=1.0, residual_weight=0.0), max_iter=5000)
    assert 1 / (fit.balance_weights @ fit.balance_weights) > 79


def test_exact_mean_balance_makes_the_discrepancy_zero_for_every_beta():
    M = problem(6)["M"]
    W = np.full(40, 1 / 40)
    target = M.T @ W
    rng = np.random.default_rng(0)
    assert max(abs(rng.normal(size=5) @ (target - M.T @ W)) for _ in range(20)) < 1e-14


def job_training_arms():
    study = job_training(comparison="cps1", variables="raw").study
    X, T, Y = study.X, study.T, study.Y / 1000
    X = (X - X[T == 0].mean(axis=0)) / X[T == 0].std(axis=0)
    return np.column_stack([np.ones(study.n), X]), T, Y


#: (l0, l1, l2, l3, l4), weighted ATT, regression-adjusted ATT: runs of an independent port on the same data.
PORT = [
    ((10, 10, 100, 1, 0.1), 1110.9, 1125.0),
    ((1, 1, 1, 1, 0.1), 1117, 1120),
    ((1, 1, 100, 1, 0.1), 1149, 1207),
    ((1e4, 1, 1, 1, 0.1), 2176, 2176),
]


@pytest.mark.parametrize(("strengths", "weighted", "adjusted"), PORT)
def test_the_job_training_figures_of_an_independent_port_are_reproduced(strengths, weighted, adjusted):
    M, T, Y = job_training_arms()
    fit = differentiated_balance(
        M=M[T == 0], Y=Y[T == 0], target=M[T == 1].mean(axis=0), strengths=BalanceStrengths(*strengths)
    )
    att = Y[T == 1].mean() - fit.balance_weights @ Y[T == 0]
    assert 1000 * att == pytest.approx(weighted, abs=1.0)
    assert 1000 * (att - fit.imbalance @ fit.beta) == pytest.approx(adjusted, abs=1.0)


def test_without_a_constant_the_job_training_estimate_collapses_to_the_treated_mean():
    M, T, Y = job_training_arms()
    fit = differentiated_balance(M=M[T == 0, 1:], Y=Y[T == 0], target=M[T == 1, 1:].mean(axis=0))
    assert 1000 * (Y[T == 1].mean() - fit.balance_weights @ Y[T == 0]) == pytest.approx(6349, abs=2)


def simulated_errors(rate, seeds, **options):
    out = []
    for seed in seeds:
        draw = dcb_simulation(confounding_rate=rate, random_state=seed)
        X, T, Y = draw.study.X, draw.study.T, draw.study.Y
        fit = differentiated_balance(M=X[T == 0], Y=Y[T == 0], target=X[T == 1].mean(axis=0), **options)
        att = Y[T == 1].mean() - fit.balance_weights @ Y[T == 0]
        naive = Y[T == 1].mean() - Y[T == 0].mean()
        out.append((att - draw.truth["ATT"], naive - draw.truth["ATT"]))
    return np.array(out).T


@pytest.mark.parametrize(("rate", "naive_bias"), [(0.2, 6.6), (0.8, 51.9)])
def test_a_few_draws_of_the_shipped_simulation_have_no_bias_where_the_naive_comparison_does(rate, naive_bias):
    errors, naive = simulated_errors(rate, range(6))
    assert naive.mean() == pytest.approx(naive_bias, abs=5)
    assert abs(errors.mean()) < 4 * 0.125 / np.sqrt(6)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "sd"), [(0.2, 0.1247), (0.8, 0.1309)])
def test_the_shipped_simulation_has_the_published_spread(rate, sd):
    errors, _ = simulated_errors(rate, range(200))
    assert abs(errors.mean()) < 0.05
    assert errors.std() == pytest.approx(sd, rel=0.2)


def skewed(n=3000, seed=0):
    """No covariate matters, both arms are alike, the outcome is 1 for one unit in seven."""
    rng = np.random.default_rng(seed)
    M = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    return {"M": M, "Y": (rng.random(n) < 1 / 7).astype(float), "target": np.array([1.0, 0.0, 0.0, 0.0])}


def test_weighting_the_residuals_selects_on_a_skewed_outcome_and_not_weighting_them_does_not():
    data = skewed()
    published = differentiated_balance(**data)
    without = differentiated_balance(**data, strengths=BalanceStrengths(residual_weight=0.0))
    mean = data["Y"].mean()
    assert published.balance_weights @ data["Y"] < 0.8 * mean
    assert without.balance_weights @ data["Y"] == pytest.approx(mean, rel=0.03)


def test_stopping_and_stalling_are_reported():
    data = problem(7)
    assert not differentiated_balance(**data, max_iter=3).converged
    settled = differentiated_balance(**data, max_iter=20000, tol=1e-6)
    assert settled.converged
    assert settled.change < 1e-6
    stuck = differentiated_balance(**data, strengths=BalanceStrengths(balance=1e16), max_iter=200)
    assert stuck.stalled
    assert not settled.stalled


def test_wrong_shapes_and_missing_values_are_refused_with_what_was_met():
    data = problem(8)
    with pytest.raises(DataError, match="do not fit together"):
        differentiated_balance(**data | {"target": np.zeros(3)})
    with pytest.raises(DataError, match="finite"):
        differentiated_balance(**data | {"Y": np.full(40, np.nan)})
