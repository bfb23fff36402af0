"""The minimax curve against both papers' kernel formulas, and against a game played out."""

import numpy as np
import pytest

from yinguo.kernels.gaussian import gaussian_kernel, median_bandwidth
from yinguo.kernels.kernel_features import pivoted_features
from yinguo.kernels.minimax_ridge import choose_minimax, minimax_path, projected_loss, together
from yinguo.kernels.two_stage_ridge import stage_moments

N = 80


@pytest.fixture(scope="module")
def problem():
    """Kernels narrow enough that their matrices have inverses, so that the published formulas can be solved."""
    rng = np.random.default_rng(0)
    Z, U = rng.normal(size=(N, 2)), rng.normal(size=N)
    X = (Z.sum(axis=1) + U)[:, None]
    Y = np.sin(X[:, 0]) + U
    vx, vz = 0.03 * median_bandwidth(X), 0.5 * median_bandwidth(Z)
    phi, psi = pivoted_features(X, vx), pivoted_features(Z, vz)
    moments = stage_moments(psi.transform, phi.transform, Z, X, Y)
    parts = [stage_moments(psi.transform, phi.transform, Z[k::4], X[k::4], Y[k::4]) for k in range(4)]
    return X, Y, gaussian_kernel(X, X, vx), gaussian_kernel(Z, Z, vz), phi.transform(X), moments, parts


def test_it_is_the_closed_form_of_dual_iv(problem):
    _, Y, K, L, Phi, moments, _ = problem
    lam1, lam2 = 0.05, 0.002
    M = K @ np.linalg.solve(L + N * lam1 * np.eye(N), L)
    beta = np.linalg.solve(M @ K + N * lam2 * K, M @ Y)
    assert Phi @ minimax_path(moments, lam1, [lam2])[:, 0] == pytest.approx(K @ beta, rel=1e-6, abs=1e-8)


def test_it_is_the_closed_form_of_adversarial_gmm(problem):
    _, Y, Kh, Kf, Phi, moments, _ = problem
    delta, alpha = 5 / N**0.4, 3.0
    values, vectors = np.linalg.eigh(Kf)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    M = root @ np.linalg.inv(Kf / (2 * N * delta**2) + np.eye(N) / 2) @ root
    a = np.linalg.pinv(Kh @ M @ Kh + alpha * Kh) @ Kh @ M @ Y
    ours = Phi @ minimax_path(moments, delta**2, [alpha / (2 * N**2 * delta**2)])[:, 0]
    assert ours == pytest.approx(Kh @ a, rel=1e-6, abs=1e-8)


def test_the_loss_is_what_the_best_opponent_gains(problem):
    _, Y, _, L, Phi, moments, _ = problem
    lam, curve = 0.05, np.random.default_rng(1).normal(size=(Phi.shape[1], 1))
    r = Y - Phi @ curve[:, 0]
    # 2 r'u - u'u - n lam w'Lw for u = Lw is largest at w = (L + n lam)^-1 r, and is r'u there.
    w = np.linalg.solve(L + N * lam * np.eye(N), r)
    u = L @ w
    assert projected_loss(moments, lam, curve)[0] == pytest.approx(r @ u / N, rel=1e-8)
    gain = 2 * r @ u - u @ u - N * lam * w @ L @ w
    assert gain == pytest.approx(r @ u, rel=1e-8)
    for _ in range(5):
        v = w + 0.1 * np.random.default_rng(2).normal(size=N)
        assert 2 * r @ (L @ v) - (L @ v) @ (L @ v) - N * lam * v @ L @ v < gain


def test_no_other_curve_leaves_the_opponent_less(problem):
    *_, moments, _ = problem
    best = minimax_path(moments, 0.05, [0.01])
    loss = projected_loss(moments, 0.05, best)[0] + 0.01 * (best**2).sum()
    for seed in range(5):
        other = best + 0.01 * np.random.default_rng(seed).normal(size=best.shape)
        assert projected_loss(moments, 0.05, other)[0] + 0.01 * (other**2).sum() > loss


def test_folds_add_up_to_the_whole(problem):
    *_, moments, parts = problem
    whole = together(parts)
    assert whole.n == N
    assert whole.tPsiPhi == pytest.approx(moments.tPsiPhi, abs=1e-10)
    assert whole.tPsiY == pytest.approx(moments.tPsiY, abs=1e-10)
    assert pytest.approx(moments.YY) == whole.YY


def test_the_choice_is_the_least_mean_loss_on_the_fold_left_out(problem):
    *_, parts = problem
    penalties = np.logspace(0, -6, 7)
    losses = []
    for penalty in penalties:
        total = 0.0
        for k in range(4):
            rest = together([p for j, p in enumerate(parts) if j != k])
            total += projected_loss(parts[k], 0.05, minimax_path(rest, 0.05, [penalty]))[0] / 4
        losses.append(total)
    chosen = choose_minimax(parts, lambda n: 0.05, lambda n: penalties)
    assert chosen.losses == pytest.approx(losses, rel=1e-8)
    assert chosen.penalty == penalties[np.argmin(losses)]
    assert chosen.coefficients == pytest.approx(minimax_path(together(parts), 0.05, [chosen.penalty])[:, 0])
