"""Scores and held-out effects are what they say; one call judges a learner and says no where there is nothing."""

import json

import numpy as np
import pytest
from judging_toys import Line, trial
from sklearn.linear_model import LinearRegression

import yinguo as yg
from yinguo.core.crossfit import make_folds
from yinguo.diagnose import cross_effects, effect_scores, judge_effects, sequential_effects


def test_the_mean_score_is_aipw():
    study = trial(400, confounded=True)
    folds = make_folds(4, study.T, 0)
    scores = effect_scores(study, folds=folds)
    assert scores.psi.mean() == pytest.approx(yg.AIPW(folds=folds).fit(study).result_.estimate, rel=1e-12)
    assert scores.m == pytest.approx(scores.e * scores.m1 + (1 - scores.e) * scores.m0)


def test_effects_of_a_row_never_saw_it():
    study = trial(200)
    scores = effect_scores(study, folds=4)
    tau, held = cross_effects(Line(), study, scores.folds), sequential_effects(Line(), scores)
    for k in range(4):
        moved = study.replace(Y=np.where(scores.folds == k, 1e6, study.Y))
        again = cross_effects(Line(), moved, scores.folds)
        assert np.array_equal(again[scores.folds == k], tau[scores.folds == k])
        assert not np.allclose(again[scores.folds != k], tau[scores.folds != k])
    last = study.replace(Y=np.where(scores.folds == 3, 1e6, study.Y))
    assert np.array_equal(sequential_effects(Line(), effect_scores(last, folds=scores.folds)).tau, held.tau)
    assert np.array_equal(held.rows, np.flatnonzero(scores.folds > 0))
    assert np.array_equal(held.psi, scores.psi[held.rows])
    assert len(held.learners) == 3


def test_weights_and_clusters_go_along_with_the_rows():
    rng = np.random.default_rng(0)
    study = trial(300, sample_weight=rng.random(300) + 0.1, groups=np.arange(300) // 3)
    scores = effect_scores(study)
    held = sequential_effects(yg.TLearner(outcome_model=LinearRegression()), scores)
    assert held.s.mean() == pytest.approx(1)
    assert np.array_equal(np.unique(held.groups), np.arange(held.groups.max() + 1))
    # A cluster is never cut by folds, so no member teaches the learner that judges another.
    assert all(len(np.unique(scores.folds[study.groups == g])) == 1 for g in range(100))
    part = held.take(held.folds == 1)
    assert part.s.mean() == pytest.approx(1)
    assert part.groups.max() + 1 == len(np.unique(part.groups))


def test_networks_are_not_trained_again_for_the_average():
    class Network(yg.TLearner):
        """Counts what a network would train."""

        name = "a-network"
        capabilities = yg.Capabilities(trains=True, unit_effects="without intervals", honours=("sample_weight",))

        def fit(self, study):
            assert self.folds is None
            self.line_ = Line().fit(study)
            return self

        def effect(self, X):
            return self.line_.effect(X)

    scores = effect_scores(trial(100), folds=2)
    assert np.isfinite(sequential_effects(Network(folds=5), scores).tau).all()


def test_a_learner_that_tells_no_number_is_refused():
    class Silent(Line):
        def effect(self, X):
            return np.full(len(X), np.nan)

    study = trial(100)
    with pytest.raises(yg.DataError, match="effect\\(X\\) of Silent"):
        cross_effects(Silent(), study, make_folds(2, study.T, 0))


def test_treatments_that_are_not_binary_are_refused():
    study = trial(100)
    with pytest.raises(yg.DataError, match="treated="):
        effect_scores(study.replace(T=np.arange(100) % 3))


@pytest.fixture(scope="module")
def there():
    return judge_effects(trial(1500, het=1.0), yg.TLearner(outcome_model=LinearRegression()), cost=0.3)


def test_heterogeneity_that_is_there_is_found_told_and_turned_into_segments(there):
    assert there.supported
    assert "t-learner" in there.verdict
    assert {d.verdict for d in there.diagnostics} == {"ok"}
    assert all("recency" in rule for rule in there.segments.rules)
    # The best fifth: those with recency above 0.84, whose effect is 0.5 + 1.4.
    assert there.best.effect.low[0] < 1.9 < there.best.effect.high[0]
    assert there.best.gain.low[0] < 0.2 * 1.6 < there.best.gain.high[0]
    assert there.calibration.slope_low < 1 < there.calibration.slope_high


def test_the_judgement_is_json_and_text(there):
    document = json.loads(json.dumps(there.to_dict()))
    assert document["supported"] is True
    assert abs(document["n_judged"] - 1200) <= 2
    assert len(document["segments"]["rules"]) == len(there.segments.rules)
    text = there.summary()
    assert text.startswith(there.verdict)
    assert all(line in text for line in (*there.segments.lines, *there.tree.lines))


def test_without_heterogeneity_the_data_cannot_support_it_and_that_is_said():
    learner = yg.TLearner(outcome_model=LinearRegression())
    found = [judge_effects(trial(400, het=0.0, seed=seed), learner, folds=4, depth=1) for seed in range(16)]
    assert sum(f.supported for f in found) <= 2
    assert sum("cannot support" in f.verdict for f in found) > 12


def test_upside_down_effects_say_do_not_act():
    class Mirror(Line):
        def effect(self, X):
            return -super().effect(X)

    found = judge_effects(trial(1000, het=1.0), Mirror())
    assert not found.supported
    assert found.verdict.startswith("Do not act on the effects of Mirror")


def test_what_cannot_be_made_is_left_out_with_the_reason():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 25))
    T = rng.integers(0, 2, 300).astype(float)
    study = yg.Study.from_arrays(X, T, X[:, 0] * T + rng.normal(size=300))
    found = judge_effects(study, Line())
    assert found.projection is None
    assert "25 covariates" in found.skipped["projection"]
    assert "left out: projection" in found.summary()
    assert json.dumps(found.to_dict())


def test_two_folds_are_too_few():
    with pytest.raises(yg.DataError, match="at least 3"):
        judge_effects(trial(100), Line(), folds=2)


def test_weights_and_clusters_are_honoured():
    study = trial(300, het=1.0)
    learner = yg.TLearner(outcome_model=LinearRegression())
    folds = make_folds(4, study.T, 0)
    twice = study.take(np.repeat(np.arange(300), 2)).replace(groups=np.repeat(np.arange(300), 2))
    one, two = judge_effects(study, learner, folds=folds), judge_effects(twice, learner, folds=np.repeat(folds, 2))
    for name in ("autoc", "qini"):
        assert getattr(two, name).estimate == pytest.approx(getattr(one, name).estimate, abs=0.01)
        assert getattr(two, name).se == pytest.approx(getattr(one, name).se, rel=0.03)
    assert two.groups.effects.se == pytest.approx(one.groups.effects.se, rel=0.06)
    assert two.best.gain.se == pytest.approx(one.best.gain.se, rel=0.05)
