"""ESCFR: limits of its transport, outliers, the cost of outcomes, truth."""

import numpy as np
import pytest
from bent_outcomes import SMALL, bent, naive_error, off

import yinguo as yg
from yinguo.heterogeneity.networks.escfr import outcome_costs
from yinguo.nets import torch
from yinguo.nets.blocks import make_generator, tensor
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn


def clouds(n: int = 12, m: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.randn(n + m, 2, generator=make_generator(0)).double()
    return draw[:n], draw[n:] + 0.3


def relaxed(a, b, **options):
    return sinkhorn(a, b, **VARIANTS["escfr"] | {"iterations": 2000, "tolerance": 1e-10} | options)


def test_at_a_high_price_and_without_outcomes_it_is_balanced_transport():
    a, b = clouds()
    assert float(relaxed(a, b, price=1e7)) == pytest.approx(float(relaxed(a, b, price=None)), rel=1e-5)


@pytest.mark.parametrize("entropy", [0.1, 0.01, 0.001])
def test_at_no_price_nothing_moves_but_what_the_entropy_blurs(entropy):
    """The plan is then exp(-D / entropy) times equal weights, whose cost is at most entropy / e."""
    a, b = clouds()
    assert 0 <= float(relaxed(a, b, price=1e-9, entropy=entropy)) <= entropy / np.e + 1e-9


def test_how_far_out_an_outlier_is_does_not_move_the_slopes_of_the_others():
    def slopes(far: float, price: float | None) -> torch.Tensor:
        a, b = clouds()
        a[0] = torch.tensor([far, 0.0])
        a.requires_grad_(True)
        relaxed(a, b, price=price).backward()
        return a.grad[1:]

    assert torch.allclose(slopes(30.0, 1.0), slopes(3000.0, 1.0), atol=1e-8)
    b_slopes = []
    for far in (30.0, 3000.0):
        a, b = clouds()
        a[0] = torch.tensor([far, 0.0])
        b.requires_grad_(True)
        relaxed(a, b, price=None, iterations=50).backward()
        b_slopes.append(b.grad.abs().max())
    assert b_slopes[1] > 50 * b_slopes[0]


def test_costs_of_outcomes_are_those_of_a_loop_over_pairs():
    Y1, m0, Y0, m1 = (torch.randn(k, 1, generator=make_generator(k)).double() for k in (3, 3, 4, 4))
    found = outcome_costs(Y1=Y1, Y0=Y0, m0_treated=m0, m1_control=m1)
    for i in range(3):
        for j in range(4):
            assert float(found[i, j]) == pytest.approx(float((m0[i] - Y0[j]) ** 2 + (m1[j] - Y1[i]) ** 2))


def test_the_balance_term_of_the_network_is_that_of_finite_differences_with_the_plan_held():
    study, _ = bent(60)
    network = yg.ESCFR(**SMALL | {"epochs": 20}).fit(study).curves_.network.double()
    batch = {"X": tensor(study.X).double(), "T": tensor(study.T).double(), "Y": tensor(study.Y).double()}
    network.zero_grad()
    parts = network.losses(batch)
    parts["balance"].backward()
    outcome = parts["outcome"].item()
    bias = network.curve.heads[0][-1].bias
    seen = float(bias.grad)
    treated = study.T == 1
    with torch.no_grad():
        r = network.curve.represent(batch["X"])

        def cost(step: float) -> torch.Tensor:
            m0, m1 = network.curve.arms_of(r)
            square = (r[treated][:, None] - r[~treated][None]).square().sum(2)
            return square + outcome_costs(
                Y1=batch["Y"][treated], Y0=batch["Y"][~treated], m0_treated=m0[treated] + step, m1_control=m1[~treated]
            )

    held = cost(0.0).detach().clone().requires_grad_(True)
    sinkhorn(r[treated], r[~treated], **VARIANTS["escfr"] | {"cost": held}).backward()
    expected = 0.3 * outcome * float((held.grad * (cost(1e-6) - cost(-1e-6)).detach()).sum()) / 2e-6
    assert seen == pytest.approx(expected, rel=1e-4)


def test_unit_effects_are_found_where_means_mislead():
    study, truth = bent()
    learner = yg.ESCFR(**SMALL | {"epochs": 250}, balance_strength=0.1).fit(study)
    assert naive_error(study, truth) > 0.8
    assert off(learner.effects_, truth) < 0.45


def test_at_strength_zero_it_learns_what_tarnet_learns():
    """Each head sees all rows here and those of its arm there: the same sums in another order."""
    study, _ = bent(300)
    options = SMALL | {"epochs": 10}
    tarnet = yg.TARNet(**options).fit(study).effects_
    escfr = yg.ESCFR(**options, balance_strength=0.0).fit(study).effects_
    assert escfr == pytest.approx(tarnet, abs=1e-3)


@pytest.mark.parametrize(
    "options", [{"entropy": 0.0}, {"price": 0.0}, {"balance_strength": -1.0}, {"outcome_cost": -1.0}]
)
def test_options_out_of_range_are_refused(options):
    study, _ = bent(50)
    with pytest.raises(yg.DataError, match=next(iter(options))):
        yg.ESCFR(**options).fit(study)
