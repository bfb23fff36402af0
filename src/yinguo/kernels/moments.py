"""Weighted moments of a design: what most effect estimators really need from the data.

The seam of yinguo: estimators that are a handful of passes are written against these few operations,
so that a stream of row batches or a lazy engine can stand in for the arrays used here. Everything
works on *centred and scaled* columns (raw moments lose digits: with means of 1e4 standard deviations
the covariance is gone), and rows are kept sorted by a small integer code (fold, arm), so that one pass
yields the moments of every code from contiguous slices.
"""

import numpy as np

__all__ = ["ArrayMoments", "slope_rank", "solve_gram"]

#: Rows per block: the weighted copy of a block of 20 columns stays in the second-level cache.
BLOCK = 8192
#: Share of the largest eigenvalue below which a direction counts as collinear.
RANK_TOL = 1e-11


class ArrayMoments:
    """A standardised design with intercept, in memory, rows grouped by code.

    Parameters
    ----------
    X : (n, p) float array
    codes : (n,) int array in 0..n_codes-1, optional
        Group of each row; None puts all rows in group 0.
    n_codes : int
    rows : (m,) int array, optional
        Use only these rows of ``X``; codes then has length m.

    Attributes
    ----------
    D : (n, p+1) C-ordered float array
        ``[1, (X - centre) / scale]``, rows sorted by code.
    order : (n,) int array or None
        ``D[i]`` is row ``order[i]`` of the input; None if the order is the input's.
    bounds : (n_codes + 1,) int array
        Rows of code c are ``bounds[c]:bounds[c + 1]``.
    centre, scale : (p,) float arrays
    """

    def __init__(self, X, codes=None, n_codes: int = 1, rows=None) -> None:
        n = len(X) if rows is None else len(rows)
        self.order: np.ndarray | None
        if codes is None:
            self.order = rows
            self.bounds = np.array([0, n])
        else:
            by_code = np.argsort(codes, kind="stable")  # radix for small ints
            self.order = by_code if rows is None else rows[by_code]
            self.bounds = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n_codes))])
        self.n, self.q = n, X.shape[1] + 1
        self.centre, self.scale = _location_scale(X, rows)
        self.D = self._standardised(X)

    def _standardised(self, X) -> np.ndarray:
        D = np.empty((self.n, self.q))
        D[:, 0] = 1.0
        for block in self.blocks():
            source = X[block] if self.order is None else X[self.order[block]]
            np.subtract(source, self.centre, out=D[block, 1:])
            D[block, 1:] /= self.scale
        return D

    def blocks(self, start: int = 0, stop: int | None = None):
        """Slices of at most ``BLOCK`` rows covering ``start:stop``."""
        stop = self.n if stop is None else stop
        for a in range(start, stop, BLOCK):
            yield slice(a, min(a + BLOCK, stop))

    def sort(self, values):
        """A row-wise array of the input in the order of ``D`` (None stays None)."""
        if values is None or self.order is None:
            return values
        return values[self.order]

    def unsort(self, values, n: int | None = None) -> np.ndarray:
        """The inverse of :meth:`sort`; rows of an ``n``-row input that are not here become 0."""
        if self.order is None:
            return values
        out = np.zeros(self.n if n is None else n)
        out[self.order] = values
        return out

    def grams(self, Y=None, w=None) -> tuple[np.ndarray, np.ndarray]:
        """D'diag(w)D and D'diag(w)Y for every code.

        Parameters
        ----------
        Y, w : (n,) float arrays in the order of ``D``, optional

        Returns
        -------
        A : (n_codes, q, q) float array
        b : (n_codes, q) float array
            Zeros without ``Y``.
        """
        k = len(self.bounds) - 1
        A, b = np.zeros((k, self.q, self.q)), np.zeros((k, self.q))
        for c in range(k):
            span = slice(self.bounds[c], self.bounds[c + 1])
            if w is None:
                A[c] = self.D[span].T @ self.D[span]
                if Y is not None:
                    b[c] = Y[span] @ self.D[span]
                continue
            for block in self.blocks(span.start, span.stop):
                A[c] += _weighted_gram(self.D[block], w[block])
            if Y is not None:
                b[c] = (w[span] * Y[span]) @ self.D[span]
        return A, b

    def apply(self, coefficients) -> np.ndarray:
        """(n,) linear scores: row i uses the coefficients of its own code.

        Parameters
        ----------
        coefficients : (q,) or (n_codes, q) float array
        """
        if np.ndim(coefficients) == 1:
            return self.D @ coefficients
        out = np.empty(self.n)
        for c, beta in enumerate(coefficients):
            span = slice(self.bounds[c], self.bounds[c + 1])
            np.matmul(self.D[span], beta, out=out[span])
        return out

    def rescale(self, beta) -> np.ndarray:
        """Coefficients of the raw columns, intercept first, from those of the standardised ones."""
        raw = np.array(beta, dtype=np.float64)
        raw[..., 1:] /= self.scale
        raw[..., 0] -= raw[..., 1:] @ self.centre
        return raw


