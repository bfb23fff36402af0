"""Binary regression (logit, probit) by Newton steps on moments, for one sample or all folds at once.

The fold-wise fits share work: all start from the full-sample maximum, whose per-fold Hessians come from
one pass, and each fold then needs only its gradient, because the Hessian without fold k at the full
maximum is within O(1/sqrt(n)) of the one at fold k's own maximum. Two or three cheap passes replace
K full fits.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.moments import ArrayMoments, slope_rank, solve_gram

__all__ = ["LINKS", "BinaryFit", "fit_binary", "fit_binary_leave_fold_out", "linear_predictor_terms"]

#: Linear predictors beyond this mean a fitted chance within 1e-13 of 0 or 1: separation.
ETA_LIMIT = 30.0
MAX_STEPS = 60


@dataclass(frozen=True, slots=True)
class BinaryFit:
    """A fitted binary regression.

    Attributes
    ----------
    beta : (q,) or (n_folds, q) float array
        Coefficients on the standardised design of the moments, intercept first.
    information : (q, q) float array
        Observed information at ``beta`` (sum over rows); of the full sample for fold-wise fits.
    eta : (n,) float array
        Linear predictor, in the order of the moments; from the other folds for fold-wise fits.
    steps : int
    """

    beta: np.ndarray
    information: np.ndarray
    eta: np.ndarray
    steps: int


def linear_predictor_terms(eta, T, link: str = "logit"):
    """Mean, its slope, the score and the observed curvature, row by row.

    Parameters
    ----------
    eta, T : (n,) float arrays
    link : {"logit", "probit"}

    Returns
    -------
    e : (n,) P(T=1)
    slope : (n,) de/deta
    score : (n,) d loglik / d eta
    curvature : (n,) minus the second derivative of the log-likelihood in eta
    """
    if link == "logit":
        e = special.expit(eta)
        slope = e * (1.0 - e)
        return e, slope, T - e, slope
    if link == "probit":
        sign = 2.0 * T - 1.0
        e = special.ndtr(eta)
        slope = np.exp(-0.5 * eta**2) / np.sqrt(2 * np.pi)
        # Mills ratio by log densities: ndtr underflows long before its logarithm does.
        score = sign * np.exp(-0.5 * eta**2 - 0.5 * np.log(2 * np.pi) - special.log_ndtr(sign * eta))
        return e, slope, score, score * (score + eta)
    raise ValueError(f"link is {link!r}; it must be one of {LINKS}")


LINKS = ("logit", "probit")


def fit_binary(
    moments: ArrayMoments, T, *, s=None, link: str = "logit", start=None, penalty: float = 0.0, tol: float = 1e-10
) -> BinaryFit:
    """Maximum likelihood (or ridge) fit by Newton's method with step halving.

    Parameters
    ----------
    moments : ArrayMoments of the design
    T : (n,) float array of 0 and 1, in the order of the moments
    s : (n,) float array, optional
        Sample weights.
    link : {"logit", "probit"}
    start : (q,) float array, optional
        Starting coefficients. By default a fit to every k-th row when n is large.
    penalty : float
        Ridge strength on the standardised slopes (sum scale, intercept free).
    tol : float
        Stop when the Newton decrement per row is below ``tol**2`` or the largest step below ``tol``.

    Raises
    ------
    ConvergenceError
        The covariates predict the treatment perfectly (no maximum exists), or no convergence.
    DataError
        A negative penalty.
    """
    ridge = _ridge(moments.q, penalty)
    beta = _subsample_start(moments, T, s, link, penalty) if start is None else np.array(start, dtype=np.float64)
    loss = None
    for step in range(1, MAX_STEPS + 1):
        eta = moments.apply(beta)
        _, _, score, curvature = linear_predictor_terms(eta, T, link)
        if s is not None:
            score, curvature = s * score, s * curvature
        gradient = score @ moments.D - ridge * beta
        information = moments.grams(w=curvature)[0].sum(axis=0) + np.diag(ridge)
        if loss is None:
            loss = _loss(eta, T, s, link, beta, ridge)
        direction = solve_gram(information, gradient, intercept=True)
        decrement = float(gradient @ direction)
        if decrement <= max(tol**2 * moments.n, 1e-22 * abs(loss)) or np.abs(direction).max() < tol:
            _refuse_separation(eta)
            return BinaryFit(beta, information, eta, step)
        beta, loss = _halve(moments, T, s, link, ridge, beta, direction, decrement, loss)
        _refuse_separation(eta)
    raise ConvergenceError(
        f"the {link} model of the treatment did not converge in {MAX_STEPS} Newton steps; "
        "drop covariates that predict the treatment almost perfectly, or pass penalty > 0."
    )


def fit_binary_leave_fold_out(
    moments: ArrayMoments, T, *, s=None, link: str = "logit", penalty: float = 0.0, tol: float = 1e-10,
    fold_of_code=None,
) -> BinaryFit:  # fmt: skip
    """For every fold the fit to all other folds, evaluated on the fold's own rows.

    Parameters
    ----------
    moments : ArrayMoments whose codes are folds (or finer: see ``fold_of_code``)
    T, s, link, penalty : as in :func:`fit_binary`
    tol : float
        Largest Newton step, in standardised coefficients, at which a fold's fit is accepted.
    fold_of_code : (n_codes,) int array, optional
        Fold of each code when a code is (fold, arm).

    Returns
    -------
    BinaryFit
        ``beta`` (n_folds, q); ``eta`` (n,) out of fold.
    """
    n_codes = len(moments.bounds) - 1
    fold_of_code = np.arange(n_codes) if fold_of_code is None else np.asarray(fold_of_code)
    n_folds = int(fold_of_code.max()) + 1
    ridge = _ridge(moments.q, penalty)
    full = fit_binary(moments, T, s=s, link=link, penalty=penalty, tol=1e-3)
    # Hessian of every fold at (nearly) the full maximum, from one weighted pass.
    curvature = linear_predictor_terms(full.eta, T, link)[3]
    own = moments.grams(w=curvature if s is None else s * curvature)[0]
    H_fold = np.zeros((n_folds, *own.shape[1:]))
    np.add.at(H_fold, fold_of_code, own)
    H_total = H_fold.sum(axis=0) + np.diag(ridge)
    H_rest = [np.delete(H_fold, k, axis=0).sum(axis=0) + np.diag(ridge) for k in range(n_folds)]
    if min(map(slope_rank, H_rest)) < slope_rank(H_total):
        # A level seen in one fold only: the full maximum knows its coefficient, the other folds must not.
        return _fit_each_fold(moments, T, s, link, penalty, fold_of_code, np.zeros(moments.q), H_total)
    inverse = [solve_gram(H, np.eye(moments.q), intercept=True) for H in H_rest]

    betas = np.repeat(full.beta[None], n_folds, axis=0)
    for step in range(1, MAX_STEPS + 1):
        gradient = _leave_fold_out_gradients(moments, T, s, link, betas, fold_of_code, ridge)
        moves = np.stack([inverse[k] @ gradient[k] for k in range(n_folds)])
        betas = betas + moves
        size = float(np.abs(moves).max())
        if size < tol:
            eta = moments.apply(betas[fold_of_code])
            _refuse_separation(eta)
            return BinaryFit(betas, H_total, eta, full.steps + step)
        if step > 8:
            break
    # The shared Hessian is too far off (small samples, near separation): fit each fold by itself.
    return _fit_each_fold(moments, T, s, link, penalty, fold_of_code, full.beta, H_total)


def _leave_fold_out_gradients(moments, T, s, link, betas, fold_of_code, ridge):
    """(n_folds, q) score of all rows outside fold k at betas[k]; one pass with matrix products."""
    k = len(betas)
    gradient = -ridge * betas
    for c in range(len(moments.bounds) - 1):
        others = np.flatnonzero(np.arange(k) != fold_of_code[c])
        for block in moments.blocks(moments.bounds[c], moments.bounds[c + 1]):
            D = moments.D[block]
            eta = D @ betas[others].T  # (b, k-1)
            score = linear_predictor_terms(eta, T[block, None], link)[2]
            if s is not None:
                score *= s[block, None]
            gradient[others] += score.T @ D
    return gradient


def _fit_each_fold(moments, T, s, link, penalty, fold_of_code, start, information):
    betas, steps = np.empty((int(fold_of_code.max()) + 1, moments.q)), 0
    for k in range(len(betas)):
        inside = np.zeros(moments.n, dtype=bool)
        for c in np.flatnonzero(fold_of_code == k):
            inside[moments.bounds[c] : moments.bounds[c + 1]] = True
        weight = np.where(inside, 0.0, 1.0 if s is None else s)
        fit = fit_binary(moments, T, s=weight, link=link, penalty=penalty, start=start)
        betas[k], steps = fit.beta, steps + fit.steps
    return BinaryFit(betas, information, moments.apply(betas[fold_of_code]), steps)


def _subsample_start(moments, T, s, link, penalty):
    """Coefficients from every k-th row: Newton's early steps need no more than that."""
    zero = np.zeros(moments.q)
    stride = moments.n // 20_000
    if stride < 4:
        return zero
    part = _Thinned(moments, stride)
    try:
        return fit_binary(
            part, T[::stride], s=None if s is None else s[::stride], link=link,
            start=zero, penalty=penalty / stride, tol=1e-4,
        ).beta  # fmt: skip
    except ConvergenceError:
        return zero


