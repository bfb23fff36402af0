"""sisVIVE: near the truth with a minority of invalid candidates; testing and adaptive penalties find which."""

import numpy as np
import pytest
from candidate_toys import draw, fits, naive_misses, valid_names, z_score

import yinguo as yg
from yinguo.instruments.sis_vive import left_out_misfit


@pytest.mark.parametrize("adaptive", [False, True])
def test_cross_validation_leaves_a_fraction_of_the_bias_and_holds_no_invalid_candidate_valid(adaptive):
    found = fits(yg.SisVIVE(adaptive=adaptive), bad=3, size=2.0, n=3000, draws=30)
    bias = np.mean([r.estimate for r in found]) - 1
    raw = np.mean([r.estimate for r in fits(yg.TwoStageLeastSquares(), bad=3, size=2.0, n=3000, draws=30)]) - 1
    # The lasso shrinks direct effects and so leaves some of them in the estimate (Kang et al. 2016 find the same).
    assert abs(bias) < 0.1 * raw
    wrong = [set(r.extras["valid"]) & {"z1", "z2", "z3"} for r in found]
    assert np.mean([not w for w in wrong]) > 0.9


@pytest.mark.parametrize("adaptive", [False, True])
def test_downward_testing_finds_the_valid_candidates_and_the_truth(adaptive):
    found = fits(yg.SisVIVE(choice="testing", adaptive=adaptive), bad=3, size=2.0, n=3000, draws=60)
    assert naive_misses(bad=3, size=2.0, n=3000)
    assert abs(z_score(found)) < 4
    assert np.mean([r.extras["valid"] == valid_names(3) for r in found]) > 0.9


def test_adaptive_penalties_help_where_strong_invalid_candidates_defeat_the_plain_lasso():
    # The invalid candidates move the treatment far more than the valid ones do: the case in which the lasso fails.
    def skewed(seed, n=4000, q=10, bad=3):
        rng = np.random.default_rng(seed)
        Z, U = rng.normal(size=(n, q)), rng.normal(size=n)
        strength = np.where(np.arange(q) < bad, 1.5, 0.3)
        T = Z @ strength + U
        return yg.Study.from_arrays(np.empty((n, 0)), T, T + Z[:, :bad] @ np.ones(bad) + U, Z=Z)

    right = {
        adaptive: np.mean([
            yg.SisVIVE(choice="testing", adaptive=adaptive).fit(skewed(seed)).result_.extras["valid"]
            == valid_names(3, 10)
            for seed in range(20)
        ])
        for adaptive in (False, True)
    }  # fmt: skip
    assert right[True] > 0.9
    assert right[False] < 0.2


def test_without_invalid_candidates_it_is_close_to_two_stage_least_squares():
    study = draw(0, bad=0)
    plain = yg.TwoStageLeastSquares().fit(study).result_
    for choice in ("cross_validation", "testing"):
        result = yg.SisVIVE(choice=choice).fit(study).result_
        assert result.estimate == pytest.approx(plain.estimate, abs=plain.se)
        assert len(result.extras["valid"]) >= 8
        assert result.se is None


def test_the_same_seed_gives_the_same_folds_and_another_need_not():
    study = draw(1)
    folds = np.arange(study.n) % 4
    losses = left_out_misfit(study, folds, np.geomspace(1, 0.01, 5), lambda form: None)
    assert losses.shape == (4, 5)
    assert (losses > 0).all()
    one, two = (yg.SisVIVE(random_state=3).fit(study).result_.estimate for _ in range(2))
    assert one == two


def test_unknown_options_are_refused():
    with pytest.raises(yg.DataError, match="choice is 'luck'"):
        yg.SisVIVE(choice="luck").fit(draw(2))
