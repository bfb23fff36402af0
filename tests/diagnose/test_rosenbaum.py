"""Rosenbaum bounds against brute force, scipy at no hidden bias, and the lead-exposure study."""

import itertools

import numpy as np
import pytest
from scipy import stats

from yinguo.diagnose.rosenbaum import mcnemar_bounds, pair_differences, rosenbaum_bounds
from yinguo.diagnose.rosenbaum_effect import walsh_quantile
from yinguo.diagnose.signed_rank import p_value_bounds
from yinguo.errors import DataError

# Blood lead of 33 children whose father worked in a battery plant, and of a control of the same age and neighbourhood:
# Morton et al. (1982), American Journal of Epidemiology 115, as listed in Rosenbaum (2002) and many textbooks.
EXPOSED = [38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15]
EXPOSED += [10, 45, 39, 22, 35, 49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27]
CONTROL = [16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24]
CONTROL += [13, 9, 14, 21, 19, 7, 18, 19, 12, 11, 22, 25, 16, 13, 11, 13]
LEAD = np.array(EXPOSED, dtype=float) - np.array(CONTROL, dtype=float)


def brute_force_tail(ranks, observed, chances):
    """P(sum of the ranks of the positive pairs >= observed), over all 2^n sign patterns."""
    total = 0.0
    for pattern in itertools.product((0, 1), repeat=len(ranks)):
        pattern = np.array(pattern)
        if pattern @ ranks >= observed:
            total += np.prod(np.where(pattern == 1, chances, 1 - chances))
    return total


@pytest.mark.parametrize("gamma", [1.0, 1.7, 4.0])
def test_exact_bounds_equal_enumeration_of_all_sign_patterns(gamma):
    D = np.random.default_rng(1).normal(0.7, 1, 9).round(1)
    D[3] = D[5]  # a tie, so that half ranks occur
    ranks = stats.rankdata(np.abs(D))
    low, high = p_value_bounds(ranks, D > 0, gamma, alternative="greater", exact=True)
    observed = ranks[D > 0].sum()
    assert low == pytest.approx(brute_force_tail(ranks, observed, np.full(9, 1 / (1 + gamma))), rel=1e-12)
    assert high == pytest.approx(brute_force_tail(ranks, observed, np.full(9, gamma / (1 + gamma))), rel=1e-12)


def test_no_pattern_of_hidden_bias_within_gamma_leaves_the_bounds():
    rng = np.random.default_rng(2)
    D, gamma = rng.normal(0.8, 1, 8), 2.5
    ranks = stats.rankdata(np.abs(D))
    low, high = p_value_bounds(ranks, D > 0, gamma, alternative="greater", exact=True)
    for _ in range(20):
        u = rng.uniform(1 / (1 + gamma), gamma / (1 + gamma), 8)
        p = brute_force_tail(ranks, ranks[D > 0].sum(), u)
        assert low <= p <= high


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_without_hidden_bias_both_bounds_are_the_usual_exact_p_value(alternative):
    D = np.random.default_rng(3).normal(0.3, 1, 25)
    found = rosenbaum_bounds(D, gamma=(1.0,), alternative=alternative)
    expected = stats.wilcoxon(D, alternative=alternative, method="exact").pvalue
    assert found.p_low[0] == pytest.approx(expected, rel=1e-10)
    assert found.p_high[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("zeros", "scipy_name"), [("rank", "pratt"), ("drop", "wilcox")])
def test_both_rules_for_zero_differences_are_those_of_scipy(zeros, scipy_name):
    found = rosenbaum_bounds(LEAD, gamma=(1.0,), zeros=zeros, exact=False)
    expected = stats.wilcoxon(LEAD, zero_method=scipy_name, method="approx", correction=False).pvalue
    assert found.p_high[0] == pytest.approx(expected, rel=1e-10)


def test_lead_study_without_hidden_bias_gives_the_p_value_of_the_lecture_notes():
    # Wharton Stat 921, notes 16: exact Wilcoxon test with the tied differences, V = 499, p = 8.037e-07. (Its interval,
    # 9.5 to 21.5, inverts the test for ties at every shift; ours uses the critical value without ties.)
    found = rosenbaum_bounds(LEAD, gamma=(1.0,), zeros="drop")
    assert found.p_high[0] == pytest.approx(8.037e-07, rel=1e-4)


def test_lead_study_with_hidden_bias_gives_the_book_s_table():
    # Rosenbaum (2002), tables 4.3 and 4.4, from memory of the book: one-sided p-values by the normal approximation and
    # ranges of the Hodges-Lehmann estimate, with the pair without a difference ranked.
    found = rosenbaum_bounds(LEAD, gamma=(1, 2, 3, 4, 4.25, 5), alternative="greater", exact=False)
    assert found.p_high[0] < 0.0001
    assert [round(p, 4) for p in found.p_high[1:]] == [0.0018, 0.0136, 0.0388, 0.0468, 0.0740]
    assert found.estimate_low == (15.0, 10.25, 8.0, 6.5, 6.0, 5.0)
    assert found.estimate_high == (15.0, 19.5, 23.0, 25.0, 25.0, 26.5)


def test_estimate_without_hidden_bias_is_the_median_of_the_walsh_averages():
    D = np.random.default_rng(4).standard_t(3, 40)
    i, j = np.triu_indices(40)
    found = rosenbaum_bounds(D, gamma=(1.0,))
    assert found.estimate_low[0] == found.estimate_high[0] == pytest.approx(np.median((D[i] + D[j]) / 2), rel=1e-12)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("gamma", [1.0, 1.5, 2.5])
