"""Discrepancy, dependence and information: against loops, closed forms and finite differences."""

import itertools

import numpy as np
import pytest

from yinguo.nets import torch
from yinguo.nets.blocks import make_generator
from yinguo.nets.club import ConditionalGaussian, similar_pairs
from yinguo.nets.hsic import hsic
from yinguo.nets.mmd import linear_discrepancy, mmd_linear, mmd_rbf


def table(n: int, k: int, seed: int) -> torch.Tensor:
    return torch.as_tensor(np.random.default_rng(seed).normal(size=(n, k)))


def slope_errors(function, x: torch.Tensor, step: float = 1e-6) -> float:
    """Largest difference between the gradient and central differences."""
    x = x.clone().requires_grad_(True)
    function(x).backward()
    worst = 0.0
    for i in np.ndindex(*x.shape):
        high, low = x.detach().clone(), x.detach().clone()
        high[i] += step
        low[i] -= step
        worst = max(worst, abs((float(function(high)) - float(function(low))) / (2 * step) - float(x.grad[i])))
    return worst


# -- discrepancy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_linear_discrepancy_is_the_distance_of_weighted_means(p):
    a, b = table(6, 3, 0), table(9, 3, 1)
    gap = 2 * p * a.numpy().mean(0) - 2 * (1 - p) * b.numpy().mean(0)
    assert float(mmd_linear(a, b, share=p)) == pytest.approx(gap @ gap)
    assert float(mmd_linear(a, b, share=p, root=True)) == pytest.approx((gap @ gap) ** 0.5)
    assert float(mmd_linear(a, a)) == 0.0


@pytest.mark.parametrize("p", [0.5, 0.2])
def test_kernel_discrepancy_is_that_of_loops_over_pairs(p):
    a, b = table(5, 2, 0).numpy(), table(4, 2, 1).numpy()
    k = lambda x, y: np.exp(-((x - y) ** 2).sum() / 0.9**2)  # noqa: E731
    aa = sum(k(a[i], a[j]) for i, j in itertools.permutations(range(5), 2)) / 20
    bb = sum(k(b[i], b[j]) for i, j in itertools.permutations(range(4), 2)) / 12
    ab = sum(k(x, y) for x in a for y in b) / 20
    expected = 4 * (p**2 * aa + (1 - p) ** 2 * bb - 2 * p * (1 - p) * ab)
    found = mmd_rbf(torch.as_tensor(a), torch.as_tensor(b), width=0.9, share=p)
    assert float(found) == pytest.approx(expected)
    assert float(mmd_rbf(torch.as_tensor(a), torch.as_tensor(b), width=0.9, share=p, root=True)) == pytest.approx(
        abs(expected) ** 0.5
    )


def test_kernel_discrepancy_has_no_bias_and_sees_a_difference_in_spread_that_means_do_not():
    same = [float(mmd_rbf(table(20, 2, s), table(30, 2, 1000 + s), width=1.0)) for s in range(300)]
    assert abs(np.mean(same)) < 4 * np.std(same) / 300**0.5
    assert min(same) < 0
    wide = [float(mmd_rbf(table(20, 2, s), 3 * table(30, 2, 1000 + s), width=1.0)) for s in range(100)]
    assert np.mean(wide) > 10 * np.std(same) / 10


def test_discrepancies_have_the_slopes_of_finite_differences_and_give_nothing_for_too_few_rows():
    a, b = table(5, 2, 0), table(4, 2, 1)
    for function in (mmd_linear, mmd_rbf):
        assert slope_errors(lambda x, f=function: f(x, b, share=0.4), a) < 1e-7
        assert slope_errors(lambda x, f=function: f(x, b, root=True), a) < 1e-7
        assert float(function(a, b[:0])) == 0.0
    assert float(mmd_rbf(a, b[:1])) == 0.0


# -- dependence ----------------------------------------------------------------------------------------


