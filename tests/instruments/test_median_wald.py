"""Median of ratios: robust to a minority of invalid candidates, and only to a minority."""

import numpy as np
import pytest
from candidate_toys import draw, fits, naive_misses

import yinguo as yg


def test_a_minority_of_invalid_candidates_moves_it_little_and_a_majority_carries_it_away():
    strong = {"n": 8000, "size": 3.0}
    few, many = (np.mean([r.estimate for r in fits(yg.MedianWald(), bad=bad, draws=40, **strong)]) for bad in (3, 6))
    assert naive_misses(bad=3, **strong)
    # Three wrong ratios on one side make the median an upper quantile of the valid ones: near 1, not at it.
    assert few == pytest.approx(1.0, abs=0.1)
    assert many > 2


def test_with_three_equally_weighted_candidates_it_is_the_middle_ratio():
    study = draw(0, q=3, bad=1)
    result = yg.MedianWald(weighting="equal").fit(study).result_
    ratios = sorted(result.extras["ratios"].values())
    assert result.estimate == pytest.approx(ratios[1], rel=1e-12)
    D = np.column_stack([np.ones(study.n), study.X, study.Z])
    slopes = [np.linalg.lstsq(D, v, rcond=None)[0][3:] for v in (study.Y, study.T)]
    assert list(result.extras["ratios"].values()) == pytest.approx(slopes[0] / slopes[1], rel=1e-8)


def test_invalid_candidates_are_named_and_the_check_counts_those_that_agree():
    result = yg.MedianWald().fit(draw(1, n=8000, bad=2, size=2.0)).result_
    assert not {"z1", "z2"} & set(result.extras["valid"])
    agreement = next(d for d in result.diagnostics if d.name == "agreement")
    assert agreement.verdict == "ok"
    assert "candidates agree" in agreement.sentence
    assert result.se is None
    assert "no normal limit" in result.no_inference


def test_the_structure_is_the_mean_outcome_with_the_treatment_set():
    study = draw(2)
    fit = yg.MedianWald().fit(study)
    assert fit.effect(study.X, 0.0, 2.0) == pytest.approx(np.full(study.n, 2 * fit.result_.estimate))
    assert fit.predict(study.X, study.T).mean() == pytest.approx(study.Y.mean(), rel=1e-9)


def test_too_few_and_redundant_candidates_are_refused_by_name():
    study = draw(3, q=3, bad=0)
    with pytest.raises(yg.DataError, match=r"needs at least 3; the study has 2 \(z1, z2\)"):
        yg.MedianWald().fit(study.replace(Z=study.Z[:, :2]))
    with pytest.raises(yg.DataError, match="z3: combinations"):
        yg.MedianWald().fit(study.replace(Z=np.column_stack([study.Z[:, :2], study.Z[:, 0] - study.Z[:, 1]])))
    with pytest.raises(yg.DataError, match="weighting is 'none'"):
        yg.MedianWald(weighting="none").fit(study)