def test_interval_ends_where_the_shifted_differences_stop_being_refused(exact, gamma):
    D = np.random.default_rng(5).normal(1, 1, 30)
    found = rosenbaum_bounds(D, gamma=(gamma,), exact=exact)
    for end, side in ((found.ci_low[0], "greater"), (found.ci_high[0], "less")):
        outward = -1e-6 if side == "greater" else 1e-6
        outside, inside = (
            rosenbaum_bounds(D - end - step, gamma=(gamma,), alternative=side, exact=exact).p_high[0]
            for step in (outward, -outward)
        )
        assert outside <= 0.025 < inside


def test_quantile_of_walsh_averages_equals_sorting_them():
    D = np.sort(np.random.default_rng(6).integers(-5, 9, 12).astype(float))
    i, j = np.triu_indices(12)
    averages = np.sort((D[i] + D[j]) / 2)[::-1]
    for count in range(78):
        # k averages above: the shift just passed is the (k+1)-th largest; over a stretch, its middle.
        expected = averages[count] if count == 0 else (averages[count] + averages[count - 1]) / 2
        if count:
            assert walsh_quantile(D, count) == pytest.approx(expected, abs=1e-12)
        assert walsh_quantile(D, count + 0.5) == pytest.approx(averages[count], abs=1e-12)


def test_more_hidden_bias_widens_everything():
    found = rosenbaum_bounds(LEAD, gamma=(1, 1.5, 2, 3, 6))
    assert (np.diff(found.p_high) > 0).all()
    assert (np.diff(found.p_low) < 0).all()
    assert (np.diff(found.estimate_low) < 0).all()
    assert (np.diff(found.ci_high) > 0).all()


@pytest.mark.parametrize("exact", [True, False])
def test_critical_gamma_is_where_the_worst_p_value_reaches_the_level(exact):
    critical = rosenbaum_bounds(LEAD, exact=exact).critical_gamma
    at = rosenbaum_bounds(LEAD, gamma=(critical - 1e-4, critical + 1e-4), exact=exact).p_high
    assert at[0] < 0.05 < at[1]


def test_swapping_treated_and_control_swaps_the_alternatives():
    one, other = rosenbaum_bounds(LEAD, alternative="greater"), rosenbaum_bounds(-LEAD, alternative="less")
    assert one.p_high == other.p_high
    assert one.ci_low == tuple(-high for high in other.ci_high)


def test_exact_and_normal_p_values_agree_for_many_pairs():
    D = np.random.default_rng(7).normal(0.25, 1, 300)
    ranks = stats.rankdata(np.abs(D))
    exact, normal = (p_value_bounds(ranks, D > 0, 1.2, alternative="greater", exact=e)[1] for e in (True, False))
    assert exact == pytest.approx(normal, rel=0.03)


def test_mcnemar_bounds_are_binomial_tails_and_ignore_concordant_pairs():
    # Counts from memory of Hammond's (1964) smokers and non-smokers in Rosenbaum (2002); the p-values are scipy's.
    found = mcnemar_bounds(110, 12, concordant=1000, gamma=(1, 2, 5, 6), alternative="greater")
    expected = [stats.binomtest(110, 122, g / (1 + g), alternative="greater").pvalue for g in (1, 2, 5, 6)]
    np.testing.assert_allclose(found.p_high, expected, rtol=1e-10)
    assert found.pairs == 1122
    assert found.zero_pairs == 1000
    assert 5 < found.critical_gamma < 6
    assert found.estimate_low == ()


def test_p_values_stay_between_0_and_1():
    rng = np.random.default_rng(8)
    for _ in range(30):
        found = rosenbaum_bounds(rng.normal(0, 1, rng.integers(1, 20)), gamma=(1, 2, 50))
        assert all(0 <= p <= 1 for p in found.p_low + found.p_high)


def test_nothing_to_overturn_is_said_not_computed():
    found = rosenbaum_bounds(np.array([1.0, -2.0, 3.0, -4.0, 0.5]))
    assert found.critical_gamma is None
    assert found.diagnostic.verdict == "look"
    assert "Even without hidden bias" in found.sentence


def test_verdict_and_plain_types():
    found = rosenbaum_bounds(LEAD, alternative="greater")
    assert found.diagnostic.verdict == "ok"
    as_dict = found.to_dict()
    assert as_dict["ci_high"][0] is None
    assert all(type(v) is float for v in as_dict["ci_low"] + as_dict["p_high"] + as_dict["estimate_low"])


def test_pairs_must_be_disjoint():
    Y = np.array([5.0, 3.0, 1.0, 4.0])
    assert pair_differences(Y, [0, 3], [2, 1]).tolist() == [4.0, 1.0]
    with pytest.raises(DataError, match="1 rows are used more than once"):
        pair_differences(Y, [0, 3], [2, 2])
    with pytest.raises(DataError, match="one of each"):
        pair_differences(Y, [0, 3], [2])


@pytest.mark.parametrize(
    ("differences", "options"),
    [
        ([0.0, 0.0], {}),
        ([1.0, float("nan")], {}),
        ([1.0, 2.0], {"gamma": (0.5,)}),
        ([1.0, 2.0], {"gamma": ()}),
        ([1.0, 2.0], {"test": "t"}),
        ([1.0, 2.0], {"alternative": "both"}),
        ([1.0, 2.0], {"zeros": "split"}),
    ],
)
def test_impossible_input_is_refused(differences, options):
    with pytest.raises(DataError):
        rosenbaum_bounds(differences, **options)


def test_impossible_counts_are_refused():
    with pytest.raises(DataError):
        mcnemar_bounds(-1, 3)
    with pytest.raises(DataError):
        mcnemar_bounds(0, 0, concordant=9)
