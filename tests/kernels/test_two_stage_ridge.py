"""Both penalty paths against the published kernel formulas, solved one penalty at a time."""

import numpy as np
import pytest

from yinguo.kernels.gaussian import gaussian_kernel, median_bandwidth
from yinguo.kernels.kernel_features import pivoted_features
from yinguo.kernels.two_stage_ridge import first_local_minimum, first_stage_path, second_stage_path, stage_moments

PENALTIES = np.logspace(1, -7, 9)


@pytest.fixture(scope="module")
def problem():
    """n rows fit the first stage, m the second; both kernels, features and moments."""
    rng = np.random.default_rng(0)
    n, m = 90, 70
    Z = rng.normal(size=(n + m, 2))
    U = rng.normal(size=n + m)
    X = (Z.sum(axis=1) + U)[:, None]
    Y = np.sin(X[:, 0]) + U + 0.1 * rng.normal(size=n + m)
    # Narrow kernels: the published systems have inverses then, and can serve as reference.
    vx, vz = 0.03 * median_bandwidth(X[:n]), 0.5 * median_bandwidth(Z[:n])
    phi, psi = pivoted_features(X[:n], vx), pivoted_features(Z[:n], vz)
    one, two = (stage_moments(psi.transform, phi.transform, Z[h], X[h], Y[h]) for h in (slice(n), slice(n, None)))
    kernels = {
        "ZZ": gaussian_kernel(Z[:n], Z[:n], vz), "Zz": gaussian_kernel(Z[:n], Z[n:], vz),
        "XX": gaussian_kernel(X[:n], X[:n], vx), "Xx": gaussian_kernel(X[:n], X[n:], vx),
    }  # fmt: skip
    return n, m, X, Y, kernels, phi, one, two


def published(kernels, n, m, lam, two):
    """Stage-one weights of the second part's rows, and their loss."""
    gamma = np.linalg.solve(kernels["ZZ"] + n * lam * np.eye(n), kernels["Zz"])
    # What no feature of the first part explains of the second is the same for every penalty; features leave it out.
    loss = (
        np.trace(two.tPhiPhi)
        - 2 * np.einsum("ij,ij->", kernels["Xx"], gamma)
        + np.einsum("ij,ij->", gamma, kernels["XX"] @ gamma)
    )
    return gamma, loss / m


def test_first_stage_losses_are_those_of_a_solve_per_penalty(problem):
    n, m, _, _, kernels, _, one, two = problem
    losses = [published(kernels, n, m, lam, two)[1] for lam in PENALTIES]
    fit = first_stage_path(one, two, PENALTIES)
    assert fit.losses == pytest.approx(losses, rel=1e-7)
    assert fit.penalty == PENALTIES[np.argmin(losses)]
    assert 0 < np.argmin(losses) < len(PENALTIES) - 1


def test_second_stage_curves_and_losses_are_those_of_a_solve_per_penalty(problem):
    n, m, X, Y, kernels, phi, one, two = problem
    lam = 1e-3
    gamma = published(kernels, n, m, lam, two)[0]
    W = kernels["XX"] @ gamma
    V = first_stage_path(one, two, [lam]).coefficients
    curves, losses = [], []
    for xi in PENALTIES:
        alpha = np.linalg.solve(W @ W.T + m * xi * kernels["XX"], W @ Y[n:])
        curves.append(kernels["XX"] @ alpha)
        losses.append(np.mean((Y[:n] - curves[-1]) ** 2))
        ours = phi.transform(X[:n]) @ second_stage_path(V, one, two, [xi]).coefficients
        # The direct solve at the smallest penalty has five to six digits, more or fewer with the BLAS of the machine.
        assert ours == pytest.approx(curves[-1], rel=1e-5, abs=1e-8)
    fit = second_stage_path(V, one, two, PENALTIES)
    assert fit.losses == pytest.approx(losses, rel=1e-6)
    assert fit.penalty == PENALTIES[np.argmin(losses)]


def test_blocks_of_rows_add_up(problem, monkeypatch):
    _, _, X, Y, _, phi, *_ = problem
    whole = stage_moments(phi.transform, phi.transform, X, X, Y)
    monkeypatch.setattr("yinguo.kernels.two_stage_ridge.BLOCK", 23)
    parts = stage_moments(phi.transform, phi.transform, X, X, Y)
    assert parts.tPsiPhi == pytest.approx(whole.tPsiPhi, abs=1e-10)
    assert parts.tPhiY == pytest.approx(whole.tPhiY, abs=1e-10)
    assert parts.YY == whole.YY


def test_with_linear_features_and_no_penalty_it_is_two_stage_least_squares():
    rng = np.random.default_rng(1)
    Z, U = rng.normal(size=(500, 2)), rng.normal(size=500)
    X = (Z @ [1.0, 0.5] + U)[:, None]
    Y = 2 * X[:, 0] + U
    same = lambda rows: rows  # noqa: E731
    moments = stage_moments(same, same, Z, X, Y)
    V = first_stage_path(moments, moments, [1e-14]).coefficients
    slope = second_stage_path(V, moments, moments, [1e-14]).coefficients[0]
    fitted = Z @ np.linalg.lstsq(Z, X[:, 0], rcond=None)[0]
    assert slope == pytest.approx(fitted @ Y / (fitted @ X[:, 0]), rel=1e-9)


def test_of_several_minima_the_one_at_the_largest_penalty_counts():
    penalties = np.array([1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
    for losses, best in (
        ([5.0, 2.0, 3.0, 1.0, 0.0], 1), ([5.0, 4.0, 3.0, 2.0, 1.0], 4), ([1.0, 2.0, 0.0, 2.0, 3.0], 0),
    ):  # fmt: skip
        assert first_local_minimum(penalties, losses) == best
        assert first_local_minimum(penalties[::-1], losses[::-1]) == 4 - best
    assert first_local_minimum([1.0], [3.0]) == 0
