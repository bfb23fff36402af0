"""Group effects: their definition, coverage one by one and together, ties, verdicts."""

import numpy as np
import pytest
from judging_toys import ranked

import yinguo as yg
from yinguo.diagnose import group_effects


def test_groups_are_quantiles_within_folds_and_their_effects_are_mean_scores():
    rng = np.random.default_rng(0)
    psi, tau, folds = rng.normal(size=200), rng.normal(size=200), np.repeat([0, 1], 100)
    tau[folds == 1] += 10
    found = group_effects(psi, tau, n_groups=4, folds=folds)
    top = np.concatenate([np.flatnonzero(folds == k)[np.argsort(-tau[folds == k])[:25]] for k in (0, 1)])
    assert found.effects.estimate[0] == pytest.approx(psi[top].mean())
    assert found.effects.se[0] == pytest.approx(psi[top].std(ddof=1) / np.sqrt(50), rel=0.01)
    assert found.learned[0] == pytest.approx(tau[top].mean())
    assert found.n.tolist() == [50] * 4
    assert found.share == pytest.approx([0.25] * 4)
    assert (np.diff(found.learned) < 0).all()


def test_intervals_cover_each_group_and_together_all_of_them():
    rng = np.random.default_rng(1)
    truth = np.array([0.9, 0.7, 0.5, 0.3, 0.1])
    inside, together, differs = [], [], []
    for i in range(400):
        psi, tau = ranked(400, rng)
        found = group_effects(psi, tau, random_state=i)
        e = found.effects
        inside.append((e.low <= truth) & (truth <= e.high))
        together.append(((e.low_all <= truth) & (truth <= e.high_all)).all())
        differs.append(found.difference.low[0] <= 0.8 <= found.difference.high[0])
    assert (np.abs(np.mean(inside, axis=0) - 0.95) < 0.033).all()
    assert 0.925 <= np.mean(together) <= 0.975
    assert 0.925 <= np.mean(differs) <= 0.975


def test_intervals_one_by_one_do_not_hold_together():
    """The reason for the wider ones: looking at five groups, one of the narrow intervals often misses."""
    rng = np.random.default_rng(2)
    truth = np.array([0.9, 0.7, 0.5, 0.3, 0.1])
    effects = [group_effects(*ranked(400, rng)).effects for _ in range(150)]
    assert np.mean([((e.low <= truth) & (truth <= e.high)).all() for e in effects]) < 0.85


def test_equal_effects_are_not_separated():
    psi = np.random.default_rng(3).normal(size=100)
    found = group_effects(psi, np.repeat([2.0, 1.0], [50, 50]))
    assert found.n.tolist() == [50, 50]
    one = group_effects(psi, np.ones(100))
    assert len(one.effects) == 1
    assert one.diagnostic.verdict == "look"


def test_the_verdict_is_on_the_first_group_against_the_last():
    rng = np.random.default_rng(4)
    psi, tau = ranked(1000, rng, slope=2.0)
    assert group_effects(psi, tau).diagnostic.verdict == "ok"
    assert group_effects(psi, -tau).diagnostic.verdict == "stop"
    assert group_effects(psi, rng.random(1000)).diagnostic.verdict == "look"
    with pytest.raises(yg.DataError, match="n_groups is 1"):
        group_effects(psi, tau, n_groups=1)
