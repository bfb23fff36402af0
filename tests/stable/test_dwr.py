"""Decorrelated weighted regression: its gradient, its limit, its purpose, and scikit-learn's contract."""

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.stable import DWR
from yinguo.stable.dwr import decorrelation_loss


def correlated(n: int = 300, p: int = 3, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.8 * rng.normal(size=(n, 1))
    return X, rng


def test_the_loss_is_the_sum_of_squared_weighted_covariances_of_all_pairs():
    X, rng = correlated(50)
    w = rng.random(50)
    slow = 0.0
    for j in range(3):
        for k in range(3):
            if j != k:
                slow += ((w * X[:, j] * X[:, k]).mean() - (w * X[:, j]).mean() * (w * X[:, k]).mean()) ** 2
    assert decorrelation_loss(w, X)[0] == pytest.approx(slow, rel=1e-12)


def test_the_gradient_is_that_of_finite_differences():
    X, rng = correlated(40)
    w, h = rng.random(40) + 0.5, 1e-6
    gradient = decorrelation_loss(w, X)[1]
    for i in range(40):
        step = h * (np.arange(40) == i)
        slope = (decorrelation_loss(w + step, X)[0] - decorrelation_loss(w - step, X)[0]) / (2 * h)
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_without_decorrelation_it_is_least_squares():
    from sklearn.linear_model import LinearRegression

    X, rng = correlated()
    y = X @ [1.0, 2.0, -1.0] + 5 + rng.normal(size=300)
    own, peer = DWR(decorrelation_strength=0).fit(X, y), LinearRegression().fit(X, y)
    assert own.coef_ == pytest.approx(peer.coef_, rel=1e-10)
    assert own.intercept_ == pytest.approx(peer.intercept_, rel=1e-10)
    assert (own.sample_weight_ == 1).all()
    assert (own.n_iter_, own.converged_) == (0, True)


def test_the_weights_decorrelate_and_the_coefficients_are_those_of_the_weighted_regression():
    X, rng = correlated()
    y = X @ [1.0, 2.0, -1.0] + rng.normal(size=300)
    model = DWR().fit(X, y)
    w = model.sample_weight_
    assert w.mean() == pytest.approx(1.0)
    assert (w >= 0).all()
    assert np.abs(np.cov(X.T, aweights=w) - np.diag(np.diag(np.cov(X.T, aweights=w)))).max() < 0.02
    D = np.column_stack([np.ones(300), X]) * np.sqrt(w)[:, None]
    beta = np.linalg.lstsq(D, y * np.sqrt(w), rcond=None)[0]
    assert np.append(model.intercept_, model.coef_) == pytest.approx(beta, rel=1e-7)


def test_an_omitted_nonlinearity_leaks_less_into_a_correlated_bystander():
    leaks = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=1500)
        bystander = 0.8 * x + 0.3 * x**3 / 4 + 0.5 * rng.normal(size=1500)
        y = x + x**3 / 3 + 0.3 * rng.normal(size=1500)
        X = np.column_stack([x, bystander])
        leaks.append([abs(DWR(decorrelation_strength=s).fit(X, y).coef_[1]) for s in (0.0, 1.0)])
    plain, decorrelated = np.mean(leaks, axis=0)
    assert plain > 0.2
    assert decorrelated < 0.7 * plain


def test_a_constant_column_in_training_does_not_speak_later():
    X, rng = correlated()
    X = np.column_stack([X, np.full(300, 2.0)])
    model = DWR().fit(X, X[:, 0] + rng.normal(size=300))
    moved = X.copy()
    moved[:, 3] = 100.0
    assert np.allclose(model.predict(moved), model.predict(X))


def test_weights_that_ran_out_of_iterations_say_so():
    X, rng = correlated(p=3)
    y = X.sum(axis=1) + rng.normal(size=300)
    short, full = DWR(max_iter=2).fit(X, y), DWR(max_iter=5000).fit(X, y)
    assert not short.converged_
    assert full.converged_
    assert short.n_iter_ == 2
    assert full.decorrelation_ < short.decorrelation_


@pytest.mark.parametrize("option", ["decorrelation_strength", "mean_strength", "size_strength"])
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_a_strength_below_zero_is_refused(option, value):
    X, rng = correlated(30)
    with pytest.raises(DataError, match=f"{option} is {value}"):
        DWR(**{option: value}).fit(X, rng.normal(size=30))


@pytest.mark.parametrize("options", [{"mean_strength": 100.0}, {"size_strength": 1.0}, {"max_iter": 1}])
def test_every_option_changes_the_fit(options):
    X, rng = correlated()
    y = X[:, 0] + rng.normal(size=300)
    assert not np.allclose(DWR(**options).fit(X, y).sample_weight_, DWR().fit(X, y).sample_weight_)


def test_it_keeps_scikit_learn_s_contract():
    from sklearn.utils.estimator_checks import check_estimator

    check_estimator(DWR(max_iter=50))


def test_it_lives_in_a_pipeline_and_a_grid_search():
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, rng = correlated(90)
    y = X[:, 0] + rng.normal(size=90)
    search = GridSearchCV(make_pipeline(StandardScaler(), DWR()), {"dwr__decorrelation_strength": [0.0, 1.0]}, cv=3)
    assert np.isfinite(search.fit(X, y).best_score_)
