"""DR-CFR: its weights, what each turn moves, plain outcome heads in the limit, and the truth under confounding."""

import numpy as np
import pytest
from decomposition_toys import confounded, plain_difference, sampled

import yinguo as yg
from yinguo.heterogeneity.networks.dr_cfr import Disentangled, context_weights
from yinguo.nets import nn, torch
from yinguo.nets.blocks import make_generator, tensor

SMALL = {"representation": (24,), "heads": (24,), "learning_rate": 3e-3, "epochs": 300}
PLAIN = {"balance_strength": 0.0, "treatment_strength": 0.0, "context_weights": False}


def test_effects_are_found_where_a_plain_comparison_is_far_off():
    study, truth = confounded()
    learner = yg.DRCFR(**SMALL).fit(study)
    assert plain_difference(study) - truth.mean() > 1.0
    assert learner.result_.estimate == pytest.approx(truth.mean(), abs=0.2)
    assert abs(learner.result_.estimate - truth.mean()) < 4 * learner.result_.se
    assert np.sqrt(np.mean((learner.effects_ - truth) ** 2)) < 0.35


def test_weights_are_the_density_of_all_rows_over_that_of_the_own_arm():
    """Two values of a covariate, the chances of treatment 0.2 and 0.6, one value three times as common."""
    T, e = tensor([0, 0, 1, 1]), tensor([0.2, 0.6, 0.2, 0.6])
    at = {0.2: 0.75, 0.6: 0.25}
    share = sum(chance * mass for chance, mass in at.items())
    expected = []
    for t, chance in ((0, 0.2), (0, 0.6), (1, 0.2), (1, 0.6)):
        density = {
            1: chance * at[chance] / share,
            0: (1 - chance) * at[chance] / (1 - share),
        }
        expected.append(0.5 * (density[0] + density[1]) / density[t])
    assert context_weights(T, e, share, 100.0)[:, 0].tolist() == pytest.approx(expected, rel=1e-5)
    assert context_weights(T, e, share, 1.2).max() == pytest.approx(1.2)


def test_weights_average_one_in_each_arm_and_are_one_where_the_covariates_say_nothing():
    rng = np.random.default_rng(0)
    e = rng.uniform(0.2, 0.8, 200_000)
    T = (rng.random(len(e)) < e).astype(float)
    weights = context_weights(tensor(T), tensor(e), 0.5, 100.0)[:, 0].numpy()
    for arm in (0.0, 1.0):
        assert weights[arm == T].mean() == pytest.approx(1.0, abs=0.01)
    same = context_weights(tensor([0, 1]), tensor([0.3, 0.3]), 0.3, 100.0)
    assert same[:, 0].tolist() == pytest.approx([1.0, 1.0], rel=1e-5)


def test_each_turn_moves_its_own_part_and_weights_pass_no_gradient():
    study, _ = confounded(n=200)
    options, sample = sampled(yg.DRCFR(**SMALL), study)
    network = Disentangled(options, sample)
    sum(network.losses(sample.training).values()).backward()
    assert network.weigher.weight.grad is None
    assert network.treatment_only.layers[0].weight.grad.abs().max() > 0
    network.zero_grad()
    sum(network.weight_losses(sample.training).values()).backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {"weigher.weight", "weigher.bias"}


class TwoRepresentations(nn.Module):
    """Outcome heads on two representations side by side, written out."""

    def __init__(self, network: Disentangled) -> None:
        super().__init__()
        self.both, self.outcome_only, self.heads = network.both, network.outcome_only, network.heads

    def arms(self, X: torch.Tensor) -> torch.Tensor:
        rows = [part.layers(X) for part in (self.both, self.outcome_only)]
        r = torch.cat([r / r.norm(dim=1, keepdim=True) for r in rows], dim=1)
        return torch.cat([head(r) for head in self.heads.heads], dim=1)


def test_without_strengths_and_weights_it_is_plain_outcome_heads_on_two_representations():
    study, _ = confounded(n=300)
    estimator = yg.DRCFR(**SMALL | PLAIN | {"weighted": False, "epochs": 40, "look_every": 40, "head_penalty": 0.0})
    options, sample = sampled(estimator, study)
    network = TwoRepresentations(Disentangled(options, sample))
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    stairs = torch.optim.lr_scheduler.StepLR(adam, 100, 0.97)
    T, Y = sample.training["T"], sample.training["Y"]
    for _ in range(40):
        rows = torch.randperm(len(Y), generator=sample.generator)[:100]
        m = network.arms(sample.training["X"][rows]).gather(1, T[rows].long())
        adam.zero_grad()
        (Y[rows] - m).square().mean().backward()
        adam.step()
        stairs.step()
    from yinguo.heterogeneity.networks.dr_cfr import train

    curves = train(options, study.Y, study.T, study.X, binary=False, rng=np.random.default_rng(0))
    with torch.no_grad():
        found, expected = curves.network(sample.held["X"]), network.arms(sample.held["X"])
    assert torch.allclose(found, expected, atol=1e-4)


def test_the_treatment_is_told_by_the_first_two_representations_alone():
    study, _ = confounded(n=200)
    options, sample = sampled(yg.DRCFR(**SMALL, treatment_strength=1.0), study)
    network = Disentangled(options, sample)
    network.losses(sample.training)["treatment"].backward()
    assert network.outcome_only.layers[0].weight.grad is None
    assert network.both.layers[0].weight.grad.abs().max() > 0


def test_an_outcome_of_two_values_is_a_chance():
    study, _ = confounded(n=300, chances=True)
    learner = yg.DRCFR(**SMALL | {"epochs": 20}, folds=None).fit(study)
    for t in (0.0, 1.0):
        m = learner.predict(study.X * 10, t)
        assert m.min() > 0
        assert m.max() < 1


@pytest.mark.parametrize("bad", [{"balance_strength": -1.0}, {"treatment_strength": -1.0}, {"largest_weight": 0.5}])
def test_options_out_of_range_are_refused(bad):
    with pytest.raises(yg.DataError, match=next(iter(bad))):
        yg.DRCFR(**bad).fit(confounded(n=100)[0])


def test_first_weights_come_from_the_generator_and_not_from_global_randomness():
    study, _ = confounded(n=100)
    options, sample = sampled(yg.DRCFR(**SMALL), study)
    before = torch.get_rng_state()
    Disentangled(options, sample)
    assert torch.equal(before, torch.get_rng_state())
    assert make_generator(0).initial_seed() == 0
