"""Sample splitting: balanced, whole clusters, and predictions that have never seen their row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yinguo.core.crossfit import (
    Target,
    crossfit,
    crossfit_all,
    crossfit_outcomes,
    crossfit_propensity,
    fit_learner,
    make_folds,
    predict_mean,
)
from yinguo.errors import DataError


@settings(max_examples=50, deadline=None)
@given(st.integers(10, 200), st.integers(2, 5), st.integers(0, 2**31))
def test_folds_are_balanced_over_the_arms_and_repeatable(n, K, seed):
    T = (np.arange(n) % 2).astype(float)
    folds = make_folds(K, T, seed)
    assert set(folds) == set(range(K))
    for arm in (0.0, 1.0):
        sizes = np.bincount(folds[arm == T], minlength=K)
        assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(folds, make_folds(K, T, seed))


@settings(max_examples=50, deadline=None)
@given(st.integers(8, 40), st.integers(2, 4), st.integers(0, 2**31))
def test_a_cluster_never_straddles_folds(G, K, seed):
    rng = np.random.default_rng(seed)
    groups = np.r_[np.arange(G), rng.integers(0, G, 100)]
    folds = make_folds(K, np.arange(len(groups)) % 2 * 1.0, seed, groups)
    for g in range(G):
        assert len(set(folds[groups == g])) == 1


def test_a_continuous_treatment_is_split_without_strata():
    sizes = np.bincount(make_folds(4, np.random.default_rng(0).normal(size=100), 0))
    assert sizes.tolist() == [25] * 4


def test_an_assignment_passes_through():
    folds = np.arange(12) % 3
    assert np.array_equal(make_folds(folds.tolist(), np.arange(12) % 2, None), folds)


T12 = np.tile([0.0, 1.0], 6)


@pytest.mark.parametrize(
    ("folds", "T", "groups", "message"),
    [
        (1, T12, None, "folds is 1; it must be at least 2 and at most 6"),
        (7, T12, None, "folds is 7"),
        (3, T12, np.zeros(12, dtype=int) + np.arange(12) // 6, "at most 2, the smallest arm or group count"),
        (np.zeros(12, dtype=int), T12, None, "every number from 0 to K-1 with K >= 2"),
        (np.arange(12) % 2 * 2, T12, None, "every number from 0 to K-1"),
        (np.arange(11) % 2, T12, None, r"folds has shape \(11,\)"),
        (np.arange(12) % 3 - 1, T12, None, "one fold number .* for each of the 12 rows"),
        (np.arange(12) % 2 * 1.0, T12, None, "type float64"),
        ("5", T12, None, "folds has shape"),
        (T12.astype(int), T12, None, "all rows with treatment 0 are in fold 0"),
    ],
)
def test_folds_that_cannot_be_used_are_refused(folds, T, groups, message):
    with pytest.raises(DataError, match=message):
        make_folds(folds, T, 0, groups)


def test_clusters_of_one_arm_in_one_fold_are_refused_rather_than_predicted_from_nothing():
    groups = np.repeat(np.arange(10), 4)
    T = (groups < 1).astype(float)  # one treated cluster: wherever it goes, no other fold has a treated row
    with pytest.raises(DataError, match=r"all rows with treatment 1 are in fold .*use fewer folds"):
        make_folds(2, T, 0, groups)


class Memory:
    """Predicts 1 for rows it was trained on, else 0; and counts what it saw."""

    seen = None

    def fit(self, X, y, sample_weight=None):
        self.seen, self.weight = set(X[:, 0]), sample_weight
        return self

    def predict(self, X):
        return np.array([float(x in self.seen) for x in X[:, 0]])


def test_no_row_is_predicted_by_a_model_that_saw_it():
    X, folds = np.arange(30.0)[:, None], np.arange(30) % 3
    assert not crossfit(Memory(), X, np.zeros(30), folds).any()


def test_only_the_rows_allowed_train():
    class Count(Memory):
        def predict(self, X):
            return np.full(len(X), float(len(self.seen)))

    X, folds = np.arange(30.0)[:, None], np.arange(30) % 3
    assert set(crossfit(Count(), X, np.zeros(30), folds, rows=X[:, 0] < 12)) == {8.0}
    with pytest.raises(DataError, match="no training rows are left for fold 0"):
        crossfit(Count(), X, np.zeros(30), folds, rows=folds == 0)


def test_predictions_equal_a_loop_over_scikit_learn():
    from sklearn.linear_model import LinearRegression, LogisticRegression

    rng = np.random.default_rng(0)
    X, folds = rng.normal(size=(90, 2)), np.arange(90) % 3
    T = (rng.random(90) < 0.5).astype(float)
    Y, s = X[:, 0] + T + rng.normal(size=90), rng.random(90)
    e = crossfit_propensity(LogisticRegression(), X, T, folds, s=s)
    m0, m1 = crossfit_outcomes(LinearRegression(), X, T, Y, folds, s=s)
    for k in range(3):
        a, b = folds != k, folds == k
        assert e[b] == pytest.approx(LogisticRegression().fit(X[a], T[a], s[a]).predict_proba(X[b])[:, 1])
        for arm, m in ((0, m0), (1, m1)):
            rows = a & (arm == T)
            assert m[b] == pytest.approx(LinearRegression().fit(X[rows], Y[rows], s[rows]).predict(X[b]))


def test_the_caller_s_learner_is_left_alone():
    learner = Memory()
    fit_learner(learner, np.ones((2, 1)), np.zeros(2))
    assert learner.seen is None


def test_a_learner_that_takes_no_weights_is_named_and_other_errors_are_its_own():
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline

    X, y, s = np.arange(10.0)[:, None], np.arange(10.0), np.ones(10)
    for learner in (KNeighborsRegressor(), make_pipeline(KNeighborsRegressor())):
        with pytest.raises(DataError, match=f"{type(learner).__name__} takes no sample_weight"):
            fit_learner(learner, X, y, s)

    class Broken:
        def fit(self, X, y, sample_weight=None):
            raise ValueError("too few rows for me")

    with pytest.raises(ValueError, match="too few rows for me"):
        fit_learner(Broken(), X, y, s)


@pytest.mark.parametrize("learner", [None, "logit", 3])
def test_what_is_no_learner_is_named(learner):
    with pytest.raises(DataError, match="has no fit method"):
        fit_learner(learner, np.ones((2, 1)), np.zeros(2))


class Chances:
    def __init__(self, classes, chances):
        self.classes_, self.chances = np.array(classes), chances

    def predict_proba(self, X):
        return np.tile(self.chances, (len(X), 1))


def test_the_mean_of_a_classifier_is_the_chance_of_class_one_wherever_that_column_stands():
    X = np.ones((2, 1))
    assert predict_mean(Chances([0, 1], [0.3, 0.7]), X).tolist() == [0.7, 0.7]
    assert predict_mean(Chances([1.0, 0.0], [0.3, 0.7]), X).tolist() == [0.3, 0.3]
    assert predict_mean(Chances([False, True], [0.3, 0.7]), X).tolist() == [0.7, 0.7]
    # Trained on one class only.
    assert predict_mean(Chances([1], [1.0]), X).tolist() == [1.0, 1.0]
    assert predict_mean(Chances([0], [1.0]), X).tolist() == [0.0, 0.0]
    for classes in ([1, 2], ["a", "b"], [0, 1, 2]):
        with pytest.raises(DataError, match="only 0 and 1 have a mean"):
            predict_mean(Chances(classes, [1 / len(classes)] * len(classes)), X)


def test_a_regressor_s_prediction_may_be_a_column():
    class Column:
        def predict(self, X):
            return X

    assert predict_mean(Column(), np.ones((3, 1))).shape == (3,)


def test_weights_reach_the_last_step_of_a_pipeline():
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    X, s = rng.normal(size=(50, 2)), rng.random(50)
    y = X[:, 0] ** 2
    line = fit_learner(make_pipeline(StandardScaler(), LinearRegression()), X, y, s)
    assert line.predict(X) == pytest.approx(LinearRegression().fit(X, y, s).predict(X), rel=1e-9)


def test_several_targets_at_once_are_what_each_is_alone_in_one_process_or_two():
    from sklearn.linear_model import LinearRegression

    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(90, 2)), np.arange(90) % 2 * 1.0
    y, folds = X[:, 0] + T, rng.integers(0, 3, 90)
    line = LinearRegression()
    at = tuple(np.column_stack([X, np.full(90, arm)]) for arm in (0.0, 1.0))
    targets = [Target(line, X, y, rows=T == 1), Target(line, np.column_stack([X, T]), y, at=at)]
    one, two = (crossfit_all(targets, folds, n_jobs=n) for n in (1, 2))
    assert len(one) == 3
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert np.array_equal(one[0], crossfit(line, X, y, folds, rows=T == 1))
    assert one[2] - one[1] == pytest.approx(np.ones(90), rel=1e-9)
