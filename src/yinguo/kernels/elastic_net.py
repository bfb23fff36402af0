r"""Gaussian elastic net with a penalty path and cross-validation, in glmnet's parametrisation.

With columns and outcome standardised to weighted mean 0 and variance 1, each penalty strength minimises

.. math:: \tfrac12 \sum_i s_i (y_i - x_i'b)^2 + \lambda \{ a \lVert b\rVert_1 + \tfrac{1 - a}{2} \lVert b\rVert_2^2 \},
          \qquad \textstyle\sum_i s_i = 1,

and reports lambda times the sd of the outcome, with coefficients and intercept of the raw columns. Standardising the
outcome too is what makes the answer follow a change of its unit when a < 1.

Symbols: ``mixing`` a, ``sample_weight`` s, L penalty strengths, K folds.

Source
------
Friedman, Hastie & Tibshirani (2010), "Regularization paths for generalized linear models via coordinate descent",
J. Statistical Software 33(1): the parametrisation, the path (100 values down to 1e-4, or 1e-2 if p > n, of the
largest useful one; it stops once the fit explains 99.9 % or gains less than 1e-5 of itself) and the one-standard-error
rule. The minimiser itself is found by :mod:`yinguo.kernels.active_set`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yinguo.errors import DataError
from yinguo.kernels.active_set import FullGram, GramSource, GrowingGram, solve_penalised
from yinguo.kernels.moments import ArrayMoments

__all__ = ["ElasticNetCV", "ElasticNetPath", "elastic_net_cv", "elastic_net_path"]

Vector = NDArray[np.float64]

#: A path ends when R^2 exceeds the first, or grows by less than the second of itself, after MIN_STEPS values.
R2_ENOUGH, R2_GAIN, MIN_STEPS = 0.999, 1e-5, 5


@dataclass(frozen=True, slots=True)
class ElasticNetPath:
    """Fits at L decreasing penalty strengths.

    Attributes
    ----------
    lambdas : (L,) float array
        Penalty strengths, unit of the outcome.
    intercept : (L,) float array
    coef : (L, p) float array
        Coefficients of the raw columns; fitted values are ``intercept + X @ coef.T``.
    r2 : (L,) float array
        Weighted share of the outcome's variance explained.
    """

    lambdas: Vector
    intercept: Vector
    coef: NDArray[np.float64]
    r2: Vector


@dataclass(frozen=True, slots=True)
class ElasticNetCV:
    """A path with its cross-validated squared error.

    Attributes
    ----------
    path : ElasticNetPath
        Fit on all rows.
    cv_mean, cv_se : (L,) float arrays
        Mean squared error on left-out rows, and its standard error over folds.
    index_min, index_1se : int
        Smallest error; largest penalty whose error is within one standard error of the smallest.
    """

    path: ElasticNetPath
    cv_mean: Vector
    cv_se: Vector
    index_min: int
    index_1se: int


@dataclass(frozen=True, slots=True)
class _Standardised:
    """Gram source in standardised units, and the way back."""

    source: GramSource
    x_mean: Vector
    x_scale: Vector
    y_mean: float
    y_scale: float


def elastic_net_path(*, X, Y, mixing=0.9, lambdas=None, n_lambdas=100, sample_weight=None) -> ElasticNetPath:
    """Elastic-net fits along a decreasing sequence of penalty strengths.

    Parameters
    ----------
    X : (n, p) float array
        A constant column gets coefficient zero.
    Y : (n,) float array
    mixing : float in (0, 1]
        Share of the lasso penalty; 1 is the lasso.
    lambdas : (L,) positive float array, optional
        Penalty strengths, sorted here. Without it a geometric sequence from the smallest strength that keeps every
        coefficient zero, cut where the fit stops improving.
    n_lambdas : int
        Length of that sequence before the cut.
    sample_weight : (n,) non-negative float array, optional
        Only their ratios matter.

    Returns
    -------
    path : ElasticNetPath

    Raises
    ------
    DataError
        If ``mixing`` is outside (0, 1], or a penalty strength is not positive.
    ConvergenceError
        If nearly collinear columns keep the active set from settling.

    Source
    ------
    Friedman, Hastie & Tibshirani (2010), sections 2.1 to 2.5.
    """
    _check(mixing, lambdas)
    problem = _problems(X, Y, None, sample_weight)(None)
    if lambdas is None:
        return _fit_path(problem, _default_lambdas(problem, mixing, n_lambdas, X.shape), mixing, cut=True)
    return _fit_path(problem, np.sort(np.asarray(lambdas, dtype=np.float64))[::-1], mixing, cut=False)


def elastic_net_cv(*, X, Y, folds, mixing=0.9, lambdas=None, n_lambdas=100, sample_weight=None) -> ElasticNetCV:
    """Elastic-net path with the squared error of each strength on left-out folds.

    Parameters
    ----------
    X, Y, mixing, lambdas, n_lambdas, sample_weight
        As for :func:`elastic_net_path`.
    folds : (n,) int array
        Fold of each row, 0..K-1, K >= 2. Every fold is fitted on the strengths of the full path.

    Returns
    -------
    cv : ElasticNetCV

    Raises
    ------
    DataError, ConvergenceError
        As for :func:`elastic_net_path`; also if there are fewer than two folds.

    Source
    ------
    Friedman, Hastie & Tibshirani (2010), section 2.6. The mean and its error weigh folds by their rows; folds of
    fewer than three rows are too small for that, and then every row counts as its own fold, as glmnet does.
    """
    _check(mixing, lambdas)
    K = int(folds.max()) + 1
    if K < 2:
        raise DataError(f"cross-validation needs at least 2 folds, got {K}.")
    make = _problems(X, Y, folds, sample_weight)
    problem = make(None)
    cut = lambdas is None
    strengths = _default_lambdas(problem, mixing, n_lambdas, X.shape) if cut else np.sort(np.asarray(lambdas))[::-1]
    path = _fit_path(problem, strengths, mixing, cut=cut)
    s = np.ones(len(Y)) if sample_weight is None else sample_weight
    error, weight = [], []
    for k in range(K):
        out = folds == k
        fit = _fit_path(make(k), path.lambdas, mixing, cut=False)
        squared = (Y[out, None] - fit.intercept - X[out] @ fit.coef.T) ** 2
        if len(Y) < 3 * K:
            error.append(squared)
            weight.append(s[out])
        else:
            error.append(np.average(squared, axis=0, weights=s[out])[None])
            weight.append(s[out].sum(keepdims=True))
    return _choose(path, np.concatenate(error), np.concatenate(weight))


def _choose(path, error, weight) -> ElasticNetCV:
    """Weighted mean and standard error over the rows of ``error`` (folds or rows, L), and the two rules."""
    mean = np.average(error, axis=0, weights=weight)
    se = np.sqrt(np.average((error - mean) ** 2, axis=0, weights=weight) / (len(error) - 1))
    best = int(np.argmin(mean))
    return ElasticNetCV(path, mean, se, best, int(np.argmax(mean <= mean[best] + se[best])))


def _check(mixing, lambdas) -> None:
    if not 0 < mixing <= 1:
        raise DataError(f"mixing = {mixing} is not in (0, 1]; 1 is the lasso, a small value is close to ridge.")
    if lambdas is not None and not (np.asarray(lambdas) > 0).all():
        raise DataError(f"penalty strengths must be positive; the smallest given is {np.min(lambdas)}.")


def _default_lambdas(problem, mixing, n_lambdas, shape) -> Vector:
    ratio = 1e-2 if shape[0] < shape[1] else 1e-4
    # The floor only matters when no column is related to the outcome at all: every fit is then the mean.
    largest = max(np.abs(problem.source.c).max(initial=0.0) / mixing, 1e-12) * problem.y_scale
    return np.geomspace(largest, ratio * largest, n_lambdas)


def _fit_path(problem, lambdas, mixing, *, cut) -> ElasticNetPath:
    b = np.zeros(problem.source.c.size)
    coef, r2 = np.zeros((len(lambdas), b.size)), np.zeros(len(lambdas))
    steps = len(lambdas)
    for k, strength in enumerate(lambdas / problem.y_scale):
        l1, l2 = strength * mixing, strength * (1 - mixing)
        b = solve_penalised(problem.source, l1=l1, l2=l2, b=b)
        coef[k] = b
        # 2c'b - b'Gb with the optimality condition c - Gb = l1 sign(b) + l2 b put in.
        r2[k] = problem.source.c @ b + l1 * np.abs(b).sum() + l2 * (b @ b)
        if cut and k >= MIN_STEPS - 1 and (r2[k] > R2_ENOUGH or r2[k] - r2[k - 1] < R2_GAIN * r2[k]):
            steps = k + 1
            break
    coef = coef[:steps] * (problem.y_scale / problem.x_scale)
    return ElasticNetPath(lambdas[:steps], problem.y_mean - coef @ problem.x_mean, coef, r2[:steps])


def _problems(X, Y, folds, sample_weight) -> Callable[[int | None], _Standardised]:
    """A function from a fold to the problem without it; None keeps every row."""
    n, p = X.shape
    s = np.ones(n) if sample_weight is None else sample_weight
    if p > n:

        def from_rows(left_out):
            keep = slice(None) if left_out is None else folds != left_out
            return _from_rows(X[keep], Y[keep], s[keep])

        return from_rows

    # One pass gives the moments of every fold; those of the other folds follow by subtraction.
    codes = np.zeros(n, dtype=np.intp) if folds is None else folds
    moments, y_mean = ArrayMoments(X, codes, int(codes.max()) + 1), np.average(Y, weights=s)
    residual = Y - y_mean
    A, b = moments.grams(moments.sort(residual), moments.sort(s))
    yy = np.bincount(codes, weights=s * residual**2)

    def from_moments(left_out):
        parts = np.ones(len(yy)) if left_out is None else np.arange(len(yy)) != left_out
        return _from_moments(moments, np.tensordot(parts, A, 1), parts @ b, parts @ yy, y_mean)

    return from_moments


def _from_rows(X, Y, s) -> _Standardised:
    s = s / s.sum()
    x_mean, y_mean = s @ X, s @ Y
    # Fortran order: the solver takes columns out and multiplies by the transpose.
    Z, y = np.asfortranarray(X - x_mean), Y - y_mean
    x_scale, y_scale = np.sqrt(s @ Z**2), np.sqrt(s @ y**2)
    constant = x_scale <= 1e-12 * (1 + np.abs(x_mean))
    x_scale[constant] = 1.0
    if y_scale <= 1e-12 * abs(y_mean):
        y, y_scale = np.zeros_like(y), 1.0
    Z[:, constant] = 0.0
    Z *= np.sqrt(s)[:, None]
    Z /= x_scale
    return _Standardised(GrowingGram(Z, np.sqrt(s) * y / y_scale), x_mean, x_scale, y_mean, y_scale)


def _from_moments(moments, A, b, yy, y_mean) -> _Standardised:
    mean, shift = A[0, 1:] / A[0, 0], b[0] / A[0, 0]
    cov, c = A[1:, 1:] / A[0, 0] - np.outer(mean, mean), b[1:] / A[0, 0] - mean * shift
    scale, y_scale = np.sqrt(np.maximum(np.diag(cov), 0.0)), np.sqrt(max(yy / A[0, 0] - shift**2, 0.0))
    if y_scale <= max(1e-7 * abs(shift), 1e-12 * abs(y_mean)):  # constant on these rows, up to rounding
        c, y_scale = np.zeros_like(c), 1.0
    # The moments' columns have variance 1 over all rows: what is left of a constant one is rounding.
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 1e-6)
    source = FullGram(cov * np.outer(inverse, inverse), c * inverse / y_scale)
    x_scale = moments.scale * np.where(inverse > 0, scale, 1.0)
    return _Standardised(source, moments.centre + moments.scale * mean, x_scale, y_mean + shift, y_scale)
