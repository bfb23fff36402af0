"""Losses without truth: against slow loops and the true error; the choice among learners; decisions against truth."""

import numpy as np
import pytest
from judging_toys import Line, trial
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

import yinguo as yg
from yinguo.core.crossfit import make_folds
from yinguo.diagnose import (
    choose_learner,
    decision_error,
    decision_regret,
    dr_losses,
    effect_scores,
    neighbour_effects,
    neighbour_losses,
    r_losses,
)


def slow_neighbour_effects(Y, T, X):
    """Card 0.1: the nearest unit of the opposite arm, Euclidean, as counterfactual."""
    out = []
    for i in range(len(Y)):
        others = np.flatnonzero(T[i] != T)
        nearest = others[np.argmin([np.sum((X[i] - X[j]) ** 2) for j in others])]
        out.append(Y[i] - Y[nearest] if T[i] == 1 else Y[nearest] - Y[i])
    return np.array(out)


@pytest.mark.parametrize("metric", ["euclidean", "inverse_variance"])
def test_neighbour_effects_are_those_of_the_slow_loop(metric):
    study = trial(80)
    X = study.X / (study.X.std(axis=0) if metric == "inverse_variance" else 1)
    expected = slow_neighbour_effects(study.Y, study.T, X)
    found = neighbour_effects(Y=study.Y, T=study.T, X=study.X, metric=metric)
    assert found == pytest.approx(expected, rel=1e-12)
    treated = neighbour_effects(Y=study.Y, T=study.T, X=study.X, metric=metric, treated_only=True)
    assert treated[study.T == 1] == pytest.approx(expected[study.T == 1], rel=1e-12)
    assert np.isnan(treated[study.T == 0]).all()
    tau = np.linspace(-1, 1, 80)
    pehe = np.nanmean(neighbour_losses(tau, treated))
    assert pehe == pytest.approx(np.mean([(expected[i] - tau[i]) ** 2 for i in np.flatnonzero(study.T == 1)]))


def test_an_arm_without_units_has_no_neighbours():
    with pytest.raises(yg.DataError, match="no units"):
        neighbour_effects(Y=np.ones(5), T=np.ones(5), X=np.ones((5, 1)))


def test_differences_of_losses_estimate_differences_of_the_true_error():
    """The constant cancels: two wrong effects are told apart as if the truth were known."""
    study = trial(20_000, het=1.0)
    scores = effect_scores(study)
    tau = 0.5 + study.X[:, 1]
    good, bad = tau + 0.2, 0.5 * tau
    true_gap = np.mean((bad - tau) ** 2 - (good - tau) ** 2)
    gap = np.mean(dr_losses(scores.psi, bad) - dr_losses(scores.psi, good))
    assert gap == pytest.approx(true_gap, abs=0.06)
    overlap = scores.e * (1 - scores.e)
    true_gap = np.mean(overlap * ((bad - tau) ** 2 - (good - tau) ** 2))
    r = [r_losses(t, Y=study.Y, T=study.T, m=scores.m, e=scores.e) for t in (bad, good)]
    assert np.mean(r[0] - r[1]) == pytest.approx(true_gap, abs=0.015)


LEARNERS = {
    "lines": yg.TLearner(outcome_model=LinearRegression()),
    "one neighbour": yg.TLearner(outcome_model=KNeighborsRegressor(1)),
}


@pytest.mark.parametrize("by", ["dr-loss", "r-loss", "neighbours"])
def test_the_better_learner_is_chosen_by_every_loss(by):
    found = choose_learner(LEARNERS, trial(600, het=1.0), by=by)
    assert found.best == "lines"
    assert found.rows[0].behind == 0
    behind = {row.label: row.behind for row in found.rows}
    assert behind["one neighbour"] > 0
    assert {row.label for row in found.rows} == {"lines", "one neighbour", "constant effect"}
    assert found.diagnostic.verdict == "ok"
    assert "lines" in str(found)


def test_without_heterogeneity_no_learner_beats_one_effect_for_all():
    found = choose_learner(LEARNERS, trial(600, het=0.0))
    assert found.rows[0].label == "constant effect"
    assert found.diagnostic.verdict == "look"


def test_learners_are_left_alone_and_a_failure_is_a_row():
    study = trial(300)
    rng = np.random.default_rng(0)
    learner = yg.TLearner(outcome_model=LinearRegression(), random_state=rng, folds=make_folds(2, study.T, 0))
    before, options = rng.bit_generator.state, learner.get_params()

    class Broken(Line):
        def fit(self, study):
            raise yg.DataError("no, thank you: this learner never learns.")

    found = choose_learner({"t": learner, "line": Line(), "broken": Broken()}, study)
    assert rng.bit_generator.state == before
    assert all(learner.get_params()[k] is v for k, v in options.items())
    assert not hasattr(learner, "result_")
    assert "never learns" in found.rows[-1].error
    assert "failed" in str(found)
    with pytest.raises(yg.DataError, match="every learner failed"):
        choose_learner({"broken": Broken()}, study)


def test_wrong_calls_are_named():
    study = trial(100)
    with pytest.raises(yg.DataError, match="by is 'auuc'"):
        choose_learner([Line()], study, by="auuc")
    with pytest.raises(yg.DataError, match="more than once"):
        choose_learner([Line(), Line()], study)
    with pytest.raises(yg.DataError, match="no learner"):
        choose_learner([], study)
    with pytest.raises(yg.DataError, match="would change nothing"):
        choose_learner([Line()], study, scores=effect_scores(study), clip=0.1)
    with pytest.raises(yg.DataError, match="no fit and effect"):
        choose_learner([LinearRegression()], study)


# -- decisions ---------------------------------------------------------------------------------------


def test_the_error_counts_wrong_decisions_and_the_regret_weighs_them():
    tau_hat, tau = np.array([1.0, -1.0, 3.0, 0.2]), np.array([2.0, 4.0, -1.0, 0.1])
    assert decision_error(tau_hat, tau) == 0.5
    assert decision_regret(tau_hat, tau) == pytest.approx((4 + 1) / 4)
    assert decision_error(tau_hat, tau, threshold=0.15) == 0.75
    assert decision_error(tau, tau, threshold=1) == 0
    for bad in (tau_hat[:2], np.full(4, np.nan)):
        with pytest.raises(yg.DataError):
            decision_error(bad, tau)


def test_a_smaller_squared_error_can_decide_worse():
    tau = np.array([0.1, -0.1, 0.1, -0.1])
    near, far = np.zeros(4) - 0.01, 5 * tau
    assert np.mean((near - tau) ** 2) < np.mean((far - tau) ** 2)
    assert decision_error(near, tau) > decision_error(far, tau) == 0
