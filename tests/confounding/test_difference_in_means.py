"""Difference in means: textbook formulas, published figures, and what it cannot do."""

import numpy as np
import pytest
from effect_toys import draw, replicate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import yinguo as yg
from yinguo.datasets import job_training

#: Card 0.1, from the files: difference of mean earnings in 1978 between the 185 treated and each comparison group.
PUBLISHED = {"experiment": 1794.343, "cps1": -8497.516, "psid1": -15204.78}


@pytest.mark.parametrize(("comparison", "expected"), PUBLISHED.items())
def test_job_training_differences_are_the_published_ones(comparison, expected):
    study = job_training(comparison=comparison).study
    result = yg.DifferenceInMeans().fit(study).result_
    assert result.estimate == pytest.approx(expected, abs=6e-3)
    welch = stats.ttest_ind(study.Y[study.T == 1], study.Y[study.T == 0], equal_var=False)
    assert result.estimate / result.se == pytest.approx(welch.statistic, rel=1e-10)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 30), st.integers(2, 30), st.sampled_from([0.0, 1e6]))
def test_the_standard_error_is_that_of_unequal_variances(seed, n1, n0, origin):
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=n1 + n0) * rng.choice([0.1, 10.0], n1 + n0) + origin
    T = np.repeat([1.0, 0.0], [n1, n0])
    result = yg.DifferenceInMeans().fit(yg.Study.from_arrays(np.empty((n1 + n0, 0)), T, Y)).result_
    expected = np.sqrt(Y[:n1].var(ddof=1) / n1 + Y[n1:].var(ddof=1) / n0)
    assert result.se == pytest.approx(expected, rel=1e-12 if origin == 0 else 1e-8)
    assert result.estimate == pytest.approx(Y[:n1].mean() - Y[n1:].mean(), abs=1e-12 * max(1.0, origin))
    assert result.scores.mean() == pytest.approx(result.estimate, abs=1e-12 * max(1.0, origin))


def test_weighted_means_equal_repeated_rows(study):
    counts = np.random.default_rng(0).integers(0, 4, study.n)
    weighted = yg.Study.from_arrays(study.X, study.T, study.Y, sample_weight=counts)
    repeated = study.take(np.repeat(np.arange(study.n), counts))
    a, b = (yg.DifferenceInMeans().fit(s).result_.estimate for s in (weighted, repeated))
    assert a == pytest.approx(b, rel=1e-12)


def test_clustered_errors_equal_a_loop_and_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(0)
    n, G = 200, 25
    groups, T = rng.integers(0, G, n), np.tile([0.0, 1.0], n // 2)
    Y = T + rng.normal(size=G)[groups] + rng.normal(size=n)
    result = yg.DifferenceInMeans().fit(yg.Study.from_arrays(np.empty((n, 0)), T, Y, groups=groups)).result_
    total = 0.0
    for g in range(G):
        score = 0.0
        for arm, sign in ((1.0, 1.0), (0.0, -1.0)):
            inside = arm == T
            score += sign * (Y[inside & (groups == g)] - Y[inside].mean()).sum() / inside.sum()
        total += score**2
    # Equal arms: the divisor n_arm - 1 is one common factor.
    m = n // 2
    assert result.se == pytest.approx(np.sqrt(G / (G - 1) * total * m / (m - 1) * (n - 1) / n), rel=1e-12)
    peer = sm.OLS(Y, sm.add_constant(T)).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    assert result.se == pytest.approx(peer.bse[1] * np.sqrt(G / (G - 1) * m / (m - 1) * (n - 1) / n), rel=1e-9)


def test_the_three_estimands_are_one_number(study):
    numbers = {yg.DifferenceInMeans(estimand=e).fit(study).result_.estimate for e in ("ATE", "ATT", "ATC")}
    assert len(numbers) == 1


def test_it_covers_when_treatment_is_randomised():
    hits = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        T = rng.permutation(np.repeat([1.0, 0.0], [40, 80]))
        Y = T + rng.normal(size=120) * (1 + T)
        low, high = yg.DifferenceInMeans().fit(yg.Study.from_arrays(np.empty((120, 0)), T, Y)).result_.ci()
        hits += low <= 1.0 <= high
    assert 0.9 <= hits / 300 <= 0.99


def test_it_fails_where_treatment_is_confounded():
    found = replicate(yg.DifferenceInMeans(), "ATE", draws=50)
    assert found.z > 20
    assert found.coverage < 0.2


def test_a_constant_outcome_has_effect_zero_without_doubt():
    T = np.tile([0.0, 1.0], 10)
    result = yg.DifferenceInMeans().fit(yg.Study.from_arrays(np.empty((20, 0)), T, np.full(20, 3.0))).result_
    assert (result.estimate, result.se, result.p_value) == (0.0, 0.0, 1.0)


def test_balance_is_reported_when_there_are_covariates():
    study = draw(0)
    assert [d.name for d in yg.DifferenceInMeans().fit(study).result_.diagnostics] == ["balance"]
    alone = yg.Study.from_arrays(study.X[:, :0], study.T, study.Y)
    assert yg.DifferenceInMeans().fit(alone).result_.diagnostics == ()
