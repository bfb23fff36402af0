"""Confidence interval method: finds the valid group even in a minority, covers after selection."""

import numpy as np
import pytest
from candidate_toys import coverage, draw, fits, naive_misses, valid_names, z_score

import yinguo as yg


@pytest.mark.parametrize("bad", [0, 3, 5])
def test_it_hits_the_truth_and_covers_with_a_majority_or_only_a_plurality_of_valid_candidates(bad):
    found = fits(yg.CIIV(), bad=bad, n=3000, size=1.5)
    assert bad == 0 or naive_misses(bad=bad, n=3000, size=1.5)
    assert abs(z_score(found)) < 4
    assert 0.88 <= coverage(found) <= 0.99
    assert np.mean([r.extras["valid"] == valid_names(bad) for r in found]) > 0.9


def test_it_ends_in_two_stage_least_squares_with_the_others_as_covariates():
    study = draw(0, n=4000, bad=5, size=2.0)
    result = yg.CIIV().fit(study).result_
    assert result.extras["valid"] == valid_names(5)
    oracle = yg.TwoStageLeastSquares().fit(
        yg.Study.from_arrays(np.column_stack([study.X, study.Z[:, :5]]), study.T, study.Y, Z=study.Z[:, 5:])
    )
    assert (result.estimate, result.se) == pytest.approx((oracle.result_.estimate, oracle.result_.se), rel=1e-9)
    assert result.extras["agreement_p_value"] >= 0.1 / np.log(4000)


def test_a_level_near_zero_lets_all_candidates_pass_and_one_near_one_leaves_few():
    study = draw(1, bad=3, n=500)
    everybody = yg.CIIV(level=1e-300).fit(study).result_
    assert len(everybody.extras["valid"]) == 9
    assert everybody.estimate == pytest.approx(yg.TwoStageLeastSquares().fit(study).result_.estimate, rel=1e-9)
    assert len(yg.CIIV(level=0.9).fit(study).result_.extras["valid"]) < 6


def test_with_a_threshold_weak_candidates_have_no_say():
    study = draw(2, bad=2)
    Z = np.column_stack([study.Z, np.random.default_rng(0).normal(size=study.n)])
    weak = yg.Study.from_arrays(study.X, study.T, study.Y, Z=Z)
    assert yg.CIIV(threshold=3.0).fit(weak).result_.extras["no_say"] == ["z10"]
    assert yg.CIIV().fit(weak).result_.extras["no_say"] == []


def test_a_senseless_level_is_refused():
    with pytest.raises(yg.DataError, match=r"level is 1\.5"):
        yg.CIIV(level=1.5).fit(draw(3))
