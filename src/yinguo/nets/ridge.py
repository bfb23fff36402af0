r"""Ridge regression on features that a network produces.

Both the best weights and the loss at the best weights are wanted while the features are being learned. By the envelope
theorem the gradient of

.. math:: \min_W \|Y - F W\|^2 + \lambda \|W\|^2

with respect to the features is that at fixed best weights, so no gradient has to pass through the solution.
"""

from yinguo.nets import torch

__all__ = ["augmented", "kron_rows", "ridge_loss", "ridge_weights"]


def ridge_weights(features: torch.Tensor, targets: torch.Tensor, penalty: float) -> torch.Tensor:
    """Weights of a ridge regression; differentiable in both tensors.

    Parameters
    ----------
    features : (n, p) tensor
    targets : (n, q) tensor
    penalty : float
        On the sum of squared weights, against the sum (not the mean) of squared residuals.

    Returns
    -------
    (p, q) tensor
    """
    gram = features.T @ features
    gram.diagonal().add_(penalty)
    return torch.cholesky_solve(features.T @ targets, torch.linalg.cholesky(gram))


def ridge_loss(features: torch.Tensor, targets: torch.Tensor, penalty: float) -> torch.Tensor:
    """Smallest penalised sum of squares, divided by the rows; its gradient is right, see the module's text.

    Parameters
    ----------
    features : (n, p) tensor
    targets : (n, q) tensor
    penalty : float
        As in :func:`ridge_weights`.
    """
    with torch.no_grad():
        weights = ridge_weights(features, targets, penalty)
    missed = targets - features @ weights
    return (missed.square().sum() + penalty * weights.square().sum()) / len(targets)


def augmented(features: torch.Tensor) -> torch.Tensor:
    """Features with a column of ones at the end."""
    return torch.cat([features, features.new_ones(len(features), 1)], dim=1)


def kron_rows(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n, p) and (n, q) to (n, p q): all products of an entry of ``a`` with one of ``b``, row by row."""
    return (a[:, :, None] * b[:, None, :]).flatten(1)
