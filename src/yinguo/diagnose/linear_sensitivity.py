r"""Sensitivity of a regression, or of a partially linear fit, to a confounder that was not measured.

* :func:`regression_sensitivity`: least squares of Y on T and X. Everything is an algebraic identity.
* :func:`partially_linear_sensitivity`: residuals of Y and T from any learner (cross-fitted or not), regressed on each
  other, :math:`Y - \hat E[Y|X] = \tau (T - \hat E[T|X]) + \epsilon`. The same algebra on the residuals; partial R2 then
  means "of what the learner left unexplained".

The regressions needed (one per benchmark) are all solved from one matrix of cross-products, so the rows are read once.

Source: C. Cinelli, C. Hazlett (2020), JRSS-B 82(1); for the partially linear model V. Chernozhukov, C. Cinelli,
W. Newey, A. Sharma, V. Syrgkanis (2022), "Long story short: omitted variable bias in causal machine learning".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.diagnose.sensitivity import OmittedVariableSensitivity, sensitivity_statistics
from yinguo.errors import DataError
from yinguo.kernels.expand import independent_columns
from yinguo.kernels.moments import ArrayMoments, solve_gram

__all__ = ["partially_linear_sensitivity", "regression_sensitivity"]


def regression_sensitivity(
    *,
    Y,
    T,
    X,
    names: Sequence[str] | None = None,
    benchmarks: dict[str, Sequence[str]] | Sequence[str] | str = "strongest",
    sample_weight=None,
    **options: Any,
) -> OmittedVariableSensitivity:
    """Sensitivity of the coefficient of T in the least-squares regression of Y on T, X and a constant.

    Parameters
    ----------
    Y, T : (n,) float arrays
        Outcome and treatment (of any kind).
    X : (n, p) float array
        Covariates, without a constant; collinear columns are allowed.
    names : (p,) sequence of str, optional
        Their names; default ``x1``, ``x2``, ...
    benchmarks : "strongest", sequence of names, or dict of label to names
        Covariates to compare a confounder with. A dict takes several columns as one (the levels of a category).
        "strongest" is the single column whose equal, left out, would shift the estimate most.
    sample_weight : (n,) float array, optional
        Weights of the regression.
    **options
        ``q``, ``alpha``, ``multiples`` of :func:`yinguo.diagnose.sensitivity.sensitivity_statistics`.

    Returns
    -------
    OmittedVariableSensitivity

    Raises
    ------
    DataError
        If a benchmark is not a covariate, T is a combination of X, Y one of T and X, or no degrees of freedom are left.

    Source
    ------
    Cinelli & Hazlett (2020).
    """
    Y, T, X = np.asarray(Y, float), np.asarray(T, float), np.asarray(X, float)
    p = X.shape[1]
    names = [f"x{j + 1}" for j in range(p)] if names is None else list(names)
    moments = ArrayMoments(np.column_stack([X, T, Y]))
    gram = moments.grams(w=None if sample_weight is None else np.asarray(sample_weight, float))[0][0]
    used = len(Y) if sample_weight is None else int(np.count_nonzero(sample_weight))
    left = _left_over(gram, np.arange(p + 1))  # the constant and X; T is column p + 1, Y is p + 2
    if not left[0, 0] > 1e-10 * gram[p + 1, p + 1]:
        raise DataError("the treatment is a combination of the covariates, so its coefficient is not defined.")
    if not _unexplained(left) > 1e-12 * gram[p + 2, p + 2]:
        raise DataError("treatment and covariates determine the outcome exactly; there is no room for a confounder.")
    dof = used - int(np.linalg.matrix_rank(gram[: p + 1, : p + 1], tol=1e-11 * gram[0, 0], hermitian=True)) - 1
    unit = moments.scale[p + 1] / moments.scale[p]
    estimate, se = _slope(left, dof)
    if isinstance(benchmarks, str):
        strengths = _strongest(gram, X, names, benchmarks)
    else:
        groups = benchmarks if isinstance(benchmarks, dict) else {name: [name] for name in benchmarks}
        strengths = {label: _group_strength(gram, left, names, group) for label, group in groups.items()}
    return sensitivity_statistics(estimate * unit, se * unit, dof, benchmarks=strengths, **options)


def partially_linear_sensitivity(
    *, Y_residual, T_residual, sample_weight=None, dof: float | None = None, **options: Any
) -> OmittedVariableSensitivity:
    """Sensitivity of the slope of outcome residuals on treatment residuals.

    Parameters
    ----------
    Y_residual, T_residual : (n,) float arrays
        Y - E[Y|X] and T - E[T|X], from any learner; cross-fitted for valid inference.
    sample_weight : (n,) float array, optional
    dof : float, optional
        Degrees of freedom; None: n - 1. With residuals of least squares on p columns give n - p - 1, and the result is
        that of :func:`regression_sensitivity`.
    **options
        ``q``, ``alpha``, ``benchmarks``, ``multiples`` of
        :func:`yinguo.diagnose.sensitivity.sensitivity_statistics`.

    Returns
    -------
    OmittedVariableSensitivity
        Its ``se`` is the classical one, which the formulas need; quote the estimator's own for the effect itself.

    Raises
    ------
    DataError
        If the arrays differ in length, hold values that are not finite, or the treatment residuals are all zero.

    Source
    ------
    Chernozhukov et al. (2022) for the model; the bias formula is that of Cinelli & Hazlett (2020) on residuals.
    """
    both = [np.asarray(T_residual, float), np.asarray(Y_residual, float)]
    if both[0].shape != both[1].shape or both[0].ndim != 1:
        raise DataError(
            f"the residuals have shapes {both[1].shape} and {both[0].shape}; give two arrays of one length."
        )
    R = np.column_stack(both)
    if not np.isfinite(R).all():
        raise DataError("the residuals hold values that are not finite; check the nuisance models.")
    if not R[:, 0].any():
        raise DataError("the treatment residuals are all zero: the covariates determine the treatment.")
    used = len(R) if sample_weight is None else int(np.count_nonzero(sample_weight))
    dof = used - 1 if dof is None else dof
    left = R.T @ (R if sample_weight is None else R * np.asarray(sample_weight, float)[:, None])
    estimate, se = _slope(left, dof)
    return sensitivity_statistics(estimate, se, dof, **options)


def _left_over(gram, columns):
    """(2, 2) cross-products of the residuals of T and Y, the last two columns, given the others."""
    targets = gram[np.ix_(columns, [-2, -1])]
    return gram[-2:, -2:] - targets.T @ solve_gram(gram[np.ix_(columns, columns)], targets)


def _unexplained(left):
    """Residual sum of squares of Y given T as well."""
    return left[1, 1] - left[0, 1] ** 2 / left[0, 0]


def _slope(left, dof):
    if not dof > 1:
        raise DataError(f"{dof} degrees of freedom are left; the regression needs more rows than columns.")
    return float(left[0, 1] / left[0, 0]), float(np.sqrt(max(_unexplained(left), 0.0) / dof / left[0, 0]))


def _group_strength(gram, left, names, group):
    """Partial R2 of a group of columns with Y and with T, from the left-overs with it and without it."""
    unknown = sorted(set(group) - set(names))
    if unknown:
        raise DataError(f"benchmark columns {unknown} are not covariates; the covariates are {names}.")
    more = _left_over(gram, np.delete(np.arange(len(names) + 1), [1 + names.index(name) for name in group]))
    r2_outcome, r2_treatment = 1 - _unexplained(left) / _unexplained(more), 1 - left[0, 0] / more[0, 0]
    return max(float(r2_outcome), 0.0), max(float(r2_treatment), 0.0)


def _strongest(gram, X, names, asked):
    """The column with the largest product of partial R2 and partial f2, read off two precision matrices."""
    if asked != "strongest":
        raise DataError(f"benchmarks is {asked!r}; give 'strongest', a list of covariates, or a dict of such lists.")
    kept = independent_columns(X)
    if kept.size == 0:
        return {}
    index = np.concatenate([[0], kept + 1, [len(gram) - 2, len(gram) - 1]])
    for_outcome = np.linalg.inv(gram[np.ix_(index, index)])
    for_treatment = np.linalg.inv(gram[np.ix_(index[:-1], index[:-1])])
    # The last row of a precision matrix holds partial correlations with the last variable given all others.
    r2_outcome, r2_treatment = (
        P[-1, 1 : 1 + kept.size] ** 2 / (P[-1, -1] * np.diag(P)[1 : 1 + kept.size])
        for P in (for_outcome, for_treatment)
    )
    best = int(np.argmax(r2_outcome * r2_treatment / (1 - r2_treatment)))
    return {names[kept[best]]: (float(r2_outcome[best]), float(r2_treatment[best]))}
