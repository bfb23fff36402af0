r"""Exact elastic-net paths for standardised columns: an active-set Newton method.

For each penalty strength of a decreasing sequence, minimise over b

.. math:: \tfrac12 b'Gb - c'b + l_1 \lVert b\rVert_1 + \tfrac12 l_2 \lVert b\rVert_2^2,
          \qquad G = X'X,\; c = X'y \text{ (rows already carry their weights, which sum to 1).}

With the signs of the non-zero coefficients known the minimiser is one linear solve on the active set A. The loop
is: solve on A; where signs would flip, walk to the best point of the segment and drop what became zero; add every
column whose gradient breaks its bound; repeat until none does. Each round lowers the objective, so it ends, and the
answer meets the optimality conditions to rounding. A coordinate-descent loop in numpy would need ten times as long
for six digits.

Source
------
The sign-search idea: Lee, Battle, Raina & Ng (2006), "Efficient sparse coding algorithms", NIPS 19. We add and drop
columns in blocks, start from the previous penalty, and keep the Gram matrix of every column ever active.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

from yinguo.errors import ConvergenceError

__all__ = ["FullGram", "GramSource", "GrowingGram", "solve_penalised"]

Vector = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Ridge that keeps duplicate columns solvable under a pure lasso; moves the optimality conditions by as much.
JITTER = 1e-10
#: How far a gradient may exceed its bound, in units of a correlation.
TOLERANCE = 1e-9
#: Rounds allowed for one penalty strength; a path needs two or three.
MAX_ROUNDS = 500


class GramSource(Protocol):
    """What the solver asks of the data: the target, Gram blocks and gradients."""

    c: Vector

    def block(self, A: Indices) -> NDArray[np.float64]:
        """(|A|, |A|) Gram matrix of the columns A, a fresh copy."""

    def gradient(self, A: Indices, b: Vector) -> Vector:
        """(p,) array ``c - G[:, A] b``."""


class FullGram:
    """All of G in memory: the choice for p <= n, where it is smaller than X.

    Parameters
    ----------
    G : (p, p) symmetric float array
    c : (p,) float array
    """

    def __init__(self, G, c) -> None:
        self.G, self.c = G, c

    def block(self, A: Indices) -> NDArray[np.float64]:
        return self.G.take(A, axis=0).take(A, axis=1)

    def gradient(self, A: Indices, b: Vector) -> Vector:
        return self.c - b @ self.G[A]  # rows of a symmetric matrix: contiguous


class GrowingGram:
    """G only between columns that were ever active, gradients from residuals: the choice for p > n.

    Parameters
    ----------
    X : (n, p) Fortran-ordered float array
    y : (n,) float array
    """

    def __init__(self, X, y) -> None:
        self.X, self.y, self.c = X, y, X.T @ y
        self.place = np.full(X.shape[1], -1)
        self.size = 0
        self.columns = np.empty((X.shape[0], 64), order="F")
        self.gram = np.empty((64, 64))

    def block(self, A: Indices) -> NDArray[np.float64]:
        self._include(A[self.place[A] < 0])
        at = self.place[A]
        return self.gram.take(at, axis=0).take(at, axis=1)

    def gradient(self, A: Indices, b: Vector) -> Vector:
        return self.X.T @ (self.y - self.X[:, A] @ b)

    def _include(self, new: Indices) -> None:
        if not new.size:
            return
        old, self.size = self.size, self.size + new.size
        if self.size > len(self.gram):
            room = max(2 * len(self.gram), self.size)
            gram, columns = np.empty((room, room)), np.empty((len(self.y), room), order="F")
            gram[:old, :old], columns[:, :old] = self.gram[:old, :old], self.columns[:, :old]
            self.gram, self.columns = gram, columns
        self.place[new] = np.arange(old, self.size)
        self.columns[:, old : self.size] = self.X[:, new]
        cross = self.columns[:, : self.size].T @ self.columns[:, old : self.size]
        self.gram[: self.size, old : self.size] = cross
        self.gram[old : self.size, : self.size] = cross.T


def solve_penalised(source: GramSource, *, l1: float, l2: float, b: Vector) -> Vector:
    """The minimiser for one pair of penalties.

    Parameters
    ----------
    source : GramSource
        Columns of unit variance, so that gradients are correlations times the sd of y.
    l1, l2 : float
        Lasso and ridge strengths, ``l1 > 0``, ``l2 >= 0``.
    b : (p,) float array
        Start, best the solution at the previous (larger) penalties. Not changed.

    Returns
    -------
    b : (p,) float array
        Meets ``|c - Gb - l2 b| <= l1``, with equality where b is not zero, to about 1e-9.

    Raises
    ------
    ConvergenceError
        If rounding keeps the active set from settling (nearly collinear columns under a pure lasso).
    """
    b, ridge = b.copy(), max(l2, JITTER)
    A = np.flatnonzero(b)
    signs = np.sign(b[A])
    for _ in range(MAX_ROUNDS):
        A = _settle_signs(b, A, signs, source.block(A), source.c[A], l1, ridge)
        gradient = source.gradient(A, b[A])
        outside = np.abs(gradient) > l1 + TOLERANCE
        outside[A] = False
        new = np.flatnonzero(outside)
        if not new.size:
            return b
        signs = np.concatenate([np.sign(b[A]), np.sign(gradient[new])])
        A = np.concatenate([A, new])
    raise ConvergenceError(
        f"the elastic net found no stable set of columns at l1 = {l1:.3g} after {MAX_ROUNDS} rounds; "
        "remove duplicate columns or lower mixing below 1."
    )


def _settle_signs(b, A, signs, H, c, l1, ridge) -> Indices:
    """Minimise over the columns A, in place in ``b``; returns those that stay non-zero."""
    H.flat[:: len(A) + 1] += ridge
    start = b[A]
    b[A] = 0.0
    for _ in range(MAX_ROUNDS + 10 * A.size):
        if not A.size:
            return A
        _, end, info = dposv(H.T, c - l1 * signs, lower=1)  # H is symmetric; its transpose is Fortran-ordered
        if info != 0:
            raise ConvergenceError(
                f"{A.size} active columns are collinear; remove duplicate columns or lower mixing below 1."
            )
        flips = np.flatnonzero(end * signs <= 0)
        if not flips.size:
            b[A] = end
            return A
        # A column that starts at zero may only move along the sign its gradient gave it.
        leaving = flips[start[flips] == 0]
        if not leaving.size:
            start, leaving = _best_of_segment(start, end, flips, H, c, l1)
            signs = np.where(start != 0, np.sign(start), signs)
        keep = np.delete(np.arange(A.size), leaving)
        A, start, signs, c = A[keep], start[keep], signs[keep], c[keep]
        H = H.take(keep, axis=0).take(keep, axis=1)
    raise ConvergenceError(f"the signs of {A.size} active columns do not settle; lower mixing below 1.")


def _best_of_segment(start, end, flips, H, c, l1) -> tuple[Vector, Indices]:
    """Lowest point of the objective among the sign changes between start and end; the column that vanishes there."""
    step = end - start
    order = flips[np.argsort(-start[flips] / step[flips])]
    t = np.append(-start[order] / step[order], 1.0)
    slope, bend = (H @ start - c) @ step, step @ H @ step
    value = t * slope + 0.5 * t**2 * bend + l1 * np.abs(start + t[:, None] * step).sum(axis=1)
    best = int(np.argmin(value))
    point = start + t[best] * step
    vanished = order[best : best + 1]  # empty if the end itself is lowest
    point[vanished] = 0.0
    return point, vanished
