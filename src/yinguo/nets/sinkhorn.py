r"""Entropic optimal transport between two samples: how far apart are they, and where does the mass go?

With cost C, weights a and b of the two samples and entropy :math:`\varepsilon` the plan is

.. math:: P = \arg\min_{P \ge 0} \langle P, C \rangle + \varepsilon\, \mathrm{KL}(P \mid a b^\top)
   \quad\text{subject to}\quad P 1 = a,\; P^\top 1 = b,

found by scaling the rows and columns of :math:`\exp(-C/\varepsilon)` in turn. If the two conditions are prices
:math:`\kappa\,\mathrm{KL}(P 1 \mid a)` and :math:`\kappa\,\mathrm{KL}(P^\top 1 \mid b)` instead, points without a
counterpart may stay behind: each scaling is then raised to the power :math:`\kappa / (\kappa + \varepsilon)`.

Programmes in use differ in the cost, in what the entropy is relative to, in what is reported and in where the gradient
goes; a strength tuned with one means nothing with another. They are options here, and :data:`VARIANTS` names the usual
sets of them.

Source: Cuturi (2013), NeurIPS; Cuturi & Doucet (2014), ICML, for the spare point; Feydy, Séjourné, Vialard, Amari,
Trouvé & Peyré (2019), AISTATS, for the debiased divergence; Chizat, Peyré, Schmitzer & Vialard (2018), Mathematics of
Computation 87, for unequal mass.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from yinguo.nets import nn, torch

__all__ = ["VARIANTS", "distances", "sinkhorn"]

#: Options of :func:`sinkhorn` by the programme or paper that made them usual. ``cfrnet`` is that of counterfactual
#: regression and CB-IV, ``geomloss`` the debiased divergence with p = 2 and blur 0.05, ``autodiff`` SinkhornAutoDiff,
#: ``escfr`` the relaxed transport of ESCFR (its entropy and price are tuned).
VARIANTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "cfrnet": {"cost": "distance", "entropy": 0.1, "relative": True, "spare": 0.5, "floor": 1e-6, "iterations": 10},
        "geomloss": {
            "cost": "half-squared", "entropy": 0.05**2, "anneal": 0.25, "debias": True, "entropic": True,
            "iterations": 200, "tolerance": 1e-4, "gradient": "cost",
        },
        "autodiff": {"cost": "squared", "entropy": 0.1, "iterations": 100, "tolerance": 0.1},
        "escfr": {
            "cost": "squared", "entropy": 0.1, "price": 1.0, "iterations": 100, "tolerance": 1e-4, "gradient": "cost",
        },
    }
)  # fmt: skip


def distances(a: torch.Tensor, b: torch.Tensor, cost: str = "distance") -> torch.Tensor:
    """(n, k) and (m, k) points to the (n, m) costs between them.

    Parameters
    ----------
    a, b : (n, k) and (m, k) tensors
    cost : {"distance", "squared", "half-squared"}
        Euclidean distance, its square, or half its square.
    """
    if cost not in ("distance", "squared", "half-squared"):
        raise ValueError(f"cost is {cost!r}; it must be 'distance', 'squared' or 'half-squared'")
    if cost == "distance":
        return _Distances.apply(a, b)
    square = _squares(a, b)
    return square if cost == "squared" else square / 2


def _squares(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_min(0)


class _Distances(torch.autograd.Function):
    """Euclidean distances, of 1e-5 at least: there the root has no gradient. Backward takes a third of the recorded."""

    @staticmethod
    def forward(ctx, a, b):
        D = _squares(a, b).clamp_min_(1e-10).sqrt_()
        ctx.save_for_backward(a, b, D)
        return D

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, G):
        a, b, D = ctx.saved_tensors
        W = torch.where(D > 1e-5, G / D, 0.0)
        to_a = torch.addmm(W.sum(1)[:, None] * a, W, b, alpha=-1)
        to_b = torch.addmm(W.sum(0)[:, None] * b, W.T, a, alpha=-1)
        return to_a, to_b


def sinkhorn(
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    cost: str | torch.Tensor = "distance",
    entropy: float = 0.1,
    relative: bool = False,
    iterations: int = 100,
    tolerance: float | None = None,
    spare: float | None = None,
    floor: float = 0.0,
    price: float | None = None,
    anneal: float | None = None,
    debias: bool = False,
    entropic: bool = False,
    gradient: str = "plan",
) -> torch.Tensor:
    r"""Cost of moving one sample onto another under the best blurred plan; a scalar.

    **Shape**: (n, k) and (m, k) to (). Where a sample is empty, as a mini-batch without treated units is, there is
    nothing to compare and the result is 0.

    Parameters
    ----------
    a, b : (n, k) and (m, k) tensors
        The points, all of one sample with the same weight.
    cost : {"distance", "squared", "half-squared"} or (n, m) tensor
        Cost of moving one unit of mass from a point of ``a`` to a point of ``b``. A tensor brings costs of your own.
    entropy : float
        :math:`\varepsilon`, in the unit of the cost.
    relative : bool
        Multiply ``entropy`` by the mean cost, which is held constant in the gradient.
    iterations : int
        At most so many scalings of rows and columns.
    tolerance : float, optional
        Stop when the row potentials, in the unit of the cost, change by less than this in sum.
    spare : float in (0, 1), optional
        p: the points of ``a`` share the mass p, those of ``b`` the mass 1 - p, and each sample gets a spare point that
        takes what the other has more. It costs as much as the dearest move; spare to spare is free. The cost is
        doubled, so that its scale is that of mass 1.
    floor : float
        Added to every entry of exp(-C / entropy).
    price : float, optional
        :math:`\kappa`: leave the weights of the points free at this price. None keeps them.
    anneal : float in (0, 1), optional
        Begin at the largest cost as entropy and multiply by this after each scaling until ``entropy`` is reached;
        saves scalings where ``entropy`` is small.
    debias : bool
        Subtract half of each sample's cost of moving onto itself: 0 for equal samples. Needs costs by name.
    entropic : bool
        Report the whole objective, entropy and prices included, and not the cost of the plan alone.
    gradient : {"plan", "cost"}
        Through the scalings and so through the plan, or through the costs only, with the plan held constant. For the
        whole objective of scalings that have settled the two agree.
    """
    if gradient not in ("plan", "cost"):
        raise ValueError(f"gradient is {gradient!r}; it must be 'plan' or 'cost'")
    if len(a) == 0 or len(b) == 0:
        return a.sum() * 0.0 + b.sum() * 0.0
    C = distances(a, b, cost) if isinstance(cost, str) else cost
    eps = float(entropy * C.detach().mean()) if relative else float(entropy)
    eps = max(eps, 1e-12)

    def transport(C: torch.Tensor) -> torch.Tensor:
        mass_a, mass_b = C.new_full((C.shape[0],), 1 / C.shape[0]), C.new_full((C.shape[1],), 1 / C.shape[1])
        if spare is not None:
            C = _with_spare_points(C)
            mass_a = torch.cat([spare * mass_a, mass_a.new_full((1,), 1 - spare)])
            mass_b = torch.cat([(1 - spare) * mass_b, mass_b.new_full((1,), spare)])
        fixed = C.detach() if gradient == "cost" else C
        # With a floor no entry of the kernel can vanish, so plain products do; without one only logarithms are safe.
        solve = _products if floor > 0 and anneal is None else _logarithms
        P = solve(fixed, mass_a, mass_b, eps, floor, iterations, tolerance, price, anneal)
        value = (P * C).sum()
        if entropic:
            value = value + eps * _divergence(P, mass_a[:, None] * mass_b)
            if price is not None:
                value = value + price * (_divergence(P.sum(1), mass_a) + _divergence(P.sum(0), mass_b))
        return value if spare is None else 2 * value

    if not debias:
        return transport(C)
    if not isinstance(cost, str):
        raise ValueError("debias needs the costs within each sample; give cost as a name")
    own = transport(distances(a, a, cost)) + transport(distances(b, b, cost))
    return transport(C) - own / 2


def _with_spare_points(C: torch.Tensor) -> torch.Tensor:
    bordered = nn.functional.pad(C, (0, 1, 0, 1), value=float(C.detach().max()))
    bordered[-1, -1] = 0.0
    return bordered


def _products(C, mass_a, mass_b, eps, floor, iterations, tolerance, price, _anneal) -> torch.Tensor:
    """The plan by scalings of the kernel itself."""
    power = 1.0 if price is None else price / (price + eps)
    return _Scalings.apply(C, mass_a, mass_b, eps, floor, power, iterations, tolerance)


class _Scalings(torch.autograd.Function):
    r"""The plan :math:`P_{ij} = a_i u_i K_{ij} b_j v_j`, and its gradient by the scalings read backwards.

    A scaling is one product and so is the step back through it; what they owe to the kernel is summed in one product
    at the end. Recorded operation by operation the same takes two to three times as long.
    """

    @staticmethod
    def forward(ctx, C, mass_a, mass_b, eps, floor, power, iterations, tolerance):
        fall = (C * (-1 / eps)).exp_()
        K = fall + floor
        down, across = (mass_a[:, None] * K).T, K * mass_b

        def scaled(total: torch.Tensor) -> torch.Tensor:
            return total.reciprocal_() if power == 1 else total.pow_(-power)

        us, vs = [torch.ones_like(mass_a)], []
        for _ in range(iterations):
            vs.append(scaled(torch.mv(down, us[-1])))
            us.append(scaled(torch.mv(across, vs[-1])))
            if tolerance is not None and eps * float((us[-1] / us[-2]).log().abs().sum()) < tolerance:
                break
        vs.append(scaled(torch.mv(down, us[-1])))
        ctx.save_for_backward(fall, down, across, mass_a, mass_b, torch.stack(us), torch.stack(vs))
        ctx.eps, ctx.power = eps, power
        return us[-1][:, None] * down.T * (mass_b * vs[-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, G):
        fall, down, across, mass_a, mass_b, us, vs = ctx.saved_tensors
        back_down, back_across = down.T, across.T
        # v = s ** -power, so dv/ds = -power * v ** (1 + 1 / power).
        slopes_u, slopes_v = ((-ctx.power * w ** (1 + 1 / ctx.power)).unbind() for w in (us, vs))
        to_v = mass_b * torch.mv(G.T * down, us[-1])
        from_v = [slopes_v[-1] * to_v]
        to_u = mass_a * torch.mv(G * across, vs[-1]) + torch.mv(back_down, from_v[0])
        from_u = []
        for slope_u, slope_v in zip(slopes_u[:0:-1], slopes_v[-2::-1], strict=True):
            from_u.append(slope_u * to_u)
            from_v.append(slope_v * torch.mv(back_across, from_u[-1]))
            to_u = torch.mv(back_down, from_v[-1])
        weighed_u, weighed_v = mass_a * us, mass_b * vs
        to_K = weighed_u[-1][:, None] * G * weighed_v[-1]
        to_K.addmm_(weighed_u.T, torch.stack(from_v[::-1]))
        if from_u:
            to_K.addmm_(torch.stack(from_u[::-1]).T, weighed_v[:-1])
        return to_K.mul_(fall).mul_(-1 / ctx.eps), *(None,) * 7


def _logarithms(C, mass_a, mass_b, eps, floor, iterations, tolerance, price, anneal) -> torch.Tensor:
    """The same in logarithms, with the entropy coming down step by step if asked for."""
    log_a, log_b = mass_a.log(), mass_b.log()
    f = torch.zeros_like(mass_a)
    now = eps if anneal is None else max(eps, float(C.detach().max()))

    def scaled(potential: torch.Tensor, weights: torch.Tensor, log_K: torch.Tensor, axis: int) -> torch.Tensor:
        shape = (-1, 1) if axis == 0 else (1, -1)
        soft = -now * torch.logsumexp(log_K + (potential / now + weights).reshape(shape), dim=axis)
        return soft if price is None else soft * (price / (price + now))

    log_K = _log_kernel(C, now, floor)
    for _ in range(iterations):
        last = f
        f = scaled(scaled(f, log_a, log_K, 0), log_b, log_K, 1)
        if now > eps:
            now = max(eps, now * anneal)
            log_K = _log_kernel(C, now, floor)
        elif tolerance is not None and float((f - last).abs().sum().detach()) < tolerance:
            break
    if now > eps:
        now = eps
        log_K = _log_kernel(C, now, floor)
    g = scaled(f, log_a, log_K, 0)
    return torch.exp(log_K + (f / now + log_a)[:, None] + g / now + log_b)


def _log_kernel(C: torch.Tensor, eps: float, floor: float) -> torch.Tensor:
    log_K = -C / eps
    return log_K if floor == 0 else torch.logaddexp(log_K, log_K.new_tensor(math.log(floor)))


def _divergence(P: torch.Tensor, Q: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of two masses that need not be equal."""
    # Entries too small for the number format would have a gradient of 0 times infinity.
    return (P * (P / Q).clamp_min(1e-30).log() - P + Q).sum()
