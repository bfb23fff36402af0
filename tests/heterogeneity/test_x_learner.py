"""The X-learner against itself written out, and its blend."""

import numpy as np
import pytest
from meta_toys import nie_wager
from sklearn.linear_model import LinearRegression, LogisticRegression

import yinguo as yg
from yinguo.heterogeneity.x_learner import imputed_effects


def test_the_effect_imputed_for_a_unit_comes_from_the_other_arm_s_model():
    Y, T = np.array([3.0, 1.0]), np.array([1.0, 0.0])
    assert imputed_effects(Y=Y, T=T, m0=np.array([1.0, 99.0]), m1=np.array([99.0, 4.0])).tolist() == [2.0, 3.0]


@pytest.mark.parametrize("weighted", [False, True])
def test_it_equals_itself_written_out(weighted):
    study = nie_wager(0, n=300).study
    s = np.random.default_rng(0).random(300) + 0.1 if weighted else np.ones(300)
    X, T, Y = study.X, study.T == 1, study.Y

    def fitted(rows, y):
        return LinearRegression().fit(X[rows], y[rows], sample_weight=s[rows])

    tau1 = fitted(T, Y - fitted(~T, Y).predict(X)).predict(X)
    tau0 = fitted(~T, fitted(T, Y).predict(X) - Y).predict(X)
    logit = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky").fit(X, study.T, sample_weight=s)
    e = logit.predict_proba(X)[:, 1]
    study = study.replace(sample_weight=s) if weighted else study
    line = LinearRegression()
    for propensity in ("logit", logit):
        ours = yg.XLearner(outcome_model=line, effect_model=line, propensity=propensity).fit(study)
        assert ours.effects_ == pytest.approx(e * tau0 + (1 - e) * tau1, rel=1e-6, abs=1e-8)


def test_where_few_are_treated_it_learns_a_simple_effect_that_the_t_learner_does_not():
    from sklearn.ensemble import HistGradientBoostingRegressor

    errors = {"X": [], "T": []}
    for seed in range(2):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(1500, 3))
        T = (rng.random(1500) < 0.05).astype(float)
        tau = 1 + X[:, 0]
        Y = 3 * np.sin(3 * X[:, 1]) + T * tau + 0.5 * rng.normal(size=1500)
        study = yg.Study.from_arrays(X, T, Y)
        trees = HistGradientBoostingRegressor(max_iter=60, random_state=0)
        options = {"outcome_model": trees, "folds": 2}
        learners = {"X": yg.XLearner(effect_model=LinearRegression(), **options), "T": yg.TLearner(**options)}
        for name, learner in learners.items():
            errors[name].append(np.sqrt(np.mean((learner.fit(study).effects_ - tau) ** 2)))
    assert np.mean(errors["X"]) < 0.5 * np.mean(errors["T"])


def test_it_learns_effects_and_not_outcomes():
    line = LinearRegression()
    learner = yg.XLearner(outcome_model=line, effect_model=line).fit(nie_wager(0, n=100).study)
    with pytest.raises(yg.DataError, match="learns effects, not outcomes"):
        learner.predict(np.zeros((1, 6)), 1)
