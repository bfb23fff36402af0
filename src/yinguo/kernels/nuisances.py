"""Cross-fitted propensity and outcome means by generalised linear models, from one set of moments."""

from dataclasses import dataclass

import numpy as np

from yinguo.kernels.glm import fit_binary_leave_fold_out, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments, solve_gram

__all__ = ["Nuisances", "glm_nuisances"]


@dataclass(frozen=True, slots=True)
class Nuisances:
    """Propensity and outcome means of every row.

    Attributes
    ----------
    e, m0, m1 : (n,) float arrays
    """

    e: np.ndarray
    m0: np.ndarray
    m1: np.ndarray


def glm_nuisances(*, X_e, X_m, T, Y, folds, s=None, link: str | None = "logit", penalty: float = 0.0) -> Nuisances:
    """Cross-fitted binary propensity and per-arm least squares, from shared moments.

    The rows are put in (fold, arm) order once; one pass gives the Gram matrix of every fold and arm,
    whose sums over the other folds are the K least-squares problems; the propensity fits share Hessians.

    Parameters
    ----------
    X_e, X_m : (n, p) float arrays
        Covariates of the propensity and of the outcome model; the same object if they are the same.
    T, Y : (n,) float arrays
        ``Y`` None leaves the outcome models out: ``m0`` and ``m1`` are then empty.
    folds : (n,) int array
    s : (n,) float array, optional
    link : {"logit", "probit"} or None
        None leaves the propensity out: ``e`` is then empty.
    penalty : float
        Ridge on the slopes of the propensity.
    """
    n_folds = int(folds.max()) + 1
    codes = (2 * folds + (T == 1)).astype(np.int16 if n_folds < 2**14 else np.int64)  # 16 bits sort by radix
    moments = ArrayMoments(X_e if Y is None else X_m, codes, 2 * n_folds)
    e, means = np.empty(0), (np.empty(0), np.empty(0))
    if Y is not None:
        means = _leave_fold_out_means(moments, Y, s, n_folds)
        if link is not None and X_e is not X_m:
            moments = ArrayMoments(X_e, codes, 2 * n_folds)
    if link is not None:
        T_sorted = moments.sort(T)
        fit = fit_binary_leave_fold_out(
            moments, T_sorted, s=moments.sort(s), link=link, penalty=penalty, fold_of_code=np.arange(2 * n_folds) // 2
        )
        e = moments.unsort(linear_predictor_terms(fit.eta, T_sorted, link)[0])
    return Nuisances(e, *means)


def _leave_fold_out_means(moments: ArrayMoments, Y, s, n_folds: int) -> tuple[np.ndarray, np.ndarray]:
    A, b = moments.grams(moments.sort(Y), moments.sort(s))
    means = []
    for arm in (0, 1):
        # Sums over the other folds, never total minus own: of a rare level that leaves nothing but rounding.
        others = [[2 * j + arm for j in range(n_folds) if j != k] for k in range(n_folds)]
        betas = [solve_gram(A[c].sum(axis=0), b[c].sum(axis=0), intercept=True) for c in others]
        means.append(moments.unsort(moments.apply(np.repeat(betas, 2, axis=0))))
    return means[0], means[1]
