"""Tests of an instrument that nobody defies: size where the inequalities bind, power, slow loops as oracles."""

import json

import numpy as np
import pytest

import yinguo as yg
from yinguo.diagnose import huber_mellace_test, kitagawa_test
from yinguo.kernels.late_inequalities import interval_excess, share_limits


def study_of(z, t, y):
    return yg.Study.from_arrays(np.empty((len(z), 0)), t, y, Z=z)


def edge(rng, n=600):
    """Valid, with every outcome of compliers below those of the others: then inequalities bind at the top."""
    z, kind = rng.integers(0, 2, n), rng.choice(3, n, p=[0.4, 0.3, 0.3])
    t = np.where(kind == 0, 1, np.where(kind == 2, 0, z)).astype(float)
    return study_of(z, t, np.where(kind == 1, rng.random(n), 1 + rng.random(n)))


def confounded(rng, n=600, wrong=0.0, levels=2, defiers=0.0):
    """A hidden cause of treatment and outcome; ``wrong`` is how much the instrument does to the outcome by itself."""
    z, u = rng.integers(0, levels, n), rng.normal(size=n)
    t = (u + 0.8 * (z - 0.5) + rng.normal(size=n) > 0).astype(float)
    t = np.where(rng.random(n) < defiers, 1.0 - z, t)
    return study_of(z, t, t + u + wrong * z + 0.5 * rng.normal(size=n))


@pytest.mark.parametrize(
    "test", [lambda s: kitagawa_test(s, n_bootstrap=199, bins=15), lambda s: huber_mellace_test(s, n_bootstrap=199)],
    ids=["kitagawa", "huber-mellace"],
)  # fmt: skip
def test_where_the_inequalities_bind_a_valid_instrument_is_refuted_as_often_as_it_should_be(test):
    rng = np.random.default_rng(0)
    p = np.array([test(edge(rng)).p_value for _ in range(300)])
    # Three Monte Carlo errors are 0.04 and 0.05.
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.04)
    assert (p < 0.1).mean() == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("test", [kitagawa_test, huber_mellace_test])
@pytest.mark.parametrize("levels", [2, 3])
def test_instruments_that_reach_the_outcome_are_refuted_and_valid_ones_are_not(test, levels):
    rng = np.random.default_rng(1)
    broken = [test(confounded(rng, wrong=1.5, levels=levels), n_bootstrap=199) for _ in range(10)]
    valid = [test(confounded(rng, levels=levels), n_bootstrap=199) for _ in range(10)]
    assert all(found.refuted for found in broken)
    assert sum(found.refuted for found in valid) <= 1
    assert broken[0].diagnostic.verdict == "stop"
    assert "refute that the instrument is as good as random" in broken[0].sentence
    assert "no proof" in valid[0].sentence
    assert json.loads(json.dumps(broken[0].to_dict()))["refuted"]


def test_defiers_of_their_own_kind_are_found_by_the_distribution():
    rng = np.random.default_rng(2)
    n = 1500
    z, kind = rng.integers(0, 2, n), rng.choice(3, n, p=[0.35, 0.25, 0.4])  # compliers, defiers, never-takers
    t = np.where(kind == 0, z, np.where(kind == 1, 1 - z, 0)).astype(float)
    y = np.where(kind == 1, 5.0, 0.0) + rng.normal(size=n)
    found = kitagawa_test(study_of(z, t, y), n_bootstrap=199)
    assert found.refuted
    assert "y from" in found.where


def test_interval_differences_equal_a_loop_over_intervals():
    rng = np.random.default_rng(3)
    n, m, K, trimming = 40, 60, 5, 0.07
    counts = np.array([rng.multinomial(size, np.full(2 * K, 1 / (2 * K))).reshape(2, K) for size in (n, m)], float)
    statistic, difference = interval_excess(counts[None], np.array([n, m]), trimming)
    for arm in (0, 1):
        for first in range(K):
            for last in range(first + 1, K + 1):
                Q, P = counts[0, arm, first:last].sum() / n, counts[1, arm, first:last].sum() / m
                gap = Q - P if arm == 1 else P - Q
                spread = max(trimming, np.sqrt(0.4 * P * (1 - P) + 0.6 * Q * (1 - Q)))
                assert difference[0, arm, first, last] == pytest.approx(gap, abs=1e-12)
                assert statistic[0, arm, first, last] == pytest.approx(np.sqrt(n * m / (n + m)) * gap / spread)
    assert np.isneginf(statistic[0, 0, 3, 3])


def test_limits_of_means_equal_sorting_and_cutting_and_weights_equal_repeated_rows():
    rng = np.random.default_rng(4)
    study = confounded(rng, n=300)
    order = np.lexsort((study.Y, study.T, study.Z[:, 0]))
    z, T, Y = study.Z[order, 0].astype(int), study.T[order].astype(int), study.Y[order]
    counts = rng.integers(0, 3, 300)
    weighted, _ = share_limits(Y, T, z, [(0, 1)], np.stack([np.ones(300), counts.astype(float)]))
    again = np.repeat(np.arange(300), counts)
    repeated, names = share_limits(Y[again], T[again], z[again], [(0, 1)], np.ones((1, len(again))))
    assert weighted[1] == pytest.approx(repeated[0], rel=1e-12)
    assert len(names) == 4
    always, mixed = Y[(T == 1) & (z == 0)], Y[(T == 1) & (z == 1)]
    share = np.mean(T[z == 0]) / np.mean(T[z == 1])
    keep = share * len(mixed)
    lowest = (mixed[: int(keep)].sum() + (keep % 1) * mixed[int(keep)]) / keep
    assert weighted[0, 0] == pytest.approx(lowest - always.mean(), rel=1e-12)


def test_the_same_seed_gives_the_same_p_value_and_the_row_order_does_not_matter():
    study = confounded(np.random.default_rng(5))
    shuffled = study.take(np.random.default_rng(0).permutation(study.n))
    for test in (kitagawa_test, huber_mellace_test):
        one, two = test(study, n_bootstrap=99), test(study, n_bootstrap=99)
        assert one == two
        assert test(shuffled, n_bootstrap=99).statistic == pytest.approx(one.statistic, rel=0.1)


def test_what_cannot_be_tested_is_refused():
    rng = np.random.default_rng(6)
    z = rng.integers(0, 2, 100)
    for test in (kitagawa_test, huber_mellace_test):
        with pytest.raises(yg.DataError, match="is continuous"):
            test(study_of(z, rng.normal(size=100), rng.normal(size=100)))
    with pytest.raises(yg.DataError, match="neither an always-taker nor a never-taker"):
        huber_mellace_test(study_of(z, z.astype(float), rng.normal(size=100)))
    with pytest.raises(yg.DataError, match="trimming"):
        kitagawa_test(study_of(z, z.astype(float), rng.normal(size=100)), trimming=0)
