r"""Entropy balancing weights by Newton's method on the dual.

.. math:: \min_{w \ge 0} \sum_i w_i \log(w_i / q_i) \ \text{ s.t. } \sum_i w_i c_i = 0,\ \sum_i w_i = 1
   \quad\Longleftrightarrow\quad
   \min_\lambda\ L(\lambda) = \log \sum_i q_i e^{c_i'\lambda}, \qquad w_i \propto q_i e^{c_i'\lambda}

``c`` are the columns to balance *minus their target*. ``L`` is convex; its gradient is the weighted mean
of c, its Hessian the weighted covariance. If the target is outside the convex hull of the rows, ``L`` has
no minimum: lambda runs away, and that is detected and said.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.moments import BLOCK, solve_gram

__all__ = ["EntropyFit", "entropy_weights"]

MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class EntropyFit:
    """Result of the dual iteration.

    Attributes
    ----------
    w : (m,) float array
        Weights, positive, sum 1.
    lam : (r,) float array
        Dual coefficients on the columns as given.
    gap : float
        Largest absolute weighted mean: what is left of the imbalance.
    covariance : (r, r) float array
        Weighted covariance of the columns at the solution.
    steps : int
        Newton steps on all rows.
    converged : bool
        False: the target cannot be reached with positive weights (or only in the limit).
    """

    w: np.ndarray
    lam: np.ndarray
    gap: float
    covariance: np.ndarray
    steps: int
    converged: bool


def entropy_weights(C, *, q=None, tol: float = 1e-9, start=None) -> EntropyFit:
    """Positive weights, as close to ``q`` as possible, under which every column of ``C`` has mean zero.

    Parameters
    ----------
    C : (m, r) float array
        Columns to balance minus their target, on a common scale (standard deviations near 1).
    q : (m,) float array, optional
        Base weights; zero excludes a row.
    tol : float
        Largest accepted weighted mean, in units of the columns.
    start : (r,) float array, optional
        Starting point; by default the solution on every k-th row when there are many.

    Returns
    -------
    EntropyFit
        Check ``converged``.

    Raises
    ------
    DataError
        A tolerance that is not positive.

    Source
    ------
    Hainmueller (2012), Political Analysis 20(1); damped Newton with Armijo's rule instead of his line search.
    """
    if not tol > 0:
        raise DataError(f"tolerance is {tol}; it must be positive, such as 1e-9.")
    m, r = C.shape
    log_q = None if q is None else np.log(q, out=np.full(m, -np.inf), where=q > 0)
    lam = _subsample_start(C, q) if start is None else np.array(start, dtype=np.float64)
    w, value = _tilt(C, lam, log_q)
    for step in range(1, MAX_STEPS + 1):
        mean, covariance = _weighted_moments(C, w)
        gap = float(np.abs(mean).max()) if r else 0.0
        if gap <= tol:
            return EntropyFit(w, lam, gap, covariance, step - 1, True)
        direction = -solve_gram(covariance, mean)
        slope = float(mean @ direction)
        # With the target outside the hull the weights collapse onto a face and the steps grow without end.
        if not np.isfinite(slope) or -slope < 1e-28 or np.abs(lam).max() > 1e4:
            break
        new = _armijo(C, lam, direction, slope, value, log_q)
        if new is None:
            break
        lam, w, value = new
    mean, covariance = _weighted_moments(C, w)
    gap = float(np.abs(mean).max())
    return EntropyFit(w, lam, gap, covariance, step, gap <= tol)


def _armijo(C, lam, direction, slope, value, log_q):
    step = min(1.0, 20.0 / max(np.abs(direction).max(), 1e-300))
    while step > 1e-12:
        trial = lam + step * direction
        w, new = _tilt(C, trial, log_q)
        if new <= value + 1e-4 * step * slope + 1e-15 * (1 + abs(value)):
            return trial, w, new
        step /= 2
    return None


def _tilt(C, lam, log_q) -> tuple[np.ndarray, float]:
    """Normalised weights and the value of the dual, by log-sum-exp."""
    scores = C @ lam
    if log_q is not None:
        scores += log_q
    top = scores.max()
    scores -= top
    np.exp(scores, out=scores)
    total = scores.sum()
    scores /= total
    return scores, float(top + np.log(total))


def _weighted_moments(C, w) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and covariance in one pass over cache-sized blocks."""
    r = C.shape[1]
    mean, second = np.zeros(r), np.zeros((r, r))
    for a in range(0, len(C), BLOCK):
        block, wb = C[a : a + BLOCK], w[a : a + BLOCK]
        mean += wb @ block
        root = block * np.sqrt(wb)[:, None]
        second += root.T @ root
    return mean, second - np.outer(mean, mean)


def _subsample_start(C, q) -> np.ndarray:
    stride = len(C) // 20_000
    if stride < 4:
        return np.zeros(C.shape[1])
    fit = entropy_weights(C[::stride], q=None if q is None else q[::stride], tol=1e-6, start=np.zeros(C.shape[1]))
    return fit.lam if fit.converged else np.zeros(C.shape[1])
