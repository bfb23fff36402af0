r"""Regressions with a control variable that was itself estimated, and influence values of both steps together.

First step: the treatment on :math:`D_1 = [1, X, Z]`, by least squares or probit, with scores :math:`D_1 v`; v is the
residual, for probit the generalised residual :math:`T\lambda(a) - (1 - T)\lambda(-a)`, :math:`\lambda = \varphi/\Phi`.

Second step: the outcome on :math:`D_2 = [1, B, C(v)]` through a mean :math:`M(D_2\beta)` with canonical link.

The error of :math:`\hat\beta` is that of both steps, because v moves with the coefficients :math:`\pi` of the first:

.. math:: \hat\beta - \beta \approx J_2^{-1} \Big[\sum_i D_{2i} r_i + H J_1^{-1} \sum_i D_{1i} v_i\Big], \qquad
   H = \sum_i \big(C'_i r_i - D_{2i} M'_i\, C'^\top_i\beta_C\big) \frac{\partial v_i}{\partial \pi^\top} .

Source: Murphy & Topel (1985), JBES 3(4); as stacked estimating equations, Newey & McFadden (1994), Handbook of
Econometrics 4, section 6; generalised residuals, Gourieroux, Monfort, Renault & Trognon (1987), J. Econometrics 34.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from yinguo.errors import DataError
from yinguo.kernels.glm import fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments, solve_gram
from yinguo.kernels.poisson import fit_poisson

__all__ = ["MEANS", "FirstStep", "SecondStep", "average_over_shifts", "first_step", "second_step"]

#: Mean and its slope by name of the outcome model.
MEANS: dict[str, tuple[Callable, Callable]] = {
    "linear": (lambda eta: eta, np.ones_like),
    "logit": (expit, lambda eta: expit(eta) * expit(-eta)),
    "poisson": (np.exp, np.exp),
}
#: Rounding, as a logarithm: interpolation of a logistic mean is carried to there.
DIGITS = 36.0
#: Largest block of an exact average over shifts, in numbers.
BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class FirstStep:
    """The control variable and what it takes to follow its error.

    Attributes
    ----------
    v : (n,) float array
        Residual.
    curvature : (n,) float array
        Minus the slope of the residual in the linear predictor.
    D : (n, q1) float array
        Standardised design with intercept.
    information : (q1, q1) float array
        Weighted sum of curvature times D D'.
    """

    v: np.ndarray
    curvature: np.ndarray
    D: np.ndarray
    information: np.ndarray


@dataclass(frozen=True, slots=True)
class SecondStep:
    """Coefficients of the outcome regression on a standardised design.

    Attributes
    ----------
    first : FirstStep
    moments : ArrayMoments
        Design [1, base, controls], standardised.
    beta : (q2,) float array
    n_controls : int
        How many of the last columns are functions of v.
    slopes : (n, n_controls) float array
        Their derivatives in v, on the standardised scale.
    residual, spread : (n,) float arrays
        Outcome minus mean; slope of the mean.
    s : (n,) float array
        Sample weights with mean 1.
    """

    first: FirstStep
    moments: ArrayMoments
    beta: np.ndarray
    n_controls: int
    slopes: np.ndarray
    residual: np.ndarray
    spread: np.ndarray
    s: np.ndarray

    @property
    def shift(self) -> np.ndarray:
        """(n,) what the control variable adds to the linear predictor of each row."""
        q = len(self.beta)
        return self.moments.D[:, q - self.n_controls :] @ self.beta[q - self.n_controls :]

    def index(self, base) -> np.ndarray:
        """(m,) linear predictor without the control variable.

        Parameters
        ----------
        base : (m, b) float array
        """
        b = base.shape[1]
        return self.beta[0] + (base - self.moments.centre[:b]) / self.moments.scale[:b] @ self.beta[1 : 1 + b]

    def influence(self, direction, direct=None) -> np.ndarray:
        """(n,) influence values of a function of the coefficients of both steps, its own average over rows left out.

        Parameters
        ----------
        direction : (q2,) float array
            Derivative of the function in ``beta``.
        direct : (n,) float array, optional
            Derivative of the function in each row's v at fixed ``beta``.
        """
        first, D = self.first, self.moments.D
        a = solve_gram(self._information(), direction, intercept=True)
        q = len(self.beta)
        # Derivative of the second step's equations in each row's v, along a.
        through = self.residual * (self.slopes @ a[q - self.n_controls :])
        through -= self.spread * (D @ a) * (self.slopes @ self.beta[q - self.n_controls :])
        through *= self.s
        if direct is not None:
            through += direct
        towards = -(first.curvature * through) @ first.D
        pi = solve_gram(first.information, towards, intercept=True)
        return len(D) * self.s * (self.residual * (D @ a) + first.v * (first.D @ pi))

    def _information(self) -> np.ndarray:
        return self.moments.grams(w=self.s * self.spread)[0][0]


def first_step(X, T, *, model: str = "linear", s=None) -> FirstStep:
    """Residuals of the treatment given covariates and instruments.

    Parameters
    ----------
    X : (n, k) float array
        Covariates and instruments.
    T : (n,) float array
    model : {"linear", "probit"}
    s : (n,) float array, optional
        Sample weights.

    Raises
    ------
    DataError
        Probit for a treatment that is not 0 or 1; an unknown model.
    ConvergenceError
        The probit has no maximum: covariates and instruments separate the arms.

    Source
    ------
    Gourieroux, Monfort, Renault & Trognon (1987), Journal of Econometrics 34, for generalised residuals.
    """
    moments = ArrayMoments(X)
    if model == "linear":
        A, b = moments.grams(T, s)
        return FirstStep(T - moments.apply(solve_gram(A[0], b[0], intercept=True)), np.ones(len(T)), moments.D, A[0])
    if model != "probit":
        raise DataError(f"treatment_model is {model!r}; it must be 'linear' or 'probit'.")
    if not np.isin(T, (0.0, 1.0)).all():
        raise DataError("treatment_model is 'probit' but the treatment is not binary; use 'linear'.")
    fit = fit_binary(moments, T, s=s, link="probit")
    _, _, v, curvature = linear_predictor_terms(fit.eta, T, "probit")
    return FirstStep(v, curvature, moments.D, moments.grams(w=curvature if s is None else s * curvature)[0][0])


def second_step(first: FirstStep, base, controls, slopes, Y, *, model: str = "linear", s=None) -> SecondStep:
    """Outcome regression on base columns and functions of the control variable.

    Parameters
    ----------
    first : FirstStep
    base : (n, b) float array
        Covariates and functions of the treatment.
    controls, slopes : (n, c) float arrays
        Functions of v and their derivatives.
    Y : (n,) float array
    model : {"linear", "logit", "poisson"}
    s : (n,) float array, optional
        Sample weights with mean 1.

    Raises
    ------
    DataError
        An outcome that the model does not allow; an unknown model.
    ConvergenceError
        No maximum.

    Source
    ------
    Terza, Basu & Rathouz (2008), Journal of Health Economics 27(3), for non-linear means with a residual in them.
    """
    if model not in MEANS:
        raise DataError(f"outcome_model is {model!r}; it must be one of {', '.join(map(repr, MEANS))}.")
    if model == "logit" and not np.isin(Y, (0.0, 1.0)).all():
        raise DataError("outcome_model is 'logit' but the outcome has other values than 0 and 1; use 'linear'.")
    if model == "poisson" and (Y < 0).any():
        raise DataError(f"outcome_model is 'poisson' but {int((Y < 0).sum())} outcomes are negative; use 'linear'.")
    moments = ArrayMoments(np.column_stack([base, controls]))
    if model == "linear":
        A, b = moments.grams(Y, s)
        beta = solve_gram(A[0], b[0], intercept=True)
    elif model == "logit":
        beta = fit_binary(moments, Y, s=s).beta
    else:
        beta = fit_poisson(moments, Y, s)
    mean, slope = MEANS[model]
    eta = moments.D @ beta
    c = controls.shape[1]
    return SecondStep(
        first, moments, beta, c, slopes / moments.scale[-c:], Y - mean(eta), slope(eta),
        np.ones(len(Y)) if s is None else s,
    )  # fmt: skip


def average_over_shifts(function, at, shifts, weights, *, model: str) -> np.ndarray:
    r"""(m,) averages :math:`\sum_j w_j f(a_i + b_j) / \sum_j w_j`, without m times n evaluations where n is large.

    Parameters
    ----------
    function : callable
        Mean or slope of a mean.
    at : (m,) float array
    shifts, weights : (n,) float arrays
    model : {"linear", "logit", "poisson"}
        With ``"poisson"`` the sum factors. With ``"logit"`` it is interpolated between Chebyshev nodes if the values
        are many; in double precision that changes no digit.

    Source
    ------
    Berrut & Trefethen (2004), SIAM Review 46(3), for the barycentric formula.
    """
    share = weights / weights.sum()
    if model == "linear":
        return function(at + share @ shifts)
    if model == "poisson":
        return function(at) * (share @ np.exp(shifts))
    low, high = float(at.min()), float(at.max())
    if high == low:
        return np.full(len(at), _exact_average(function, at[:1], shifts, share)[0])
    # The nearest pole of the logistic mean is pi away from the real line, which sets the rate of convergence.
    distance = 2 * np.pi / (high - low)
    count = int(DIGITS / np.log(distance + np.sqrt(1 + distance**2))) + 2
    if len(at) <= count:
        return _exact_average(function, at, shifts, share)
    angles = (2 * np.arange(count) + 1) * np.pi / (2 * count)
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
    values = _exact_average(function, nodes, shifts, share)
    signs = np.sin(angles) * (-1.0) ** np.arange(count)
    out, step = np.empty(len(at)), max(1, BLOCK // count)
    for a in range(0, len(at), step):
        gap = at[a : a + step, None] - nodes
        hit = gap == 0
        kernel = signs / np.where(hit, 1.0, gap)
        kernel[hit.any(axis=1)] = hit[hit.any(axis=1)]
        out[a : a + step] = kernel @ values / kernel.sum(axis=1)
    return out


def _exact_average(function, at, shifts, share) -> np.ndarray:
    out = np.empty(len(at))
    step = max(1, BLOCK // len(shifts))
    for a in range(0, len(at), step):
        out[a : a + step] = function(at[a : a + step, None] + shifts) @ share
    return out
