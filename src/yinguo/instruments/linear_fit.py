"""What the estimators of the k-class share: from a study to coefficients, covariance, result and checks.

Two passes over the data: one for the moments, one for every robust quantity there is to report (standard errors, robust
first stage, Hansen J, robust exogeneity). The checks then work on matrices as small as the number of instruments.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.anderson_rubin_interval import anderson_rubin_check
from yinguo.diagnose.endogeneity import endogeneity, endogeneity_verdict
from yinguo.diagnose.first_stage import strength, strength_verdict
from yinguo.diagnose.joint_strength_of_instruments import first_stage_scores, joint_strength_verdict
from yinguo.diagnose.linear_moments import cluster_factor, linear_moments
from yinguo.diagnose.over_identification import over_identification, over_identification_verdict
from yinguo.errors import DataError, NotIdentifiedError
from yinguo.kernels import residual_tests
from yinguo.kernels.instrument_moments import InstrumentMoments, Scores
from yinguo.kernels.k_class import KClass, covariance, fit_k_class, raw_coefficients

__all__ = ["STRONG", "fit_linear", "linear_structure"]

#: First-stage F below which intervals of estimate and standard error are too short at the 5 % level, however little:
#: Lee, McCrary, Moreira & Porter (2022), American Economic Review 112(10), for one instrument. The set of Anderson and
#: Rubin is then shown beside them.
STRONG = 104.7


def fit_linear(
    estimator: StructuralEstimator,
    study: Study,
    kappa: Callable[[InstrumentMoments], float],
    *,
    exact_scores: bool = False,
    describe: Callable[[KClass], tuple[tuple[str, ...], dict[str, Any]]] | None = None,
) -> None:
    """Fit one member of the k-class and put coefficients, covariance and result on the estimator.

    Parameters
    ----------
    estimator : StructuralEstimator
        With options ``covariance``, ``small`` and ``endogenous``; gets ``coefficients_``, ``covariance_``, ``result_``.
    study : Study
    kappa : callable (InstrumentMoments) -> float
    exact_scores : bool
        Whether robust errors use the rows whose products with the residuals sum to zero, rather than the treatment as
        the instruments predict it. The same for two-stage least squares; the latter is the convention for likelihood.
    describe : callable (KClass) -> (notes, extras), optional
        Sentences and figures for the result, from two-stage least squares.

    Raises
    ------
    DataError
        As :func:`yinguo.diagnose.linear_moments.linear_moments`; an unknown ``covariance``.

    Source
    ------
    White (1982), Econometrica 50(2), for robust errors; small-sample factors as Stata's ``ivregress`` (2013 release).
    """
    options = estimator.get_params()
    estimator.take_roles(study)
    if options["covariance"] not in ("robust", "unadjusted"):
        raise DataError(f"covariance is {options['covariance']!r}; it must be 'robust' or 'unadjusted'.")
    robust, groups = options["covariance"] == "robust", study.groups
    if not robust and groups is not None:
        raise DataError(
            "covariance='unadjusted' takes rows to be independent, but the study has groups; leave one of them out."
        )
    moments = linear_moments(study, options["endogenous"])
    fit = _solved(moments, kappa(moments), study)
    plain = fit if fit.kappa == 1 else fit_k_class(moments)  # tests are of two-stage least squares
    phi = np.empty(study.n)
    middles = _middles(moments, fit, plain, robust, exact_scores, groups, phi)
    V = covariance(moments, fit, middles.get("errors"))
    if options["small"]:
        V *= cluster_factor(moments, groups, moments.rank + moments.m)
    order = _study_order(study, options["endogenous"])
    estimator.__dict__["coefficients_"] = raw_coefficients(moments, fit)[order]
    estimator.__dict__["covariance_"] = V[np.ix_(order, order)]
    estimate = float(fit.theta[0])
    notes, extras = ((), {}) if describe is None else describe(plain)
    estimator.result_ = estimator.make_result(
        study,
        estimate,
        se=float(np.sqrt(V[1, 1])),
        scores=estimate + study.n * phi,
        checks=_checks(moments, plain, middles, study, options["endogenous"]),
        notes=notes,
        extras={"kappa": fit.kappa, **_plain_figures(moments, plain), **extras},
    )


def linear_structure(coefficients, X, T) -> np.ndarray:
    """Intercept plus slopes, row by row.

    Parameters
    ----------
    coefficients : (2 + p,) float array
        Intercept, treatment, covariates.
    X : (n, p) float array
    T : (n,) float array
    """
    return coefficients[0] + coefficients[1] * T + X @ coefficients[2:]


def _solved(moments: InstrumentMoments, kappa: float, study: Study) -> KClass:
    fit = fit_k_class(moments, kappa)
    if np.linalg.eigvalsh(fit.bread)[0] <= 0:
        raise NotIdentifiedError(
            f"with kappa = {kappa:g} the moments have no minimum in the effect of {study.roles['treatment']!r}; kappa "
            "must not be far above that of limited information maximum likelihood."
        )
    return fit


def _middles(moments, fit: KClass, plain: KClass, robust: bool, exact: bool, groups, phi) -> dict[str, np.ndarray]:
    """All middle matrices from one pass, by what they are for; fills the influence values of the treatment as well."""
    influence = np.linalg.inv(fit.bread)[:1] @ fit.direction
    wanted = {"influence": Scores(fit.residual, influence), "first stage": first_stage_scores(plain)}
    if robust:
        wanted["errors"] = Scores(fit.residual, fit.direction if exact else fit.fitted, design=True)
        if moments.q > moments.m:
            wanted["instruments"] = residual_tests.instrument_scores(moments, plain.residual)
        with suppress(np.linalg.LinAlgError):  # the instruments determine the treatment; the check says so
            wanted["exogeneity"] = residual_tests.exogeneity_scores(moments, plain)[0]
    found = moments.middle(list(wanted.values()), groups, keep=phi)
    return dict(zip(wanted, found, strict=True))


def _plain_figures(moments: InstrumentMoments, plain: KClass) -> dict[str, Any]:
    """The statistics that take noise to be alike everywhere, which readers of other packages' tables look for."""
    sargan = over_identification("Sargan", moments, lambda: residual_tests.sargan(moments, plain), plain)
    hausman = endogeneity("Wu-Hausman", lambda: residual_tests.wu_hausman(moments, plain))
    return {
        "first_stage_f": residual_tests.cragg_donald(moments),
        "sargan": sargan.statistic,
        "sargan_p": sargan.p_value,
        "wu_hausman": hausman.statistic,
        "wu_hausman_p": hausman.p_value,
    }


