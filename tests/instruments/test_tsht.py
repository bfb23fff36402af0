"""Two-stage hard thresholding: finds a valid minority, covers after selection, says when it cannot."""

import numpy as np
import pytest
from candidate_toys import coverage, draw, fits, naive_misses, valid_names, z_score

import yinguo as yg
from yinguo.instruments.tsht import voted_groups


@pytest.mark.parametrize("voting", ["clique", "plurality"])
@pytest.mark.parametrize("bad", [3, 5])
def test_it_hits_the_truth_and_covers_with_a_majority_or_only_a_plurality_of_valid_candidates(voting, bad):
    found = fits(yg.TSHT(voting=voting), bad=bad, n=3000, size=1.5)
    assert naive_misses(bad=bad, n=3000, size=1.5)
    assert abs(z_score(found)) < 4
    assert 0.88 <= coverage(found) <= 0.99
    right = [r.extras["valid"] == valid_names(bad) for r in found]
    assert np.mean(right) > 0.85


def test_after_the_right_selection_it_is_two_stage_least_squares_with_the_others_as_covariates():
    study = draw(0, n=4000, bad=5, size=2.0)
    result = yg.TSHT().fit(study).result_
    assert result.extras["valid"] == valid_names(5)
    assert result.extras["invalid"] == ["z1", "z2", "z3", "z4", "z5"]
    oracle = yg.TwoStageLeastSquares().fit(
        yg.Study.from_arrays(np.column_stack([study.X, study.Z[:, :5]]), study.T, study.Y, Z=study.Z[:, 5:])
    )
    assert (result.estimate, result.se) == pytest.approx((oracle.result_.estimate, oracle.result_.se), rel=1e-9)
    agreement = next(d for d in result.diagnostics if d.name == "agreement")
    assert agreement.verdict == "look"


def test_clusters_are_honoured_after_selection():
    found = fits(yg.TSHT(threshold=3.5), bad=2, n=2000, groups=200, size=3.0)
    assert 0.88 <= coverage(found) <= 1.0
    study = draw(0, n=2000, bad=2, groups=200, size=3.0)
    blind = yg.Study.from_arrays(study.X, study.T, study.Y, Z=study.Z)
    assert yg.TSHT().fit(study).result_.se > 1.3 * yg.TSHT().fit(blind).result_.se


def test_two_groups_of_the_same_size_are_named_as_rivals_and_stop_the_reader():
    study = draw(1, n=20_000, q=6, bad=3, size=1.0, same=True)
    result = yg.TSHT().fit(study).result_
    agreement = next(d for d in result.diagnostics if d.name == "agreement")
    assert agreement.verdict == "stop"
    both = sorted([result.estimate, *result.extras["rival_effects"]])
    assert both[0] == pytest.approx(1.0, abs=0.2)
    assert both[-1] == pytest.approx(1 + 1 / 0.4, abs=0.4)


def test_weak_candidates_have_no_say():
    study = draw(2, bad=2)
    rng = np.random.default_rng(0)
    weak = yg.Study.from_arrays(study.X, study.T, study.Y, Z=np.column_stack([study.Z, rng.normal(size=study.n)]))
    result = yg.TSHT().fit(weak).result_
    assert result.extras["no_say"] == ["z10"]
    with pytest.raises(yg.NotIdentifiedError, match="0 of 3 candidates move 't'"):
        yg.TSHT().fit(study.replace(Z=rng.normal(size=(study.n, 3))))


def test_candidates_of_which_no_two_agree_are_refused():
    study = draw(3, n=20_000, q=4, bad=4, size=3.0)
    with pytest.raises(yg.NotIdentifiedError, match="no two candidates agree"):
        yg.TSHT().fit(study)


def test_the_rule_of_the_paper_takes_the_most_voted_and_those_with_most_votes():
    agree = np.eye(5, dtype=bool)
    for i, j in ((0, 1), (0, 2), (1, 2), (3, 4)):
        agree[i, j] = agree[j, i] = True
    assert voted_groups(agree, "plurality") == [(0, 1, 2)]
    assert voted_groups(agree, "clique") == [(0, 1, 2)]
    agree[2, 3] = agree[3, 2] = True  # candidate 2 now has most votes, and more than half
    assert voted_groups(agree, "plurality") == [(0, 1, 2, 3)]
    assert sorted(voted_groups(agree, "clique")) == [(0, 1, 2)]
    with pytest.raises(yg.DataError, match="voting is 'loud'"):
        voted_groups(agree, "loud")


def test_a_senseless_threshold_is_refused():
    with pytest.raises(yg.DataError, match="threshold is 0"):
        yg.TSHT(threshold=0).fit(draw(4))
