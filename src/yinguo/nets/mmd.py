r"""Maximum mean discrepancy: how much do the means of two samples differ, in a space of features?

With p the share given to the first sample, n and m points,

.. math:: \|2p\,\bar a - 2(1-p)\,\bar b\|^2
   \quad\text{and}\quad
   4\Big[\tfrac{p^2}{n(n-1)} \sum_{i \ne j} k(a_i, a_j) + \tfrac{(1-p)^2}{m(m-1)} \sum_{i \ne j} k(b_i, b_j)
   - \tfrac{2p(1-p)}{nm} \sum_{i,j} k(a_i, b_j)\Big]

for linear features and for those of the kernel :math:`k(x, y) = \exp(-\|x - y\|^2 / s^2)`. At p = 1/2 they are the
usual squared discrepancies; any other p weighs the samples unequally, as the programmes of counterfactual regression
can by the share treated, and then equal samples do not give 0. The second leaves out each point's product with itself:
it has no bias, and may be negative.

Source: Gretton, Borgwardt, Rasch, Schölkopf & Smola (2012), JMLR 13; Shalit, Johansson & Sontag (2017), ICML, and their
programme for the weights and the kernel's width.
"""

from yinguo.nets import torch
from yinguo.nets.sinkhorn import distances

__all__ = ["linear_discrepancy", "mmd_linear", "mmd_rbf"]


def mmd_linear(a: torch.Tensor, b: torch.Tensor, *, share: float = 0.5, root: bool = False) -> torch.Tensor:
    """Squared distance of two mean vectors; a scalar.

    **Shape**: (n, k) and (m, k) to (). 0 where a sample is empty.

    Parameters
    ----------
    a, b : (n, k) and (m, k) tensors
    share : float in (0, 1)
        p, for sample ``a``; 1/2 compares the plain means.
    root : bool
        The distance instead of its square.
    """
    if len(a) == 0 or len(b) == 0:
        return a.sum() * 0.0 + b.sum() * 0.0
    square = (2 * share * a.mean(0) - 2 * (1 - share) * b.mean(0)).square().sum()
    return _root(square) if root else square


def mmd_rbf(
    a: torch.Tensor, b: torch.Tensor, *, width: float = 0.1, share: float = 0.5, root: bool = False
) -> torch.Tensor:
    """Squared discrepancy under a Gaussian kernel, without bias; a scalar that may be negative.

    **Shape**: (n, k) and (m, k) to (). 0 where a sample has fewer than two points.

    Parameters
    ----------
    a, b : (n, k) and (m, k) tensors
    width : float
        s; the default suits rows of norm 1, whose distances are at most 2.
    share : float in (0, 1)
        p, for sample ``a``; 1/2 weighs the samples alike.
    root : bool
        The root of the absolute value instead.
    """
    n, m = len(a), len(b)
    if n < 2 or m < 2:
        return a.sum() * 0.0 + b.sum() * 0.0

    def total(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.exp(-distances(x, y, "squared") / width**2).sum()

    within = share**2 * (total(a, a) - n) / (n * (n - 1)) + (1 - share) ** 2 * (total(b, b) - m) / (m * (m - 1))
    square = 4 * (within - 2 * share * (1 - share) * total(a, b) / (n * m))
    return _root(square.abs()) if root else square


def linear_discrepancy(a: torch.Tensor, b: torch.Tensor, *, share: float = 0.5) -> torch.Tensor:
    r"""How well the best linear outcome model tells factual from counterfactual pairs; a scalar.

    With :math:`v = p\bar a - (1 - p)\bar b`, the factual pairs (x, t) and the counterfactual ones (x, 1 - t) have
    second moments whose difference has the largest eigenvalue

    .. math:: \big|p - \tfrac12\big| + \sqrt{\big(p - \tfrac12\big)^2 + \|v\|^2}.

    **Shape**: (n, k) and (m, k) to (). 0 where a sample is empty.

    Parameters
    ----------
    a, b : (n, k) and (m, k) tensors
        Treated and control.
    share : float in (0, 1)
        p, of the treated; at 1/2 it is half the distance of the means.

    Source
    ------
    Johansson, Shalit & Sontag (2016), ICML, and their programme.
    """
    if len(a) == 0 or len(b) == 0:
        return a.sum() * 0.0 + b.sum() * 0.0
    square = (share * a.mean(0) - (1 - share) * b.mean(0)).square().sum()
    return abs(share - 0.5) + _root((share - 0.5) ** 2 + square)


def _root(square: torch.Tensor) -> torch.Tensor:
    return square.clamp_min(1e-10).sqrt()  # the root has no gradient at 0
