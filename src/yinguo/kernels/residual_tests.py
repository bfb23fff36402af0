r"""Tests of a linear model with instruments from moments: over-identification, exogeneity of the treatment, rank.

All are functions of C = R'R (see :mod:`yinguo.kernels.instrument_moments`) and, where they are robust, of one middle
matrix of scores; none needs a further pass over the data. u are the residuals of the fit, P projects on the
instruments, tilde means net of the covariates, and k counts instruments and independent columns of [1, X].
"""

import numpy as np

from yinguo.kernels.instrument_moments import InstrumentMoments, Scores
from yinguo.kernels.k_class import KClass

__all__ = [
    "basmann", "cragg_donald", "durbin", "exogeneity_scores", "hansen_j", "instrument_scores", "kleibergen_paap",
    "likelihood_ratio", "robust_exogeneity", "sargan", "wu_hausman",
]  # fmt: skip

#: Share of a column's variation below which its residual counts as rounding.
RESIDUAL_TOL = 1e-12


def sargan(moments: InstrumentMoments, fit: KClass) -> tuple[float, int]:
    """n u'Pu / u'u and its degrees of freedom, chi-squared if the instruments are valid and residuals alike.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass
        Two-stage least squares.

    Source
    ------
    Sargan (1958), Econometrica 26(3).
    """
    return moments.n * _explained(moments, fit) / fit.rss, moments.q - moments.m


def basmann(moments: InstrumentMoments, fit: KClass) -> tuple[float, int]:
    """(n - k) u'Pu / (u'u - u'Pu) and its degrees of freedom.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass

    Source
    ------
    Basmann (1960), Journal of the American Statistical Association 55(292), in its chi-squared form.
    """
    explained = _explained(moments, fit)
    left, df = fit.rss - explained, moments.q - moments.m
    if not left > RESIDUAL_TOL * fit.rss:  # the instruments explain all of the residuals
        return np.inf, df
    return (moments.n - moments.rank - moments.q) * explained / left, df


def likelihood_ratio(moments: InstrumentMoments, smallest_root: float) -> tuple[float, int]:
    """n log kappa of limited information maximum likelihood, and its degrees of freedom.

    Parameters
    ----------
    moments : InstrumentMoments
    smallest_root : float
        Kappa.

    Source
    ------
    Anderson & Rubin (1950), Annals of Mathematical Statistics 21(4).
    """
    return moments.n * float(np.log(smallest_root)), moments.q - moments.m


def instrument_scores(moments: InstrumentMoments, residual) -> Scores:
    """Scores of a residual with all instruments.

    Parameters
    ----------
    moments : InstrumentMoments
    residual : (1 + m + q,) float array
    """
    return Scores(residual, np.eye(1 + moments.m + moments.q)[1 + moments.m :])


def hansen_j(moments: InstrumentMoments, middle) -> tuple[float, int]:
    """Minimum of g' S^-1 g over the treatment's coefficients, g the sums of residual times instrument.

    Net of the covariates this equals the two-step J statistic of the full set of moments: the coefficients of the
    covariates are free to set theirs to what is best, which leaves the block of S that belongs to the instruments.

    Parameters
    ----------
    moments : InstrumentMoments
    middle : (q, q) float array
        S, of two-stage least squares residuals with the instruments.

    Source
    ------
    Hansen (1982), Econometrica 50(4).
    """
    m, C = moments.m, moments.C
    root = np.linalg.cholesky(middle)
    y, t = np.linalg.solve(root, C[1 + m :, 0]), np.linalg.solve(root, C[1 + m :, 1 : 1 + m])
    left = y - t @ np.linalg.lstsq(t, y, rcond=None)[0]
    return float(left @ left), moments.q - m


def exogeneity_scores(moments: InstrumentMoments, fit: KClass) -> tuple[Scores, np.ndarray]:
    """Scores and Gram matrix of the first-stage residuals added to least squares.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass

    Returns
    -------
    scores : Scores
        Residuals of least squares on treatment and first-stage residuals, with w: the first-stage residuals net of the
        treatment.
    gram : (m, m) float array
        w'w.

    Raises
    ------
    numpy.linalg.LinAlgError
        The instruments determine the treatment, or treatment and instruments the outcome: a residual is zero.
    """
    m, C = moments.m, moments.C
    t = slice(1, 1 + m)
    v = fit.first_residuals
    if np.any(np.diag(v @ C @ v.T) <= RESIDUAL_TOL * np.diag(C[t, t])):
        raise np.linalg.LinAlgError("the instruments determine the treatment")
    w = v.copy()
    w[:, t] -= np.linalg.solve(C[t, t], C[t] @ v.T).T
    gram = w @ C @ w.T
    added = np.linalg.solve(gram, w @ C[:, 0])
    residual = np.zeros(1 + m + moments.q)
    residual[0] = 1.0
    residual[t] = -np.linalg.solve(C[t, t], C[t, 0])
    residual -= added @ w
    if not residual @ C @ residual > RESIDUAL_TOL * moments.total[0]:
        raise np.linalg.LinAlgError("the outcome has no residual")
    return Scores(residual, w), gram


