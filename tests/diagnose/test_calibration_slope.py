"""The calibration test: an ordinary regression, level under no heterogeneity, slopes that mean what they say."""

import numpy as np
import pytest
from judging_toys import Line, ranked, trial

from yinguo.core.crossfit import make_folds
from yinguo.diagnose import cross_effects, effect_calibration, effect_scores, sequential_effects


def test_the_slope_is_that_of_least_squares_with_a_constant_for_each_fold():
    rng = np.random.default_rng(0)
    psi, tau = ranked(300, rng)
    folds = rng.integers(0, 3, 300)
    D = np.column_stack([tau, *(folds == k for k in range(3))])
    found = effect_calibration(psi, tau, folds=folds)
    assert found.slope == pytest.approx(np.linalg.lstsq(D, psi, rcond=None)[0][0], rel=1e-10)
    assert found.average == pytest.approx(psi.mean())
    assert found.level_difference == pytest.approx((psi - tau).mean())
    assert found.level_se == pytest.approx((psi - tau).std(ddof=1) / np.sqrt(300))


def test_the_slope_covers_its_truth_and_half_sized_effects_have_slope_two():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(600):
        psi, tau = ranked(400, rng)
        found = effect_calibration(psi, tau / 2 + 3)
        covered.append(found.slope_low <= 2 <= found.slope_high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_verdicts_tell_noise_exaggeration_and_reversal_apart():
    rng = np.random.default_rng(12)
    psi, tau = ranked(3000, rng, slope=2.0)
    assert effect_calibration(psi, 2 * tau).diagnostic.verdict == "ok"
    assert "exaggerated" in effect_calibration(psi, 10 * tau).diagnostic.sentence
    assert effect_calibration(psi, -tau).diagnostic.verdict == "stop"
    noise = effect_calibration(psi, rng.random(3000))
    assert noise.diagnostic.verdict == "look"
    assert not noise.heterogeneous
    assert effect_calibration(psi, np.full(3000, 1.0)).slope is None
    assert effect_calibration(psi, 2 * tau).level_diagnostic.verdict == "ok"
    assert effect_calibration(psi, 2 * tau + 1).level_diagnostic.verdict == "look"


def statistics(draws: int, het: float, folds: int = 3) -> np.ndarray:
    """(draws, 2) slopes over their standard errors: learned in sequence, and on all other folds."""
    out = []
    for seed in range(draws):
        study = trial(300, het=het, seed=seed, confounded=False)
        scores = effect_scores(study, folds=make_folds(folds, study.T, seed))
        held = sequential_effects(Line(), scores)
        crossed = cross_effects(Line(), study, scores.folds)
        pair = (
            effect_calibration(held.psi, held.tau, folds=held.folds),
            effect_calibration(scores.psi, crossed, folds=scores.folds),
        )
        out.append([found.slope / found.slope_se for found in pair])
    return np.array(out)


def test_learned_in_sequence_the_test_keeps_its_level_and_sees_heterogeneity_that_is_there():
    z = statistics(300, het=0.0)
    assert z[:, 0].std() == pytest.approx(1, abs=0.11)
    assert abs(z[:, 0].mean()) < 0.15
    assert (z[:, 0] > 1.645).mean() < 0.085
    # Why effects are not learned on all other folds here: agreement between folds counts twice.
    assert z[:, 1].std() > 1.2
    assert (statistics(20, het=0.6)[:, 0] > 1.645).mean() > 0.9
