"""DeR-CFR: its losses against slow loops and finite differences, its turns, its contributions, confounding."""

import numpy as np
import pytest
from decomposition_toys import confounded, plain_difference, sampled

import yinguo as yg
from yinguo.heterogeneity.networks.der_cfr import Decomposed, RowWeights, balance, orthogonality, outcome_gap, train
from yinguo.heterogeneity.networks.parts import Representation, contributions
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator

SMALL = {"representation": (24,), "heads": (24,), "treatment_layers": (16,), "learning_rate": 3e-3, "epochs": 300}


@pytest.fixture
def parts():
    """Representations, treatments, high outcomes and row weights of twelve rows, with a gradient, in double."""
    rng = np.random.default_rng(0)
    T = torch.tensor(rng.permutation([0.0, 1.0] * 6))[:, None]
    high = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0] * 2, dtype=torch.float64)[:, None]
    r = torch.tensor(rng.normal(size=(12, 3)), requires_grad=True)
    omega = torch.tensor(rng.uniform(0.5, 1.5, (12, 1)), requires_grad=True)
    return r, T, high, omega


def test_the_outcome_gap_compares_high_and_low_within_an_arm_and_not_across(parts):
    r, T, high, omega = parts
    R, t, h, w = (v.detach().numpy() for v in parts)
    total = 0.0
    for arm in (0.0, 1.0):
        means = []
        for level in (1.0, 0.0):
            rows = [k for k in range(12) if t[k, 0] == arm and h[k, 0] == level]
            means.append(sum(w[k, 0] * R[k] for k in rows) / len(rows))
        total += float(((means[0] - means[1]) ** 2).sum())
    assert outcome_gap(r, T, high, omega).item() == pytest.approx(total, rel=1e-12)
    # With unions, as the authors' programme forms them, a representation of the arm alone would have a gap.
    assert float(outcome_gap(T, T, high, torch.ones_like(T))) == 0.0


def test_balance_is_the_gap_of_weighted_means_and_of_mean_weights_from_one(parts):
    r, T, _, omega = parts
    R, t, w = (v.detach().numpy() for v in (r, T, omega))
    means, total = {}, 0.0
    for arm in (0.0, 1.0):
        rows = [k for k in range(12) if t[k, 0] == arm]
        means[arm] = sum(w[k, 0] * R[k] for k in rows) / len(rows)
        total += (sum(w[k, 0] for k in rows) / len(rows) - 1) ** 2
    total += float(((means[1.0] - means[0.0]) ** 2).sum())
    assert balance(r, T, omega).item() == pytest.approx(total, rel=1e-12)


def test_orthogonality_is_zero_for_sums_of_one_on_separate_inputs_only():
    assert float(orthogonality(*torch.eye(3))) == 0.0
    rng = np.random.default_rng(1)
    w = rng.random((3, 5))
    slow = sum(w[a, k] * w[b, k] for k in range(5) for a, b in ((0, 1), (0, 2), (1, 2)))
    slow += sum((w[a].sum() - 1) ** 2 for a in range(3))
    assert float(orthogonality(*torch.tensor(w))) == pytest.approx(slow, rel=1e-12)


def test_losses_have_the_gradients_of_finite_differences(parts):
    r, T, high, omega = parts
    assert torch.autograd.gradcheck(lambda a, w: outcome_gap(a, T, high, w), (r, omega))
    assert torch.autograd.gradcheck(lambda a, w: balance(a, T, w), (r, omega))
    w = torch.rand(3, 4, dtype=torch.float64, generator=make_generator(0), requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: orthogonality(*v), (w,))


def test_a_batch_without_an_arm_or_without_high_outcomes_has_finite_losses(parts):
    r, T, high, omega = parts
    for value in (balance(r, torch.zeros_like(T), omega), outcome_gap(r, torch.ones_like(T), 0 * high, omega)):
        assert torch.isfinite(value)


