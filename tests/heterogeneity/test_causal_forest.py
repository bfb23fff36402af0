"""The causal forest behind our interface; without its extra, the remedy."""

import sys

import numpy as np
import pytest
from meta_toys import KnownChance, nie_wager, quadratic, root_pehe
from sklearn.linear_model import LinearRegression

import yinguo as yg
from yinguo.core.lazy import installed

needs_econml = pytest.mark.skipif(not installed("forest"), reason="the extra `forest` (econml) is not installed")


def test_without_the_extra_it_can_be_looked_at_and_fit_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "econml"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "econml", None)
    assert not installed("forest")
    assert yg.CausalForest.capabilities.extra == "forest"
    with pytest.raises(ImportError, match=r"pip install 'yinguo\[forest\]'"):
        yg.CausalForest().fit(nie_wager(0, n=100).study)
    comparison = yg.compare(nie_wager(0, n=100).study, [yg.CausalForest(), yg.DifferenceInMeans()])
    assert [row.method for row in comparison.results] == ["difference"]
    assert "yinguo[forest]" in comparison.failures[0].error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trees": 10}, "trees is 10; it must be a multiple of 4"),
        ({"trees": 0}, "trees is 0"),
        ({"min_leaf": 0}, "min_leaf is 0"),
        ({"sample_share": 0.8}, "sample_share is 0.8"),
    ],
)
def test_options_that_leave_no_interval_are_refused(options, message):
    with pytest.raises(yg.DataError, match=message):
        yg.CausalForest(**options).fit(nie_wager(0, n=100).study)


@needs_econml
def test_it_finds_the_effect_under_confounding_and_its_intervals_hold_most_of_it():
    toy = nie_wager(0, n=2000)
    forest = yg.CausalForest(outcome_model=quadratic(), propensity=KnownChance(), trees=100).fit(toy.study)
    assert root_pehe(forest, toy) < 0.15
    low, high = forest.effect_interval(toy.study.X)
    # Not 0.95: the forest's variance leaves out its bias, as the docstring says.
    assert ((low < toy.tau) & (toy.tau < high)).mean() > 0.75
    assert abs(forest.result_.estimate - 0.5) < 4 * forest.result_.se


@needs_econml
def test_centring_is_what_makes_it_right():
    grf = pytest.importorskip("econml.grf")
    toy = nie_wager(1, n=2000)
    X, T, Y = toy.study.X, toy.study.T, toy.study.Y
    bare = grf.CausalForest(n_estimators=100, n_jobs=1, random_state=0).fit(X, T, Y).predict(X)[:, 0]
    forest = yg.CausalForest(outcome_model=quadratic(), propensity=KnownChance(), trees=100).fit(toy.study)
    assert abs(forest.effects_.mean() - toy.tau.mean()) < 0.5 * abs(bare.mean() - toy.tau.mean())
    assert root_pehe(forest, toy) < np.sqrt(np.mean((bare - toy.tau) ** 2))


@needs_econml
def test_it_is_econml_s_forest_on_our_residuals():
    grf = pytest.importorskip("econml.grf")
    study = nie_wager(2, n=400).study
    folds = np.arange(400) % 2
    forest = yg.CausalForest(
        trees=8, outcome_model=LinearRegression(), propensity=KnownChance(), folds=folds, random_state=7
    ).fit(study)
    m = np.empty(400)
    for k in range(2):
        m[folds == k] = LinearRegression().fit(study.X[folds != k], study.Y[folds != k]).predict(study.X[folds == k])
    T_left = study.T - KnownChance().predict_proba(study.X)[:, 1]
    seed = int(np.random.default_rng(7).integers(2**31))
    peer = grf.CausalForest(n_estimators=8, n_jobs=1, random_state=seed).fit(study.X, T_left, study.Y - m)
    assert forest.effects_ == pytest.approx(peer.predict(study.X)[:, 0], rel=1e-9)
    low, high = forest.effect_interval(study.X[:20], 0.9)
    their_low, their_high = peer.predict_interval(study.X[:20], alpha=0.1)
    assert low == pytest.approx(their_low[:, 0], rel=1e-7)
    assert high == pytest.approx(their_high[:, 0], rel=1e-7)


@needs_econml
def test_clusters_widen_the_average_and_forbid_intervals_of_units():
    study = nie_wager(3, n=200).study
    grouped = study.replace(groups=np.arange(200) // 4)
    forest = yg.CausalForest(trees=8, outcome_model=LinearRegression()).fit(grouped)
    assert forest.result_.se > 0
    with pytest.raises(yg.DataError, match="groups"):
        forest.effect_interval(study.X)
