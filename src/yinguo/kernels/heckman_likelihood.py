r"""The normal selection model by maximum likelihood, with analytic first and second derivatives.

Per row, with :math:`z = (Y - x'\beta)/\sigma` and :math:`A = \cosh(r)\, w'\gamma + \sinh(r)\, z`,
:math:`r = \mathrm{artanh}\, \rho`: :math:`\log\Phi(A) - z^2/2 - \log\sigma - \log\sqrt{2\pi}` if the outcome was seen,
else :math:`\log\Phi(-w'\gamma)`. In these parameters no bound has to be watched.

Source: Amemiya (1985), Advanced Econometrics, section 10.7.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from yinguo.errors import ConvergenceError
from yinguo.kernels.heckman import SelectionFit, TwoStep, mills

__all__ = ["Likelihood", "likelihood"]

#: Correlations beyond this are the edge of the model, where the likelihood has no maximum inside.
RHO_LIMIT = 0.9999
MAX_STEPS = 200


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The maximum of the joint likelihood.

    Attributes
    ----------
    beta, gamma : float arrays
        On the standardised designs.
    sigma, rho, log_likelihood : float
    covariance : (k + q + 2, k + q + 2) float array
        Of beta, gamma, log sigma and artanh rho: inverse of the observed information.
    influence : (n, k + q + 2) float array
        Rows whose sum is the first-order error of the same.
    steps : int
    """

    beta: np.ndarray
    gamma: np.ndarray
    sigma: float
    rho: float
    log_likelihood: float
    covariance: np.ndarray
    influence: np.ndarray
    steps: int


def likelihood(X, Y, S, selection: SelectionFit, start: TwoStep, s=None) -> Likelihood:
    """Newton's method on the joint likelihood in beta, gamma, log sigma and artanh rho.

    Parameters
    ----------
    X, Y, S, selection, s : as in :func:`yinguo.kernels.heckman.two_step`
    start : TwoStep
        Its correlation is moved inside (-1, 1) to start from.

    Raises
    ------
    ConvergenceError
        The likelihood rises towards a correlation of 1 or -1, or no convergence.

    Source
    ------
    Amemiya (1985), Advanced Econometrics, section 10.7.
    """
    W, k, q = selection.W, X.shape[1], selection.W.shape[1]
    seen = S == 1
    Yz = np.where(seen, Y, 0.0)
    s = np.ones(len(S)) if s is None else s
    rho = float(np.clip(start.rho, -0.8, 0.8))
    spread = float(np.sqrt(s[seen] @ (Yz[seen] - s[seen] @ Yz[seen] / s[seen].sum()) ** 2 / s[seen].sum()))
    sigma = max(start.sigma, 1e-8 * spread)
    if not sigma > 0:
        raise ConvergenceError("the outcome does not vary; there is no likelihood to maximise.")
    theta = np.concatenate([start.beta, selection.gamma, [np.log(sigma), np.arctanh(rho)]])
    value, scores, information = _likelihood_terms(theta, X, W, Yz, seen, s)
    for step in range(1, MAX_STEPS + 1):
        gradient = scores.sum(axis=0)
        direction = _ascent(information, gradient)
        # Far from the maximum the quadratic is no guide: log sigma and artanh rho move by at most 1.
        direction = direction / max(1.0, float(np.abs(direction[-2:]).max()))
        gain = float(gradient @ direction)
        if gain < 1e-18 * max(abs(value), 1.0) or gain < 1e-20 * len(S):
            return _at_maximum(theta, k, q, value, scores, information, step)
        size = 1.0
        while size > 1e-12:
            new = theta + size * direction
            trial = _likelihood_terms(new, X, W, Yz, seen, s)
            if np.isfinite(trial[0]) and trial[0] >= value + 1e-4 * size * gain - 1e-13 * abs(value):
                break
            size /= 2
        else:
            if gain > 1e-10 * max(abs(value), 1.0):  # more than rounding was to be gained
                raise ConvergenceError("the likelihood does not climb along its own slope; use heckman-two-step.")
            return _at_maximum(theta, k, q, value, scores, information, step)
        theta, (value, scores, information) = new, trial
        if abs(np.tanh(theta[-1])) > RHO_LIMIT:
            raise ConvergenceError(
                f"the likelihood rises towards a correlation of {np.sign(theta[-1]):g} between being seen and the "
                "outcome, so it has no maximum: the model does not fit, or nothing but its curvature identifies it. "
                "Give the selection equation a covariate that the outcome equation leaves out (outcome_covariates), "
                "or use heckman-two-step."
            )
    raise ConvergenceError(f"the likelihood did not converge in {MAX_STEPS} Newton steps; use heckman-two-step.")