def durbin(moments: InstrumentMoments, fit: KClass) -> tuple[float, int]:
    """n times the share of least-squares residual variation that first-stage residuals explain.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass

    Source
    ------
    Durbin (1954), Review of the International Statistical Institute 22(1).
    """
    explained, rss = _added(moments, fit)
    return moments.n * explained / rss, moments.m


def wu_hausman(moments: InstrumentMoments, fit: KClass) -> tuple[float, tuple[int, int]]:
    """F statistic of first-stage residuals added to least squares, with its degrees of freedom.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass

    Source
    ------
    Wu (1973), Econometrica 41(4); Hausman (1978), Econometrica 46(6).
    """
    explained, rss = _added(moments, fit)
    left = moments.n - moments.rank - 2 * moments.m
    return explained / moments.m / ((rss - explained) / left), (moments.m, left)


def robust_exogeneity(moments: InstrumentMoments, fit: KClass, middle) -> tuple[float, int]:
    """Wald statistic of first-stage residuals added to least squares, with a robust or clustered covariance.

    Parameters
    ----------
    moments : InstrumentMoments
    fit : KClass
    middle : (m, m) float array
        Of :func:`exogeneity_scores`.

    Source
    ------
    Wooldridge (1995), Score diagnostics for linear models estimated by two stage least squares.
    """
    scores, _ = exogeneity_scores(moments, fit)
    score = scores.rows @ moments.C[:, 0]
    return float(score @ np.linalg.solve(middle, score)), moments.m


def cragg_donald(moments: InstrumentMoments) -> float:
    """Smallest first-stage F over all combinations of the instrumented columns; with one, its first-stage F.

    Parameters
    ----------
    moments : InstrumentMoments

    Source
    ------
    Cragg & Donald (1993), Econometric Theory 9(2), as an F statistic as in Stock & Yogo (2005).
    """
    theta, left, k = _standardised_first_stage(moments)
    if _determined(moments, left):
        return np.inf
    singular = np.linalg.svd(np.linalg.solve(np.linalg.cholesky(left), theta.T), compute_uv=False)
    return float(singular[-1] ** 2) * (moments.n - k) / moments.q


def kleibergen_paap(moments: InstrumentMoments, middle, factor: float) -> float:
    """Robust version of :func:`cragg_donald`; with one instrumented column the robust first-stage F.

    Parameters
    ----------
    moments : InstrumentMoments
    middle : (m q, m q) float array
        Of the scores of first-stage residuals with instruments, residual by residual.
    factor : float
        Small-sample factor of the covariance.

    Source
    ------
    Kleibergen & Paap (2006), Journal of Econometrics 133(1).
    """
    m, q = moments.m, moments.q
    theta, left, _ = _standardised_first_stage(moments)
    if _determined(moments, left):
        return np.inf
    root_z = np.linalg.cholesky(moments.C[1 + m :, 1 + m :])
    root_v = np.linalg.cholesky(left)
    theta = np.linalg.solve(root_v, theta.T).T  # (q, m), both sides orthonormal
    turn = np.kron(np.linalg.inv(root_v), np.linalg.inv(root_z))
    V = factor * turn @ middle @ turn.T  # of vec(theta), column by column
    U, _, right = np.linalg.svd(theta)
    last_u, last_v = U[:, m - 1 :], right[m - 1 :]
    # Orthonormal complements make the square roots of the original's formula rotations, which do not change the value.
    take = np.kron(last_v, last_u.T)
    part = take @ theta.T.reshape(-1)
    return float(part @ np.linalg.solve(take @ V @ take.T, part)) / q


def _standardised_first_stage(moments: InstrumentMoments) -> tuple[np.ndarray, np.ndarray, int]:
    """(q, m) coefficients on orthonormal instruments, (m, m) residual cross-products, and k."""
    m, C = moments.m, moments.C
    theta = np.linalg.solve(np.linalg.cholesky(C[1 + m :, 1 + m :]), C[1 + m :, 1 : 1 + m])
    return theta, C[1 : 1 + m, 1 : 1 + m] - theta.T @ theta, moments.rank + moments.q


def _determined(moments: InstrumentMoments, left) -> bool:
    """Whether the instruments determine an instrumented column."""
    return bool(np.any(np.diag(left) <= RESIDUAL_TOL * np.diag(moments.C)[1 : 1 + moments.m]))


def _explained(moments: InstrumentMoments, fit: KClass) -> float:
    """u'Pu."""
    first = 1 + moments.m
    loadings = np.linalg.solve(np.linalg.cholesky(moments.C[first:, first:]), moments.C[first:] @ fit.residual)
    return float(loadings @ loadings)


def _added(moments: InstrumentMoments, fit: KClass) -> tuple[float, float]:
    """What first-stage residuals explain of the least-squares residuals, and the sum of squares of those."""
    m, C = moments.m, moments.C
    scores, gram = exogeneity_scores(moments, fit)
    score = scores.rows @ C[:, 0]
    rss = C[0, 0] - C[0, 1 : 1 + m] @ np.linalg.solve(C[1 : 1 + m, 1 : 1 + m], C[1 : 1 + m, 0])
    return float(score @ np.linalg.solve(gram, score)), float(rss)
