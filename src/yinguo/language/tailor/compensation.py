r"""How the weights that stay tuned make up for those that go back: the decorator of Model Tailor.

With D the weights of a row that go back and K those that stay,

.. math:: C_K = - H_{KK}^{-1} H_{KD} \delta_D, \qquad \delta_D = \theta_{pre,D} - \theta_{sft,D},

is the best that can be done. For wide layers it is approximated column by column: with U the upper Cholesky factor of
:math:`H^{-1}`, a weight that goes back leaves :math:`e = (\theta_q - \theta_{pre,q}) / U_{qq}`, and :math:`e\,U_{q,:}`
is *subtracted* from the columns to its right. That may be a little worse than nothing where inputs are all but
unrelated, so the step of each row is scaled by the number that serves it best.

Source: Zhu et al. (2024), Model Tailor, ICML; the column order is that of Frantar & Alistarh (2023), SparseGPT, ICML.
"""

from yinguo.nets import torch

__all__ = ["compensate_exact", "compensate_in_order", "output_error", "scaled_to_best"]

#: Columns between two updates of everything to the right.
_BLOCK = 128
#: Entries of a batch of systems solved at once.
_AT_ONCE = 2**23


def compensate_exact(
    pretrained: torch.Tensor, tuned: torch.Tensor, patch: torch.Tensor, H: torch.Tensor
) -> torch.Tensor:
    """Weights whose output on the calibration inputs is nearest to that of the tuned ones, given the patch.

    Parameters
    ----------
    pretrained, tuned : (out, in) double tensors
    patch : (out, in) boolean tensor
        Any; rows may differ in how many weights stay.
    H : (in, in) double tensor
        Positive definite.

    Returns
    -------
    (out, in) tensor
    """
    delta = torch.where(patch, 0.0, pretrained - tuned)
    pull = delta @ H
    counts = patch.sum(1)
    for count in counts.unique().tolist():
        if count == 0:
            continue
        rows = (counts == count).nonzero()[:, 0]
        for part in rows.split(max(1, _AT_ONCE // count**2)):
            kept = patch[part].nonzero()[:, 1].view(len(part), count)
            system = H[kept[:, :, None], kept[:, None, :]]
            right = pull[part].gather(1, kept)[:, :, None]
            delta[part[:, None], kept] = -torch.cholesky_solve(right, torch.linalg.cholesky(system))[:, :, 0]
    return torch.where(patch, tuned + delta, pretrained)


def compensate_in_order(
    pretrained: torch.Tensor, tuned: torch.Tensor, patch: torch.Tensor, U: torch.Tensor, *, legacy_sign: bool = False
) -> torch.Tensor:
    """The same column by column, from left to right: a weight cannot make up for one that goes back later.

    Parameters
    ----------
    pretrained, tuned : (out, in) double tensors
    patch : (out, in) boolean tensor
    U : (in, in) double tensor
        Upper Cholesky factor of the inverse of the damped H.
    legacy_sign : bool
        Add what must be subtracted, as the released code does.

    Returns
    -------
    (out, in) tensor
    """
    sign = 1.0 if legacy_sign else -1.0
    weight = tuned.clone()
    for start in range(0, weight.shape[1], _BLOCK):
        end = min(start + _BLOCK, weight.shape[1])
        left = torch.zeros_like(weight[:, start:end])
        for q in range(start, end):
            target = torch.where(patch[:, q], weight[:, q], pretrained[:, q])
            left[:, q - start] = (weight[:, q] - target) / U[q, q]
            weight[:, q] = target
            weight[:, q + 1 : end] += sign * left[:, q - start, None] * U[q, q + 1 : end]
        weight[:, end:] += sign * left @ U[start:end, end:]
    return weight


def scaled_to_best(made: torch.Tensor, plain: torch.Tensor, tuned: torch.Tensor, H: torch.Tensor) -> torch.Tensor:
    """Each row on the line from no compensation to the one that was made, where its output is nearest to the tuned one.

    Parameters
    ----------
    made, plain, tuned : (out, in) tensors
        With compensation, without it, and what is aimed at.
    H : (in, in) tensor

    Returns
    -------
    (out, in) tensor
        No row is further from ``tuned`` than those of ``plain`` and ``made``.
    """
    step = made - plain
    pull = step @ H
    curvature = (pull * step).sum(1)
    best = -(pull * (plain - tuned)).sum(1) / torch.where(curvature > 0, curvature, 1.0)
    return plain + torch.where(curvature > 0, best, 0.0)[:, None] * step


def output_error(weight: torch.Tensor, tuned: torch.Tensor, H: torch.Tensor) -> float:
    """Half the mean squared change of the output, summed over outputs: 0.5 tr(delta H delta')."""
    delta = weight.to(H.dtype) - tuned.to(H.dtype)
    return 0.5 * float((delta @ H).mul_(delta).sum(dtype=torch.float64))