def test_dependence_is_the_trace_of_centred_kernels():
    a, b = table(7, 2, 0), table(7, 1, 1)
    H = np.eye(7) - 1 / 7
    K = np.exp(-((a.numpy()[:, None] - a.numpy()) ** 2).sum(-1) / (2 * 0.8**2))
    L = np.exp(-((b.numpy()[:, None] - b.numpy()) ** 2).sum(-1) / (2 * 1.3**2))
    assert float(hsic(a, b, width_a=0.8, width_b=1.3)) == pytest.approx(np.trace(K @ H @ L @ H) / 49)


def test_with_linear_kernels_it_is_the_squared_norm_of_the_covariance():
    a, b = table(30, 2, 0), table(30, 3, 1)
    covariance = (a - a.mean(0)).T @ (b - b.mean(0)) / 30
    assert float(hsic(a, b, kernel="linear")) == pytest.approx(float(covariance.square().sum()))


def test_the_estimate_without_bias_is_the_average_over_distinct_rows():
    a, b = table(6, 1, 0), table(6, 1, 1)
    K = np.exp(-((a.numpy() - a.numpy().T) ** 2) / 2)
    L = np.exp(-((b.numpy() - b.numpy().T) ** 2) / 2)
    pairs = np.mean([K[i, j] * L[i, j] for i, j in itertools.permutations(range(6), 2)])
    triples = np.mean([K[i, j] * L[i, q] for i, j, q in itertools.permutations(range(6), 3)])
    fours = np.mean([K[i, j] * L[q, r] for i, j, q, r in itertools.permutations(range(6), 4)])
    found = float(hsic(a, b, width_a=1.0, width_b=1.0, unbiased=True))
    assert found == pytest.approx(pairs - 2 * triples + fours)


def test_a_bent_dependence_is_seen_by_gaussian_kernels_only():
    a = table(300, 1, 0)
    bent, apart = a.square(), table(300, 1, 1)
    assert float(hsic(a, bent)) > 10 * float(hsic(a, apart))
    assert float(hsic(a, torch.sign(a) * a.abs(), kernel="linear")) > 50 * float(
        hsic(a, (a - a.mean()).square(), kernel="linear")
    )


def test_dependence_has_the_slopes_of_finite_differences_and_refuses_tables_of_unequal_length():
    a, b = table(6, 2, 0), table(6, 1, 1)
    for options in ({"width_a": 1.0}, {"width_a": 1.0, "unbiased": True}, {"kernel": "linear"}):
        assert slope_errors(lambda x, o=options: hsic(x, b, width_b=0.7, **o), a) < 1e-7
    with pytest.raises(ValueError, match="rows"):
        hsic(a, b[:3])
    with pytest.raises(ValueError, match="linear"):
        hsic(a, b, kernel="cubic")
    assert float(hsic(a[:3], b[:3], unbiased=True)) == 0.0


# -- information ---------------------------------------------------------------------------------------


def law(inputs: int, outputs: int, seed: int = 0) -> ConditionalGaussian:
    return ConditionalGaussian(inputs, outputs, hidden=16, generator=make_generator(seed)).double()


def test_likelihood_and_bound_are_those_of_loops():
    q, r, o = law(3, 2).requires_grad_(False), table(5, 3, 0), table(5, 2, 1)
    order, weights = torch.tensor([2, 0, 1, 4, 3]), torch.tensor([0.1, 0.2, 0.3, 0.4, 0.0], dtype=torch.float64)
    with torch.no_grad():
        mean, v = (x.numpy() for x in q(r))
    o_, likelihood, bound, weighted = o.numpy(), 0.0, 0.0, 0.0
    for i in range(5):
        own, other = (((value - mean[i]) ** 2 / np.exp(v[i])).sum() for value in (o_[i], o_[order[i]]))
        likelihood += (own + v[i].sum()) / 5
        bound += (other - own) / 5
        weighted += float(weights[i]) * (other - own)
    assert float(q.likelihood_loss(r, o)) == pytest.approx(likelihood)
    assert float(q.bound(r, o, order)) == pytest.approx(bound)
    assert float(q.bound(r, o, order, weights)) == pytest.approx(weighted)


