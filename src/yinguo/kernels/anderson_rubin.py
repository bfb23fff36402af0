r"""All effects that a test by Anderson and Rubin does not refuse: exact sets, no grid.

The statistic at a supposed effect :math:`\theta` is a ratio of quadratic forms of :math:`\theta`, so the set where it
is at most a critical value c is bounded by the real roots of a polynomial.

*Equal noise.* With G the Gram matrix of the instruments and S the residual covariance of [Y, T],

.. math:: (\Gamma - \theta\gamma)' G (\Gamma - \theta\gamma) \le c\,(S_{YY} - 2\theta S_{YT} + \theta^2 S_{TT})

is one quadratic inequality: an interval, everything but an interval, the whole line, or nothing.

*Robust or clustered.* :math:`e' V(\theta)^{-1} e \le c` with :math:`e = \Gamma - \theta\gamma` holds where
:math:`Q(\theta) = c V(\theta) - e e'` has no negative eigenvalue, because V is positive definite. Its boundary is
among the :math:`\theta` with :math:`\det Q(\theta) = 0`: the eigenvalues of a q by q quadratic matrix polynomial, found
as those of a linear pencil of twice the size. Between neighbouring real eigenvalues the statistic is evaluated once.
All of it happens on the circle :math:`\theta = \tan\varphi`, where infinity is a point like any other.

Source: Anderson & Rubin (1949), Annals of Mathematical Statistics 20(1); robust version after Stock & Wright (2000),
Econometrica 68(5), with variances from the unrestricted regression; the shapes of the set, Dufour & Taamouti (2005),
Econometrica 73(4).
"""

import numpy as np
from scipy.linalg import eigvals
from scipy.optimize import brentq

from yinguo.errors import DataError
from yinguo.kernels.reduced_form import ReducedForm

__all__ = ["anderson_rubin_pieces"]

#: How far from real, as an angle, an eigenvalue may be and still count as a candidate. One too many does no harm.
NEARLY_REAL = 1e-5


def anderson_rubin_pieces(form: ReducedForm, critical: float) -> tuple[tuple[float, float], ...]:
    """Where the statistic of :meth:`ReducedForm.wald` is at most ``critical``.

    Parameters
    ----------
    form : ReducedForm
    critical : float
        Positive; a quantile of chi-squared with q degrees of freedom, or q times one of F.

    Returns
    -------
    pieces : tuple of (low, high)
        Disjoint closed intervals in ascending order; ends may be infinite. Empty if no effect is left.

    Raises
    ------
    DataError
        A robust covariance without an inverse.

    Source
    ------
    Anderson & Rubin (1949); Dufour & Taamouti (2005) for the quadratic inequality.
    """
    return _quadratic_pieces(form, critical) if form.equal_noise else _pencil_pieces(form, critical)


def _quadratic_pieces(form: ReducedForm, critical: float) -> tuple[tuple[float, float], ...]:
    """Solutions of a theta^2 - 2 b theta + c <= 0."""
    gY, gT = form.gram @ form.outcome, form.gram @ form.treatment
    a = gT @ form.treatment - critical * form.noise[1, 1]
    b = gT @ form.outcome - critical * form.noise[0, 1]
    c = gY @ form.outcome - critical * form.noise[0, 0]
    discriminant = b * b - a * c
    if discriminant < 0:
        return () if a > 0 else ((-np.inf, np.inf),)
    if a == 0:
        if b == 0:
            return ((-np.inf, np.inf),) if c <= 0 else ()
        return ((c / (2 * b), np.inf),) if b > 0 else ((-np.inf, c / (2 * b)),)
    # The larger sum first: the other root by their product, or digits are lost when one of them is near 0.
    larger = b + np.copysign(np.sqrt(discriminant), b)
    roots = sorted((larger / a, c / larger)) if larger != 0 else [0.0, 0.0]
    low, high = float(roots[0]), float(roots[1])
    return ((low, high),) if a > 0 else ((-np.inf, low), (high, np.inf))


