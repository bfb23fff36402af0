r"""The curve whose residuals no smooth function of the instruments can exploit, in closed form.

The adversary's best answer to a curve with residuals r is a ridge regression of r on the instrument features
:math:`\Psi`; what it gains is :math:`r^\top N r` with the smoother
:math:`N = \Psi (\Psi^\top \Psi + n \lambda I)^{-1} \Psi^\top`. The curve :math:`c^\top \phi` that leaves it the
least solves

.. math:: (\Phi^\top N \Phi + n \mu I)\, c = \Phi^\top N Y .

All of it needs products of features only, see :class:`yinguo.kernels.two_stage_ridge.StageMoments`.

Source: Dikkala, Lewis, Mackey & Syrgkanis (2020), NeurIPS 33, and, with the outcome among the instruments, Muandet,
Mehrjou, Lee & Raj (2020), NeurIPS 33. Both papers solve for weights on kernel matrices; with :math:`K = \Phi\Phi^\top`
and :math:`c = \Phi^\top \beta` these are the same equations without the factor K that makes theirs singular.
"""

from collections.abc import Callable, Sequence

import numpy as np

from yinguo.kernels.two_stage_ridge import Penalised, StageMoments, spectrum

__all__ = ["choose_minimax", "minimax_path", "projected_loss", "together"]


def together(parts: Sequence[StageMoments]) -> StageMoments:
    """Moments of several sets of rows as one.

    Parameters
    ----------
    parts : sequence of StageMoments
    """
    names = ("n", "tPsiPsi", "tPsiPhi", "tPhiPhi", "tPsiY", "tPhiY", "YY")
    first, *rest = parts
    total = {name: getattr(first, name) for name in names}
    for part in rest:
        total = {name: total[name] + getattr(part, name) for name in names}
    return StageMoments(**total)


def minimax_path(moments: StageMoments, smoothing: float, penalties) -> np.ndarray:
    r"""Coefficients of the curve at every penalty.

    Parameters
    ----------
    moments : StageMoments
    smoothing : float
        :math:`\lambda`, the ridge of the adversary per row.
    penalties : (k,) float array
        :math:`\mu`, the ridge of the curve per row.

    Returns
    -------
    (r, k) float array
    """
    S, U = spectrum(moments.tPsiPsi)
    weight = 1.0 / (S + moments.n * smoothing)
    M = U.T @ moments.tPsiPhi
    E, Q = spectrum(M.T @ (weight[:, None] * M))
    b = M.T @ (weight * (U.T @ moments.tPsiY))
    return Q @ ((Q.T @ b)[:, None] / (E[:, None] + moments.n * np.asarray(penalties)))


def projected_loss(moments: StageMoments, smoothing: float, coefficients) -> np.ndarray:
    """What the adversary gains from the residuals of these rows, per row.

    Parameters
    ----------
    moments : StageMoments
    smoothing : float
        Ridge of the adversary per row.
    coefficients : (r, k) float array
        Curves, one to a column.

    Returns
    -------
    (k,) float array
    """
    S, U = spectrum(moments.tPsiPsi)
    exploited = U.T @ (moments.tPsiY[:, None] - moments.tPsiPhi @ coefficients)
    return (exploited**2 / (S + moments.n * smoothing)[:, None]).sum(axis=0) / moments.n


def choose_minimax(parts: Sequence[StageMoments], smoothing: Callable, penalties: Callable) -> Penalised:
    """The penalty whose curve, fitted on the other folds, leaves the adversary least, refitted on all rows.

    Parameters
    ----------
    parts : sequence of StageMoments
        One for each fold.
    smoothing : callable (n) -> float
        Ridge of the adversary for that many rows.
    penalties : callable (n) -> (k,) float array
        Ridges of the curve for that many rows, in the same order for all n.

    Returns
    -------
    Penalised
        With the penalty for all rows.
    """
    whole = together(parts)
    losses = np.zeros(len(penalties(whole.n)))
    for k, judge in enumerate(parts if len(losses) > 1 else ()):
        rest = together([part for j, part in enumerate(parts) if j != k])
        curves = minimax_path(rest, smoothing(rest.n), penalties(rest.n))
        losses += projected_loss(judge, smoothing(judge.n), curves) / len(parts)
    best = int(np.argmin(losses))
    penalty = float(penalties(whole.n)[best])
    return Penalised(minimax_path(whole, smoothing(whole.n), [penalty])[:, 0], penalty, losses)
