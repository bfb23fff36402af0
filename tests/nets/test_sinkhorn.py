"""Blurred transport against loops, linear programmes and closed forms."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog

from yinguo.nets import torch
from yinguo.nets.sinkhorn import VARIANTS, distances, sinkhorn

torch64 = {"dtype": torch.float64}


def points(n: int, m: int, k: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return torch.as_tensor(rng.normal(size=(n, k))), torch.as_tensor(rng.normal(0.7, 1.2, size=(m, k)))


def cfrnet_by_loops(a: np.ndarray, b: np.ndarray, p: float, its: int = 10) -> float:
    """The dummy-point distance entry by entry, for rows of a (treated) and b."""
    n, m = len(a), len(b)
    M = np.zeros((n + 1, m + 1))
    for i in range(n):
        for j in range(m):
            M[i, j] = np.sqrt(max(((a[i] - b[j]) ** 2).sum(), 1e-10))
    lam, delta = 10 / M[:n, :m].mean(), M.max()
    M[n, :m], M[:n, m] = delta, delta
    wa, wb = np.append(np.full(n, p / n), 1 - p), np.append(np.full(m, (1 - p) / m), p)
    K = np.exp(-lam * M) + 1e-6
    u = wa.copy()
    for _ in range(its):
        v = np.array([wb[j] / sum(u[i] * K[i, j] for i in range(n + 1)) for j in range(m + 1)])
        u = np.array([wa[i] / sum(K[i, j] * v[j] for j in range(m + 1)) for i in range(n + 1)])
    v = np.array([wb[j] / sum(u[i] * K[i, j] for i in range(n + 1)) for j in range(m + 1)])
    return 2 * sum(u[i] * K[i, j] * v[j] * M[i, j] for i in range(n + 1) for j in range(m + 1))


def slopes(function, x: torch.Tensor, step: float = 1e-6) -> np.ndarray:
    """Central differences of a scalar function of a table."""
    out = np.zeros(tuple(x.shape))
    for i in np.ndindex(*x.shape):
        high, low = x.clone(), x.clone()
        high[i] += step
        low[i] -= step
        out[i] = (float(function(high)) - float(function(low))) / (2 * step)
    return out


def gradient_of(function, x: torch.Tensor) -> np.ndarray:
    x = x.clone().requires_grad_(True)
    function(x).backward()
    return x.grad.numpy()


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_the_cfrnet_variant_is_the_distance_with_a_spare_point_worked_out_by_loops(share):
    a, b = points(7, 5)
    options = VARIANTS["cfrnet"] | {"spare": share}
    assert float(sinkhorn(a, b, **options)) == pytest.approx(cfrnet_by_loops(a.numpy(), b.numpy(), share), rel=1e-9)


@pytest.mark.parametrize("price", [None, 2.0])
@pytest.mark.parametrize("iterations", [0, 1, 7])
def test_products_and_logarithms_give_the_same_plan_and_the_same_gradient(price, iterations):
    """The gradient of the first is worked out by hand, that of the second recorded."""
    a, b = points(6, 8)
    options = {"entropy": 0.5, "spare": 0.4, "price": price, "iterations": iterations}
    plain, logs = (lambda x, f=floor: sinkhorn(x, b, floor=f, **options) for floor in (1e-12, 0.0))
    assert float(plain(a)) == pytest.approx(float(logs(a)), rel=1e-8)
    assert gradient_of(plain, a) == pytest.approx(gradient_of(logs, a), abs=1e-9)


def test_with_little_entropy_the_cost_is_that_of_the_best_plan_of_a_linear_programme():
    a, b = points(6, 4)
    C = distances(a, b).numpy()
    rows, columns = np.kron(np.eye(6), np.ones(4)), np.kron(np.ones(6), np.eye(4))
    exact = linprog(C.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.r_[np.full(6, 1 / 6), np.full(4, 1 / 4)]).fun
    blurred = float(sinkhorn(a, b, entropy=2e-3, anneal=0.5, iterations=3000))
    assert blurred == pytest.approx(exact, rel=2e-3)
    assert float(sinkhorn(a, b, entropy=1.0)) > 1.1 * exact


def test_on_a_line_it_is_the_distance_of_the_sorted_values():
    a, b = points(40, 40, k=1)
    exact = stats.wasserstein_distance(a[:, 0].numpy(), b[:, 0].numpy())
    assert float(sinkhorn(a, b, entropy=1e-3, anneal=0.5, iterations=2000)) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("entropy", [0.05**2, 0.5])
def test_the_debiased_divergence_of_a_shifted_sample_is_half_the_squared_shift(entropy):
    """Under half squared costs a shift changes every plan's cost by the same amount, so entropy drops out."""
    a, _ = points(30, 1)
    shift = torch.tensor([0.6, -1.0], **torch64)
    options = VARIANTS["geomloss"] | {"entropy": entropy, "iterations": 2000, "tolerance": 1e-9}
    assert float(sinkhorn(a, a + shift, **options)) == pytest.approx(0.5 * (0.36 + 1.0), rel=2e-4)


