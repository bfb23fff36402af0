"""AutoIV's low-dimensional experiment: formulas, scales, roles of the candidates, the authors' stream."""

import pickle

import numpy as np
import pytest

from yinguo.datasets import autoiv_lowdim
from yinguo.errors import DataError

CURVES = {
    "sin": np.sin,
    "step": lambda t: np.where(t >= 0, -1.0, 0.0),
    "abs": np.abs,
    "linear": np.negative,
    "poly2d": lambda t: -0.4 * t - 0.1 * t**2,
    "poly3d": lambda t: -0.8 * t + 0.1 * t**2 + 0.05 * t**3,
}


@pytest.mark.parametrize("curve", CURVES)
def test_outcome_and_treatment_follow_the_formulas(curve):
    draw = autoiv_lowdim(curve=curve, n=4000, standardise="none")
    study, e = draw.study, draw.extras["unobserved"][:, 0]
    z1, z2, gamma1, gamma2 = study.Z.T
    assert np.allclose(study.T, z1 + e + gamma1)
    assert np.allclose(study.Y, CURVES[curve](study.T) + gamma2 + 2 * e)
    assert z1.std() == pytest.approx(np.sqrt(3), rel=0.03)
    assert np.abs(z2).max() == pytest.approx(3, abs=0.01)
    assert gamma1.std() == pytest.approx(0.1, rel=0.05)
    points = draw.extras["test"]["test rows"]
    assert np.allclose(points.g, CURVES[curve](points.T))
    assert study.X.shape == (4000, 0)


@pytest.mark.parametrize("curve", CURVES)
def test_the_true_curve_has_no_error_unless_targets_have_a_scale_of_their_own(curve):
    shared, own = (autoiv_lowdim(curve=curve, standardise=scale) for scale in ("outcome", "own"))
    assert np.array_equal(shared.study.Y, own.study.Y)
    assert shared.extras["test"]["test rows"].squared_error(shared.extras["structure"]) == 0
    assert own.extras["test"]["test rows"].squared_error(own.extras["structure"]) > (
        0.001 if curve == "linear" else 0.05
    )


def test_the_scale_makes_all_outcomes_of_a_run_standard():
    draw = autoiv_lowdim()
    parts = (draw.study, draw.extras["validation"], draw.extras["test"]["test rows"])
    Y = np.concatenate([part.Y for part in parts])
    assert Y.shape == (1500,)
    assert Y.mean() == pytest.approx(0, abs=1e-12)
    assert Y.std() == pytest.approx(1)
    own = autoiv_lowdim(standardise="own").extras["test"]["test rows"].g
    assert own.std() == pytest.approx(1, abs=0.1)


def test_a_fit_of_the_outcome_on_the_treatment_is_far_from_the_curve_and_two_stages_are_not():
    draw = autoiv_lowdim(curve="linear", n=5000, standardise="none")
    study, truth = draw.study, draw.truth["ATE"]
    assert truth == pytest.approx(-1)
    assert np.polyfit(study.T, study.Y, 1)[0] > truth + 0.4
    for columns in ([0], [0, 1, 2, 3]):
        fitted = np.column_stack([np.ones(study.n), study.Z[:, columns]])
        first = fitted @ np.linalg.lstsq(fitted, study.T, rcond=None)[0]
        assert np.polyfit(first, study.Y, 1)[0] == pytest.approx(truth, abs=0.1)


def test_runs_follow_each_other_in_the_legacy_stream_of_seed_zero():
    rng = np.random.RandomState(0)
    for replication in range(2):
        z, e = rng.uniform(-3, 3, size=(1500, 2)), rng.normal(0, 1, size=(1500, 1))
        gamma = rng.normal(0, 0.1, size=(1500, 2))
        study = autoiv_lowdim(replication=replication).study
        assert np.array_equal(study.Z, np.column_stack([z, gamma])[:500])
        assert np.array_equal(study.T, (z[:, 0] + e[:, 0] + gamma[:, 0])[:500])


def test_candidates_can_be_named_and_change_nothing_else():
    told, all_four = autoiv_lowdim(candidates=("z1",)), autoiv_lowdim()
    assert told.study.instruments == ("z1",)
    assert np.array_equal(told.study.Y, all_four.study.Y)
    assert np.array_equal(told.study.Z[:, 0], all_four.study.Z[:, 0])
    assert np.array_equal(autoiv_lowdim(candidates="z1").study.Z, told.study.Z)


def test_a_draw_survives_a_pickle():
    draw = autoiv_lowdim(curve="step")
    again = pickle.loads(pickle.dumps(draw))
    at = (np.empty((2, 0)), np.array([-1.0, 1.0]))
    assert np.array_equal(again.extras["structure"](*at), draw.extras["structure"](*at))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"curve": "exp"}, "curve is 'exp'"),
        ({"standardise": "both"}, "standardise is 'both'"),
        ({"candidates": ("z3",)}, "candidates is"),
        ({"candidates": ()}, "candidates is"),
        ({"n": 1}, "n is 1"),
        ({"replication": -1}, "replication is -1"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(DataError, match=said):
        autoiv_lowdim(**options)
