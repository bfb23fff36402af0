"""Sets, refits and penalties of the variable decomposition."""

import numpy as np
import pytest
import statsmodels.api as sm

from yinguo.datasets import d2vd_design
from yinguo.errors import DataError, OverlapError
from yinguo.kernels.decomposition_choice import (
    FRACTIONS,
    VariableSets,
    choose_lasso,
    emptying_lasso,
    refit,
    separate,
    transformed_outcome,
)
from yinguo.kernels.decomposition_objective import DecompositionProblem, signed_inverse_weights
from yinguo.kernels.variable_decomposition import Decomposition, decompose, lasso_effect, lasso_propensity

N, P, C, A = 800, 12, 3, 4


def design(seed=0):
    draw = d2vd_design(n=N, p=P, confounders=C, adjusters=A, random_state=seed)
    X, T, Y = draw.study.X, draw.study.T, draw.study.Y
    B = np.column_stack([np.ones(N), (X - X.mean(axis=0)) / X.std(axis=0)])
    return DecompositionProblem(B, T, (Y - Y.mean()) / Y.std(), np.arange(P + 1))


def true_sets(modifiers=()):
    def mask(members):
        out = np.zeros(P + 1, dtype=bool)
        out[list(members)] = True
        return out

    return VariableSets(mask(range(1, C + 1)), mask(range(C + 1, C + A + 1)), mask(modifiers), mask(()))


def test_a_variable_in_both_parts_counts_as_a_confounder_and_specks_do_not_count():
    fit = Decomposition(
        alpha=np.array([9.0, 1.0, 1.0, 0.0, 1e-5]), beta=np.array([9.0, 2.0, 0.0, 1e-4, 0.0]),
        gamma=np.array([9.0, 0.0, 0.0, 1.0, 0.0]), objective=0.0, iterations=1, converged=True, stalled=False,
    )  # fmt: skip
    sets = separate(fit, np.arange(5))
    assert np.flatnonzero(sets.confounders).tolist() == [1]
    assert np.flatnonzero(sets.adjusters).tolist() == [2]
    assert np.flatnonzero(sets.modifiers).tolist() == [3]
    assert np.flatnonzero(sets.contested).tolist() == [1]


def test_the_mean_of_the_regression_of_y_plus_equals_the_mean_of_y_plus():
    pr = design()
    alpha, beta, gamma = refit(pr, true_sets(modifiers=(2, 9)), bound=100.0)
    assert gamma[[2, 9]].all()
    psi = transformed_outcome(pr, alpha, beta, 100.0)
    assert np.mean(pr.B @ gamma) == pytest.approx(psi.mean(), abs=1e-10)


def test_in_the_programme_too_the_unpenalised_constant_of_gamma_makes_the_two_means_equal():
    pr = design()
    fit = decompose(pr, lasso=(0.4, 5.0, 0.3), tol=1e-13, max_iter=20000)
    psi = transformed_outcome(pr, fit.alpha, fit.beta, pr.bound)
    assert np.mean(pr.B @ fit.gamma) == pytest.approx(psi.mean(), abs=1e-5)


def test_the_refitted_propensity_is_the_maximum_likelihood_fit_of_statsmodels():
    pr = design()
    _, beta, _ = refit(pr, true_sets(), bound=100.0)
    peer = sm.Logit(pr.T, pr.B[:, : C + 1]).fit(disp=0).params
    assert np.allclose(beta[: C + 1], peer, atol=3e-3)  # ours carries a ridge of a tenth of a row
    assert not beta[C + 1 :].any()


def test_the_refitted_outcome_part_is_least_squares_given_treatment_and_confounders():
    pr = design()
    alpha, _, _ = refit(pr, true_sets(), bound=100.0)
    peer = sm.OLS(pr.Y, np.column_stack([pr.B[:, : C + A + 1], pr.T])).fit().params
    assert np.allclose(alpha[C + 1 : C + A + 1], peer[C + 1 : C + A + 1], atol=1e-10)
    assert np.mean(pr.Y - pr.B @ alpha) == pytest.approx(0.0, abs=1e-12)


def test_refitting_alpha_with_the_squared_weights_would_bias_the_effect():
    """Why least squares without weights: mean Y+ under either, over draws, against the known effect."""
    weighted, ours = [], []
    for seed in range(25):
        draw = d2vd_design(n=500, p=P, confounders=C, adjusters=A, random_state=seed)
        X, T, Y = draw.study.X, draw.study.T, draw.study.Y
        B = np.column_stack([np.ones(500), X])
        pr = DecompositionProblem(B, T, Y - Y.mean(), np.arange(P + 1))
        alpha, beta, _ = refit(pr, true_sets(), bound=100.0)
        ours.append(transformed_outcome(pr, alpha, beta, 100.0).mean() - 1)
        W, _ = signed_inverse_weights(B @ beta, T, 100.0)
        columns = np.r_[0, C + 1 : C + A + 1]
        other = np.zeros_like(alpha)
        other[columns] = np.linalg.lstsq(np.column_stack([B[:, columns] * W[:, None], np.ones(500)]), pr.Y * W)[0][:-1]
        weighted.append(transformed_outcome(pr, other, beta, 100.0).mean() - 1)
    error = np.std(ours) / 5
    assert abs(np.mean(ours)) < 4 * error
    assert abs(np.mean(weighted)) > 2 * abs(np.mean(ours))


def test_from_the_emptying_penalty_on_each_set_is_empty_and_just_below_it_is_not():
    pr = design()
    top = emptying_lasso(pr)
    below = [0.97 * t for t in top]
    assert not lasso_propensity(pr, top[1] * 1.001)[0][1:].any()
    assert lasso_propensity(pr, below[1])[0][1:].any()
    huge = (1e6, 1e6)
    assert not decompose(pr, lasso=(top[0] * 1.001, *huge)).alpha[1:].any()
    assert decompose(pr, lasso=(below[0], *huge)).alpha[1:].any()
    share = pr.T.mean()
    W = np.where(pr.T == 1, 1 / share, -1 / (1 - share))
    target = (pr.Y - W**2 @ pr.Y / (W @ W)) * W
    assert not lasso_effect(pr, target, top[2] * 1.001)[1:].any()
    assert lasso_effect(pr, target, below[2])[1:].any()


def test_the_chosen_penalties_separate_the_sets_and_given_ones_are_kept():
    pr = design()
    folds = np.arange(N) % 3
    top = emptying_lasso(pr)
    lasso = choose_lasso(pr, folds, (None, None, None))
    assert all(np.isclose(value / t, FRACTIONS).any() for value, t in zip(lasso, top, strict=True))
    sets = separate(decompose(pr, lasso=lasso), pr.groups)
    assert np.array_equal(sets.confounders, true_sets().confounders)
    assert np.array_equal(sets.adjusters, true_sets().adjusters)
    assert choose_lasso(pr, folds, (0.2, 0.3, 0.4)) == tuple(f * t for f, t in zip((0.2, 0.3, 0.4), top, strict=True))


def test_one_arm_only_and_a_perfectly_predicted_treatment_are_refused():
    pr = design()
    with pytest.raises(DataError, match="both arms"):
        emptying_lasso(DecompositionProblem(pr.B, np.ones(N), pr.Y, pr.groups))
    B = pr.B.copy()
    B[:, 1] = 2 * pr.T - 1
    with pytest.raises(OverlapError, match="perfectly"):
        refit(DecompositionProblem(B, pr.T, pr.Y, pr.groups), true_sets(), bound=100.0)
