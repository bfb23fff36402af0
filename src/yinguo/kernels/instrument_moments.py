r"""Outcome, treatment and instruments net of the covariates: all that linear methods with instruments need of the data.

By Frisch, Waugh and Lovell, every linear estimate and test depends on the data through

.. math:: C = R'R, \qquad R = M\,[Y, T, Z], \quad M = I - D(D'D)^{-1}D', \quad D = [1, X]

and robust or clustered versions through sums :math:`\sum_g (\sum_{i \in g} e_i l_i)(\sum_{i \in g} e_i l_i)'` in which
the residual e and the rows l are linear in R and D. So one pass gives C, and one more pass gives the middle matrices of
all robust tests together. No copy of the data is made: both passes work on blocks of rows.

Columns are shifted by the means of a part of the rows before anything is multiplied, which keeps the digits that raw
cross-products lose.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.moments import slope_rank, solve_gram

__all__ = ["InstrumentMoments", "Scores"]

#: Rows per block: a block of 20 columns stays in the second-level cache.
BLOCK = 8192
#: Rows that the shift is taken from. With any part of n rows the shift is off by at most sqrt(n / part) deviations.
SAMPLE = 8192
#: Share of an instrument's variation below which what is left of it counts as rounding.
LEFT_TOL = 1e-10


class Scores(NamedTuple):
    """A residual and the rows it multiplies, both as combinations of the columns of R.

    Attributes
    ----------
    residual : (1 + m + q,) or (r, 1 + m + q) float array
        One for all rows, or one for each.
    rows : (r, 1 + m + q) float array
    design : bool
        Whether the columns of D (shifted) follow the r rows.
    """

    residual: np.ndarray
    rows: np.ndarray
    design: bool = False


class InstrumentMoments:
    """Cross-products of [Y, T, Z] net of [1, X].

    Parameters
    ----------
    Y : (n,) float array
    T : (n,) or (n, m) float array
        Treatment, and further columns that are to be instrumented.
    X : (n, p) float array
        p may be 0; collinear columns are allowed.
    Z : (n, q) float array
    s : (n,) float array, optional
        Sample weights with mean 1; sums are then weighted.

    Attributes
    ----------
    n, m, p, q : int
    rank : int
        Columns of [1, X] that are linearly independent.
    C : (1 + m + q, 1 + m + q) float array
        R'R, in the order Y, T, Z.
    total : (1 + m + q,) float array
        Sums of squares about the mean.
    slopes : (1 + p, 1 + m + q) float array
        Coefficients of [Y, T, Z] on [1, X], for shifted columns.
    shift : (p + 1 + m + q,) float array
        What was taken off X, Y, T and Z.
    A : (1 + p, 1 + p) float array
        D'D of the shifted columns.
    """

    def __init__(self, *, Y, T, X, Z, s=None) -> None:
        T = T if T.ndim == 2 else T[:, None]
        (self.n, self.m), self.p, self.q = T.shape, X.shape[1], Z.shape[1]
        self._data = (X, Y[:, None], T, Z)
        self._root = None if s is None else np.sqrt(s)
        part = slice(None, None, max(1, self.n // SAMPLE))
        self.shift = np.concatenate([values[part].mean(axis=0) for values in self._data])
        d = 1 + self.p
        G = np.zeros((d + 1 + self.m + self.q,) * 2)
        for _, W in self._blocks():
            G += np.dot(W, W.T)
        self.A, b, inner = G[:d, :d], G[:d, d:], G[d:, d:]
        self.slopes = solve_gram(self.A, b, intercept=True)
        self.rank = 1 + slope_rank(self.A)
        self.total = np.maximum(np.diag(inner) - b[0] ** 2 / G[0, 0], 0.0)
        net = inner - self.slopes.T @ b
        self.C = (net + net.T) / 2

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows of [1, X, Y, T, Z], shifted, transposed, times the root of the sample weight."""
        buffer = np.empty((1 + self.p + 1 + self.m + self.q, min(BLOCK, self.n)))
        edges = np.cumsum([0, *(values.shape[1] for values in self._data)])
        for a in range(0, self.n, BLOCK):
            rows = slice(a, min(a + BLOCK, self.n))
            W = buffer[:, : rows.stop - a]
            W[0] = 1.0
            for values, start, stop in zip(self._data, edges[:-1], edges[1:], strict=True):
                np.subtract(values[rows].T, self.shift[start:stop, None], out=W[1 + start : 1 + stop])
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

        Raises
        ------
        DataError
            The covariates fit every column exactly, as many of them do whatever they are: that is no fault of the
            instruments.
        """
        if self.rank >= self.n:
            raise DataError(
                f"{self.p} covariates are too many for {self.n} rows: they fit every column exactly, so that nothing "
                "is left of treatment or instruments; use fewer covariates."
            )
        first = 1 + self.m
        own, size = self.C[first:, first:], self.total[first:]
        redundant = np.zeros(self.q, dtype=bool)
        for j in range(self.q):
            if own[j, j] <= LEFT_TOL * size[j]:
                redundant[j] = True
            else:
                own = own - np.outer(own[:, j] / own[j, j], own[j])  # what the instruments after j have beyond j
        return np.flatnonzero(~redundant), redundant

    def only(self, kept) -> "InstrumentMoments":
        """The same moments with some of the instruments, without another pass.

        Parameters
        ----------
        kept : (k,) int array
        """
        if len(kept) == self.q:
            return self
        X, Y, T, Z = self._data
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, q=len(kept), _data=(X, Y, T, Z[:, kept]))
        columns = np.concatenate([np.arange(1 + self.m), 1 + self.m + np.asarray(kept)])
        new.shift = np.concatenate([self.shift[: self.p], self.shift[self.p :][columns]])
        new.slopes, new.total, new.C = self.slopes[:, columns], self.total[columns], self.C[np.ix_(columns, columns)]
        return new

    def middle(self, wanted: Sequence[Scores], groups=None, keep: np.ndarray | None = None) -> list[np.ndarray]:
        """Middle matrices of robust covariances, all from one pass.

        Parameters
        ----------
        wanted : sequence of Scores
        groups : (n,) int array in 0..G-1, optional
            Scores are summed within groups first.
        keep : (n,) float array, optional
            Is filled with the first row of the first scores, row by row.

        Returns
        -------
        One (r, r) float array per entry of ``wanted``; (r + 1 + p, r + 1 + p) with the design.
        """
        d = 1 + self.p
        sizes = [len(each.rows) + (d if each.design else 0) for each in wanted]
        out: list[np.ndarray] = [np.zeros((size, size)) for size in sizes]
        sums = [np.zeros((size, int(groups.max()) + 1)) for size in sizes] if groups is not None else []
        counts = [len(np.atleast_2d(each.residual)) for each in wanted]
        # Room for a block, taken once: fresh pages for every block would cost more than the sums.
        room = [np.empty((size, min(BLOCK, self.n))) for size in sizes]
        stacked = np.vstack([part for each in wanted for part in (each.residual, each.rows)])
        fitted, mixed = (np.empty((k, min(BLOCK, self.n))) for k in (1 + self.m + self.q, len(stacked)))
        for rows, W in self._blocks():
            width = W.shape[1]
            R, combined = W[d:], mixed[:, :width]
            R -= np.matmul(self.slopes.T, W[:d], out=fitted[:, :width])
            np.matmul(stacked, R, out=combined)
            at = 0
            for k, each in enumerate(wanted):
                r, c = len(each.rows), counts[k]
                e, scores = combined[at : at + c], room[k][:, :width]
                np.multiply(combined[at + c : at + c + r], e, out=scores[:r])
                if each.design:
                    np.multiply(W[:d], e, out=scores[r:])
                at += c + r
                if k == 0 and keep is not None:
                    keep[rows] = scores[0]
                if groups is None:
                    out[k] += np.dot(scores, scores.T)
                else:
                    # Rows of a block often belong to few clusters; only those between its least and largest are added.
                    own = groups[rows]
                    low, high = int(own.min()), int(own.max()) + 1
                    for row, total in zip(scores, sums[k], strict=True):
                        total[low:high] += np.bincount(own - low, weights=row)
        return out if groups is None else [total @ total.T for total in sums]
