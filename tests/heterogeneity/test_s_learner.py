"""The S-learner is one regression with the treatment as a column."""

import numpy as np
import pytest
from meta_toys import nie_wager
from sklearn.linear_model import LinearRegression

import yinguo as yg
from yinguo.heterogeneity.s_learner import with_treatment


def test_with_a_line_everybody_has_the_coefficient_of_the_treatment():
    study = nie_wager(0, n=300).study
    learner = yg.SLearner(outcome_model=LinearRegression()).fit(study)
    slope = LinearRegression().fit(np.column_stack([study.X, study.T]), study.Y).coef_[-1]
    assert learner.effects_ == pytest.approx(np.full(300, slope), rel=1e-9)


def test_the_average_is_of_doubly_robust_scores_of_its_own_means_written_out():
    study = nie_wager(1, n=300).study
    folds = np.arange(300) % 3
    result = yg.SLearner(outcome_model=LinearRegression(), folds=folds, clip=0.0).fit(study).result_
    e = np.empty(300)
    m0, m1 = np.empty(300), np.empty(300)
    D = np.column_stack([study.X, study.T])
    from sklearn.linear_model import LogisticRegression

    for k in range(3):
        rest, test = folds != k, folds == k
        model = LinearRegression().fit(D[rest], study.Y[rest])
        m0[test] = model.predict(with_treatment(study.X[test], 0.0))
        m1[test] = model.predict(with_treatment(study.X[test], 1.0))
        logit = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky").fit(study.X[rest], study.T[rest])
        e[test] = logit.predict_proba(study.X[test])[:, 1]
    m = np.where(study.T == 1, m1, m0)
    psi = m1 - m0 + (study.T - e) / (e * (1 - e)) * (study.Y - m)
    assert result.estimate == pytest.approx(psi.mean(), rel=1e-7)
    assert result.se == pytest.approx(psi.std(ddof=1) / 300**0.5, rel=1e-7)
