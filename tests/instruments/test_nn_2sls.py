"""NN2SLS: right where the effect is linear in the treatment, wrong in a known way where it is not."""

import numpy as np
import pytest
from network_toys import GRID, bent

import yinguo as yg

SHORT = {"epochs": 30, "hidden": (32, 16)}


def test_slopes_that_differ_between_covariates_are_recovered_where_a_regression_is_confounded():
    rng = np.random.default_rng(0)
    Z, U, X = rng.normal(size=(3, 3000))
    T = 1.5 * Z + U
    study = yg.Study.from_arrays(X[:, None], T, np.sign(X) * T + 2 * U, Z=Z)
    fitted = yg.NN2SLS(**SHORT).fit(study)
    slopes = fitted.effect(np.array([[-1.0], [1.0]]), -1.0, 1.0) / 2
    assert slopes == pytest.approx([-1.0, 1.0], abs=0.3)
    naive = [np.polyfit(T[side], study.Y[side], 1)[0] for side in (X < 0, X > 0)]
    assert np.abs(np.array(naive) - [-1.0, 1.0]).min() > 0.5


def test_a_bend_is_rounded_off_however_many_rows_there_are():
    # E[|T| | z] is 0.8 at 0 and 2.02 at 2, so the plug-in climbs 1.2 where the curve climbs 2.
    for n in (2000, 8000):
        fitted = yg.NN2SLS(**SHORT).fit(bent(n=n))
        assert fitted.effect(None, 0.0, np.array([2.0]))[0] == pytest.approx(1.2, abs=0.4)
    assert any("linear in the treatment" in note for note in fitted.result_.notes)


def test_each_stage_is_judged_by_its_own_loss_on_held_out_rows():
    study = bent(n=400)
    fitted = yg.NN2SLS(epochs=5, hidden=(8,)).fit(study)
    assert [len(history.epochs) for history in fitted.histories_] == [5, 5]
    assert "treatment" in fitted.histories_[0].validation
    assert "outcome" in fitted.histories_[1].validation


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": (8,)}, {"l2": 0.1}, {"batch_size": 20}, {"learning_rate": 1e-2}, {"validation": 0.4}, {"epochs": 4},
        {"random_state": 1},
    ],
)  # fmt: skip
def test_every_option_matters(options):
    study = bent(n=150)
    common = {"epochs": 3, "hidden": (8, 4)}
    plain, other = (yg.NN2SLS(**common | more).fit(study).predict(None, GRID) for more in ({}, options))
    assert not np.array_equal(plain, other)


def test_patience_stops_a_stage():
    fitted = yg.NN2SLS(epochs=200, patience=2, hidden=(8,), learning_rate=0.05).fit(bent(n=150))
    assert all(len(history.epochs) < 200 for history in fitted.histories_)
