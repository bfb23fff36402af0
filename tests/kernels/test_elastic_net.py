"""Elastic-net paths against scikit-learn's coordinate descent and closed forms."""

import numpy as np
import pytest
from sklearn.linear_model import enet_path

from yinguo.errors import DataError
from yinguo.kernels.active_set import FullGram, GrowingGram, solve_penalised
from yinguo.kernels.elastic_net import elastic_net_cv, elastic_net_path

#: scikit-learn stops at a duality gap; ours meets the optimality conditions to 1e-9.
AGREEMENT = 1e-6


def regression(n: int, p: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns of very different scale and mean, correlated in pairs, ten of them active."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:, 1::2] += 0.6 * X[:, : 2 * (p // 2) : 2]
    beta = np.zeros(p)
    beta[: min(10, p)] = np.linspace(2, -1, min(10, p))
    Y = 40 + 7 * (X @ beta + rng.normal(size=n))
    return X * rng.uniform(0.2, 50, p) + rng.normal(size=p), Y


@pytest.mark.parametrize("mixing", [0.5, 0.9, 1.0])
@pytest.mark.parametrize(("n", "p"), [(80, 12), (40, 120)])
def test_the_path_equals_scikit_learn_on_standardised_data(n, p, mixing):
    X, Y = regression(n, p)
    lambdas = Y.std() * np.geomspace(0.8, 0.02, 12)
    ours = elastic_net_path(X=X, Y=Y, mixing=mixing, lambdas=lambdas)
    Z, y = (X - X.mean(axis=0)) / X.std(axis=0), (Y - Y.mean()) / Y.std()
    _, theirs, _ = enet_path(Z, y, l1_ratio=mixing, alphas=lambdas / Y.std(), tol=1e-12, max_iter=200_000)
    assert ours.coef * X.std(axis=0) / Y.std() == pytest.approx(theirs.T, abs=AGREEMENT)
    assert ours.intercept + ours.coef @ X.mean(axis=0) == pytest.approx(np.full(12, Y.mean()))


def test_orthogonal_columns_are_soft_thresholded():
    rng = np.random.default_rng(1)
    n, mixing, lam = 64, 0.7, 0.3
    basis = np.linalg.qr(np.column_stack([np.ones(n), rng.normal(size=(n, 6))]))[0][:, 1:]
    X, y = basis * np.sqrt(n), rng.normal(size=n)
    y = (y - y.mean()) / y.std()
    c = X.T @ y / n
    expected = np.sign(c) * np.maximum(np.abs(c) - lam * mixing, 0) / (1 + lam * (1 - mixing))
    assert elastic_net_path(X=X, Y=y, mixing=mixing, lambdas=[lam]).coef[0] == pytest.approx(expected, abs=1e-10)


def test_a_vanishing_penalty_gives_least_squares():
    X, Y = regression(60, 5)
    path = elastic_net_path(X=X, Y=Y, lambdas=[1e-9])
    beta = np.linalg.lstsq(np.column_stack([np.ones(60), X]), Y, rcond=None)[0]
    assert np.append(path.intercept, path.coef[0]) == pytest.approx(beta, rel=1e-6)


@pytest.mark.parametrize(("n", "p"), [(80, 12), (40, 120)])
def test_the_default_path_starts_where_every_coefficient_is_zero_and_no_later(n, p):
    X, Y = regression(n, p)
    path = elastic_net_path(X=X, Y=Y)
    assert (path.coef[0] == 0).all()
    assert (path.coef[1] != 0).any()
    assert path.intercept[0] == pytest.approx(Y.mean())
    assert np.diff(path.r2).min() > -1e-12
    fitted = path.intercept + X @ path.coef.T
    assert path.r2 == pytest.approx(1 - ((Y[:, None] - fitted) ** 2).mean(axis=0) / Y.var(), abs=1e-8)


def test_the_default_path_stops_once_the_fit_no_longer_improves():
    X, Y = regression(400, 4)
    path = elastic_net_path(X=X, Y=Y)
    assert len(path.lambdas) < 100
    assert path.r2[-1] - path.r2[-2] < 1e-5 * path.r2[-1]
    noiseless = elastic_net_path(X=X, Y=X[:, 0])
    assert noiseless.r2[-1] > 0.999 > noiseless.r2[-2]


@pytest.mark.parametrize(("n", "p"), [(80, 12), (40, 120)])
def test_integer_weights_equal_repeated_rows(n, p):
    X, Y = regression(n, p)
    counts = np.random.default_rng(2).integers(1, 3, n)
    lambdas = Y.std() * np.geomspace(0.5, 0.05, 5)
    weighted = elastic_net_path(X=X, Y=Y, lambdas=lambdas, sample_weight=counts.astype(float))
    repeated = elastic_net_path(X=np.repeat(X, counts, axis=0), Y=np.repeat(Y, counts), lambdas=lambdas)
    scale = X.std(axis=0) / Y.std()
    assert weighted.coef * scale == pytest.approx(repeated.coef * scale, abs=1e-8)
    assert weighted.intercept == pytest.approx(repeated.intercept)


def test_the_answer_follows_the_unit_of_the_outcome():
    X, Y = regression(80, 12)
    folds = np.arange(80) % 5
    plain, moved = (elastic_net_cv(X=X, Y=y, folds=folds) for y in (Y, -1000 * Y + 3))
    assert moved.index_1se == plain.index_1se
    assert moved.path.lambdas == pytest.approx(1000 * plain.path.lambdas)
    assert moved.path.coef == pytest.approx(-1000 * plain.path.coef, rel=1e-6, abs=1e-9)


def test_the_two_ways_to_hold_the_gram_matrix_agree():
    rng = np.random.default_rng(3)
    Z = np.asfortranarray(rng.normal(size=(50, 80)) / np.sqrt(50))
    y = rng.normal(size=50) / np.sqrt(50)
    full, growing = FullGram(Z.T @ Z, Z.T @ y), GrowingGram(Z, y)
    for l1 in (0.2, 0.1, 0.02):
        a, b = (solve_penalised(source, l1=l1, l2=0.01, b=np.zeros(80)) for source in (full, growing))
        assert a == pytest.approx(b, abs=1e-9)


def test_a_lasso_copes_with_duplicate_columns_and_with_more_active_columns_than_rows():
    X, Y = regression(30, 40, seed=4)
    X = np.hstack([X, X])
    path = elastic_net_path(X=X, Y=Y, mixing=1.0, lambdas=Y.std() * np.geomspace(1, 1e-4, 40))
    Z, y = (X - X.mean(axis=0)) / X.std(axis=0), (Y - Y.mean()) / Y.std()
    for lam, coef in zip(path.lambdas / Y.std(), path.coef * X.std(axis=0) / Y.std()):
        gradient = Z.T @ (y - Z @ coef) / 30
        assert np.abs(gradient).max() <= lam + 1e-7
        assert gradient[coef != 0] == pytest.approx(lam * np.sign(coef[coef != 0]), abs=1e-6)


@pytest.mark.parametrize(("n", "p"), [(80, 12), (40, 120)])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_validation_equals_refitting_every_fold(n, p, weighted):
    X, Y = regression(n, p)
    folds = np.random.default_rng(5).permutation(n) % 4
    s = np.random.default_rng(6).uniform(0.5, 2, n) if weighted else None
    cv = elastic_net_cv(X=X, Y=Y, folds=folds, sample_weight=s)
    weight = np.ones(n) if s is None else s
    errors = []
    for k in range(4):
        inside, out = folds != k, folds == k
        fit = elastic_net_path(
            X=X[inside], Y=Y[inside], lambdas=cv.path.lambdas, sample_weight=None if s is None else s[inside]
        )
        squared = (Y[out, None] - fit.intercept - X[out] @ fit.coef.T) ** 2
        errors.append(np.average(squared, axis=0, weights=weight[out]))
    share = np.bincount(folds, weights=weight) / weight.sum()
    mean = share @ errors
    se = np.sqrt(share @ (np.array(errors) - mean) ** 2 / 3)
    assert cv.cv_mean == pytest.approx(mean, rel=1e-6)
    assert cv.cv_se == pytest.approx(se, rel=1e-5)
    assert cv.index_min == np.argmin(mean)
    assert cv.index_1se == np.flatnonzero(mean <= mean.min() + se[np.argmin(mean)])[0]
    assert cv.index_1se <= cv.index_min


def test_folds_of_one_or_two_rows_are_scored_row_by_row():
    X, Y = regression(12, 3)
    cv = elastic_net_cv(X=X, Y=Y, folds=np.arange(12))
    lambdas = cv.path.lambdas
    errors = np.array([
        (Y[i] - fit.intercept - fit.coef @ X[i]) ** 2
        for i in range(12)
        for fit in [elastic_net_path(X=np.delete(X, i, axis=0), Y=np.delete(Y, i), lambdas=lambdas)]
    ])  # fmt: skip
    assert cv.cv_mean == pytest.approx(errors.mean(axis=0), rel=1e-6)
    assert cv.cv_se == pytest.approx(errors.std(axis=0) / np.sqrt(11), rel=1e-6)


@pytest.mark.parametrize("p", [3, 60])
def test_constant_columns_and_constant_outcomes_are_left_at_the_mean(p):
    X, Y = regression(30, p)
    X[:, 1] = 0.1
    folds = np.arange(30) % 3
    assert (elastic_net_path(X=X, Y=Y).coef[:, 1] == 0).all()
    flat = elastic_net_cv(X=X, Y=np.full(30, 0.1), folds=folds)
    assert (flat.path.coef == 0).all()
    assert flat.path.intercept == pytest.approx(np.full(len(flat.path.lambdas), 0.1))
    # A dummy that is constant in one training set must not break that fold.
    X[:, 2] = folds == 0
    assert np.isfinite(elastic_net_cv(X=X, Y=Y, folds=folds).cv_mean).all()


def test_what_cannot_be_asked_is_refused():
    X, Y = regression(20, 3)
    with pytest.raises(DataError, match=r"mixing = 0 is not in \(0, 1\]"):
        elastic_net_path(X=X, Y=Y, mixing=0)
    with pytest.raises(DataError, match="must be positive"):
        elastic_net_path(X=X, Y=Y, lambdas=[1.0, 0.0])
    with pytest.raises(DataError, match="at least 2 folds"):
        elastic_net_cv(X=X, Y=Y, folds=np.zeros(20, dtype=int))
