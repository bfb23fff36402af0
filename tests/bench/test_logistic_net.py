"""Judged by scikit-learn's solver of the same problem, and by the conditions that define its minimum."""

import warnings

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from yinguo.bench.logistic_net import logistic_lasso, logistic_net_1se

N, P = 200, 30


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(N, P)) * rng.uniform(0.1, 50, size=P) + 7
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    T = (rng.random(N) < expit(1.2 * Z[:, 0] - Z[:, 1] + 0.5)).astype(float)
    return X, Z, T, rng.permutation(N) % 10


def peer(Z, T, strength, mixing):
    """Coefficients of standardised columns; saga is exact but slow, hence the small problem."""
    with warnings.catch_warnings():
        # The name of the option `penalty` changes between versions of the peer.
        warnings.simplefilter("ignore", FutureWarning)
        model = LogisticRegression(
            penalty="elasticnet", solver="saga", l1_ratio=mixing, C=1 / (len(T) * strength), tol=1e-10, max_iter=100_000
        )
        return model.fit(Z, T).coef_[0]


@pytest.mark.parametrize("mixing", [0.5, 1.0])
def test_coefficients_at_the_chosen_strength_are_those_of_scikit_learn(data, mixing):
    X, Z, T, folds = data
    fit = logistic_net_1se(X=X, T=T, folds=folds, mixing=mixing)
    np.testing.assert_allclose(fit.coef * X.std(axis=0), peer(Z, T, fit.strength, mixing), atol=1e-3)


def test_fitted_chances_average_to_the_share_of_the_treated(data):
    X, _, T, folds = data
    assert logistic_net_1se(X=X, T=T, folds=folds).propensity(X).mean() == pytest.approx(T.mean(), abs=1e-4)


def test_deviance_on_left_out_rows_is_that_of_scikit_learn_fits_without_them(data):
    X, _, T, folds = data
    fit = logistic_net_1se(X=X, T=T, folds=folds)
    losses, rows = [], []
    for k in range(10):
        inside, out = folds != k, folds == k
        mean, scale = X[inside].mean(axis=0), X[inside].std(axis=0)
        b = peer((X[inside] - mean) / scale, T[inside], fit.strength, 0.5)
        eta = (X - mean) / scale @ b
        b0 = _intercept(eta[inside], T[inside])
        e = expit(b0 + eta[out])
        losses.append(-2 * np.mean(T[out] * np.log(e) + (1 - T[out]) * np.log(1 - e)))
        rows.append(out.sum())
    chosen = int(np.argmax(fit.cv_mean <= fit.cv_mean.min() + fit.cv_se[np.argmin(fit.cv_mean)]))
    assert fit.cv_mean[chosen] == pytest.approx(np.average(losses, weights=rows), abs=2e-3)


def _intercept(eta, T):
    from scipy.optimize import brentq

    return brentq(lambda b0: expit(b0 + eta).mean() - T.mean(), -20, 20)


def test_the_chosen_strength_is_the_largest_within_one_standard_error_of_the_best(data):
    X, _, T, folds = data
    fit = logistic_net_1se(X=X, T=T, folds=folds)
    best = int(np.argmin(fit.cv_mean))
    within = fit.cv_mean <= fit.cv_mean[best] + fit.cv_se[best]
    chosen = int(np.argmax(within))
    assert chosen <= best
    assert not within[:chosen].any()


def test_ending_the_path_early_does_not_change_the_choice(data, monkeypatch):
    X, _, T, folds = data
    early = logistic_net_1se(X=X, T=T, folds=folds)
    monkeypatch.setattr("yinguo.bench.logistic_net.HOPELESS", 1e9)
    whole = logistic_net_1se(X=X, T=T, folds=folds)
    assert len(whole.cv_mean) > len(early.cv_mean)
    assert whole.strength == early.strength


def test_lasso_at_the_emptying_strength_has_no_coefficients_and_a_little_below_it_one(data):
    X, _, T, _ = data
    intercept, coef = logistic_lasso(X=X, T=T, share=1.0)
    assert not coef.any()
    assert expit(intercept) == pytest.approx(T.mean())
    assert np.count_nonzero(logistic_lasso(X=X, T=T, share=0.99)[1]) == 1


def test_more_columns_than_rows_are_fitted():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(80, 300))
    T = (rng.random(80) < expit(2 * X[:, 0])).astype(float)
    fit = logistic_net_1se(X=X, T=T, folds=rng.permutation(80) % 10)
    assert fit.coef[0] == np.abs(fit.coef).max() > 0


def test_a_constant_column_gets_no_coefficient(data):
    X, _, T, folds = data
    fit = logistic_net_1se(X=np.column_stack([X, np.full(N, 3.0)]), T=T, folds=folds)
    assert fit.coef[-1] == 0
