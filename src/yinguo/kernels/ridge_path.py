r"""Ridge regression at many penalties from one decomposition, and the choice among designs and penalties.

.. math:: \hat\beta(\alpha) = \arg\min_\beta \|y - \bar y - (D - \bar D)\beta\|^2 + \alpha \|\beta\|^2
   = V\, \mathrm{diag}\Bigl(\tfrac{s}{s^2 + \alpha}\Bigr) U^\top (y - \bar y)

with :math:`D - \bar D = U\,\mathrm{diag}(s) V^\top`. The decomposition is of the design itself and not of its
cross-products: raw powers of a column have condition numbers whose square is beyond double precision.

Source: Hoerl & Kennard (1970), Technometrics 12(1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

__all__ = ["RidgeChoice", "choose_ridge", "ridge_path"]


@dataclass(frozen=True, slots=True)
class RidgeChoice:
    """The best of several designs and penalties, refitted on all rows.

    Attributes
    ----------
    design : int
        Number of the design.
    penalty : float
    intercept : float
    slopes : (r,) float array
    losses : (designs, k) float array
        Mean squared error on the rows left out.
    """

    design: int
    penalty: float
    intercept: float
    slopes: np.ndarray
    losses: np.ndarray


def ridge_path(D, y, penalties) -> tuple[np.ndarray, np.ndarray]:
    """Intercepts and slopes at every penalty; the intercept is not penalised.

    Parameters
    ----------
    D : (n, r) float array
    y : (n,) float array
    penalties : (k,) float array, positive

    Returns
    -------
    intercepts : (k,) float array
    slopes : (r, k) float array
    """
    middle, level = D.mean(axis=0), y.mean()
    U, s, Vt = linalg.svd(D - middle, full_matrices=False, overwrite_a=True, check_finite=False)
    slopes = Vt.T @ (s[:, None] / (s[:, None] ** 2 + np.asarray(penalties)) * (U.T @ (y - level))[:, None])
    return level - middle @ slopes, slopes


def choose_ridge(designs: Sequence[np.ndarray], y, penalties, folds) -> RidgeChoice:
    """Least squared error on rows left out, over all designs and penalties.

    Parameters
    ----------
    designs : sequence of (n, r) float arrays
        Of equal losses the first wins.
    y : (n,) float array
    penalties : (k,) float array, positive
    folds : (n,) int array
        Fold of each row.

    Returns
    -------
    RidgeChoice
    """
    losses = np.zeros((len(designs), len(penalties)))
    for d, D in enumerate(designs):
        for k in range(int(folds.max()) + 1):
            out = folds == k
            intercepts, slopes = ridge_path(D[~out], y[~out], penalties)
            losses[d] += ((y[out, None] - intercepts - D[out] @ slopes) ** 2).sum(axis=0)
    losses /= len(y)
    best, at = (int(i) for i in np.unravel_index(np.argmin(losses), losses.shape))
    intercepts, slopes = ridge_path(designs[best], y, [penalties[at]])
    return RidgeChoice(best, float(penalties[at]), float(intercepts[0]), slopes[:, 0], losses)
