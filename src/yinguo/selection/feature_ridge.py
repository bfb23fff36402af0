"""Ridge regression on features of a Gaussian kernel, with the penalty that predicts folds left out best."""

from typing import NamedTuple

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.gaussian import median_bandwidth
from yinguo.kernels.kernel_features import pivoted_features

__all__ = ["FeatureMap", "FoldRidge", "ridge_by_folds"]

#: Rows among which centres are chosen.
CENTRE_ROWS = 1000
#: Penalties tried, per row, for features of a kernel that is 1 at distance 0.
PENALTIES = tuple(10.0 ** np.arange(-9, 1))


class FeatureMap:
    """A constant and features of the rows, standardised by column.

    Parameters
    ----------
    points : (n, d) float array
        d may be 0: the constant is then all there is.
    centres : int
    rng : Generator
        Draws the rows among which centres are chosen.
    """

    def __init__(self, points: np.ndarray, centres: int, rng: np.random.Generator) -> None:
        if centres < 1:
            raise DataError(f"centres is {centres}; at least 1 is needed.")
        self.mean, spread = points.mean(axis=0), points.std(axis=0)
        self.spread = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(self.mean)), spread, 1.0)
        self.features = None
        if points.shape[1] and spread.any():
            among = self._scaled(points[rng.permutation(len(points))[:CENTRE_ROWS]])
            self.features = pivoted_features(among, median_bandwidth(among), most=centres)

    def _scaled(self, points: np.ndarray) -> np.ndarray:
        return (points - self.mean) / self.spread

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(n, 1 + centres) float array."""
        one = np.ones((len(points), 1))
        return one if self.features is None else np.column_stack([one, self.features.transform(self._scaled(points))])


class FoldRidge(NamedTuple):
    """A fit.

    Attributes
    ----------
    coefficients : (k,) float array
    left_out : (n,) float array
        Predictions for every row from the other folds, at that penalty.
    penalty : float
    loss : float
        Weighted mean of the squared errors of ``left_out``.
    """

    coefficients: np.ndarray
    left_out: np.ndarray
    penalty: float
    loss: float


def ridge_by_folds(F: np.ndarray, y: np.ndarray, weights: np.ndarray, folds: np.ndarray) -> FoldRidge:
    """Weighted ridge regression; the first column is not penalised.

    Parameters
    ----------
    F : (n, k) float array
        A constant first.
    y : (n,) float array
    weights : (n,) float array
        With mean 1.
    folds : (n,) int array
    """
    root = np.sqrt(weights)[:, None]
    A, b = F * root, y * root[:, 0]
    parts = [(A[folds == k].T @ A[folds == k], A[folds == k].T @ b[folds == k]) for k in range(int(folds.max()) + 1)]
    gram, cross = sum(p[0] for p in parts), sum(p[1] for p in parts)
    free = (np.arange(F.shape[1]) > 0) * len(y)

    def solve(G, c, penalty: float) -> np.ndarray:
        size, directions = np.linalg.eigh(G + penalty * np.diag(free))
        kept = size > 1e-13 * size[-1]
        return directions[:, kept] @ ((directions[:, kept].T @ c) / size[kept])

    best, best_loss, best_out = PENALTIES[0], np.inf, np.empty(len(y))
    for penalty in PENALTIES:
        out = np.empty(len(y))
        for k, (G, c) in enumerate(parts):
            out[folds == k] = F[folds == k] @ solve(gram - G, cross - c, penalty)
        loss = float(weights @ (y - out) ** 2)
        if loss < best_loss:
            best, best_loss, best_out = penalty, loss, out
    return FoldRidge(solve(gram, cross, best), best_out, float(best), best_loss / len(y))
