"""The Abadie-Imbens table on the Dehejia-Wahba experiment, and the formulas against plain loops.

Published numbers: tests of the R package Matching (``tests/AbadieImbens.Rout.save``), which replicates the authors' own
Matlab and Stata logs; re78 in thousands. Our data come from the single-precision Stata copy, hence 5e-6.
"""

import numpy as np
import pytest

from yinguo.datasets import job_training
from yinguo.errors import DataError
from yinguo.kernels.matches import donor_usage, join_matches
from yinguo.kernels.matching import (
    contrast_variance,
    donor_regressions,
    matched_contrast,
    own_arm_rows,
    residual_variances,
    scattered,
    variance_factors,
)
from yinguo.kernels.neighbors import metric_points, nearest_matches
from yinguo.kernels.strata import group_matches, row_groups

PUBLISHED = 5e-6  # six decimals, from single-precision data
FOUR = ("age", "education", "re74", "re75")


@pytest.fixture(scope="module")
def men():
    return job_training(variables="file").study


def match(study, columns, estimand="ATE", n_neighbors=1, metric="inverse_variance"):
    points = metric_points(study.columns(columns), metric)
    treated, control = np.flatnonzero(study.T == 1), np.flatnonzero(study.T == 0)
    sides = {"ATT": [(treated, control)], "ATC": [(control, treated)]}
    sides["ATE"] = sides["ATT"] + sides["ATC"]
    return points, join_matches(
        nearest_matches(points=points, focal=f, donors=d, n_neighbors=n_neighbors) for f, d in sides[estimand]
    )


def contrast_of(study, columns, correct=None, **options):
    points, matches = match(study, columns, **options)
    Y, fits = study.Y / 1000, {}
    if correct:
        own, other = donor_regressions(Z=study.columns(correct), Y=Y, T=study.T, K=donor_usage(matches)[0])
        fits = {"own_fit": own, "other_fit": other}
    return points, matches, matched_contrast(Y=Y, T=study.T, matches=matches, **fits)


TABLE = [
    # columns, options, estimate, sample standard error, matched pairs
    (("age",), {}, 1.785191, 0.686717, 5251),
    (FOUR, {}, 1.714407, 0.740129, 733),
    (FOUR, {"n_neighbors": 3}, 1.536303, 0.661930, 1670),
    (FOUR, {"estimand": "ATT"}, 1.726913, 0.836630, 327),
    (FOUR, {"estimand": "ATC"}, 1.705509, 0.820096, 406),
    (FOUR, {"metric": "mahalanobis"}, 1.592617, 0.684730, 729),
    (FOUR, {"correct": ("married", "age")}, 1.719687, 0.743609, 733),
    (FOUR, {"correct": FOUR}, 1.630915, 0.745234, 733),
]


@pytest.mark.parametrize(("columns", "options", "estimate", "se", "pairs"), TABLE)
def test_the_published_matching_table_comes_out(men, columns, options, estimate, se, pairs):
    _, matches, contrast = contrast_of(men, columns, **options)
    assert contrast.estimate == pytest.approx(estimate, abs=PUBLISHED)
    assert np.sqrt(contrast_variance(contrast, contrast.sigma2, "sample")) == pytest.approx(se, abs=PUBLISHED)
    assert matches.count.sum() == pairs


def test_the_published_population_error_comes_out(men):
    _, _, contrast = contrast_of(men, FOUR)
    assert np.sqrt(contrast_variance(contrast, contrast.sigma2)) == pytest.approx(0.743385, abs=PUBLISHED)


def test_an_identity_matrix_after_standardisation_is_the_inverse_variance_metric(men):
    weight = np.diag(1 / men.columns(FOUR).var(axis=0))
    _, _, contrast = contrast_of(men, FOUR, metric=weight)
    assert contrast.estimate == pytest.approx(1.714407, abs=PUBLISHED)
    assert np.sqrt(contrast_variance(contrast, contrast.sigma2, "sample")) == pytest.approx(0.740129, abs=PUBLISHED)


def test_the_published_error_with_local_variances_comes_out(men):
    points, _, contrast = contrast_of(men, FOUR)
    within = in_arm(points, men.T, 3)
    sigma2 = scattered(within, residual_variances(Y=men.Y / 1000, within=within, form="neighbor_spread"))
    assert np.sqrt(contrast_variance(contrast, sigma2, "sample")) == pytest.approx(0.696272, abs=PUBLISHED)


def test_exact_matching_estimate_comes_out_and_its_published_error_counts_units_that_were_dropped(men):
    group, _ = row_groups(men.columns(FOUR))
    treated, control = np.flatnonzero(men.T == 1), np.flatnonzero(men.T == 0)
    sides = [(treated, control), (control, treated)]
    matches = join_matches(group_matches(group=group, focal=f, donors=d) for f, d in sides)
    contrast = matched_contrast(Y=men.Y / 1000, T=men.T, matches=matches)
    assert contrast.estimate == pytest.approx(1.369289, abs=PUBLISHED)
    assert contrast.n_target == 169
    assert matches.count.sum() == 378
    # Published 0.404228: the sum and the divisor run over all 445 units as if each had been matched.
    artefact = np.sqrt(contrast.sigma2 * ((1 + contrast.K) ** 2).sum()) / 445
    assert artefact == pytest.approx(0.404228, abs=PUBLISHED)
    # The formula over the 169 units that were:
    assert np.sqrt(contrast_variance(contrast, contrast.sigma2, "sample")) == pytest.approx(0.929011, abs=PUBLISHED)


