"""TEDVAE: its evidence bound against torch's distributions, its predictions, the truth under confounding."""

import numpy as np
import pytest
from decomposition_toys import confounded, plain_difference, sampled

import yinguo as yg
from yinguo.heterogeneity.networks.tedvae import Factors, kl_to_standard, log_bernoulli, log_normal
from yinguo.nets import nn, torch

laws = torch.distributions
SMALL = {
    "hidden": (32, 32), "treatment_factors": 2, "shared_factors": 3, "outcome_factors": 2, "epochs": 150,
    "batch_size": 200, "learning_rate": 3e-3,
}  # fmt: skip


def test_divergence_and_densities_are_those_of_torch():
    generator = torch.Generator().manual_seed(0)
    mean, values = torch.randn(2, 6, 4, generator=generator)
    sd = torch.rand(6, 4, generator=generator) + 0.1
    q, p = laws.Normal(mean, sd), laws.Normal(torch.zeros(6, 4), torch.ones(6, 4))
    assert torch.allclose(kl_to_standard(mean, sd), laws.kl_divergence(q, p).sum(1), rtol=1e-5)
    assert torch.allclose(log_normal(values, mean, sd), q.log_prob(values).sum(1), rtol=1e-5)
    marks = (values > 0).float()
    assert torch.allclose(log_bernoulli(marks, mean), laws.Bernoulli(logits=mean).log_prob(marks).sum(1), rtol=1e-5)


def with_marks(n: int = 120, *, chances: bool = False) -> yg.Study:
    """Two measured columns, a mark coded 1 and 2, a constant."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(n, 2)), 1.0 + (rng.random(n) < 0.1), np.full(n, 7.0)])
    T = (rng.random(n) < 0.5).astype(float)
    Y = X[:, 0] + T + rng.normal(size=n)
    return yg.Study.from_arrays(X, T, (Y > 0).astype(float) if chances else Y)


@pytest.mark.parametrize("chances", [False, True])
def test_the_objective_is_the_evidence_bound_with_predictions_written_out(chances):
    study = with_marks(chances=chances)
    options, sample = sampled(yg.TEDVAE(**SMALL, treatment_strength=3.0, outcome_strength=5.0), study)
    network, batch = Factors(options, sample), sample.training
    assert network.marks.tolist() == [2]
    assert network.measured.tolist() == [0, 1]
    n = len(batch["X"])
    noise = torch.randn(n, 7, generator=torch.Generator().manual_seed(1))
    total = 0.0
    with torch.no_grad():
        found = sum(float(v) for v in network._parts(batch, noise).values())
        for i in range(n):
            x, t, y = (batch[name][i : i + 1] for name in "XTY")
            mean, sd = (torch.cat([e(x)[k] for e in network.encoders], dim=1) for k in (0, 1))
            q, prior = laws.Normal(mean, sd), laws.Normal(0.0, 1.0)
            z = mean + sd * noise[i]
            z_t, z_c, z_y = z[:, :2], z[:, 2:5], z[:, 5:]
            likelihood = laws.Normal(*network.measured_law(torch.cat([z_t, z_c, z_y], 1))).log_prob(x[:, :2]).sum()
            likelihood += laws.Bernoulli(logits=network.marks_logits(z)).log_prob(x[:, 2:3]).sum()
            likelihood += laws.Bernoulli(logits=network.treatment(torch.cat([z_t, z_c], 1))).log_prob(t).sum()
            checks = 3 * laws.Bernoulli(logits=network.treatment_check(torch.cat([z_t, z_c], 1))).log_prob(t).sum()
            for part, strength in ((network.outcome, 1), (network.outcome_check, 5)):
                out = part.arms[int(t)](part.trunk(torch.cat([z_c, z_y], 1)))
                law = (
                    laws.Bernoulli(logits=out)
                    if chances
                    else laws.Normal(out[:, :1], nn.functional.softplus(out[:, 1:]) + 1e-3)
                )
                checks = checks + strength * law.log_prob(y).sum()
            total -= float(likelihood + checks - laws.kl_divergence(q, prior).sum())
    assert found == pytest.approx(total / n, rel=1e-4)


def test_effects_are_found_where_a_plain_comparison_is_far_off():
    study, truth = confounded()
    learner = yg.TEDVAE(**SMALL).fit(study)
    assert plain_difference(study) - truth.mean() > 1.0
    assert learner.result_.estimate == pytest.approx(truth.mean(), abs=0.25)
    assert abs(learner.result_.estimate - truth.mean()) < 4 * learner.result_.se
    assert np.sqrt(np.mean((learner.effects_ - truth) ** 2)) < 0.45


def test_what_is_predicted_for_a_unit_depends_neither_on_company_nor_on_repetition():
    study = with_marks()
    learner = yg.TEDVAE(**SMALL | {"epochs": 3}, folds=None).fit(study)
    effects = learner.effect(study.X)
    assert np.array_equal(effects, learner.effect(study.X))
    assert learner.effect(study.X[::-1])[::-1] == pytest.approx(effects, rel=1e-4, abs=1e-5)


def test_draws_come_in_pairs_so_that_what_is_linear_in_the_factors_is_exact():
    study = with_marks()
    options, sample = sampled(yg.TEDVAE(**SMALL, draws=2), study)
    network = Factors(options, sample)
    assert torch.equal(network.draws[:2], -network.draws[2:])
    linear = nn.Linear(5, 2)
    network.outcome.forward = lambda factors: linear(factors)
    X = sample.training["X"]
    mean = torch.cat([encoder(X)[0] for encoder in network.encoders[1:]], dim=1)
    assert torch.allclose(network(X), linear(mean), atol=1e-5)


def test_a_rare_mark_is_given_a_chance_below_one_half():
    """The authors' programme cannot: its logits are kept from falling below 0."""
    study = with_marks(n=400)
    learner = yg.TEDVAE(**SMALL | {"epochs": 60}, folds=None).fit(study)
    network = learner.curves_.network
    with torch.no_grad():
        z = torch.zeros(1, 7)
        assert torch.sigmoid(network.marks_logits(z)).item() < 0.3


def test_an_outcome_of_two_values_is_a_chance():
    study = with_marks(chances=True)
    learner = yg.TEDVAE(**SMALL | {"epochs": 3}, folds=None).fit(study)
    m = learner.predict(study.X, 1.0)
    assert m.min() > 0
    assert m.max() < 1


@pytest.mark.parametrize(
    "bad",
    [{"draws": 0}, {"shared_factors": 0}, {"outcome_strength": -1.0}, {"final_rate": 0.0}, {"hidden": ()}],
)
def test_options_out_of_range_are_refused(bad):
    with pytest.raises(yg.DataError, match=next(iter(bad))):
        yg.TEDVAE(**bad).fit(with_marks())
