"""The R-learner minimises the R-loss, and its weights are what makes it do so."""

import numpy as np
import pytest
from meta_toys import KnownChance, nie_wager
from sklearn.linear_model import LinearRegression

import yinguo as yg
from yinguo.heterogeneity.r_learner import ratio_of_residuals


def test_the_weighted_regression_is_the_r_loss():
    rng = np.random.default_rng(0)
    Y_left, T_left, tau = rng.normal(size=50), rng.uniform(0.1, 0.9, 50) * rng.choice([-1, 1], 50), rng.normal(size=50)
    target, weight = ratio_of_residuals(Y_left=Y_left, T_left=T_left)
    assert weight * (target - tau) ** 2 == pytest.approx((Y_left - T_left * tau) ** 2, rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_linear_effect_is_least_squares_of_residuals_on_products(weighted):
    study = nie_wager(0, n=300).study
    s = np.random.default_rng(0).random(300) + 0.1 if weighted else np.ones(300)
    study = study.replace(sample_weight=s) if weighted else study
    folds = np.arange(300) % 3
    m, D = np.empty(300), np.column_stack([np.ones(300), study.X])
    for k in range(3):
        rest = folds != k
        m[~rest] = LinearRegression().fit(study.X[rest], study.Y[rest], s[rest]).predict(study.X[~rest])
    T_left = study.T - KnownChance().predict_proba(study.X)[:, 1]
    root = np.sqrt(s)
    beta = np.linalg.lstsq(D * (T_left * root)[:, None], (study.Y - m) * root)[0]
    line = LinearRegression()
    ours = yg.RLearner(outcome_model=line, effect_model=line, propensity=KnownChance(), folds=folds).fit(study)
    assert ours.effects_ == pytest.approx(D @ beta, rel=1e-8)


def test_without_the_weights_the_answer_is_another():
    study = nie_wager(0, n=300).study
    line = LinearRegression()

    class Unweighted(LinearRegression):
        def fit(self, X, y, sample_weight=None):
            return super().fit(X, y)

    a, b = (
        yg.RLearner(outcome_model=line, effect_model=effect, propensity=KnownChance()).fit(study).effects_
        for effect in (line, Unweighted())
    )
    assert np.abs(a - b).max() > 0.05


def test_separated_arms_give_a_finite_effect_and_a_stop():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    T = (X[:, 0] > 0).astype(float)

    class Certain(KnownChance):
        def predict_proba(self, X):
            e = (X[:, 0] > 0).astype(float)
            return np.column_stack([1 - e, e])

    line = LinearRegression()
    learner = yg.RLearner(outcome_model=line, effect_model=line, propensity=Certain())
    result = learner.fit(yg.Study.from_arrays(X, T, X[:, 1] + T)).result_
    assert np.isfinite(learner.effects_).all()
    assert [d.verdict for d in result.diagnostics if d.name == "overlap"] == ["stop"]
