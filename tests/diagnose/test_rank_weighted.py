"""RATE: closed forms, coverage and level by simulation, folds, clusters, and the curve it is the area of."""

import numpy as np
import pytest
from judging_toys import ranked

import yinguo as yg
from yinguo.diagnose import rank_weighted_effect, targeting_curve, targeting_point


@pytest.mark.parametrize(("target", "truth"), [("AUTOC", 1 / 4), ("QINI", 1 / 12)])
def test_the_interval_covers_the_closed_form_in_95_of_100_draws(target, truth):
    rng = np.random.default_rng(0)
    found = [rank_weighted_effect(*ranked(500, rng), target=target) for _ in range(1000)]
    covered = np.mean([r.low <= truth <= r.high for r in found])
    assert 0.93 <= covered <= 0.97
    assert np.std([r.estimate for r in found]) == pytest.approx(np.mean([r.se for r in found]), rel=0.06)
    assert np.mean([r.estimate for r in found]) == pytest.approx(truth, abs=0.01)


@pytest.mark.parametrize("target", ["AUTOC", "QINI"])
def test_the_test_of_a_ranking_that_is_worth_nothing_keeps_its_level(target):
    rng = np.random.default_rng(1)
    p = [rank_weighted_effect(*ranked(500, rng, slope=0.0), target=target).p for _ in range(1000)]
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.07


def test_a_ranking_by_the_effect_is_found_one_upside_down_stops_and_chance_is_said():
    rng = np.random.default_rng(2)
    psi, priority = ranked(2000, rng, slope=2.0)
    assert rank_weighted_effect(psi, priority).diagnostic.verdict == "ok"
    assert rank_weighted_effect(psi, -priority).diagnostic.verdict == "stop"
    assert rank_weighted_effect(psi, rng.random(2000)).diagnostic.verdict == "look"
    same = rank_weighted_effect(psi, np.ones(2000))
    assert (same.estimate, same.p) == (pytest.approx(0, abs=1e-12), 1.0)


def test_learners_of_two_folds_are_ranked_apart():
    """The second learner's effects are all higher; ranked together that would look like a finding."""
    rng = np.random.default_rng(3)
    psi = np.concatenate([rng.normal(0, 1, 500), rng.normal(1, 1, 500)])
    tau, folds = rng.random(1000) + np.repeat([0, 5], 500), np.repeat([0, 1], 500)
    assert rank_weighted_effect(psi, tau).p < 1e-6
    apart = rank_weighted_effect(psi, tau, folds=folds)
    halves = [rank_weighted_effect(psi[folds == k], tau[folds == k]) for k in (0, 1)]
    assert apart.estimate == pytest.approx(np.mean([h.estimate for h in halves]))
    assert apart.se == pytest.approx(np.hypot(*(h.se for h in halves)) / 2, rel=0.01)
    assert apart.p > 0.01


def test_rows_of_one_cluster_count_once():
    rng = np.random.default_rng(4)
    psi, priority = ranked(400, rng)
    one = rank_weighted_effect(psi, priority)
    pairs = np.repeat(np.arange(400), 2)
    naive = rank_weighted_effect(np.repeat(psi, 2), np.repeat(priority, 2))
    right = rank_weighted_effect(np.repeat(psi, 2), np.repeat(priority, 2), groups=pairs)
    assert right.se == pytest.approx(one.se, rel=0.02)
    assert naive.se == pytest.approx(one.se / np.sqrt(2), rel=0.02)


def test_bad_arrays_are_named():
    psi, tau = np.ones(10), np.arange(10.0)
    with pytest.raises(yg.DataError, match="target is 'AUC'"):
        rank_weighted_effect(psi, tau, target="AUC")
    with pytest.raises(yg.DataError, match="tau has shape"):
        rank_weighted_effect(psi, tau[:5])
    with pytest.raises(yg.DataError, match="tau has 1 values"):
        rank_weighted_effect(psi, np.where(tau == 3, np.nan, tau))
    with pytest.raises(yg.DataError, match="fold 3 has 1"):
        rank_weighted_effect(psi, tau, folds=np.array([0] * 9 + [3]))