def test_debiasing_gives_nothing_for_equal_samples_in_any_order_and_more_otherwise():
    a, b = points(20, 20)
    turned = a[torch.arange(19, -1, -1)]
    for name in ("geomloss", "autodiff", "cfrnet"):
        options = VARIANTS[name] | {"debias": True}
        assert float(sinkhorn(a, turned, **options)) == pytest.approx(0.0, abs=1e-4)
        assert float(sinkhorn(a, b, **options)) > 0.05
    assert float(sinkhorn(a, a, **VARIANTS["autodiff"])) > 0.01  # what debiasing takes away


def test_both_samples_may_change_places():
    a, b = points(9, 14)
    options = VARIANTS["geomloss"] | {"tolerance": 1e-10, "iterations": 3000}
    assert float(sinkhorn(a, b, **options)) == pytest.approx(float(sinkhorn(b, a, **options)), rel=1e-6)


@pytest.mark.parametrize("options", [
    {"entropy": 0.7, "iterations": 6},
    {"entropy": 0.7, "iterations": 6, "floor": 1e-6},
    {"cost": "squared", "entropy": 2.0, "iterations": 6, "entropic": True, "price": 1.5},
    {"cost": "half-squared", "entropy": 1.0, "iterations": 6, "debias": True},
], ids=["logarithms", "products", "objective", "debiased"])  # fmt: skip
def test_gradients_through_the_plan_are_those_of_finite_differences(options):
    a, b = points(5, 6)
    function = lambda x: sinkhorn(x, b, **options)  # noqa: E731
    assert gradient_of(function, a) == pytest.approx(slopes(function, a), abs=1e-6)


def test_a_plan_held_constant_weighs_the_slopes_of_the_costs():
    a, b = points(5, 6)
    options = {"cost": "squared", "entropy": 1.0, "iterations": 20}
    own = sinkhorn(a, b, **options)
    C = distances(a, b, "squared")
    plan = gradient_of(lambda c: sinkhorn(a, b, **options | {"cost": c, "gradient": "cost"}), C)
    assert float((torch.as_tensor(plan) * C).sum()) == pytest.approx(float(own), rel=1e-10)
    by_hand = 2 * (plan.sum(1)[:, None] * a.numpy() - plan @ b.numpy())
    held = gradient_of(lambda x: sinkhorn(x, b, gradient="cost", **options), a)
    assert held == pytest.approx(by_hand, abs=1e-10)
    assert not np.allclose(held, gradient_of(lambda x: sinkhorn(x, b, **options), a), atol=1e-3)


def test_for_the_whole_objective_at_rest_both_gradients_agree():
    a, b = points(5, 6)
    options = {"cost": "squared", "entropy": 1.0, "iterations": 500, "entropic": True, "price": 3.0}
    through, held = (gradient_of(lambda x, g=g: sinkhorn(x, b, gradient=g, **options), a) for g in ("plan", "cost"))
    assert held == pytest.approx(through, abs=1e-8)


def test_relaxed_transport_between_two_points_has_its_closed_form():
    a, b = torch.zeros(1, 1, **torch64), torch.full((1, 1), 1.3, **torch64)
    eps, kappa, cost = 0.4, 0.9, 1.69
    found = float(sinkhorn(a, b, cost="squared", entropy=eps, price=kappa, iterations=400))
    assert found == pytest.approx(cost * np.exp(-cost / (eps + 2 * kappa)), rel=1e-9)


def test_a_high_price_keeps_all_mass_and_a_low_one_lets_an_outlier_go():
    a, b = points(8, 8)
    options = {"cost": "squared", "entropy": 0.5, "iterations": 2000}
    assert float(sinkhorn(a, b, price=1e6, **options)) == pytest.approx(float(sinkhorn(a, b, **options)), rel=1e-3)
    for price, moved in ((1.0, False), (None, True)):
        pull = lambda x, price=price: sinkhorn(x, b, price=price, gradient="cost", **options)  # noqa: E731
        near, far = (gradient_of(pull, torch.cat([a[:1] + away, a[1:]]))[1:] for away in (20.0, -20.0))
        assert np.allclose(near, far, atol=1e-6) != moved


def test_scaling_stops_at_the_tolerance():
    a, b = points(30, 30)
    options = VARIANTS["autodiff"] | {"entropy": 1.0}
    early, late = sinkhorn(a, b, **options), sinkhorn(a, b, **options | {"tolerance": 1e-12, "iterations": 5000})
    assert float(early) != float(late)
    assert float(early) == pytest.approx(float(late), rel=0.02)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_empty_sample_costs_nothing_and_single_precision_stays_finite(variant):
    a, b = (x.float().requires_grad_(True) for x in points(20, 30, k=5))
    nothing = sinkhorn(a, b[:0], **VARIANTS[variant])
    nothing.backward()
    assert float(nothing.detach()) == 0.0
    assert float(a.grad.abs().max()) == 0.0
    for scale in (1e-6, 1.0, 30.0):
        a.grad = None
        sinkhorn(scale * a, scale * b, **VARIANTS[variant]).backward()
        assert bool(a.grad.isfinite().all())


def test_options_that_make_no_sense_are_refused():
    a, b = points(3, 3)
    with pytest.raises(ValueError, match="half-squared"):
        sinkhorn(a, b, cost="cosine")
    with pytest.raises(ValueError, match="gradient"):
        sinkhorn(a, b, gradient="all")
    with pytest.raises(ValueError, match="debias"):
        sinkhorn(a, b, cost=distances(a, b), debias=True)