def in_arm(points, T, J):
    return join_matches(
        nearest_matches(points=points, focal=f, donors=d, n_neighbors=J + 1)
        for f, d in own_arm_rows(T, np.arange(T.size))
    )


def test_every_formula_equals_its_plain_loop(men):
    rows = np.random.default_rng(0).permutation(men.n)[:90]
    part = men.take(rows)
    points, matches, contrast = contrast_of(part, FOUR, n_neighbors=2)
    Y, T, n = part.Y / 1000, part.T, 90
    K, K2, tau, pairs = np.zeros(n), np.zeros(n), np.zeros(n), []
    for row, a, b in zip(matches.focal, matches.start, matches.stop, strict=True):
        chosen = matches.donors[a:b]
        difference = (2 * T[row] - 1) * (Y[row] - Y[chosen])
        tau[row] = difference.mean()
        pairs.append(difference)
        for j in chosen:
            K[j] += 1 / len(chosen)
            K2[j] += 1 / len(chosen) ** 2
    estimate = tau.mean()
    sigma2 = 0.5 * np.mean([((d - estimate) ** 2).mean() for d in pairs])
    assert contrast.estimate == pytest.approx(estimate)
    assert contrast.sigma2 == pytest.approx(sigma2)
    assert contrast_variance(contrast, sigma2, "sample") == pytest.approx((sigma2 * (1 + K) ** 2).sum() / n**2)
    population = (((tau - estimate) ** 2).sum() + (sigma2 * (K**2 + 2 * K - K2)).sum()) / n**2
    assert contrast_variance(contrast, sigma2) == pytest.approx(population)
    within = in_arm(points, T, 2)
    for form in ("neighbor_mean", "neighbor_spread"):
        found = residual_variances(Y=Y, within=within, form=form)
        for i, (row, a, b) in enumerate(zip(within.focal, within.start, within.stop, strict=True)):
            around = [j for j in within.donors[a:b] if j != row]
            if form == "neighbor_mean":
                wanted = len(around) / (len(around) + 1) * (Y[row] - Y[around].mean()) ** 2
            else:
                wanted = np.var([Y[row], *Y[around]], ddof=1)
            assert found[i] == pytest.approx(wanted, abs=1e-9)


def test_factors_of_the_att_and_ate_are_the_published_ones(men):
    for estimand, formula in (
        ("ATE", lambda c: c.K**2 + 2 * c.K - c.K_squares),
        ("ATT", lambda c: c.K**2 - c.K_squares),
    ):
        _, _, contrast = contrast_of(men, FOUR, estimand=estimand)
        assert np.allclose(variance_factors(contrast), formula(contrast), atol=1e-9)
        assert (variance_factors(contrast) >= 0).all()


def test_the_weights_reproduce_the_estimate(men):
    _, _, contrast = contrast_of(men, FOUR, estimand="ATT", n_neighbors=3)
    w, Y = contrast.balance_weights, men.Y / 1000
    arms = [w[arm == men.T] @ Y[arm == men.T] / w[arm == men.T].sum() for arm in (0, 1)]
    assert arms[1] - arms[0] == pytest.approx(contrast.estimate)


def test_bias_correction_removes_a_linear_difference_entirely():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(200, 3))
    T = (rng.random(200) < 0.4).astype(float)
    Y = 5 + Z @ [1.0, -2.0, 3.0] + 2 * T
    points = metric_points(Z)
    matches = nearest_matches(points=points, focal=np.flatnonzero(T == 1), donors=np.flatnonzero(T == 0))
    own, other = donor_regressions(Z=Z, Y=Y, T=T, K=donor_usage(matches)[0])
    assert abs(matched_contrast(Y=Y, T=T, matches=matches).estimate - 2) > 0.02
    contrast = matched_contrast(Y=Y, T=T, matches=matches, own_fit=own, other_fit=other)
    assert contrast.estimate == pytest.approx(2.0, abs=1e-10)


def test_more_coefficients_than_donors_are_refused():
    Z = np.random.default_rng(0).normal(size=(20, 12))
    T = np.repeat([1.0, 0.0], 10)
    with pytest.raises(DataError, match="13 coefficients to 10"):
        donor_regressions(Z=Z, Y=Z[:, 0], T=T, K=1 - T)


def test_a_study_without_any_match_is_refused(men):
    matches = nearest_matches(
        points=metric_points(np.arange(6.0)[:, None]), focal=np.arange(3), donors=np.arange(3, 6), caliper=0.01
    )
    with pytest.raises(DataError, match="No target unit has a match"):
        matched_contrast(Y=np.arange(6.0), T=np.repeat([1.0, 0.0], 3), matches=matches)


def test_an_outcome_far_from_zero_keeps_its_digits(men):
    _, matches, contrast = contrast_of(men, FOUR)
    moved = matched_contrast(Y=men.Y / 1000 + 1e7, T=men.T, matches=matches)
    assert moved.estimate == pytest.approx(contrast.estimate, rel=1e-7)
    assert moved.sigma2 == pytest.approx(contrast.sigma2, rel=1e-7)


def test_an_unknown_form_is_refused(men):
    _, matches, _ = contrast_of(men, FOUR)
    with pytest.raises(ValueError, match="'other'"):
        residual_variances(Y=men.Y, within=matches, form="other")
