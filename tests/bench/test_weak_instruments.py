"""The weak-instrument table: its draws have the strength they name, and its figures are those of the set."""

import numpy as np
import pytest

import yinguo as yg
from yinguo import bench
from yinguo.bench.weak_instruments import anderson_rubin_figures, draw
from yinguo.diagnose import instrument_strength


@pytest.mark.parametrize("noise", ["equal", "unequal"])
@pytest.mark.parametrize(("strength", "instruments"), [(2, 1), (10, 5)])
def test_draws_have_the_strength_the_confounding_and_the_noise_they_name(strength, instruments, noise):
    drawn = [
        draw(np.random.default_rng(seed), strength=strength, instruments=instruments, noise=noise) for seed in range(80)
    ]
    F = [instrument_strength(d.study, interactions=False).f for d in drawn]
    assert np.mean(F) == pytest.approx(strength, abs=4 * np.std(F) / np.sqrt(80))
    u = np.concatenate([d.study.Y - d.study.T for d in drawn])
    V = np.concatenate([d.study.T for d in drawn])
    assert u.var() == pytest.approx(1.0, abs=0.05)
    assert np.corrcoef(u, V)[0, 1] > 0.7
    z = np.concatenate([d.study.Z[:, 0] for d in drawn])
    ratio = u[np.abs(z) > 1.5].var() / u[np.abs(z) < 0.5].var()
    assert ratio > 4 if noise == "unequal" else ratio == pytest.approx(1.0, abs=0.1)


def test_figures_belong_to_two_stage_fits_and_take_their_errors():
    drawn = draw(np.random.default_rng(0), strength=50, instruments=5, noise="unequal")
    assert anderson_rubin_figures(yg.LIML(), drawn) == {}
    plain, robust = (
        anderson_rubin_figures(yg.TwoStageLeastSquares(covariance=c), drawn) for c in ("unadjusted", "robust")
    )
    assert plain["first-stage F"] == pytest.approx(instrument_strength(drawn.study).f, rel=1e-9)
    assert robust["first-stage F"] == pytest.approx(instrument_strength(drawn.study).f_robust, rel=1e-9)
    assert not plain["unbounded"]


def test_a_quick_run_prints_both_and_the_set_covers_more_often_where_instruments_are_weak(tmp_path):
    cell, method = "F = 2, 5 instruments, equal noise", "2SLS, robust errors"
    summary = bench.run("weak-instruments", quick=True, cells=[cell], methods=[method], folder=tmp_path, n_jobs=1)
    (line,) = (line for line in summary.lines if line.done)
    assert line.figures["coverage"].value < 0.8
    assert line.measures["Anderson-Rubin coverage"].value > 0.8
    assert line.measures["unbounded"].value > 0.2