def solve_gram(A, b, *, intercept: bool = False) -> np.ndarray:
    """Minimum-norm solution of the symmetric system A x = b, stable when A is singular.

    Directions whose eigenvalue is below ``RANK_TOL`` of the largest are left out: on standardised
    columns they are collinear up to rounding, and predictions do not depend on them.

    Parameters
    ----------
    A : (q, q) symmetric positive semi-definite float array
    b : (q,) or (q, k) float array
    intercept : bool
        The first column of the design is constant. It is then profiled out, so that a column without
        variation in these rows gets slope 0. The plain minimum norm would share the mean between that
        column and the intercept, and predictions where the column does vary would move with the origin
        of the outcome.
    """
    if not intercept or A[0, 0] <= 0:
        return _minimum_norm(A, b)
    slopes = _minimum_norm(_profiled(A), b[1:] - np.multiply.outer(A[0, 1:] / A[0, 0], b[0]))
    return np.concatenate([[(b[0] - A[0, 1:] @ slopes) / A[0, 0]], slopes])


def slope_rank(A) -> int:
    """How many slopes a Gram matrix with intercept determines, by the rule of :func:`solve_gram`."""
    if A[0, 0] <= 0 or len(A) == 1:
        return 0
    values = _spectrum(_profiled(A))[1]
    return int((values > RANK_TOL * values[-1]).sum())


def _profiled(A) -> np.ndarray:
    """Gram matrix of the slopes about the mean of these rows."""
    inner = A[1:, 1:] - np.outer(A[0, 1:], A[0, 1:] / A[0, 0])
    # What the subtraction leaves of a constant column is rounding; scaled up it would look like data.
    still = np.diag(inner) <= RANK_TOL * np.diag(A)[1:]
    inner[still], inner[:, still] = 0.0, 0.0
    return inner


def _spectrum(A) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size = np.diag(A)
    scale = np.sqrt(np.where(size > 0, size, 1.0))
    return scale, *np.linalg.eigh(A / np.outer(scale, scale))


def _minimum_norm(A, b) -> np.ndarray:
    if len(A) == 0:
        return np.zeros_like(b)
    scale, values, vectors = _spectrum(A)
    keep = values > RANK_TOL * values[-1]
    basis = vectors[:, keep] / scale[:, None]
    return basis @ ((basis.T @ b) / (values[keep] if np.ndim(b) == 1 else values[keep][:, None]))


def _weighted_gram(D, w) -> np.ndarray:
    root = D * np.sqrt(w)[:, None]
    return root.T @ root  # numpy sees one operand and calls the symmetric product, half the work


def _location_scale(X, rows) -> tuple[np.ndarray, np.ndarray]:
    """Column means and standard deviations in one pass, by merging centred block moments."""
    p = X.shape[1]
    mean, spread, seen = np.zeros(p), np.zeros(p), 0
    n = len(X) if rows is None else len(rows)
    for a in range(0, n, BLOCK):
        block = X[a : a + BLOCK] if rows is None else X[rows[a : a + BLOCK]]
        m = len(block)
        block_mean = block.mean(axis=0)
        centred = block - block_mean
        shift = block_mean - mean
        spread += np.einsum("ij,ij->j", centred, centred) + shift**2 * (seen * m / (seen + m))
        mean += shift * (m / (seen + m))
        seen += m
    sd = np.sqrt(spread / max(seen, 1))
    # A column constant on these rows (up to rounding) is only centred: it becomes zero, not noise.
    return mean, np.where(sd > 1e-12 * (1 + np.abs(mean)), sd, 1.0)