def test_without_an_order_the_bound_is_the_mean_over_all_orders():
    q, r, o = law(2, 1).requires_grad_(False), table(4, 2, 0), table(4, 1, 1)
    every = [float(q.bound(r, o, torch.tensor(order))) for order in itertools.permutations(range(4))]
    assert float(q.bound(r, o)) == pytest.approx(np.mean(every))
    with pytest.raises(ValueError, match="order"):
        q.bound(r, o, weights=torch.ones(4))


def test_half_the_trained_bound_is_at_least_the_information_of_a_normal_pair_and_nothing_without_dependence():
    n, rho = 1000, 0.7
    rng = np.random.default_rng(0)
    r = rng.normal(size=(n, 1))
    o = rho * r + (1 - rho**2) ** 0.5 * rng.normal(size=(n, 1))
    information = -0.5 * np.log(1 - rho**2)
    for target, low, high in ((o, information, rho**2 / (1 - rho**2) * 1.25), (rng.normal(size=(n, 1)), -0.02, 0.05)):
        q, seen, wanted = law(1, 1), torch.as_tensor(r), torch.as_tensor(target)
        optimiser = torch.optim.Adam(q.parameters(), lr=0.02)
        for _ in range(200):
            optimiser.zero_grad()
            q.likelihood_loss(seen, wanted).backward()
            optimiser.step()
        assert low <= float(q.bound(seen, wanted).detach()) / 2 <= high


def test_the_bound_has_the_slopes_of_finite_differences():
    q, r, o = law(2, 1), table(5, 2, 0), table(5, 1, 1)
    assert slope_errors(lambda x: q.bound(x, o, torch.tensor([1, 2, 3, 4, 0])), r) < 1e-7
    assert slope_errors(lambda x: q.likelihood_loss(x, o), r) < 1e-7


def test_pairs_weigh_by_likeness_softly_or_by_the_kernel_itself():
    x = torch.tensor([[0.0], [0.05], [3.0], [3.0]], dtype=torch.float64)
    order = torch.tensor([1, 2, 3, 0])
    k = np.exp(-(np.array([0.05, 2.95, 0.0, 3.0]) ** 2) / (2 * 0.1**2))
    assert similar_pairs(x, order, soft=False).numpy() == pytest.approx(k / k.sum())
    soft = similar_pairs(x, order).numpy()
    assert soft == pytest.approx(np.exp(k) / np.exp(k).sum())
    assert soft.max() / soft.min() <= np.e


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_the_linear_discrepancy_is_the_largest_eigenvalue_of_a_difference_of_second_moments(share):
    """Factual pairs are (x, t), counterfactual ones (x, 1 - t); the treatment is coded with a column of 1 - t."""
    a, b = table(7, 3, 0).numpy(), table(5, 3, 1).numpy() + 1
    pairs = lambda t1, t0: np.concatenate([  # noqa: E731
        np.column_stack([a, np.full((7, 1), t1)]), np.column_stack([b, np.full((5, 1), t0)])
    ])  # fmt: skip
    w = np.concatenate([np.full(7, share / 7), np.full(5, (1 - share) / 5)])
    seen, other = pairs(1.0, 0.0), pairs(0.0, 1.0)
    difference = (seen * w[:, None]).T @ seen - (other * w[:, None]).T @ other
    largest = np.abs(np.linalg.eigvalsh(difference)).max()
    assert float(linear_discrepancy(torch.as_tensor(a), torch.as_tensor(b), share=share)) == pytest.approx(largest)


def test_the_slopes_of_the_linear_discrepancy_are_those_of_finite_differences():
    b = table(5, 3, 1) + 1
    assert slope_errors(lambda a: linear_discrepancy(a, b, share=0.3), table(7, 3, 0)) < 1e-8
    assert float(linear_discrepancy(b[:0], b)) == 0.0
