r"""Two ridge regressions in a row, each with its whole penalty path from one eigendecomposition.

The first stage predicts the features of the second from those of the instruments, on rows of its own; the second
regresses the outcome on those predictions, on the other rows:

.. math::
   \hat V = \arg\min_V \sum_{i \in 1} \|\phi_i - V \psi_i\|^2 + n_1 \lambda \|V\|^2, \qquad
   \hat c = \arg\min_c \sum_{i \in 2} (Y_i - c^\top \hat V \psi_i)^2 + n_2 \xi \|c\|^2 .

Everything the fits and their validation errors need is a product of features with features or with the outcome, so
the rows are seen once, in blocks, and never kept.

Source: Singh, Sahani & Gretton (2019), Kernel instrumental variable regression, NeurIPS 32: algorithm 1 in terms of
features instead of kernel matrices, and its causal validation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

__all__ = [
    "Penalised", "StageMoments", "first_local_minimum", "first_stage_path", "second_stage_path", "spectrum",
    "stage_moments",
]  # fmt: skip

#: Rows whose features are in memory at a time.
BLOCK = 4096


@dataclass(frozen=True, slots=True)
class StageMoments:
    """Products of the features of one half of the rows.

    Attributes
    ----------
    n : int
    tPsiPsi : (q, q) float array
        Instrument features with themselves.
    tPsiPhi : (q, r) float array
        Instrument features with treatment features.
    tPhiPhi : (r, r) float array
    tPsiY : (q,) float array
    tPhiY : (r,) float array
    YY : float
    """

    n: int
    tPsiPsi: np.ndarray
    tPsiPhi: np.ndarray
    tPhiPhi: np.ndarray
    tPsiY: np.ndarray
    tPhiY: np.ndarray
    YY: float


@dataclass(frozen=True, slots=True)
class Penalised:
    """A fit at the best penalty of a path.

    Attributes
    ----------
    coefficients : float array
        (q, r), the transpose of V, from the first stage; (r,) from the second.
    penalty : float
    losses : (k,) float array
        Mean squared validation error at each penalty of the path.
    """

    coefficients: np.ndarray
    penalty: float
    losses: np.ndarray


def stage_moments(psi: Callable, phi: Callable, Z, X, Y) -> StageMoments:
    """Products of features, summed over blocks of rows.

    Parameters
    ----------
    psi, phi : callables (rows) -> features
        Features of the instruments and of the treatment.
    Z : (n, d) float array
    X : (n, d') float array
    Y : (n,) float array

    Returns
    -------
    StageMoments
    """
    total = dict.fromkeys(("tPsiPsi", "tPsiPhi", "tPhiPhi", "tPsiY", "tPhiY"), np.zeros(()))
    for a in range(0, len(Y), BLOCK):
        rows = slice(a, a + BLOCK)
        P, F, y = psi(Z[rows]), phi(X[rows]), Y[rows]
        terms = {"tPsiPsi": P.T @ P, "tPsiPhi": P.T @ F, "tPhiPhi": F.T @ F, "tPsiY": P.T @ y, "tPhiY": F.T @ y}
        total = {name: total[name] + term for name, term in terms.items()}
    return StageMoments(n=len(Y), YY=float(Y @ Y), **total)


def first_stage_path(first: StageMoments, second: StageMoments, penalties) -> Penalised:
    r"""Ridge of treatment features on instrument features; the penalty that predicts the other half best.

    With :math:`\Psi_1^\top \Psi_1 = U S U^\top` and :math:`d_i = 1 / (S_i + n_1 \lambda)` the validation error is
    :math:`\mathrm{tr}\,\Phi_2^\top\Phi_2 - 2 d^\top c + d^\top (H \circ G) d` with c, H and G free of the penalty.

    Parameters
    ----------
    first, second : StageMoments
        Rows that fit, rows that judge.
    penalties : (k,) float array

    Returns
    -------
    Penalised
    """
    S, U = spectrum(first.tPsiPsi)
    M = U.T @ first.tPsiPhi
    c = np.einsum("ij,ij->i", U.T @ second.tPsiPhi, M)
    HG = (M @ M.T) * (U.T @ second.tPsiPsi @ U)
    D = 1.0 / (S[:, None] + first.n * np.asarray(penalties))
    losses = (np.trace(second.tPhiPhi) - 2 * c @ D + np.einsum("ik,ik->k", D, HG @ D)) / second.n
    best = int(np.argmin(losses))
    return Penalised(U @ (D[:, best, None] * M), float(penalties[best]), losses)


def second_stage_path(V, first: StageMoments, second: StageMoments, penalties) -> Penalised:
    """Ridge of the outcome on predicted treatment features; the penalty that predicts the first half best.

    The judge is the outcome of the first half at the treatment it really had. That treatment is confounded, so the
    judge is biased; the paper accepts this, and so do we (see :class:`yinguo.instruments.KernelIV`). With many rows its
    error may fall a second time at penalties next to none, where the curve follows the noise of the predictions; of
    several minima the one at the largest penalty counts.

    Parameters
    ----------
    V : (q, r) float array
        Coefficients of the first stage.
    first, second : StageMoments
        Rows that judge, rows that fit.
    penalties : (k,) float array

    Returns
    -------
    Penalised
    """
    E, Q = spectrum(V.T @ second.tPsiPsi @ V)
    paths = Q @ ((Q.T @ (V.T @ second.tPsiY))[:, None] / (E[:, None] + second.n * np.asarray(penalties)))
    fitted = np.einsum("ik,ik->k", paths, first.tPhiPhi @ paths)
    losses = (first.YY - 2 * first.tPhiY @ paths + fitted) / first.n
    best = first_local_minimum(penalties, losses)
    return Penalised(paths[:, best].copy(), float(penalties[best]), losses)


def first_local_minimum(penalties, losses) -> int:
    """Index of the minimum at the largest penalty, among the local minima of a path.

    Parameters
    ----------
    penalties : (k,) float array
        In any order.
    losses : (k,) float array

    Source
    ------
    Hall & Marron (1991), Journal of the Royal Statistical Society B 53(1), for bandwidths: where a cross-validation
    function has several minima, the smoothest one is the reliable one.

    Examples
    --------
    >>> first_local_minimum([1e-4, 1e-3, 1e-2, 1e-1], [1.0, 3.0, 2.0, 4.0])
    2
    """
    order = np.argsort(penalties)[::-1]
    falling = np.diff(np.asarray(losses)[order]) <= 0
    return int(order[len(falling) if falling.all() else int(np.argmin(falling))])


def spectrum(A) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, none negative, and eigenvectors of a positive semi-definite matrix.

    Parameters
    ----------
    A : (q, q) symmetric float array
    """
    values, vectors = linalg.eigh(A, driver="evd", check_finite=False)
    # Rounding makes zero eigenvalues slightly negative; a small penalty must not cancel against them.
    return np.maximum(values, 0.0), vectors
