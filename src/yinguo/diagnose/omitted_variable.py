r"""Omitted-variable bias written in partial R2: what a confounder left out of a regression does to it, exactly.

Regress Y on treatment T and covariates X and obtain the coefficient ``tau`` with standard error ``se`` and ``dof``
degrees of freedom. Had an omitted Z been in the regression too, with

* :math:`R^2_Y` = ``r2_outcome``, the partial R2 of Z with Y given T and X,
* :math:`R^2_T` = ``r2_treatment``, the partial R2 of Z with T given X,

then, as an identity of least squares and not as an approximation,

.. math::
    |\hat\tau - \hat\tau_Z| = se \sqrt{dof} \sqrt{\frac{R^2_Y R^2_T}{1 - R^2_T}}, \qquad
    se_Z = se \sqrt{\frac{1 - R^2_Y}{1 - R^2_T}} \sqrt{\frac{dof}{dof - 1}} .

The robustness value is the strength :math:`R^2_Y = R^2_T` at which the estimate (or its significance) is lost.

Source: C. Cinelli, C. Hazlett (2020), "Making sense of sensitivity: extending omitted variable bias", JRSS-B 82(1).
"""

from math import copysign, inf, sqrt

from scipy.stats import t as student_t

from yinguo.errors import DataError

__all__ = [
    "adjusted_estimate",
    "adjusted_se",
    "benchmark_bound",
    "bias",
    "partial_r2",
    "robustness_value",
]


def partial_r2(t: float, dof: float) -> float:
    """Partial R2 of a regressor with the outcome, from its t statistic.

    Parameters
    ----------
    t : float
        Classical t statistic (not a robust one).
    dof : float, above 0
        Residual degrees of freedom of that regression.

    Source
    ------
    Cinelli & Hazlett (2020): t^2 / (t^2 + dof).
    """
    _check_dof(dof)
    return t**2 / (t**2 + dof)


def bias(se: float, dof: float, *, r2_outcome: float, r2_treatment: float) -> float:
    """Size of the bias left by an omitted confounder of the given strength; unit of the estimate.

    Parameters
    ----------
    se, dof : float
        Classical standard error of the treatment's coefficient, and degrees of freedom, without the confounder.
    r2_outcome, r2_treatment : float
        Partial R2 of the confounder with the outcome, in [0, 1], and with the treatment, in [0, 1).

    Raises
    ------
    DataError
        If a partial R2 is out of range.

    Source
    ------
    Cinelli & Hazlett (2020), the bias in the form with the standard error.
    """
    _check_strength(r2_outcome, r2_treatment)
    _check_dof(dof)
    return se * sqrt(dof) * sqrt(r2_outcome * r2_treatment / (1 - r2_treatment))


def adjusted_estimate(
    estimate: float, se: float, dof: float, *, r2_outcome: float, r2_treatment: float, toward_zero: bool = True
) -> float:
    """The estimate had the confounder been included; it passes zero if the confounder is strong enough.

    Parameters
    ----------
    estimate : float
        Coefficient of the treatment without the confounder.
    se, dof, r2_outcome, r2_treatment
        As in :func:`bias`, with the same ``Raises``.
    toward_zero : bool
        Whether the omitted confounder made the effect look larger (True) or smaller than it is.

    Source
    ------
    Cinelli & Hazlett (2020).
    """
    shift = bias(se, dof, r2_outcome=r2_outcome, r2_treatment=r2_treatment)
    return copysign(1.0, estimate) * (abs(estimate) - shift if toward_zero else abs(estimate) + shift)


def adjusted_se(se: float, dof: float, *, r2_outcome: float, r2_treatment: float) -> float:
    """The standard error had the confounder been included; parameters and errors as in :func:`bias`.

    Source
    ------
    Cinelli & Hazlett (2020).
    """
    _check_strength(r2_outcome, r2_treatment)
    _check_dof(dof - 1)
    return se * sqrt((1 - r2_outcome) / (1 - r2_treatment)) * sqrt(dof / (dof - 1))


