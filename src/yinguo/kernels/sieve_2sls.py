r"""Two-stage least squares of an outcome on many functions of the treatment, with a ridge and its influence values.

With D the functions of treatment and covariates, Q an orthonormal basis of functions of instruments and covariates,
both net of a constant, and :math:`A = Q^\top D`,

.. math:: \hat\beta(\alpha) = (A^\top A / n + \alpha I)^{-1} A^\top Q^\top Y / n .

Without the ridge this is two-stage least squares with every column of D instrumented. The singular values of A give the
fits at all penalties.

Source: Newey & Powell (2003), Econometrica 71(5), where the ridge is a bound on the size of the function.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

__all__ = ["SieveFit", "SievePath", "orthonormal_basis", "projected_losses", "sieve_path"]

#: Share of the largest below which a singular value, or a pivot, is rounding.
RANK_TOL = 1e-9


@dataclass(frozen=True, slots=True)
class SieveFit:
    """One fit.

    Attributes
    ----------
    intercept : float
    slopes : (K,) float array
        Of the columns of D as they were given.
    """

    intercept: float
    slopes: np.ndarray


@dataclass(frozen=True, slots=True)
class SievePath:
    """All that fits at any penalty need.

    Attributes
    ----------
    n : int
    centre, scale : (K,) float arrays
        Mean and standard deviation of the columns of D.
    level : float
        Mean outcome.
    s : (r,) float array
        Singular values of A for standardised columns, those that are rounding left out.
    Vt : (r, K) float array
    b : (r,) float array
        The outcome in the directions of the instruments that belong to them.
    identified : bool
        Whether the instruments tell apart everything the columns of D can express.
    """

    n: int
    centre: np.ndarray
    scale: np.ndarray
    level: float
    s: np.ndarray
    Vt: np.ndarray
    b: np.ndarray
    identified: bool

    def fit(self, penalty: float) -> SieveFit:
        """The fit at one penalty.

        Parameters
        ----------
        penalty : float, at least 0
        """
        slopes = self.Vt.T @ (self.s / (self.s**2 + self.n * penalty) * self.b) / self.scale
        return SieveFit(float(self.level - self.centre @ slopes), slopes)

    def influence(self, D, Q, Y, direction) -> np.ndarray:
        """Influence values of a linear combination of the slopes without penalty.

        Parameters
        ----------
        D : (n, K) float array
        Q : (n, q) float array
        Y : (n,) float array
        direction : (K,) float array
            The combination.

        Returns
        -------
        (n,) float array with mean 0
        """
        fit = self.fit(0.0)
        residual = Y - fit.intercept - D @ fit.slopes
        solved = self.Vt.T @ (self.Vt @ (direction / self.scale) / self.s**2 * self.n)
        phi = residual * (Q @ (Q.T @ ((D - self.centre) @ (solved / self.scale))))
        return phi - phi.mean()


def orthonormal_basis(C) -> np.ndarray:
    """Orthonormal columns with mean 0 that, with a constant, span what the columns of C do.

    Parameters
    ----------
    C : (n, r) float array

    Returns
    -------
    (n, q) float array, q at most r
    """
    C = C - C.mean(axis=0)
    spread = C.std(axis=0)
    C /= np.where(spread > 0, spread, 1.0)
    basis, triangle, _ = linalg.qr(C, mode="economic", pivoting=True, overwrite_a=True, check_finite=False)
    pivots = np.abs(np.diag(triangle))
    return basis[:, : int((pivots > RANK_TOL * pivots[:1]).sum())]


def sieve_path(D, Q, Y) -> SievePath:
    """Prepare the fits at all penalties.

    Parameters
    ----------
    D : (n, K) float array
        Functions of treatment and covariates, without a constant.
    Q : (n, q) float array
        From :func:`orthonormal_basis`.
    Y : (n,) float array

    Returns
    -------
    SievePath
    """
    centre, scale = D.mean(axis=0), D.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    standard = (D - centre) / scale
    # What the columns can express at all, seen in their own cross-products; collinear covariates are no lack of
    # instruments.
    own = linalg.eigvalsh(standard.T @ standard / len(Y), check_finite=False)
    U, s, Vt = linalg.svd(Q.T @ standard, full_matrices=False, check_finite=False)
    kept = s > RANK_TOL * s[:1]
    return SievePath(
        n=len(Y), centre=centre, scale=scale, level=float(Y.mean()), s=s[kept], Vt=Vt[kept],
        b=U[:, kept].T @ (Q.T @ Y), identified=bool(kept.sum() >= (own > 1e-11 * own[-1]).sum()),
    )  # fmt: skip


def projected_losses(path: SievePath, D, Q, Y, penalties) -> np.ndarray:
    """Mean square of what functions of the instruments can still say about the residuals of other rows.

    Parameters
    ----------
    path : SievePath
        From the rows that fit.
    D : (n, K) float array
        Of the rows that judge.
    Q : (n, q) float array
        Orthonormal basis on the rows that judge.
    Y : (n,) float array
    penalties : (k,) float array

    Returns
    -------
    (k,) float array
        Sums of squares, to be divided by the number of rows.
    """
    fits = [path.fit(penalty) for penalty in penalties]
    residuals = np.column_stack([Y - fit.intercept - D @ fit.slopes for fit in fits])
    return ((Q.T @ residuals) ** 2).sum(axis=0) + len(Y) * residuals.mean(axis=0) ** 2
