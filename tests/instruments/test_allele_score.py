"""Allele scores: what two-stage least squares with all candidates loses to its own rows, and identities."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.instruments.allele_score import first_stage_weights


def variants(seed, n=400, q=40):
    """Many weak variants, all valid; effect 1, confounding upwards."""
    rng = np.random.default_rng(seed)
    Z, U, X = rng.binomial(2, 0.3, size=(n, q)).astype(float), rng.normal(size=n), rng.normal(size=(n, 1))
    T = Z @ np.full(q, 0.12) + X[:, 0] + U + 0.5 * rng.normal(size=n)
    return yg.Study.from_arrays(X, T, T + X[:, 0] + 1.5 * U + rng.normal(size=n), Z=Z)


def test_cross_fitted_and_unweighted_scores_are_unbiased_where_all_candidates_together_are_not():
    studies = [variants(seed) for seed in range(60)]
    methods = {
        "all": yg.TwoStageLeastSquares(), "own rows": yg.AlleleScore(folds=None), "cross-fitted": yg.AlleleScore(),
        "unweighted": yg.AlleleScore(weighting="unweighted"),
    }  # fmt: skip
    results = {name: [m.clone().fit(s).result_ for s in studies] for name, m in methods.items()}
    median = {name: np.median([r.estimate for r in found]) for name, found in results.items()}
    assert median["all"] > 1.15
    assert median["own rows"] == pytest.approx(median["all"], rel=1e-8)
    for name in ("cross-fitted", "unweighted"):
        assert median[name] == pytest.approx(1.0, abs=0.1)
        covered = [abs(r.estimate - 1) <= 1.96 * r.se for r in results[name]]
        assert 0.9 <= np.mean(covered) <= 0.99
    assert np.mean([abs(r.estimate - 1) <= 1.96 * r.se for r in results["all"]]) < 0.8


def test_weights_from_all_rows_give_two_stage_least_squares_with_all_candidates():
    study = variants(0)
    score, full = yg.AlleleScore(folds=None).fit(study), yg.TwoStageLeastSquares().fit(study)
    assert score.result_.estimate == pytest.approx(full.result_.estimate, rel=1e-9)
    D = np.column_stack([np.ones(study.n), study.X, study.Z])
    assert score.weights_ == pytest.approx(np.linalg.lstsq(D, study.T, rcond=None)[0][2:], rel=1e-8)


def test_the_score_of_a_row_does_not_depend_on_its_own_treatment():
    study = variants(1)
    folds = np.arange(study.n) % 5
    changed = np.array(study.T)
    changed[folds == 2] += 10 * np.random.default_rng(0).normal(size=(folds == 2).sum())
    one, two = (yg.AlleleScore(folds=folds).transform(s).Z[:, 0] for s in (study, study.replace(T=changed)))
    assert two[folds == 2] == pytest.approx(one[folds == 2], rel=1e-12)
    assert np.abs(two[folds == 0] - one[folds == 0]).max() > 0.01


def test_the_transformed_study_holds_the_score_and_all_else_and_serves_any_method():
    study = variants(2)
    scored = yg.AlleleScore().transform(study)
    assert scored.instruments == ("score",)
    assert scored.Z.shape == (study.n, 1)
    assert np.array_equal(scored.X, study.X)
    direct = yg.TwoStageLeastSquares().fit(scored).result_
    found = yg.AlleleScore().fit(study).result_
    assert (found.estimate, found.se) == pytest.approx((direct.estimate, direct.se), rel=1e-12)
    assert yg.AlleleScore(weighting="unweighted").transform(study).Z[:, 0] == pytest.approx(study.Z.sum(axis=1))


def test_groups_are_kept_whole_and_weights_count():
    study = variants(3)
    grouped = study.replace(groups=np.repeat(np.arange(study.n // 4), 4))
    twice = study.take(np.repeat(np.arange(study.n), 2)).replace(groups=np.repeat(np.arange(study.n), 2))
    assert np.isfinite(yg.AlleleScore().fit(grouped).result_.se)
    assert yg.AlleleScore().fit(twice).result_.se == pytest.approx(yg.AlleleScore().fit(study).result_.se, rel=0.25)
    s = np.random.default_rng(0).random(study.n) + 0.1
    root, D = np.sqrt(s), np.column_stack([np.ones(study.n), study.X, study.Z])
    expected = np.linalg.lstsq(D * root[:, None], study.T * root, rcond=None)[0][2:]
    assert first_stage_weights(T=study.T, X=study.X, Z=study.Z, s=s) == pytest.approx(expected, rel=1e-7)


def test_an_unknown_weighting_and_candidates_that_say_nothing_are_refused():
    study = variants(4)
    with pytest.raises(yg.DataError, match="weighting is 'best'"):
        yg.AlleleScore(weighting="best").fit(study)
    opposite = study.replace(Z=np.column_stack([study.Z[:, 0], -study.Z[:, 0]]))
    with pytest.raises(yg.DataError, match="does not vary"):
        yg.AlleleScore(weighting="unweighted").transform(opposite)
