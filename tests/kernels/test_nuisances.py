"""Cross-fitted nuisances against one least-squares and one maximum-likelihood fit per fold."""

import numpy as np
import pytest

from yinguo.kernels.glm import fit_binary
from yinguo.kernels.moments import ArrayMoments
from yinguo.kernels.nuisances import glm_nuisances


def draw(n: int = 500, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) + 4.0
    T = (rng.random(n) < 1 / (1 + np.exp(4.0 - X[:, 0]))).astype(float)
    return X, T, X.sum(axis=1) + T + rng.normal(size=n), rng.integers(0, 4, n), rng


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("own_columns", [False, True])
def test_each_fold_is_predicted_by_models_of_the_others(weighted, own_columns):
    X, T, Y, folds, rng = draw()
    X_e = X[:, :2].copy() if own_columns else X
    s = rng.random(len(Y)) + 0.5 if weighted else None
    found = glm_nuisances(X_e=X_e, X_m=X, T=T, Y=Y, folds=folds, s=s)
    root = np.ones(len(Y)) if s is None else np.sqrt(s)
    D = np.column_stack([np.ones(len(Y)), X])
    for k in range(4):
        inside, others = folds == k, folds != k
        for arm, m in ((0, found.m0), (1, found.m1)):
            rows = others & (arm == T)
            beta = np.linalg.lstsq(D[rows] * root[rows, None], Y[rows] * root[rows], rcond=None)[0]
            assert m[inside] == pytest.approx(D[inside] @ beta, abs=1e-8)
        alone = ArrayMoments(X_e[others])
        raw = alone.rescale(fit_binary(alone, T[others], s=None if s is None else s[others]).beta)
        assert found.e[inside] == pytest.approx(1 / (1 + np.exp(-raw[0] - X_e[inside] @ raw[1:])), abs=1e-8)


def test_either_half_can_be_left_out():
    X, T, Y, folds, _ = draw()
    both = glm_nuisances(X_e=X, X_m=X, T=T, Y=Y, folds=folds)
    propensity = glm_nuisances(X_e=X, X_m=X, T=T, Y=None, folds=folds)
    outcome = glm_nuisances(X_e=X, X_m=X, T=T, Y=Y, folds=folds, link=None)
    assert np.array_equal(propensity.e, both.e)
    assert propensity.m0.size == propensity.m1.size == 0
    assert np.array_equal(outcome.m1, both.m1)
    assert outcome.e.size == 0


@pytest.mark.parametrize("rows", [1, 5])
def test_a_level_seen_in_one_fold_only_is_predicted_as_the_reference(rows):
    X, T, Y, folds, _ = draw(n=20_000)
    rare = np.zeros(len(T))
    rare[np.flatnonzero(folds == 0)[:rows]] = 1.0
    with_level = glm_nuisances(X_e=X, X_m=np.column_stack([X, rare]), T=T, Y=Y + 1e4, folds=folds, link=None)
    without = glm_nuisances(X_e=X, X_m=X, T=T, Y=Y + 1e4, folds=folds, link=None)
    inside = folds == 0
    assert np.allclose(with_level.m0[inside], without.m0[inside], rtol=1e-9)
    assert np.allclose(with_level.m1[inside], without.m1[inside], rtol=1e-9)
