r"""The normal selection model in two steps: a probit, and least squares with the Mills ratio as a further column.

.. math::

   S = 1[w'\gamma + u > 0], \qquad Y = x'\beta + \varepsilon \ \text{ seen if } S = 1, \qquad
   (u, \varepsilon) \sim N\left(0, \begin{pmatrix} 1 & \rho\sigma \\ \rho\sigma & \sigma^2 \end{pmatrix}\right)

so that :math:`E[Y \mid x, w, S = 1] = x'\beta + \rho\sigma\,\lambda(w'\gamma)` with the Mills ratio
:math:`\lambda(a) = \phi(a)/\Phi(a)`, whose slope is :math:`-\delta`, :math:`\delta = \lambda(\lambda + a)`.

Designs are standardised before anything is multiplied (:class:`yinguo.kernels.moments.ArrayMoments`) and coefficients
are handed back on that scale; ``raw_map`` carries them to the units of the data.

Source: Heckman (1979), Econometrica 47(1).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from yinguo.errors import ConvergenceError
from yinguo.kernels.glm import fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments, solve_gram

__all__ = ["SelectionFit", "TwoStep", "mills", "probit", "raw_map", "two_step"]


@dataclass(frozen=True, slots=True)
class SelectionFit:
    """The probit of being seen.

    Attributes
    ----------
    W : (n, q) float array
        Standardised design, intercept first.
    gamma : (q,) float array
    eta : (n,) float array
        W gamma.
    covariance : (q, q) float array
        Inverse of the observed information.
    influence : (n, q) float array
        Rows whose sum is the first-order error of ``gamma``.
    log_likelihood : float
    """

    W: np.ndarray
    gamma: np.ndarray
    eta: np.ndarray
    covariance: np.ndarray
    influence: np.ndarray
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class TwoStep:
    """Least squares with the Mills ratio as a further column.

    Attributes
    ----------
    beta : (k,) float array
        On the standardised design.
    mills_coefficient, sigma, rho : float
        rho may leave [-1, 1]: nothing in the two steps keeps it inside.
    covariance : (k + 1, k + 1) float array
        Of beta and the coefficient of the Mills ratio, under the model.
    influence : (n, k + 1) float array
        Rows whose sum is the first-order error of the same, the probit's included; valid without the model's
        formula for the variance.
    mills_r2 : float
        Share of the Mills ratio that the columns of the outcome equation explain among the rows seen.
    """

    beta: np.ndarray
    mills_coefficient: float
    sigma: float
    rho: float
    covariance: np.ndarray
    influence: np.ndarray
    mills_r2: float


def mills(a) -> np.ndarray:
    """phi(a) / Phi(a) through the scaled complementary error function, which does not underflow where Phi does.

    >>> [round(float(mills(a)), 6) for a in (0.0, 5.0, -40.0, -1000.0)]
    [0.797885, 1e-06, 40.024969, 1000.001]
    """
    return np.sqrt(2 / np.pi) / special.erfcx(-np.asarray(a, dtype=np.float64) / np.sqrt(2))


def raw_map(moments: ArrayMoments) -> np.ndarray:
    """(q, q) matrix from coefficients on the standardised design to intercept and slopes in the units of the data."""
    A = np.diag(np.concatenate([[1.0], 1 / moments.scale]))
    A[0, 1:] = -moments.centre / moments.scale
    return A


def probit(moments: ArrayMoments, S, s=None) -> SelectionFit:
    """Probit of the indicator on all rows, with what later steps need of it.

    Parameters
    ----------
    moments : ArrayMoments of the selection equation
    S : (n,) float array of 0 and 1
    s : (n,) float array, optional
        Sample weights.
    """
    try:
        fit = fit_binary(moments, S, s=s, link="probit")
    except ConvergenceError as error:
        raise ConvergenceError(
            "the covariates decide who is seen (a probit of the selection indicator has no maximum): some rows had no "
            "chance to be seen. Leave out the covariate that decides it, or the rows it decides."
        ) from error
    score = linear_predictor_terms(fit.eta, S, "probit")[2]
    score = score if s is None else s * score
    covariance = solve_gram(fit.information, np.eye(moments.q), intercept=True)
    each = special.log_ndtr((2 * S - 1) * fit.eta)
    total = float((each if s is None else s * each).sum())
    return SelectionFit(moments.D, fit.beta, fit.eta, covariance, (moments.D * score[:, None]) @ covariance, total)


def two_step(X, Y, S, selection: SelectionFit, s=None) -> TwoStep:
    r"""The second step and its covariance, which allows for the Mills ratio being estimated.

    With :math:`X^* = [x, \hat\lambda]` and D the diagonal of :math:`\hat\delta`,

    .. math:: \hat\sigma^2 (X^{*\prime}X^*)^{-1} [X^{*\prime}(I - \hat\rho^2 D) X^* + \hat\rho^2 (X^{*\prime}DW)
       \hat V_\gamma (W'DX^*)] (X^{*\prime}X^*)^{-1}, \qquad
       \hat\sigma^2 = \overline{\hat e^2} + b_\lambda^2 \bar{\hat\delta}.

    Parameters
    ----------
    X : (n, k) float array
        Standardised design of the outcome equation.
    Y : (n,) float array
        Read where S is 1.
    S : (n,) float array
    selection : SelectionFit
    s : (n,) float array, optional

    Source
    ------
    Heckman (1979), Econometrica 47(1); Greene (1981), Econometrica 49(3), for the covariance.
    """
    weight = S if s is None else s * S
    lam = mills(selection.eta)
    delta = lam * (lam + selection.eta)
    Xs, Yz = np.column_stack([X, lam]), np.where(S == 1, Y, 0.0)
    A = (Xs * weight[:, None]).T @ Xs
    b = solve_gram(A, (weight * Yz) @ Xs, intercept=True)
    inverse = solve_gram(A, np.eye(len(A)), intercept=True)
    e = np.where(S == 1, Yz - Xs @ b, 0.0)
    size = float(b[-1])
    n_seen = weight.sum()
    variance = float(weight @ e**2 + size**2 * (weight @ delta)) / n_seen
    sigma = float(np.sqrt(variance))
    rho = size / sigma if sigma > 0 else 0.0
    squared = rho**2
    XDW = (Xs * (weight * delta)[:, None]).T @ selection.W
    middle = A - squared * (Xs * (weight * delta)[:, None]).T @ Xs
    middle = middle + squared * XDW @ selection.covariance @ XDW.T
    # The same first-order error row by row; its second part is what the first step's error does to the second.
    slope = size * XDW
    slope[-1] -= (weight * delta * e) @ selection.W
    influence = (Xs * (weight * e)[:, None] + selection.influence @ slope.T) @ inverse
    own = solve_gram(A[:-1, :-1], A[:-1, -1], intercept=True)
    spread = float(weight @ (lam - weight @ lam / n_seen) ** 2)
    left = float(weight @ (lam - X @ own) ** 2)
    r2 = 1 - left / spread if spread > 0 else 1.0
    return TwoStep(b[:-1], size, sigma, rho, variance * inverse @ middle @ inverse, influence, r2)
