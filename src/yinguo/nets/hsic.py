r"""Hilbert-Schmidt independence criterion: do two sets of columns depend on each other in any way?

.. math:: \widehat{\mathrm{HSIC}} = \frac{1}{n^2} \mathrm{tr}(K H L H), \qquad H = I - \tfrac{1}{n} 1 1^\top

with kernel matrices K and L of the two. It is 0 in the limit if and only if they are independent (Gaussian kernels);
with linear kernels it is the squared norm of their covariance matrix and sees straight lines only.

Source: Gretton, Bousquet, Smola & Schölkopf (2005), ALT; Song, Smola, Gretton, Bedo & Borgwardt (2012), JMLR 13, for
the estimate without bias.
"""

from yinguo.nets import torch
from yinguo.nets.sinkhorn import distances

__all__ = ["hsic"]


def hsic(
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    kernel: str = "rbf",
    width_a: float | None = None,
    width_b: float | None = None,
    unbiased: bool = False,
) -> torch.Tensor:
    r"""Dependence between the rows of two tables; a scalar.

    **Shape**: (n, p) and (n, q) to ().

    Parameters
    ----------
    a, b : (n, p) and (n, q) tensors
    kernel : {"rbf", "linear"}
        :math:`\exp(-\|x - y\|^2 / (2 s^2))`, or the inner product.
    width_a, width_b : float, optional
        s; None is the median distance between different rows, held constant in the gradient.
    unbiased : bool
        The estimate without bias, which may be negative and needs four rows, instead of the one above, which may not.
    """
    n = len(a)
    if n != len(b):
        raise ValueError(f"a has {n} rows and b has {len(b)}; dependence is between rows of the same units")
    if n < (4 if unbiased else 2):
        return a.sum() * 0.0 + b.sum() * 0.0
    K, L = _gram(a, kernel, width_a), _gram(b, kernel, width_b)
    if not unbiased:
        # Centring one of the two on both sides is enough: H is idempotent and the trace is cyclic.
        K = K - K.mean(0) - K.mean(1, keepdim=True) + K.mean()
        return (K * L).sum() / n**2
    K, L = K - torch.diag(K.diagonal()), L - torch.diag(L.diagonal())
    whole = K.sum() * L.sum() / ((n - 1) * (n - 2))
    return ((K * L).sum() + whole - 2 / (n - 2) * (K.sum(0) * L.sum(0)).sum()) / (n * (n - 3))


def _gram(x: torch.Tensor, kernel: str, width: float | None) -> torch.Tensor:
    if kernel == "linear":
        return x @ x.T
    if kernel != "rbf":
        raise ValueError(f"kernel is {kernel!r}; it must be 'rbf' or 'linear'")
    square = distances(x, x, "squared")
    if width is None:
        rows, columns = torch.triu_indices(len(x), len(x), offset=1, device=x.device)
        median = square.detach()[rows, columns].median()
        return torch.exp(-square / (2 * median.clamp_min(1e-12)))
    return torch.exp(-square / (2 * width**2))