def _study_order(study: Study, endogenous) -> list[int]:
    """Where intercept, treatment and the covariates of the study are among the coefficients of the fit."""
    names = (endogenous,) if isinstance(endogenous, str) else tuple(endogenous)
    own = [c for name in names for c in study.covariates if c == name or c.startswith(f"{name}=")]
    rest = [c for c in study.covariates if c not in own]
    at = {name: 2 + j for j, name in enumerate((*own, *rest))}
    return [0, 1, *(at[name] for name in study.covariates)]


def _checks(moments: InstrumentMoments, plain: KClass, middles, study: Study, endogenous) -> tuple:
    """Three checks that read what was computed already, and below STRONG the set that holds however weak they are."""
    outcome, treatment, groups = study.roles["outcome"], study.roles["treatment"], study.groups

    def first_stage(result):
        if moments.m > 1:
            others = endogenous if isinstance(endogenous, str) else ", ".join(endogenous)
            return joint_strength_verdict(moments, groups, middles["first stage"], treatment, others)
        found = strength(moments, groups, study.instruments, middles["first stage"])
        return strength_verdict(found, study, linear=True)

    def instruments_agree(result):
        if "errors" not in middles:
            test = over_identification("Sargan", moments, lambda: residual_tests.sargan(moments, plain), plain)
        else:
            test = over_identification(
                "Hansen J", moments, lambda: residual_tests.hansen_j(moments, middles["instruments"]), plain
            )
        return over_identification_verdict(test, outcome, treatment)

    def exogenous(result):
        if "errors" not in middles:
            test = endogeneity("Wu-Hausman", lambda: residual_tests.wu_hausman(moments, plain))
        else:
            test = endogeneity(
                "robust Durbin-Wu-Hausman",
                lambda: residual_tests.robust_exogeneity(moments, plain, middles.get("exogeneity")),
            )
        return endogeneity_verdict(test, outcome, treatment)

    def strong() -> bool:
        with suppress(DataError):  # no first stage at all; the check says so
            return strength(moments, groups, study.instruments, middles["first stage"]).f_effective >= STRONG
        return False

    weak_robust = () if moments.m > 1 or strong() else (anderson_rubin_check,)
    return first_stage, *weak_robust, instruments_agree, exogenous