def _likelihood_terms(theta, X, W, Y, seen, s) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood, scores of every row, and minus the matrix of second derivatives."""
    k, q = X.shape[1], W.shape[1]
    beta, gamma, a, r = theta[:k], theta[k : k + q], theta[-2], theta[-1]
    g = W @ gamma
    c, h = np.cosh(r), np.sinh(r)
    inv = np.exp(-a)
    z = np.where(seen, (Y - X @ beta) * inv, 0.0)
    A = np.where(seen, c * g + h * z, -g)
    lam = mills(A)
    curve = -lam * (lam + A)
    log_p = special.log_ndtr(A)
    each = np.where(seen, log_p - 0.5 * z * z - a - 0.5 * np.log(2 * np.pi), log_p)
    # Derivatives in the four numbers a row depends on: x'beta, w'gamma, log sigma, artanh rho.
    on = seen * 1.0
    z_d = np.stack([-inv * on, 0 * z, -z, 0 * z])
    A_d = np.stack([h * z_d[0], np.where(seen, c, -1.0), h * z_d[2], np.where(seen, h * g + c * z, 0.0)])
    first = lam * A_d - z * z_d
    first[2] -= on
    z_dd = {(0, 2): inv * on, (2, 2): z}
    A_dd = {
        (0, 2): h * inv * on, (2, 2): h * z, (0, 3): c * z_d[0], (1, 3): h * on, (2, 3): c * z_d[2],
        (3, 3): np.where(seen, A, 0.0),
    }  # fmt: skip
    blocks = (X, W, np.ones((len(z), 1)), np.ones((len(z), 1)))
    edges = (0, k, k + q, k + q + 1, k + q + 2)
    information = np.empty((k + q + 2, k + q + 2))
    for i in range(4):
        for j in range(i, 4):
            second = curve * A_d[i] * A_d[j] - z_d[i] * z_d[j]
            second = second + lam * A_dd.get((i, j), 0.0) - z * z_dd.get((i, j), 0.0)
            block = -(blocks[i] * (s * second)[:, None]).T @ blocks[j]
            information[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = block
            information[edges[j] : edges[j + 1], edges[i] : edges[i + 1]] = block.T
    scores = np.hstack([block * (s * d)[:, None] for block, d in zip(blocks, first, strict=True)])
    return float(s @ each), scores, information


def _ascent(information, gradient) -> np.ndarray:
    """Newton's direction; where the surface is not concave, curvatures by their size, so that it still climbs."""
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    size = np.abs(values)
    kept = size > 1e-11 * size.max()  # collinear columns have no direction of their own
    parts = (vectors.T @ (scale * gradient))[kept] / np.maximum(size[kept], 1e-6 * size.max())
    return scale * (vectors[:, kept] @ parts)


def _at_maximum(theta, k, q, value, scores, information, step) -> Likelihood:
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    kept = np.abs(values) > 1e-11 * np.abs(values).max()
    if (values[kept] < 0).any():
        raise ConvergenceError("the likelihood has no maximum where its slope vanishes; use heckman-two-step.")
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T * np.outer(scale, scale)
    return Likelihood(
        theta[:k], theta[k : k + q], float(np.exp(theta[-2])), float(np.tanh(theta[-1])), value, inverse,
        scores @ inverse, step,
    )  # fmt: skip
