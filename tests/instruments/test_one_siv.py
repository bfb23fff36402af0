"""OneSIV: the exact expectation with few values of the treatment, the plug-in with a continuous one."""

import numpy as np
import pytest
from network_toys import GRID, bent, effect_errors, regression_effect, two_arms

import yinguo as yg
from yinguo.instruments.networks.one_siv import Joint
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator

SHORT = {"epochs": 30, "hidden": (32, 16)}


def test_two_arms_are_recovered_where_a_regression_is_confounded():
    errors = effect_errors(yg.OneSIV(**SHORT))
    assert abs(errors.mean()) < 4 * errors.std(ddof=1) / np.sqrt(len(errors))
    assert errors.std() < 0.25
    study, truth = two_arms()
    fitted = yg.OneSIV(**SHORT).fit(study)
    assert regression_effect(study) - truth > 0.8
    gain = fitted.effect(np.array([[-1.0], [1.0]]))
    assert gain[1] - gain[0] == pytest.approx(1.0, abs=0.6)
    assert fitted.result_.notes == ()


def test_a_line_is_recovered_with_a_continuous_treatment():
    study = bent()
    line = study.replace(Y=study.Y - np.abs(study.T) + 2 * study.T)
    confounded = np.polyfit(line.T, line.Y, 1)[0]
    fitted = yg.OneSIV(**SHORT).fit(line)
    assert fitted.effect(None, -1.0, np.array([1.0]))[0] / 2 == pytest.approx(2.0, abs=0.15)
    assert confounded > 2.4


def test_the_plug_in_rounds_off_a_bend_and_the_result_says_so():
    fitted = yg.OneSIV(**SHORT).fit(bent(n=6000))
    # The curve at the mean treatment is the mean of |T| around it: 0.8 at 0, where the truth is 0.
    rise = fitted.effect(None, 0.0, np.array([2.0]))[0]
    assert rise < 1.65
    assert any("linear in the treatment" in note for note in fitted.result_.notes)


def test_the_outcome_is_the_exact_expectation_over_the_values():
    joint = Joint(yg.OneSIV(hidden=(4,)), 2, 2, torch.tensor([-1.0, 1.0]), make_generator(0))
    made = make_generator(1)
    rows = {"V": torch.randn(6, 2, generator=made), "X": torch.randn(6, 1, generator=made)}
    rows |= {"Y": torch.randn(6, 1, generator=made), "T": torch.tensor([[0.0], [1.0]] * 3)}
    p = torch.softmax(joint.treatment(rows["V"]), 1)[:, 1].detach().numpy()
    f0, f1 = (
        joint.outcome(torch.cat([torch.full((6, 1), t), rows["X"]], 1))[:, 0].detach().numpy() for t in (-1.0, 1.0)
    )
    squares = np.mean((rows["Y"][:, 0].numpy() - (1 - p) * f0 - p * f1) ** 2)
    entropy = -np.mean(np.log(np.where(rows["T"][:, 0].numpy() == 1, p, 1 - p)))
    losses = joint.losses(rows)
    assert losses["outcome"].item() == pytest.approx(squares, rel=1e-5)
    assert losses["treatment"].item() == pytest.approx(entropy, rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"outcome_weight": 0.1}, {"treatment_weight": 0.1}, {"hidden": (8,)}, {"dropout": 0.3}, {"l2": 0.1},
        {"batch_size": 20}, {"learning_rate": 1e-2}, {"validation": 0.4}, {"epochs": 1}, {"random_state": 1},
    ],
)  # fmt: skip
def test_every_option_matters(options):
    study = bent(n=300)
    common = {"epochs": 10, "hidden": (8, 4), "batch_size": 50}
    plain, other = (yg.OneSIV(**common | more).fit(study).predict(None, GRID) for more in ({}, options))
    assert not np.array_equal(plain, other)


def test_patience_stops_training():
    history = yg.OneSIV(epochs=200, patience=2, hidden=(8,), learning_rate=0.05).fit(bent(n=150)).history_
    assert len(history.epochs) < 200
    assert history.stopped == "no progress"
