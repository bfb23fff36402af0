"""Placebo treatment: what it must catch, what it must let pass, and that its p-value is uniform under its null."""

import numpy as np
import pytest
from refute_toys import Biased, LeastSquares, study
from scipy import stats

from yinguo import DifferenceInMeans
from yinguo.diagnose.placebo import placebo_treatment, shuffle_treatment


def test_an_estimator_that_finds_effects_of_nothing_is_stopped():
    found = placebo_treatment(Biased(), study(), n=50)
    assert found.verdict == "stop"
    assert found.p_value < 1e-6
    assert found.sentence.startswith("Stop: of a treatment dealt out at random the method still finds")


def test_a_small_bias_beside_a_large_effect_is_worth_a_look():
    found = placebo_treatment(Biased(), study(effect=30.0), n=50)
    assert found.verdict == "look"


def test_an_estimate_that_chance_can_make_is_worth_a_look():
    data = study(n=40, effect=0.0, seed=3)
    found = placebo_treatment(DifferenceInMeans(), data, n=100)
    assert found.verdict == "look"
    assert "chance alone can make" in found.sentence


def test_p_value_is_uniform_when_the_method_is_sound():
    # Over 2,500 data sets: 5.0 % below 0.05, Kolmogorov-Smirnov p-value 0.34; here a part of them.
    seeds = range(1000, 1250)
    p = [placebo_treatment(DifferenceInMeans(), study(n=24, seed=s), n=12, random_state=s).p_value for s in seeds]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.10


def test_shuffling_keeps_the_number_of_treated_and_everything_else():
    data = study(n=51)
    shuffled = shuffle_treatment(data, np.random.default_rng(0))
    assert shuffled.T.sum() == data.T.sum()
    assert (shuffled.T != data.T).any()
    assert (shuffled.X == data.X).all()
    assert (shuffled.Y == data.Y).all()


def test_a_treatment_of_whole_groups_is_shuffled_among_the_groups():
    groups = np.repeat(np.arange(10), 6)
    data = study(n=60, groups=groups).replace(T=(groups % 2) * 1.0)
    shuffled = shuffle_treatment(data, np.random.default_rng(1)).T.reshape(10, 6)
    assert (shuffled == shuffled[:, :1]).all()
    assert shuffled[:, 0].sum() == 5
    assert (shuffled[:, 0] != np.arange(10) % 2).any()


def test_a_treatment_that_varies_within_groups_is_shuffled_among_the_rows():
    data = study(n=60, groups=np.repeat(np.arange(10), 6))
    shuffled = shuffle_treatment(data, np.random.default_rng(1)).T.reshape(10, 6)
    assert (shuffled != shuffled[:, :1]).any()


def test_placebo_effects_are_those_of_the_permutation_distribution():
    # 4 of 8 treated: every one of the 70 assignments has the same chance.
    Y = np.array([0.0, 1, 3, 7, 15, 31, 63, 127])
    data = study(n=8).replace(Y=Y)
    found = placebo_treatment(DifferenceInMeans(), data, n=400)
    assert len(np.unique(np.round(found.estimates, 9))) > 60
    # Finite-population variance of a difference of means: 4/8 of the rows each, S^2 (1/4 + 1/4).
    assert found.spread == pytest.approx(np.sqrt(np.var(Y, ddof=1) / 2), rel=0.1)


def test_least_squares_with_a_real_effect_passes():
    assert placebo_treatment(LeastSquares(), study(n=120, effect=2.0), n=50).verdict == "ok"
