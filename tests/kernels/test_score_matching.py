"""Matching on a score as one pipeline: nothing may depend on the order in which it is computed."""

import numpy as np
import pytest

from yinguo.errors import DataError
from yinguo.kernels.line_neighbors import line_matches
from yinguo.kernels.matches import join_matches, matches_to_csr
from yinguo.kernels.matching import contrast_variance, matched_contrast, own_arm_rows, residual_variances, scattered
from yinguo.kernels.score_matching import VarianceRule, match_on_score, match_without_replacement


def draw(n=400, seed=0):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=n), 2)  # with ties
    T = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    return x, T, x + T + rng.normal(size=n)


@pytest.mark.parametrize("estimand", ["ATE", "ATT", "ATC"])
def test_the_sorted_pipeline_equals_matching_in_row_order(estimand):
    x, T, Y = draw()
    found = match_on_score(Y=Y, T=T, position=x, estimand=estimand, n_neighbors=2, rule=VarianceRule(neighbors=2))
    treated, control = np.flatnonzero(T == 1), np.flatnonzero(T == 0)
    sides = [(treated, control)] * (estimand != "ATC") + [(control, treated)] * (estimand != "ATT")
    matches = join_matches(line_matches(values=x, focal=f, donors=d, n_neighbors=2) for f, d in sides)
    contrast = matched_contrast(Y=Y, T=T, matches=matches)
    assert found.contrast.estimate == pytest.approx(contrast.estimate)
    assert np.allclose(found.contrast.K, contrast.K)
    assert np.array_equal(found.contrast.in_target, contrast.in_target)
    place = [np.argsort(m.focal) for m in (found.matches, matches)]
    a, b = (matches_to_csr(m)[p].toarray() for m, p in zip((found.matches, matches), place, strict=True))
    assert np.allclose(a, b)
    within = join_matches(
        line_matches(values=x, focal=f, donors=d, n_neighbors=3) for f, d in own_arm_rows(T, np.arange(T.size))
    )
    sigma2 = scattered(within, residual_variances(Y=Y, within=within, form="neighbor_spread"))
    assert found.variance == pytest.approx(contrast_variance(contrast, sigma2))


def test_without_replacement_the_variance_is_that_of_paired_differences():
    x, T, Y = draw()
    found = match_without_replacement(Y=Y, T=T, position=x, caliper=0.5)
    difference = found.contrast.tau[found.matches.matched]
    assert found.variance == pytest.approx(difference.var() / difference.size)
    assert found.contrast.K.max() == 1


def test_the_hardest_to_match_choose_first():
    x = np.array([0.9, 0.5, 0.6, 0.1])
    T = np.array([1.0, 1.0, 0.0, 0.0])
    Y = np.zeros(4)
    att = match_without_replacement(Y=Y, T=T, position=x)
    assert att.matches.focal.tolist() == [0, 1]
    assert att.matches.donors.tolist() == [2, 3]  # 0.9 takes 0.6, so 0.5 is left with 0.1
    atc = match_without_replacement(Y=Y, T=T, position=x, estimand="ATC")
    assert atc.matches.focal.tolist() == [3, 2]
    assert atc.matches.donors.tolist() == [1, 0]


def test_the_ate_without_replacement_is_refused():
    x, T, Y = draw()
    with pytest.raises(DataError, match="ATT or the ATC"):
        match_without_replacement(Y=Y, T=T, position=x, estimand="ATE")
