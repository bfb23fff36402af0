"""Calibrated effects: the staircase is that of pooling, the level is right, exaggeration goes, decisions get better."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import yinguo as yg
from yinguo.core.crossfit import make_folds
from yinguo.diagnose import decision_error, effect_calibration


class Exaggerating:
    """Ranks by the true effect, and tells it three times too large and shifted."""

    def fit(self, study):
        return self

    def effect(self, X):
        return 3 * np.tanh(X[:, 0]) - 2


def draw(n=2000, seed=0, **roles):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    T = (rng.random(n) < 1 / (1 + np.exp(-0.5 * X[:, 1]))).astype(float)
    tau = np.tanh(X[:, 0])
    return yg.Study.from_arrays(X, T, X[:, 1] + T * tau + rng.normal(size=n), **roles), tau


PLAIN = {"outcome_model": LinearRegression()}


def pooled(x, y):
    """Pool adjacent violators, the slow way."""
    order = np.argsort(x)
    blocks = [[v] for v in y[order]]
    i = 0
    while i < len(blocks) - 1:
        if np.mean(blocks[i]) > np.mean(blocks[i + 1]):
            blocks[i] += blocks.pop(i + 1)
            i = max(i - 1, 0)
        else:
            i += 1
    out = np.empty(len(y))
    out[order] = np.concatenate([[np.mean(b)] * len(b) for b in blocks])
    return out


def test_calibrated_effects_of_the_rows_are_pooled_scores():
    study, _ = draw(200)
    fitted = yg.CalibratedLearner(learner=Exaggerating(), **PLAIN).fit(study)
    # This learner is the same on every fold, so that the median is the staircase itself.
    assert fitted.effects_ == pytest.approx(pooled(fitted.before_, fitted.scores_), rel=1e-9)
    assert fitted.effects_.mean() == pytest.approx(fitted.scores_.mean())


def test_exaggerated_effects_come_back_to_their_level():
    study, tau = draw(8000)
    raw, isotonic, linear = (
        yg.CalibratedLearner(learner=Exaggerating(), method=m, **PLAIN).fit(study).effects_
        for m in ("none", "isotonic", "linear")
    )
    assert np.mean((raw - tau) ** 2) > 4
    assert np.mean((isotonic - tau) ** 2) < 0.02
    assert np.mean((linear - tau) ** 2) < 0.01


@pytest.mark.parametrize("method", ["isotonic", "linear"])
def test_decisions_get_better_and_the_order_stays(method):
    study, tau = draw(3000)
    raw = yg.CalibratedLearner(learner=Exaggerating(), method="none", **PLAIN).fit(study)
    fitted = yg.CalibratedLearner(learner=Exaggerating(), method=method, cost=0.2, **PLAIN).fit(study)
    assert decision_error(raw.effects_, tau, 0.2) > 0.2
    assert decision_error(fitted.effects_, tau, 0.2) < 0.06
    assert np.array_equal(fitted.treat(study.X), fitted.effects_ > 0.2)
    order = np.argsort(raw.effects_)
    assert (np.diff(fitted.effects_[order]) >= -1e-12).all()


def test_on_new_rows_the_calibrated_effects_have_slope_one():
    study, _ = draw(4000, seed=1)
    fitted = yg.CalibratedLearner(learner=Exaggerating(), **PLAIN).fit(study)
    _, tau = draw(4000, seed=2)
    new, _ = draw(4000, seed=2)
    noisy = tau + np.random.default_rng(3).normal(size=4000)
    slope = effect_calibration(noisy, fitted.effect(new.X)).slope
    assert slope == pytest.approx(1, abs=0.1)


def test_effects_without_heterogeneity_become_the_average():
    rng = np.random.default_rng(4)
    X, T = rng.normal(size=(600, 5)), rng.integers(0, 2, 600).astype(float)
    study = yg.Study.from_arrays(X, T, X[:, 0] + T + rng.normal(size=600))
    spread = [np.std(yg.CalibratedLearner(method=method, **PLAIN).fit(study).effects_) for method in ("none", "linear")]
    assert spread[1] < 0.7 * spread[0]


def test_a_ranking_upside_down_gives_everybody_the_average():
    class Mirror(Exaggerating):
        def effect(self, X):
            return -super().effect(X)

    study, _ = draw(1000)
    fitted = yg.CalibratedLearner(learner=Mirror(), method="linear", **PLAIN).fit(study)
    assert np.ptp(fitted.effects_) < 1e-12
    assert fitted.effects_[0] == pytest.approx(fitted.scores_.mean(), abs=0.01)


def test_a_line_moves_no_further_than_the_data_insist():
    """The learner is right; with 150 rows the slope of the scores is anything, and must not be believed."""
    moved = []
    for seed in range(20):
        study, tau = draw(150, seed)

        class Right(Exaggerating):
            def effect(self, X):
                return np.tanh(X[:, 0])

        fitted = yg.CalibratedLearner(learner=Right(), method="linear", **PLAIN).fit(study)
        raw = effect_calibration(fitted.scores_, fitted.before_)
        moved.append((np.sqrt(np.mean((fitted.effects_ - tau) ** 2)), np.std(tau) * abs(raw.slope - 1)))
    assert np.mean([m[0] for m in moved]) < np.mean([m[1] for m in moved])
    assert sum(m[0] < 1e-9 for m in moved) > 5


def test_no_row_is_calibrated_by_a_learner_that_saw_it():
    study, _ = draw(300)
    folds = make_folds(3, study.T, 0)
    fitted = yg.CalibratedLearner(folds=folds, **PLAIN).fit(study)
    moved = study.replace(Y=np.where(folds == 1, 50.0, study.Y))
    again = yg.CalibratedLearner(folds=folds, **PLAIN).fit(moved)
    assert np.array_equal(again.before_[folds == 1], fitted.before_[folds == 1])


def test_the_average_is_aipw_and_keeps_its_interval():
    study, _ = draw(400)
    folds = make_folds(4, study.T, 0)
    ours = yg.CalibratedLearner(folds=folds, **PLAIN).fit(study).result_
    aipw = yg.AIPW(folds=folds, outcome_model=LinearRegression()).fit(study).result_
    assert ours.estimate == pytest.approx(aipw.estimate, rel=1e-12)
    assert ours.se == pytest.approx(aipw.se, rel=1e-12)


def test_an_unknown_method_is_named():
    with pytest.raises(yg.DataError, match="method is 'platt'"):
        yg.CalibratedLearner(method="platt").fit(draw(100)[0])