def robustness_value(t: float, dof: float, *, q: float = 1.0, alpha: float | None = None) -> float:
    """Partial R2 with both outcome and treatment that a confounder needs to overturn the result.

    Parameters
    ----------
    t, dof : float
        Classical t statistic of the treatment and its degrees of freedom.
    q : float, above 0
        Share of the estimate that is to be explained away; 1 is all of it.
    alpha : float, optional
        If given, the confounder need only make the interval of level 1 - alpha reach (1 - q) times the estimate.

    Returns
    -------
    rv : float
        In [0, 1); 0 if the estimate is not significant at ``alpha`` to begin with.

    Raises
    ------
    DataError
        If ``dof`` is not above 1, ``q`` not positive, or ``alpha`` outside (0, 1).

    Source
    ------
    Cinelli & Hazlett (2020), for the estimate and for its significance. Where
    significance is lost most easily by a confounder that is weaker on the outcome than on the treatment (possible only
    if q |t| > sqrt(dof)), the value is the treatment's partial R2 at that point, derived here.
    """
    _check_dof(dof - 1)
    if not q > 0 or not (alpha is None or 0 < alpha < 1):
        raise DataError(f"q is {q} and alpha is {alpha}; q must be positive and alpha None or inside (0, 1).")
    f = q * abs(t) / sqrt(dof)
    critical = 0.0 if alpha is None else student_t.isf(alpha / 2, dof - 1) / sqrt(dof - 1)
    if f <= critical:
        return 0.0
    if alpha is not None and f > 1:
        # Given R2_T = r, t is smallest at R2_Y = r / ((1 - r) f^2); a stronger link with Y also removes noise.
        interior = (f**2 - critical**2) / (1 + f**2)
        if interior <= 1 - 1 / f**2:
            return float(interior)
    gap = f - critical
    return float((sqrt(gap**4 + 4 * gap**2) - gap**2) / 2)


def benchmark_bound(
    r2_outcome: float, r2_treatment: float, *, multiple: float = 1.0, multiple_outcome: float | None = None
) -> tuple[float, float]:
    """Strength of a confounder ``multiple`` times as strong as a measured covariate (or group of them).

    Parameters
    ----------
    r2_outcome, r2_treatment : float, in [0, 1)
        Partial R2 of the covariate with the outcome given treatment and the other covariates, and with the treatment
        given the other covariates.
    multiple : float, at least 0
        How much more of the treatment's variance the confounder explains than the covariate does.
    multiple_outcome : float, optional
        The same for the outcome; None: as ``multiple``.

    Returns
    -------
    r2_outcome, r2_treatment : float
        The confounder's; the first is at most 1.

    Raises
    ------
    DataError
        If a confounder that strong would explain all of the treatment: give a smaller multiple.

    Source
    ------
    Cinelli & Hazlett (2020), on formal benchmark bounds.
    """
    _check_strength(r2_outcome, r2_treatment)
    of_treatment = multiple * r2_treatment / (1 - r2_treatment)
    if not 0 <= of_treatment < 1 or not multiple * r2_treatment < 1:
        raise DataError(
            f"a confounder {multiple} times as strong as a covariate with partial R2 {r2_treatment:.3g} would explain "
            f"all of the treatment; give a smaller multiple."
        )
    shared = multiple * r2_treatment**2 / ((1 - multiple * r2_treatment) * (1 - r2_treatment))
    if not shared < 1:
        return 1.0, of_treatment
    k = multiple if multiple_outcome is None else multiple_outcome
    # The covariate's own link with the treatment leaks into the bound, hence the second root.
    factor = (sqrt(k) + sqrt(shared)) / sqrt(1 - shared)
    of_outcome = inf if r2_outcome == 1 else factor**2 * r2_outcome / (1 - r2_outcome)
    return min(of_outcome, 1.0), of_treatment


def _check_strength(r2_outcome, r2_treatment):
    if not (0 <= r2_outcome <= 1 and 0 <= r2_treatment < 1):
        raise DataError(
            f"partial R2 with the outcome is {r2_outcome}, with the treatment {r2_treatment}; they must lie in [0, 1] "
            f"and [0, 1)."
        )


def _check_dof(dof):
    if not dof > 0:
        raise DataError(f"{dof} degrees of freedom are left; the regression needs more rows than columns.")
