"""AutoIV: the curve behind a hidden confounder, what is exported, and the limits of the contrasts."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets.autoiv_lowdim import autoiv_lowdim
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator, mlp, tensor

SHORT = {"epochs": 150, "learning_rate": 5e-3}


def explained(columns: np.ndarray, target: np.ndarray) -> float:
    """Share of a variable's variance that is linear in some columns."""
    design = np.column_stack([np.ones(len(target)), columns])
    missed = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return 1 - missed.var() / target.var()


def direct_network(draw) -> float:
    """Test error of a network that regresses the outcome on treatment and candidates, at its own test rows."""
    net = mlp([5, 32, 32, 1], generator=make_generator(0), activation="elu")
    train, points = draw.study, draw.extras["test"]["test rows"]
    X, Y = tensor(np.column_stack([train.T, train.Z])), tensor(train.Y)
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(300):
        adam.zero_grad()
        (net(X) - Y).square().mean().backward()
        adam.step()
    with torch.no_grad():
        found = net(tensor(np.column_stack([points.T, points.Z])))[:, 0].numpy()
    return float(np.mean((found - points.g) ** 2))


@pytest.mark.parametrize("curve", ["abs", "sin"])
def test_kernel_iv_on_the_representation_beats_a_direct_network(curve):
    draw = autoiv_lowdim(curve=curve, replication=1)
    found = yg.AutoIV(second_stage=yg.KernelIV(), **SHORT).fit(draw.study)
    error = draw.extras["test"]["test rows"].squared_error(found.predict)
    assert error < 0.5 * direct_network(draw)
    z, _ = found.represent(draw.study.Z)
    assert explained(z, draw.study.Z[:, 0]) > 0.8
    assert explained(z, draw.extras["unobserved"][:, 0]) < 0.05


def test_the_exported_study_serves_any_method_for_instruments():
    draw = autoiv_lowdim(curve="linear")
    found = yg.AutoIV(**SHORT, representation=3).fit(draw.study)
    exported = found.transform(draw.study)
    assert exported.covariates == ("c1", "c2", "c3")
    assert exported.Z.shape == (500, 3)
    assert np.array_equal(exported.Y, draw.study.Y)
    z, c = found.represent(draw.study.Z)
    assert np.array_equal(exported.Z, z)
    assert np.array_equal(exported.X, c)
    assert found.transform(draw.extras["validation"]).n == 500


def test_the_curve_averages_over_candidates_and_is_a_function_of_treatment_and_covariates():
    rng = np.random.default_rng(0)
    Z, X, e = rng.normal(size=(200, 2)), rng.normal(size=(200, 1)), rng.normal(size=200)
    study = yg.Study.from_arrays(X, Z[:, 0] + e, X[:, 0] + Z[:, 0] + e, Z=Z)
    found = yg.AutoIV(epochs=20).fit(study)
    t = 0.7
    _, c = found.represent(found.averaged_, np.tile(X[:1], (len(found.averaged_), 1)))
    with torch.no_grad():
        T = torch.full((len(c), 1), float(found.found_.scale_T(np.array(t))))
        y = found.found_.network.outcome(tensor(c), T)[:, 0].numpy()
    assert found.predict(X[:1], t)[0] == pytest.approx(found.found_.scale_Y.back(y).mean(), rel=1e-5)
    assert np.array_equal(found.predict(X[[3, 5, 3]], t)[[0, 2]], found.predict(X[[3, 3]], t))


def test_contrasts_move_only_the_representations_and_can_be_left_out():
    study = autoiv_lowdim(n=100).study
    plain = yg.AutoIV(epochs=2, contrast_strength=0.0).fit(study)
    assert {name.split(":")[0] for name in plain.history_.epochs[0].losses} == {"stages"}
    both = yg.AutoIV(epochs=2).fit(study)
    assert {name.split(":")[0] for name in both.history_.epochs[0].losses} == {"laws", "contrasts", "stages"}
    moved = {id(p) for group in both.found_.network.phases()[1].optimiser.param_groups for p in group["params"]}
    assert moved == {id(p) for p in both.found_.network.phi.parameters()}


def test_candidates_of_another_number_and_unfitted_use_are_refused():
    study = autoiv_lowdim(n=100).study
    with pytest.raises(yg.DataError, match="not fitted"):
        yg.AutoIV().represent(study.Z)
    found = yg.AutoIV(epochs=2).fit(study)
    with pytest.raises(yg.DataError, match="candidates"):
        found.represent(study.Z[:, :2])
    with pytest.raises(yg.DataError, match="instruments"):
        found.transform(yg.Study.from_arrays(study.Z, study.T, study.Y))