class _Thinned(ArrayMoments):
    """Every k-th row of other moments, as one code."""

    def __init__(self, moments: ArrayMoments, stride: int) -> None:
        self.D = np.ascontiguousarray(moments.D[::stride])
        self.n, self.q = self.D.shape
        self.order = None
        self.bounds = np.array([0, self.n])


def _ridge(q: int, penalty: float) -> np.ndarray:
    if not 0 <= penalty < np.inf:
        raise DataError(f"penalty is {penalty}; it must be a number of at least 0.")
    ridge = np.full(q, float(penalty))
    ridge[0] = 0.0
    return ridge


def _loss(eta, T, s, link, beta, ridge) -> float:
    sign = 2.0 * T - 1.0
    terms = np.logaddexp(0.0, -sign * eta) if link == "logit" else -special.log_ndtr(sign * eta)
    return float((terms if s is None else s * terms).sum() + 0.5 * ridge @ beta**2)


def _halve(moments, T, s, link, ridge, beta, direction, decrement, loss):
    """Full Newton step, halved until the loss falls (Armijo)."""
    step = 1.0
    while step > 1e-10:
        new = beta + step * direction
        value = _loss(moments.apply(new), T, s, link, new, ridge)
        if value <= loss - 1e-4 * step * decrement + 1e-12 * abs(loss):
            return new, value
        step /= 2
    return beta + direction, loss  # at the rounding floor of the loss; the caller's tests decide


def _refuse_separation(eta) -> None:
    if np.abs(eta).max() > ETA_LIMIT and np.abs(eta).min() > 8.0:
        raise ConvergenceError(
            "the covariates predict the treatment perfectly (every fitted chance is 0 or 1), so no propensity "
            "model exists and there is no overlap; drop the covariate that decides the treatment, or pass penalty > 0."
        )
