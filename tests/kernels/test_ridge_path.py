"""The ridge path against scikit-learn, one penalty at a time."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from yinguo.kernels.ridge_path import choose_ridge, ridge_path

PENALTIES = [1e-3, 1.0, 1e3]


def table(seed=0, n=60, r=5):
    rng = np.random.default_rng(seed)
    D = rng.normal(size=(n, r)) + 3.0
    return D, D @ np.linspace(1, -1, r) + rng.normal(size=n) + 10.0


def test_every_point_of_the_path_is_a_ridge_regression():
    D, y = table()
    intercepts, slopes = ridge_path(D, y, PENALTIES)
    for k, penalty in enumerate(PENALTIES):
        theirs = Ridge(alpha=penalty).fit(D, y)
        assert slopes[:, k] == pytest.approx(theirs.coef_, rel=1e-9)
        assert intercepts[k] == pytest.approx(theirs.intercept_, rel=1e-9)


def test_more_columns_than_rows_have_a_path_too():
    D, y = table(n=10, r=30)
    theirs = Ridge(alpha=1.0).fit(D, y)
    assert ridge_path(D, y, [1.0])[1][:, 0] == pytest.approx(theirs.coef_, rel=1e-8)


def test_the_choice_is_the_least_error_on_rows_left_out():
    D, y = table()
    folds = np.arange(60) % 3
    designs = [D[:, :2], D]
    losses = np.array(
        [
            [
                np.mean(
                    np.concatenate(
                        [
                            y[folds == k] - Ridge(alpha=a).fit(X[folds != k], y[folds != k]).predict(X[folds == k])
                            for k in range(3)
                        ]
                    )
                    ** 2
                )
                for a in PENALTIES
            ]
            for X in designs
        ]
    )
    choice = choose_ridge(designs, y, PENALTIES, folds)
    assert choice.losses == pytest.approx(losses, rel=1e-9)
    assert (choice.design, choice.penalty) == (1, PENALTIES[np.argmin(losses[1])])
    assert choice.slopes == pytest.approx(Ridge(alpha=choice.penalty).fit(D, y).coef_, rel=1e-9)
