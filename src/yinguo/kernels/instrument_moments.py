r"""Outcome, treatment and instruments net of the covariates: all that linear methods with instruments need of the data.

By Frisch, Waugh and Lovell, every linear estimate and test for one treatment depends on the data through

.. math:: C = R'R, \qquad R = M\,[Y, T, Z], \quad M = I - D(D'D)^{-1}D', \quad D = [1, X]

and robust or clustered versions through sums :math:`\sum_g (\sum_{i \in g} e_i l_i)(\sum_{i \in g} e_i l_i)'` in which
the residual e and the rows l are linear in R. So one pass gives C, and one more pass gives the middle matrices of all
robust tests together. No copy of the data is made: both passes work on blocks of rows.

Columns are shifted by the means of a part of the rows before anything is multiplied, which keeps the digits that raw
cross-products lose.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from yinguo.kernels.moments import slope_rank, solve_gram

__all__ = ["InstrumentMoments", "Scores"]

#: Rows per block: a block of 20 columns stays in the second-level cache.
BLOCK = 8192
#: Rows that the shift is taken from. With any part of n rows the shift is off by at most sqrt(n / part) deviations.
SAMPLE = 8192
#: Share of an instrument's variation below which what is left of it counts as rounding.
LEFT_TOL = 1e-10


class Scores(NamedTuple):
    """A residual and the rows it multiplies, both as combinations of the rows of R.

    Attributes
    ----------
    residual : (2 + q,) float array
    rows : (r, 2 + q) float array
    """

    residual: np.ndarray
    rows: np.ndarray


class InstrumentMoments:
    """Cross-products of [Y, T, Z] net of [1, X].

    Parameters
    ----------
    Y, T : (n,) float arrays
    X : (n, p) float array
        p may be 0; collinear columns are allowed.
    Z : (n, q) float array
    s : (n,) float array, optional
        Sample weights with mean 1; sums are then weighted.

    Attributes
    ----------
    n, q : int
    rank : int
        Columns of [1, X] that are linearly independent.
    C : (2 + q, 2 + q) float array
        R'R, in the order Y, T, instruments.
    total : (2 + q,) float array
        Sums of squares about the mean.
    slopes : (1 + p, 2 + q) float array
        Coefficients of [Y, T, Z] on [1, X], for shifted columns.
    shift : (p + 2 + q,) float array
        What was taken off X, Y, T and Z.
    A : (1 + p, 1 + p) float array
        D'D of the shifted columns.
    """

    def __init__(self, *, Y, T, X, Z, s=None) -> None:
        self.n, self.p, self.q = len(T), X.shape[1], Z.shape[1]
        self._data = (X, Y, T, Z)
        self._root = None if s is None else np.sqrt(s)
        part = slice(None, None, max(1, self.n // SAMPLE))
        self.shift = np.concatenate([np.atleast_1d(values[part].mean(axis=0)) for values in self._data])
        d = 1 + self.p
        G = np.zeros((d + 2 + self.q,) * 2)
        for _, W in self._blocks():
            G += np.dot(W, W.T)
        self.A, b, inner = G[:d, :d], G[:d, d:], G[d:, d:]
        self.slopes = solve_gram(self.A, b, intercept=True)
        self.rank = 1 + slope_rank(self.A)
        self.total = np.maximum(np.diag(inner) - b[0] ** 2 / G[0, 0], 0.0)
        net = inner - self.slopes.T @ b
        self.C = (net + net.T) / 2

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows a:b of [1, X, Y, T, Z], shifted, transposed, times the root of the sample weight."""
        X, Y, T, Z = self._data
        d = 1 + self.p
        buffer = np.empty((d + 2 + self.q, min(BLOCK, self.n)))
        columns = self.shift[:, None]
        for a in range(0, self.n, BLOCK):
            rows = slice(a, min(a + BLOCK, self.n))
            W = buffer[:, : rows.stop - a]
            W[0] = 1.0
            np.subtract(X[rows].T, columns[: d - 1], out=W[1:d])
            np.subtract(Y[rows], self.shift[d - 1], out=W[d])
            np.subtract(T[rows], self.shift[d], out=W[d + 1])
            np.subtract(Z[rows].T, columns[d + 1 :], out=W[d + 2 :])
            if self._root is not None:
                W *= self._root[rows]
            yield rows, W

    def independent(self) -> tuple[np.ndarray, np.ndarray]:
        """Instruments with something of their own, first come first kept.

        Returns
        -------
        kept : (k,) int array
        redundant : (q,) bool array
            True where an instrument is a combination of the covariates and the instruments before it.
        """
        own: np.ndarray = self.C[2:, 2:].copy()
        size = np.where(self.total[2:] > 0, self.total[2:], 1.0)
        redundant = np.zeros(self.q, dtype=bool)
        for j in range(self.q):
            if own[j, j] <= LEFT_TOL * size[j]:
                redundant[j] = True
                continue
            own = own - np.outer(own[:, j] / own[j, j], own[j])  # what the instruments after j have beyond j
        return np.flatnonzero(~redundant), redundant

    def only(self, kept) -> "InstrumentMoments":
        """The same moments with some of the instruments, without another pass."""
        if len(kept) == self.q:
            return self
        X, Y, T, Z = self._data
        new = object.__new__(type(self))
        new.n, new.p, new.q, new.A, new.rank = self.n, self.p, len(kept), self.A, self.rank
        new._data, new._root = (X, Y, T, Z[:, kept]), self._root
        columns = np.concatenate([[0, 1], 2 + np.asarray(kept)])
        new.shift = np.concatenate([self.shift[: self.p], self.shift[self.p :][columns]])
        new.slopes, new.total, new.C = self.slopes[:, columns], self.total[columns], self.C[np.ix_(columns, columns)]
        return new

    def middle(self, wanted: Sequence[Scores], groups=None) -> list[np.ndarray]:
        """Middle matrices of robust covariances, all from one pass.

        Parameters
        ----------
        wanted : sequence of Scores
        groups : (n,) int array in 0..G-1, optional
            Scores are summed within groups first.

        Returns
        -------
        One (r, r) float array per entry of ``wanted``.
        """
        out: list[np.ndarray] = [np.zeros((len(each.rows),) * 2) for each in wanted]
        by_row = [np.empty((len(each.rows), self.n)) for each in wanted] if groups is not None else []
        d = 1 + self.p
        for rows, W in self._blocks():
            R = W[d:] - self.slopes.T @ W[:d]
            for k, each in enumerate(wanted):
                scores = (each.residual @ R) * (each.rows @ R)
                if groups is None:
                    out[k] += np.dot(scores, scores.T)
                else:
                    by_row[k][:, rows] = scores
        for k, all_scores in enumerate(by_row):
            sums = np.stack([np.bincount(groups, weights=row) for row in all_scores])
            out[k] = np.dot(sums, sums.T)
        return out
