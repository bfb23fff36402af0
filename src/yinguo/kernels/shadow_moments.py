r"""Odds of not being seen as a function of covariates, treatment and outcome, from moments with a shadow variable.

With :math:`Q(d) = P(S=1 \mid d) = 1 / (1 + w)`, :math:`w = e^{-d^\top \theta}`, d functions of covariates, treatment
and outcome, and h functions of covariates, treatment and shadow variable, never of the outcome,

.. math:: E[\,h\,(S / Q(d) - 1)] = 0 \quad\Leftrightarrow\quad E[S\,w\,h] = E[(1 - S)\,h].

Only seen outcomes enter. With as many functions h as coefficients the moments are solved, with more of them

.. math:: \bar g(\theta)^\top W \bar g(\theta) + \theta^\top \Lambda \theta, \qquad
   \bar g = \tfrac1n \sum_i s_i h_i (S_i (1 + w_i) - 1)

is minimised: first with W the inverse of the mean of hh', then of the mean of gg' (two-step; J is n times the minimum),
or, with a penalty, with W = I, which for features h of a kernel is the squared norm of the embedded moment (maximum
moment restriction).

The variance of a moment is that of 1/Q, which is without bound where few are seen. Any function of covariates,
treatment and shadow variable may multiply h; the chance of being seen given those takes most of that variance out, see
:func:`chance_of_being_seen`.

Source: Wang, Shao & Kim (2014), Statistica Sinica 24 (moments); Hansen (1982), Econometrica 50(4) (two steps, J);
Muandet, Jitkrittum & Kübler (2020), UAI (kernel moments).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from yinguo.errors import ConvergenceError, NotIdentifiedError
from yinguo.kernels.glm import fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments

__all__ = ["OddsFit", "chance_of_being_seen", "fit_odds"]

MAX_STEPS = 300
#: Log odds beyond this are cut: exp(40) rows stand for one.
ETA_LIMIT = 40.0
#: Root mean square of the change of the log odds that one step may make.
LONGEST = 1.0
#: Ratio of the smallest to the largest singular value of the scaled Jacobian below which nothing is identified.
RANK_TOL = 1e-7


@dataclass(frozen=True, slots=True)
class OddsFit:
    """Fitted odds and what it takes to follow their error.

    Attributes
    ----------
    theta : (k,) float array
    w : (n,) float array
        Odds of not being seen, 0 in rows that were not.
    slopes : (n, k) float array
        Derivatives of ``w`` in theta.
    phi : (n, k) float array
        Influence values of theta.
    statistic : float
        J; 0 where there is nothing to test.
    df : int
        Moments beyond the number of coefficients.
    left : float
        Largest mean moment left, in units of the root mean square of its h.
    """

    theta: np.ndarray
    w: np.ndarray
    slopes: np.ndarray
    phi: np.ndarray
    statistic: float
    df: int
    left: float

    @property
    def p_value(self) -> float | None:
        """Of the null that all moments hold; None if there are no more moments than coefficients."""
        return float(chi2.sf(self.statistic, self.df)) if self.df > 0 else None

    def covariance(self, groups=None) -> np.ndarray:
        """(k, k) covariance of theta."""
        return _outer(self.phi, groups) / len(self.phi)


def fit_odds(D, H, S, *, s=None, groups=None, penalty=None, start=None, updates: int = 2) -> OddsFit:
    """Fit log odds that are linear in given functions.

    Parameters
    ----------
    D : (n, k) float array
        Functions of covariates, treatment and outcome; any number in rows that were not seen.
    H : (n, m) float array, m >= k without a penalty
        Functions of covariates, treatment and shadow variable, linearly independent.
    S : (n,) float array of 0 and 1
    s : (n,) float array, optional
        Sample weights with mean 1.
    groups : (n,) int array, optional
        Clusters, for the second-step weights and J.
    penalty : (k,) float array, optional
        Diagonal of Lambda; W is then the identity and there is no J.
    start : (k,) float array, optional
        Default: the first column of D is taken for a constant, the others start at 0.
    updates : int
        How often W is renewed.

    Returns
    -------
    OddsFit

    Raises
    ------
    NotIdentifiedError
        Fewer moments than coefficients, or moments that do not tell them apart.
    ConvergenceError
        No solution was found.

    Source
    ------
    Hansen (1982).
    """
    (n, k), m = D.shape, H.shape[1]
    if m < k and penalty is None:
        raise NotIdentifiedError(f"there are {m} moments for {k} coefficients of the selection model; drop some.")
    problem = _Problem(D, H, S, s, np.zeros(k) if penalty is None else penalty)
    if start is None:
        share = np.average(S, weights=s)
        start = np.zeros(k)
        start[0] = np.log(share / (1 - share))
    if penalty is not None:
        W = np.eye(m)
        theta, value = _minimise(problem, W, start)
        return problem.summary(theta, W, 0.0, 0)
    W = np.linalg.pinv((H if s is None else H * s[:, None]).T @ H / n, hermitian=True)
    theta, value = _minimise(problem, W, start)
    if m > k:
        for _ in range(updates):
            W = np.linalg.pinv(_outer(problem.rows(theta), groups), rcond=1e-12, hermitian=True)
            theta, value = _minimise(problem, W, theta)
    problem.require_identified(theta)
    found = problem.summary(theta, W, n * value if m > k else 0.0, m - k)
    if m == k and found.left > 1e-6:
        raise ConvergenceError(
            f"no selection model of this form meets the moments (mean moment {found.left:.2g} is left): the shadow "
            "variable contradicts it, or hardly varies with the outcome. Use another one, or another form."
        )
    return found


def chance_of_being_seen(S, C, s=None) -> np.ndarray:
    """(n,) logistic P(S=1 | C) for scaling moments and weights; where it cannot be fitted, the share seen.

    It needs not be right: whatever it is, moments multiplied by it hold.

    Parameters
    ----------
    S : (n,) float array of 0 and 1
    C : (n, r) float array
        Covariates, treatment and shadow variable.
    s : (n,) float array, optional
    """
    try:
        eta = fit_binary(ArrayMoments(C), S, s=s).eta
    except ConvergenceError:
        return np.full(len(S), float(np.average(S, weights=s)))
    return linear_predictor_terms(np.clip(eta, -15.0, 15.0), S)[0]


class _Problem:
    """Mean moments and their Jacobian, computed on the rows that were seen."""

    def __init__(self, D, H, S, s, penalty) -> None:
        self.seen = S == 1
        weight = np.ones(len(S)) if s is None else s
        self.H, self.s, self.D1, self.H1 = H, weight, D[self.seen], H[self.seen] * weight[self.seen, None]
        self.total, self.n, self.penalty = weight @ H, len(S), penalty
        self.size = np.sqrt(np.maximum((H**2).mean(axis=0), np.finfo(float).tiny))

    def w1(self, theta):
        return np.exp(np.clip(-(self.D1 @ theta), -ETA_LIMIT, ETA_LIMIT))

    def mean(self, w1):
        return ((1 + w1) @ self.H1 - self.total) / self.n

    def jacobian(self, w1):
        return -(self.H1 * w1[:, None]).T @ self.D1 / self.n

    def rows(self, theta):
        factor = -self.s
        factor[self.seen] *= -self.w1(theta)  # s (S (1 + w) - 1)
        return self.H * factor[:, None]

    def require_identified(self, theta) -> None:
        G = self.jacobian(self.w1(theta)) / self.size[:, None]
        length = np.linalg.norm(G, axis=0)
        singular = np.linalg.svd(G / np.maximum(length, np.finfo(float).tiny), compute_uv=False)
        if not singular[-1] > RANK_TOL * singular[0]:
            raise NotIdentifiedError(
                "the moments do not tell the coefficients of the selection model apart: given covariates and treatment "
                "the shadow variable does not move with the outcome among those seen, a column repeats others or a few "
                "rows hold all the weight."
            )

    def summary(self, theta, W, statistic: float, df: int) -> OddsFit:
        w1 = self.w1(theta)
        G = self.jacobian(w1)
        projected = G.T @ W
        A = projected @ G + np.diag(self.penalty)
        g = self.rows(theta)
        phi = -g @ np.linalg.lstsq(A, projected, rcond=1e-13)[0].T
        w, slopes = np.zeros(self.n), np.zeros((self.n, len(theta)))
        w[self.seen], slopes[self.seen] = w1, -w1[:, None] * self.D1
        left = float(np.abs(self.mean(w1) / self.size).max())
        return OddsFit(theta, w, slopes, phi, statistic, df, left)


def _minimise(problem: _Problem, W, theta) -> tuple[np.ndarray, float]:
    """Gauss-Newton steps with Levenberg-Marquardt damping; the objective falls at every step."""

    def look(theta):
        w1 = problem.w1(theta)
        g = problem.mean(w1)
        return w1, g, float(g @ W @ g + theta @ (problem.penalty * theta))

    w1, g, value = look(theta)
    damping = 0.0
    for _ in range(MAX_STEPS):
        G = problem.jacobian(w1)
        A = G.T @ W @ G + np.diag(problem.penalty)
        b = -(G.T @ (W @ g) + problem.penalty * theta)
        while True:
            step = np.linalg.lstsq(A + damping * np.diag(np.diag(A)), b, rcond=1e-14)[0]
            # Far from the solution the moments look linear over a shorter way than the step is long.
            step = step * min(1.0, LONGEST / max(float(np.sqrt(np.mean((problem.D1 @ step) ** 2))), 1e-300))
            gain = float(b @ step)
            if gain <= 1e-12 * value or gain <= 1e-24 or not np.isfinite(gain):
                return theta, value
            new = theta + step
            w1, g, below = look(new)
            if below < value:
                break
            damping = max(4 * damping, 1e-3)
            if damping > 1e12:
                return theta, value
        theta, value = new, below
        damping = damping / 8 if damping > 1e-6 else 0.0
    raise ConvergenceError(
        f"the selection model did not converge in {MAX_STEPS} steps; the chance of being seen is too close to 0 for "
        "some, or the shadow variable says too little. Use fewer covariates, or another shadow variable."
    )


def _outer(g, groups=None) -> np.ndarray:
    """Mean of gg', over the sums within clusters if there are any."""
    n = len(g)
    if groups is None:
        return g.T @ g / n
    sums = np.stack([np.bincount(groups, weights=column) for column in g.T], axis=1)
    return sums.T @ sums / n
