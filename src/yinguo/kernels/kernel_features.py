r"""Columns whose inner products are a Gaussian kernel: exactly, at chosen centres, or from random waves.

With centres :math:`c_1 \dots c_r` and the Cholesky factor L of their kernel matrix, :math:`\phi(x) = L^{-1} k(c, x)`
gives :math:`\phi(x)^\top \phi(x') = k(x, c) K_{cc}^{-1} k(c, x')`, which is the kernel itself for x among the centres
and the Nystroem approximation elsewhere. A pivoted factor takes as next centre the row that the ones before explain
least, and stops when every row is explained to rounding: smooth kernels in a few dimensions need far fewer centres
than there are rows, and the features lose nothing that the kernel matrix itself has in double precision.

Source: Fine & Scheinberg (2001), JMLR 2, for the pivoted factor; Williams & Seeger (2001), NIPS 13 (Nystroem); Rahimi
& Recht (2007), NIPS 20 (random features).
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from yinguo.kernels.gaussian import gaussian_kernel

__all__ = ["CentreFeatures", "RandomFeatures", "pivoted_features", "random_features"]


@dataclass(frozen=True, slots=True)
class CentreFeatures:
    """Features from the kernel with a few rows.

    Attributes
    ----------
    centres : (r, d) float array
    bandwidth : (d,) float array
    factor : (r, r) lower triangular float array
        Cholesky factor of the kernel matrix of the centres.
    """

    centres: np.ndarray
    bandwidth: np.ndarray
    factor: np.ndarray

    @property
    def size(self) -> int:
        """Number of features."""
        return len(self.factor)

    def transform(self, X) -> np.ndarray:
        """(n, r) features of the rows of ``X``.

        Parameters
        ----------
        X : (n, d) float array
        """
        K = gaussian_kernel(X, self.centres, self.bandwidth)
        # K' is in column order already, so that the solve works in place.
        return linalg.solve_triangular(self.factor, K.T, lower=True, overwrite_b=True, check_finite=False).T


@dataclass(frozen=True, slots=True)
class RandomFeatures:
    """Cosines and sines at frequencies drawn from the Fourier transform of the kernel.

    Attributes
    ----------
    frequencies : (d, r / 2) float array
    """

    frequencies: np.ndarray

    @property
    def size(self) -> int:
        """Number of features."""
        return 2 * self.frequencies.shape[1]

    def transform(self, X) -> np.ndarray:
        """(n, r) features of the rows of ``X``.

        Parameters
        ----------
        X : (n, d) float array
        """
        angles = X @ self.frequencies
        half = angles.shape[1]
        out = np.empty((len(X), 2 * half))
        np.cos(angles, out=out[:, :half])
        np.sin(angles, out=out[:, half:])
        out /= np.sqrt(half)
        return out


def pivoted_features(X, bandwidth, *, most: int | None = None) -> CentreFeatures:
    """Features with centres chosen among the rows of ``X`` until every row is explained to rounding.

    Parameters
    ----------
    X : (n, d) float array
        Candidates. The kernel matrix of all of them is held in memory once.
    bandwidth : (d,) float array
    most : int, optional
        No more centres than this; the features are then an approximation.

    Returns
    -------
    CentreFeatures
    """
    K = gaussian_kernel(X, X, bandwidth)
    # A negative tolerance asks for LAPACK's own: n times the machine precision times the largest diagonal entry.
    factor, order, rank, _ = linalg.lapack.dpstrf(K.T, tol=-1.0, lower=1, overwrite_a=1)
    rank = int(rank) if most is None else min(int(rank), most)
    # Pivots come in order, so the factor of the first centres is a corner of the whole.
    return CentreFeatures(X[order[:rank] - 1].copy(), bandwidth, np.asfortranarray(np.tril(factor[:rank, :rank])))


def random_features(bandwidth, count: int, rng: np.random.Generator) -> RandomFeatures:
    """Features whose inner products are the kernel on average over the draw.

    Parameters
    ----------
    bandwidth : (d,) float array
    count : int
        Number of features, rounded up to an even one.
    rng : Generator

    Returns
    -------
    RandomFeatures
    """
    half = (count + 1) // 2
    return RandomFeatures(rng.normal(size=(len(bandwidth), half)) / np.asarray(bandwidth)[:, None])