def test_contributions_are_mean_absolute_slopes_where_activations_do_nothing():
    representation = Representation(4, (5, 6), normalise=False, init="xavier", generator=make_generator(0))
    X = torch.zeros(1, 4)
    first, second = representation.weights()
    slopes = torch.stack([(second @ first @ column) for column in torch.eye(4)])
    assert torch.allclose(contributions(representation), slopes.abs().mean(dim=1))
    # ELU is the identity to first order at 0, and the biases are 0 there.
    jacobian = torch.autograd.functional.jacobian(lambda x: representation(x)[0], X)[:, 0]
    assert torch.allclose(contributions(representation), jacobian.abs().mean(dim=0), atol=1e-6)


def test_row_weights_begin_at_one_and_only_their_own_turn_moves_them():
    assert torch.allclose(RowWeights(5)(torch.arange(5)[:, None]), torch.ones(5, 1))
    study, _ = confounded(n=200)
    options, sample = sampled(yg.DeRCFR(**SMALL), study)
    network = Decomposed(options, sample)
    batch = {
        **sample.training,
        "high": (sample.training["Y"] > 0).float(),
        "row": torch.arange(len(sample.training["Y"]))[:, None],
    }
    sum(network.losses(batch).values()).backward()
    assert network.row_weights.raw.grad is None
    assert network.instruments.layers[0].weight.grad.abs().max() > 0
    network.zero_grad()
    sum(network.weight_losses(batch).values()).backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {"row_weights.raw"}
    first, second = network.phases()
    own = {id(p) for group in second.optimiser.param_groups for p in group["params"]}
    others = {id(p) for group in first.optimiser.param_groups for p in group["params"]}
    assert own == {id(network.row_weights.raw)}
    assert own | others == {id(p) for p in network.parameters()}
    assert not own & others


def test_row_weights_stay_positive_however_long_they_are_pushed():
    study, _ = confounded(n=150)
    learner = yg.DeRCFR(**SMALL | {"learning_rate": 0.05, "epochs": 60}, balance_strength=0.0, folds=None).fit(study)
    network = learner.curves_.network
    omega = network.row_weights(torch.arange(len(network.row_weights.raw))[:, None])
    assert omega.min() > 0
    assert omega.std() > 0.01


def test_effects_are_found_where_a_plain_comparison_is_far_off():
    study, truth = confounded()
    learner = yg.DeRCFR(**SMALL).fit(study)
    assert plain_difference(study) - truth.mean() > 1.0
    assert learner.result_.estimate == pytest.approx(truth.mean(), abs=0.2)
    assert np.sqrt(np.mean((learner.effects_ - truth) ** 2)) < 0.35


def test_each_representation_leans_on_its_own_covariate_where_the_adjusters_weigh_enough():
    """With the published strength of 0.1 the first to learn the outcome takes the confounder and keeps it."""
    study, _ = confounded()
    published = {"normalise": False, "weighted": False, "first_weights": "xavier", "batch_size": 256}
    longer = SMALL | published | {"epochs": 600, "look_every": 600}
    found = yg.DeRCFR(**longer, adjuster_strength=1.0, folds=None).fit(study).contributions_
    assert list(found) == ["instrument", "confounder", "adjuster"]
    assert all(list(by_covariate) == ["i", "c", "a"] for by_covariate in found.values())
    own = {"instrument": "i", "confounder": "c", "adjuster": "a"}
    for role, by_covariate in found.items():
        assert max(by_covariate, key=by_covariate.get) == own[role]
        assert by_covariate[own[role]] > 0.7 * sum(by_covariate.values())


def test_high_outcomes_of_two_values_are_the_ones():
    study, _ = confounded(n=300, chances=True)
    options, _ = sampled(yg.DeRCFR(**SMALL | {"epochs": 5}), study)
    curves = train(options, study.Y, study.T, study.X, binary=True, rng=np.random.default_rng(0))
    m0, m1 = curves(study.X * 10)
    assert min(m0.min(), m1.min()) > 0
    assert max(m0.max(), m1.max()) < 1


@pytest.mark.parametrize("bad", [{"instrument_strength": -1}, {"first_weights": "zero"}])
def test_options_out_of_range_are_refused(bad):
    with pytest.raises(yg.DataError, match=next(iter(bad))):
        yg.DeRCFR(**bad).fit(confounded(n=100)[0])
