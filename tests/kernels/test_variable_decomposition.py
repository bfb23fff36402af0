"""The decomposition solver: scikit-learn as judge of its lasso limits, stationarity, and the effect of the coupling."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LogisticRegression

from yinguo.datasets import d2vd_design
from yinguo.kernels.decomposition_objective import (
    DecompositionProblem,
    alpha_gradient,
    decomposition_objective,
    group_penalty,
    held_curvature,
    signed_inverse_weights,
)
from yinguo.kernels.variable_decomposition import decompose, lasso_effect, lasso_propensity


def design(seed=0, **options):
    draw = d2vd_design(random_state=seed, **{"n": 600, "p": 12, "confounders": 3, "adjusters": 4} | options)
    X, T, Y = draw.study.X, draw.study.T, draw.study.Y
    B = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])
    return DecompositionProblem(B, T, (Y - Y.mean()) / Y.std(), np.arange(B.shape[1]))


def test_the_first_beta_is_the_l1_logistic_fit_of_scikit_learn():
    pr = design()
    strength = 4.0
    beta, converged = lasso_propensity(pr, strength, tol=1e-12, max_iter=5000)
    # rho * mean loss + strength * |beta|_1, divided by strength / C.
    C = pr.propensity / (strength * pr.T.size)
    peer = LogisticRegression(C=C, l1_ratio=1.0, solver="saga", tol=1e-10, max_iter=20000).fit(pr.B[:, 1:], pr.T)
    assert converged
    assert np.allclose(beta[1:], peer.coef_[0], atol=1e-4)
    assert beta[0] == pytest.approx(peer.intercept_[0], abs=1e-3)
    assert (beta[1:] == 0).any()


def test_gamma_alone_is_the_lasso_of_scikit_learn():
    pr = design()
    target = np.random.default_rng(0).normal(size=600) + pr.B[:, 1]
    gamma = lasso_effect(pr, target, 0.2, tol=1e-14, max_iter=5000)
    peer = Lasso(alpha=0.1, tol=1e-12).fit(pr.B[:, 1:], target)  # its loss is half of ours
    assert np.allclose(gamma[1:], peer.coef_, atol=1e-6)
    assert gamma[0] == pytest.approx(peer.intercept_, abs=1e-6)


def test_the_solution_is_stationary_in_alpha():
    pr = design()
    lasso, kappa = (0.4, 5.0, 0.3), 10.0
    fit = decompose(pr, lasso=lasso, coupling=(1.0, kappa), tol=1e-13, max_iter=20000)
    W, _ = signed_inverse_weights(pr.B @ fit.beta, pr.T, pr.bound)
    R = (pr.Y - pr.B @ fit.alpha) * W - pr.B @ fit.gamma
    gradient = alpha_gradient(fit.alpha, B=pr.B, W=W, R=R, held=held_curvature(fit.beta, pr, kappa))
    assert abs(gradient[0]) < 1e-4
    active = fit.alpha[1:] != 0
    assert 0 < active.sum() < 12
    assert np.allclose(gradient[1:][active], -lasso[0] * np.sign(fit.alpha[1:][active]), atol=1e-4)
    assert (np.abs(gradient[1:][~active]) <= lasso[0] + 1e-4).all()


def test_the_reported_objective_is_the_written_out_one():
    pr = design(1)
    lasso = (0.3, 5.0, 0.3)
    fit = decompose(pr, lasso=lasso, coupling=(1.0, 10.0))
    smooth = decomposition_objective(pr, fit.alpha, fit.beta, fit.gamma, 10.0)
    penalty = sum(group_penalty(x, pr, s) for x, s in zip((fit.alpha, fit.beta, fit.gamma), lasso, strict=True))
    assert fit.objective == pytest.approx(smooth + penalty, rel=1e-9)


def test_a_growing_coupling_drives_the_overlap_of_the_two_parts_to_zero():
    pr = design(2)
    free = decompose(pr, lasso=(0.2, 5.0, 0.5), coupling=(1e-9,))
    coupled = decompose(pr, lasso=(0.2, 5.0, 0.5))

    def overlap(fit):
        return np.sum((fit.alpha * fit.beta)[1:] ** 2)

    assert overlap(free) > 1e-3
    assert overlap(coupled) < 1e-3 * overlap(free)
    confounders, adjusters = slice(1, 4), slice(4, 8)
    assert (np.abs(coupled.beta[confounders]) > 0.1).all()
    assert (np.abs(coupled.alpha[adjusters]) > 0.1).all()
    assert not coupled.beta[adjusters].any()


def test_one_column_groups_in_another_order_of_numbers_give_the_same_solution():
    pr = design(3)
    order = np.r_[0, 1 + np.random.default_rng(0).permutation(12)]
    shuffled = DecompositionProblem(pr.B[:, order], pr.T, pr.Y, pr.groups[order])
    a = decompose(pr, lasso=(0.3, 5.0, 0.3))
    b = decompose(shuffled, lasso=(0.3, 5.0, 0.3))
    assert np.allclose(a.beta[order], b.beta, atol=1e-5)
    assert np.allclose(a.alpha[order], b.alpha, atol=1e-5)


def test_too_few_iterations_are_said():
    fit = decompose(design(), lasso=(0.3, 5.0, 0.3), max_iter=2)
    assert not fit.converged
    assert decompose(design(), lasso=(0.3, 5.0, 0.3)).converged