def _pencil_pieces(form: ReducedForm, critical: float) -> tuple[tuple[float, float], ...]:
    V0, V1, V2 = form.covariances
    # Units in which outcome and treatment vary alike, and coordinates in which the average variance is the identity.
    unit = np.sqrt(np.trace(form.gram @ V0) / np.trace(form.gram @ V2)) if np.trace(V2) > 0 else 1.0
    G, g = form.outcome / unit, form.treatment
    V0, V1 = V0 / unit**2, V1 / unit
    size, directions = np.linalg.eigh((V0 + V2) / 2)
    if not size[0] > 1e-13 * size[-1]:
        raise DataError(
            "the robust covariance of the instruments' coefficients has no inverse; an instrument may differ from a "
            "constant in one row or group only. Leave it out, or set covariance='unadjusted'."
        )
    whiten = directions / np.sqrt(size)
    V0, V1, V2 = (whiten.T @ V @ whiten for V in (V0, V1, V2))
    G, g = whiten.T @ G, whiten.T @ g

    def excess(angle: float) -> float:
        """Statistic minus critical value in the direction of theta = unit tan(angle)."""
        x, y = np.cos(angle), np.sin(angle)
        gap = x * G - y * g
        return float(gap @ np.linalg.solve(x * x * V0 - x * y * V1 + y * y * V2, gap)) - critical

    cross = np.outer(G, g)
    angles = _candidates(
        critical * V0 - np.outer(G, G), -critical * V1 + cross + cross.T, critical * V2 - np.outer(g, g)
    )
    if len(angles) == 0:
        return ((-np.inf, np.inf),) if excess(0.0) <= 0 else ()
    ends = np.append(angles, angles[0] + np.pi)
    middles = (ends[:-1] + ends[1:]) / 2
    values = [excess(angle) for angle in middles]
    inside = [value <= 0 for value in values]
    if all(inside) or not any(inside):
        return ((-np.inf, np.inf),) if inside[0] else ()
    # Boundary k lies between segments k - 1 and k; one where nothing changes is no boundary.
    arcs, start = [], next(k for k in range(len(inside)) if inside[k] and not inside[k - 1])
    for step in range(len(inside)):
        k = (start + step) % len(inside)
        if inside[k] == inside[k - 1]:
            continue
        before = middles[k - 1] - (np.pi if k == 0 else 0.0)
        root = brentq(excess, before, middles[k], xtol=1e-15, rtol=8.9e-16)
        arcs.append(root + (np.pi if k < start else 0.0))
    return _from_arcs(zip(arcs[::2], arcs[1::2], strict=True), unit)


def _candidates(Q0, Q1, Q2) -> np.ndarray:
    """Ascending angles in (-pi/2, pi/2] whose tangent makes Q0 + t Q1 + t^2 Q2 singular."""
    q = len(Q0)
    zero, one = np.zeros((q, q)), np.eye(q)
    A, B = np.block([[zero, one], [-Q0, -Q1]]), np.block([[one, zero], [zero, Q2]])
    alpha, beta = eigvals(A, B, homogeneous_eigvals=True)
    size = np.abs(alpha) ** 2 + np.abs(beta) ** 2
    product = alpha * np.conj(beta)
    real = np.abs(product.imag) <= NEARLY_REAL * size
    angles = np.arctan2(np.sign(product.real) * np.abs(alpha), np.abs(beta))[real & (size > 0)]
    angles = np.unique(angles)
    if len(angles) == 0:
        return angles
    return angles[np.append(True, np.diff(angles) > 1e-14)]


def _from_arcs(arcs, unit: float) -> tuple[tuple[float, float], ...]:
    """Intervals of theta from arcs of the circle; an arc through infinity becomes two rays."""
    pieces = []
    for low, high in arcs:
        turns = np.floor((low + np.pi / 2) / np.pi)
        low, high = low - turns * np.pi, high - turns * np.pi  # low in [-pi/2, pi/2)
        if high > np.pi / 2:
            pieces += [(unit * np.tan(low), np.inf), (-np.inf, unit * np.tan(high - np.pi))]
        else:
            pieces.append((unit * np.tan(low), unit * np.tan(high)))
    return tuple((float(low), float(high)) for low, high in sorted(pieces))
