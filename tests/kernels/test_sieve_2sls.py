"""The sieve's fits and influence values against plain linear algebra."""

import numpy as np
import pytest

from yinguo.kernels.sieve_2sls import orthonormal_basis, projected_losses, sieve_path


def problem(seed=0, n=200):
    """Two endogenous columns, one of them instrumented by products only."""
    rng = np.random.default_rng(seed)
    Z, U = rng.normal(size=(2, n))
    T = Z + U + 3.0
    C = np.column_stack([Z, Z**2, Z**3])
    return np.column_stack([T, T**2]), C, T - 0.3 * T**2 + U + 5.0


def test_the_basis_is_orthonormal_and_spans_the_columns():
    _, C, _ = problem()
    Q = orthonormal_basis(np.column_stack([C, C[:, 0] - 2 * C[:, 1], np.ones(200)]))
    assert Q.shape == (200, 3)
    assert pytest.approx(np.eye(3), abs=1e-12) == Q.T @ Q
    centred = C - C.mean(axis=0)
    assert Q @ (Q.T @ centred) == pytest.approx(centred, abs=1e-9)


def test_without_penalty_it_is_two_stage_least_squares():
    D, C, Y = problem()
    one = np.ones((200, 1))
    first = (
        np.column_stack([one, C]) @ np.linalg.lstsq(np.column_stack([one, C]), np.column_stack([one, D]), rcond=None)[0]
    )
    theta = np.linalg.lstsq(first, Y, rcond=None)[0]
    fit = sieve_path(D, orthonormal_basis(C), Y).fit(0.0)
    assert (fit.intercept, *fit.slopes) == pytest.approx(theta, rel=1e-9)


def test_with_penalty_it_solves_the_stated_equations():
    D, C, Y = problem()
    Q = orthonormal_basis(C)
    standard = (D - D.mean(axis=0)) / D.std(axis=0)
    A = Q.T @ standard
    slopes = np.linalg.solve(A.T @ A / 200 + 0.01 * np.eye(2), A.T @ (Q.T @ Y) / 200) / D.std(axis=0)
    assert sieve_path(D, Q, Y).fit(0.01).slopes == pytest.approx(slopes, rel=1e-10)


def test_just_identified_influence_values_are_derivatives_in_the_weights_of_rows():
    D, C, Y = problem(n=80)
    C = C[:, :2]
    direction = np.array([1.0, 6.0])
    Q = orthonormal_basis(C)
    phi = sieve_path(D, Q, Y).influence(D, Q, Y, direction)
    for i in (0, 7, 33):
        slopes = []
        for w in (1 + 1e-5, 1 - 1e-5):
            weights = np.ones(80)
            weights[i] = w
            instruments, columns = (np.column_stack([np.ones(80), B]) for B in (C, D))
            slopes.append(np.linalg.solve((instruments.T * weights) @ columns, (instruments.T * weights) @ Y)[1:])
        assert phi[i] == pytest.approx(80 * direction @ (slopes[0] - slopes[1]) / 2e-5, rel=1e-4)


def test_columns_that_the_instruments_cannot_tell_apart_are_not_identified():
    D, C, Y = problem()
    assert sieve_path(D, orthonormal_basis(C), Y).identified
    assert not sieve_path(D, orthonormal_basis(C[:, :1]), Y).identified
    # A column given twice is collinear, not unidentified: the fitted values do not depend on how it is shared out.
    twice = sieve_path(np.column_stack([D, D[:, 0]]), orthonormal_basis(C), Y)
    assert twice.identified
    fit, plain = twice.fit(0.0), sieve_path(D, orthonormal_basis(C), Y).fit(0.0)
    assert fit.slopes[0] + fit.slopes[2] == pytest.approx(plain.slopes[0], rel=1e-8)


def test_the_loss_is_the_part_of_the_residual_that_instruments_predict():
    D, C, Y = problem()
    path = sieve_path(D[:100], orthonormal_basis(C[:100]), Y[:100])
    judge = np.column_stack([np.ones(100), C[100:]])
    fit = path.fit(0.0)
    residual = Y[100:] - fit.intercept - D[100:] @ fit.slopes
    predicted = judge @ np.linalg.lstsq(judge, residual, rcond=None)[0]
    loss = projected_losses(path, D[100:], orthonormal_basis(C[100:]), Y[100:], [0.0])
    assert loss == pytest.approx([predicted @ predicted], rel=1e-9)