# -- the curve ---------------------------------------------------------------------------------------


def test_the_curve_is_the_mean_score_of_those_ranked_first():
    rng = np.random.default_rng(5)
    psi, priority = ranked(200, rng)
    curve = targeting_curve(psi, priority, shares=(0.1, 0.5, 1.0), cost=0.3)
    first = psi[np.argsort(-priority)]
    for i, k in enumerate((20, 100, 200)):
        assert curve.toc.estimate[i] == pytest.approx(first[:k].mean() - psi.mean(), abs=1e-12)
        assert curve.gain.estimate[i] == pytest.approx((first[:k] - 0.3).sum() / 200)
        assert curve.excess.estimate[i] == pytest.approx(k / 200 * curve.toc.estimate[i], abs=1e-12)
    assert curve.toc.se[-1] == pytest.approx(0, abs=1e-12)
    assert curve.gain.se[-1] == pytest.approx(psi.std(ddof=1) / np.sqrt(200))


def test_pointwise_and_uniform_bands_of_the_curve_cover_the_closed_form():
    rng = np.random.default_rng(6)
    shares = np.array([0.1, 0.2, 0.5, 0.8, 1.0])
    toc, gain = (1 - shares) / 2, shares * (1 - shares / 2)
    inside, together = [], []
    for i in range(300):
        curve = targeting_curve(*ranked(500, rng), shares=shares, random_state=i)
        for part, truth in ((curve.toc, toc), (curve.gain, gain)):
            seen = part.se > 1e-9  # at share 1 TOC is 0 by definition
            inside.append((part.low <= truth) & (truth <= part.high) | ~seen)
            together.append(((part.low_all <= truth) & (truth <= part.high_all) | ~seen).all())
    rates = np.mean(inside, axis=0)
    assert (rates >= 0.92).all()
    assert (rates[:4] <= 0.98).all()
    assert 0.92 <= np.mean(together) <= 0.98


def test_the_value_of_the_best_share_is_judged_against_drawing_lots():
    rng = np.random.default_rng(7)
    psi, priority = ranked(3000, rng)
    point = targeting_point(psi, priority, 0.2, cost=0.1)
    assert point.gain.low[0] < 0.2 * 0.9 - 0.02 < point.gain.high[0]
    assert point.effect.low[0] < 0.9 < point.effect.high[0]
    assert point.diagnostic.verdict == "ok"
    assert "20%" in point.diagnostic.sentence
    assert targeting_point(psi, -priority, 0.2).diagnostic.verdict == "stop"
    assert targeting_point(psi, rng.random(3000), 0.2).diagnostic.verdict == "look"
    everybody = targeting_point(psi, priority, 1.0).diagnostic
    assert everybody.verdict == "ok"
    assert "everybody" in everybody.sentence
    with pytest.raises(yg.DataError, match="above 0 and at most 1"):
        targeting_point(psi, priority, 20)


@pytest.mark.peer
def test_curve_and_coefficients_are_those_of_econml():
    utils = pytest.importorskip("econml.validate.utils")
    psi, priority = ranked(1000, np.random.default_rng(8))
    percentiles = np.arange(5.0, 96.0, 5.0)
    shares = 1 - percentiles / 100
    curve = targeting_curve(psi, priority, shares=shares)
    for metric, ours in (("toc", curve.toc), ("qini", curve.excess)):
        theirs = utils.calc_uplift(priority, priority, psi, percentiles, metric)[2]
        assert ours.estimate == pytest.approx(theirs["value"].to_numpy(), abs=1e-10)
        # Theirs takes the cut-off as known; the test above is that ours cover with the cut-off estimated.
        assert ours.se == pytest.approx(theirs["err"].to_numpy(), rel=0.2)
    fine = np.arange(0.1, 100.0, 0.1)
    for metric, target in (("toc", "AUTOC"), ("qini", "QINI")):
        area, se, _ = utils.calc_uplift(priority, priority, psi, fine, metric, n_bootstrap=10)
        ours = rank_weighted_effect(psi, priority, target=target)
        assert ours.estimate == pytest.approx(area, abs=0.01)
        assert ours.se == pytest.approx(se, rel=0.1)
