r"""Estimators of the k-class from moments: two-stage least squares, limited information maximum likelihood, Fuller.

Net of the covariates (tilde), with P the projection on the instruments and :math:`v = \tilde T - P \tilde T`,

.. math:: \hat\theta = (\tilde T'(I - \kappa (I - P)) \tilde T)^{-1} \tilde T'(I - \kappa (I - P)) \tilde Y .

:math:`\kappa = 1` is two-stage least squares and 0 ordinary least squares. Limited information maximum likelihood
takes the smallest eigenvalue of :math:`(W'(I - P)W)^{-1} W'W` with :math:`W = [\tilde Y, \tilde T]`, and Fuller's
version that eigenvalue less a constant over n minus the number of instruments and covariates.

Source: Theil (1953), Central Planning Bureau memorandum; Anderson & Rubin (1949), Annals of Mathematical Statistics
20(1); Fuller (1977), Econometrica 45(4).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.moments import solve_gram

__all__ = ["KClass", "covariance", "fit_k_class", "raw_coefficients", "smallest_root"]

#: Share of variation below which outcome and treatment count as determined by one another and the covariates.
DETERMINED_TOL = 1e-14


@dataclass(frozen=True, slots=True)
class KClass:
    """A fit, with everything that depends on the rows written as combinations of the columns of R.

    Attributes
    ----------
    kappa : float
    theta : (m,) float array
        Coefficients of the treatment and of what else is instrumented.
    bread : (m, m) float array
        T'(I - kappa (I - P))T, net of the covariates.
    pi : (q, m) float array
        First-stage coefficients of the instruments.
    rss : float
        Sum of squared residuals.
    residual : (1 + m + q,) float array
        Of the outcome, with the treatment as it was met.
    first_residuals : (m, 1 + m + q) float array
        Of the first stage, v.
    """

    kappa: float
    theta: np.ndarray
    bread: np.ndarray
    pi: np.ndarray
    rss: float
    residual: np.ndarray
    first_residuals: np.ndarray

    @property
    def fitted(self) -> np.ndarray:
        """(m, 1 + m + q) combinations that give the treatment as the instruments predict it."""
        out = -self.first_residuals
        m = len(self.theta)
        out[:, 1 : 1 + m] += np.eye(m)
        return out

    @property
    def direction(self) -> np.ndarray:
        """(m, 1 + m + q) combinations whose products with the residual sum to zero."""
        return self.fitted + (1 - self.kappa) * self.first_residuals


def fit_k_class(moments: InstrumentMoments, kappa: float = 1.0) -> KClass:
    """Solve for one kappa.

    Parameters
    ----------
    moments : InstrumentMoments
        With independent instruments, at least as many as there are columns of T.
    kappa : float

    Raises
    ------
    numpy.linalg.LinAlgError
        The instruments do not move the columns of T independently.

    Source
    ------
    Theil (1953); the k-class as in Davidson & MacKinnon (1993), Estimation and Inference in Econometrics, section 18.5.
    """
    m, C = moments.m, moments.C
    y, t, z = slice(0, 1), slice(1, 1 + m), slice(1 + m, None)
    pi = _solve(C[z, z], C[z, t])
    # The projected part is built up rather than subtracted from the whole: with weak instruments it is the small one.
    bread = kappa * pi.T @ C[z, t] + (1 - kappa) * C[t, t]
    right = kappa * pi.T @ C[z, y] + (1 - kappa) * C[t, y]
    theta = np.linalg.solve(bread, right)[:, 0]
    residual = np.concatenate([[1.0], -theta, np.zeros(moments.q)])
    first = np.hstack([np.zeros((m, 1)), np.eye(m), -pi.T])
    rss = max(float(residual @ C @ residual), 0.0)  # of an exact fit rounding may leave less than nothing
    return KClass(kappa, theta, bread, pi, rss, residual, first)


def smallest_root(moments: InstrumentMoments) -> float:
    """Kappa of limited information maximum likelihood: at least 1, and 1 if there are no more instruments than needed.

    Parameters
    ----------
    moments : InstrumentMoments
        Where treatment and covariates determine the outcome every kappa gives the same; it is then 1.

    Source
    ------
    Anderson & Rubin (1949), Annals of Mathematical Statistics 20(1).
    """
    if moments.q == moments.m:
        return 1.0
    C, both = moments.C, 1 + moments.m
    explained = C[:both, both:] @ _solve(C[both:, both:], C[both:, :both])
    whole = C[:both, :both]
    scale = np.sqrt(np.where(np.diag(whole) > 0, np.diag(whole), 1.0))
    scaled = np.outer(scale, scale)
    if np.linalg.eigvalsh(whole / scaled)[0] <= DETERMINED_TOL:
        return 1.0
    # The smallest share that the instruments explain of any combination; from it kappa - 1 keeps its digits near 0.
    share = float(eigh((explained + explained.T) / (2 * scaled), whole / scaled, eigvals_only=True)[0])
    return 1.0 + max(share, 0.0) / (1.0 - share) if share < 1.0 else 1.0


def raw_coefficients(moments: InstrumentMoments, fit: KClass) -> np.ndarray:
    """(1 + m + p,) float array: intercept, columns of T, columns of X, in the units of the data.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass
    """
    p, m = moments.p, moments.m
    shifted = moments.slopes @ fit.residual  # of the outcome less what the treatment does
    centre = moments.shift[p] - moments.shift[p + 1 : p + 1 + m] @ fit.theta
    intercept = centre + shifted[0] - moments.shift[:p] @ shifted[1:]
    return np.concatenate([[intercept], fit.theta, shifted[1:]])


def covariance(moments: InstrumentMoments, fit: KClass, middle=None) -> np.ndarray:
    """Covariance of :func:`raw_coefficients`, large-sample.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass
    middle : (m + 1 + p, m + 1 + p) float array, optional
        Of the scores of the fitted treatment and the design. Without it residuals are taken to have one variance.

    Returns
    -------
    (1 + m + p, 1 + m + p) float array
    """
    p, m = moments.p, moments.m
    if middle is None:
        middle = np.zeros((m + 1 + p,) * 2)
        middle[:m, :m], middle[m:, m:] = fit.bread, moments.A
        middle *= fit.rss / moments.n
    inverse = np.linalg.inv(fit.bread)
    # Rows: theta, then the coefficients of the shifted design, which move against theta as the treatment's slopes say.
    spread = np.zeros((m + 1 + p,) * 2)
    spread[:m, :m] = inverse
    spread[m:, :m] = -moments.slopes[:, 1 : 1 + m] @ inverse
    spread[m:, m:] = solve_gram(moments.A, np.eye(1 + p), intercept=True)
    raw = np.zeros_like(spread)
    raw[0, :m] = -moments.shift[p + 1 : p + 1 + m]
    raw[0, m], raw[0, m + 1 :] = 1.0, -moments.shift[:p]
    raw[1 : 1 + m, :m] = np.eye(m)
    raw[1 + m :, m + 1 :] = np.eye(p)
    full = raw @ spread
    return full @ middle @ full.T


def _solve(A, b) -> np.ndarray:
    """A^-1 b for a positive definite A, on the scale where its diagonal is 1."""
    scale = np.sqrt(np.diag(A))
    return np.linalg.solve(A / np.outer(scale, scale), b / scale[:, None]) / scale[:, None]
