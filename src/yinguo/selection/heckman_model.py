"""What both forms of Heckman's method share: the two equations of a study, the average effect, and the checks.

The treatment stands in both equations: it may move the outcome and who is seen. Covariates that stand in the selection
equation only are what identifies the correction beyond the shape of the normal distribution.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from yinguo.core import inference
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.estimator import Estimator
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.kernels.heckman import SelectionFit, TwoStep, probit, raw_map, two_step
from yinguo.kernels.moments import ArrayMoments, slope_rank

__all__ = ["ASSUMES", "Equations", "equations", "finish", "outcome_mean"]

ASSUMES = ("unconfounded", "joint_normal_errors", "selection_exclusion", "linear_outcome", "no_interference")
#: p-value from which on the excluded covariates count as moving nobody into the sample.
IDLE = 0.05
#: Share of the Mills ratio that the outcome equation's own columns explain, beyond which they cannot be told apart.
COLLINEAR = (0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Equations:
    """Both equations of a study, and the two steps on them.

    Attributes
    ----------
    outcome, selection : ArrayMoments
        Standardised designs: covariates, treatment, and products of both where asked for.
    outcome_names, selection_names : tuple of str
        Of the columns, intercept first.
    columns : (p_o,) int array
        Covariates of the outcome equation among those of the study.
    interactions : bool
    probit : SelectionFit
    steps : TwoStep
    excluded : tuple of str
        Covariates of the selection equation that the outcome equation leaves out.
    """

    outcome: ArrayMoments
    selection: ArrayMoments
    outcome_names: tuple[str, ...]
    selection_names: tuple[str, ...]
    columns: np.ndarray
    interactions: bool
    probit: SelectionFit
    steps: TwoStep
    excluded: tuple[str, ...]


def equations(estimator: StructuralEstimator, study: Study) -> Equations:
    """Check study and options, fit the probit and the second step.

    Raises
    ------
    DataError
        As :meth:`Estimator.take`; an unknown ``covariance``; too few rows with an outcome.
    """
    options = estimator.get_params()
    Y, _, X, _ = estimator.take_roles(study)
    if options["covariance"] not in ("robust", "unadjusted"):
        raise DataError(f"covariance is {options['covariance']!r}; it must be 'robust' or 'unadjusted'.")
    for role in ("groups", "sample_weight"):
        if options["covariance"] == "unadjusted" and study.has(role):
            raise DataError(
                f"covariance='unadjusted' takes rows to be alike and independent, but the study has {role}; leave one "
                "of them out."
            )
    S = study.S
    assert S is not None  # take says so
    interactions = bool(options["interactions"])
    columns = _positions(study, options["outcome_covariates"])
    wanted = _positions(study, options["selection_covariates"])
    outcome, outcome_names = _design(study, X[:, columns], columns, interactions)
    selection, selection_names = _design(study, X[:, wanted], wanted, interactions)
    seen = int(S.sum())
    if seen <= outcome.q + 1:
        raise DataError(
            f"{seen} rows with an outcome do not determine the {outcome.q + 1} coefficients of the outcome equation."
        )
    first = probit(selection, S, study.sample_weight)
    excluded = tuple(study.covariates[j] for j in wanted if j not in set(columns))
    steps = two_step(outcome.D, Y, S, first, study.sample_weight)
    return Equations(
        outcome, selection, outcome_names, selection_names, columns, interactions, first, steps, excluded
    )  # fmt: skip


def finish(
    estimator: Estimator, study: Study, eq: Equations, beta, influence, covariance, *, rho: float, sigma: float,
    extras: dict[str, Any], check: Callable,
) -> None:  # fmt: skip
    """Put coefficients, errors and the result on the estimator.

    Parameters
    ----------
    estimator : Estimator
    study : Study
    eq : Equations
    beta : (k,) float array
        Of the outcome equation, on the standardised design.
    influence : (n, k) float array
        Rows whose sum is the first-order error of ``beta``.
    covariance : (k, k) float array
        Of ``beta`` under the model.
    rho, sigma : float
    extras : dict
        Of the result.
    check : callable (result) -> Diagnostic
        What the method has to say about the correlation.
    """
    robust, n = estimator.get_params()["covariance"] == "robust", study.n
    to_raw = raw_map(eq.outcome)
    raw, phi = to_raw @ beta, n * influence @ to_raw.T
    V = _cluster_covariance(phi, study.groups) if robust else to_raw @ covariance @ to_raw.T
    p = len(eq.columns)
    gaps = np.zeros((n, p))
    contrast = np.zeros(len(raw))
    contrast[1 + p] = 1.0
    if eq.interactions:  # the effect of a row is a line in its covariates, averaged over everybody, seen or not
        s = np.ones(n) if study.sample_weight is None else study.sample_weight
        X = study.X[:, eq.columns]
        centre = s @ X / s.sum()
        contrast[2 + p :] = centre
        gaps = s[:, None] * (X - centre)
    own = gaps @ raw[2 + p :] if eq.interactions else np.zeros(n)
    estimate = float(contrast @ raw)
    if robust:
        inferred: dict[str, Any] = {"phi": phi @ contrast + own}
    else:
        inferred = {"se": float(np.sqrt(contrast @ V @ contrast + own @ own / n**2))}
    gamma, to_raw = raw_map(eq.selection) @ eq.probit.gamma, raw_map(eq.selection)
    errors = np.sqrt(np.diag(to_raw @ eq.probit.covariance @ to_raw.T))
    estimator.__dict__.update(
        coefficients_=dict(zip(eq.outcome_names, raw.tolist(), strict=True)),
        standard_errors_=dict(zip(eq.outcome_names, np.sqrt(np.diag(V)).tolist(), strict=True)),
        probit_coefficients_=dict(zip(eq.selection_names, gamma.tolist(), strict=True)),
        probit_standard_errors_=dict(zip(eq.selection_names, errors.tolist(), strict=True)),
        equations_=eq, raw_=raw, sigma_=sigma, rho_=rho,
    )  # fmt: skip
    seen = int(np.sum(study.S == 1))
    notes = [f"{study.roles['outcome']} was seen in {seen:,} of {n:,} rows; the effect is one in all of them."]
    if study.treatment_kind != "binary":
        notes.append(f"effect per unit of {study.roles['treatment']}.")
    estimator.result_ = estimator.make_result(
        study, estimate, **inferred, notes=notes,
        checks=(_exclusion_check(eq), _collinearity_check(eq), check),
        extras={"rho": rho, "sigma": sigma, "probit_log_likelihood": eq.probit.log_likelihood, **extras},
    )  # fmt: skip


def outcome_mean(estimator: Estimator, X, T) -> np.ndarray:
    """x'beta of the outcome equation: the mean outcome of everybody with these covariates and treatments."""
    eq, raw = estimator.__dict__["equations_"], estimator.__dict__["raw_"]
    X = X[:, eq.columns]
    p = X.shape[1]
    mean = raw[0] + X @ raw[1 : 1 + p] + raw[1 + p] * T
    return mean + T * (X @ raw[2 + p :]) if eq.interactions else mean


def _positions(study: Study, wanted: Sequence[str] | None) -> np.ndarray:
    if wanted is None:
        return np.arange(len(study.covariates))
    wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    study.columns(wanted)  # refuses a name that is no covariate
    found = [
        j for j, c in enumerate(study.covariates) if any(c == name or c.startswith(f"{name}=") for name in wanted)
    ]  # fmt: skip
    return np.array(found, dtype=int)


def _design(study: Study, X, columns, interactions: bool) -> tuple[ArrayMoments, tuple[str, ...]]:
    treatment, names = study.roles["treatment"], [study.covariates[j] for j in columns]
    parts, called = [X, study.T[:, None]], ["constant", *names, treatment]
    if interactions:
        parts.append(X * study.T[:, None])
        called += [f"{treatment}*{name}" for name in names]
    moments = ArrayMoments(np.column_stack(parts))
    assert study.S is not None  # take says so
    weight = study.S if study.sample_weight is None else study.S * study.sample_weight
    without = np.delete(moments.D, 1 + len(names), axis=1)
    grams = [(D * weight[:, None]).T @ D for D in (moments.D, without)]
    if slope_rank(grams[0]) == slope_rank(grams[1]):
        raise DataError(
            f"the covariates determine {treatment!r} among the rows with an outcome; leave one of them out."
        )
    return moments, tuple(called)


def _cluster_covariance(phi, groups) -> np.ndarray:
    n = len(phi)
    if groups is None:
        return phi.T @ phi / (n * (n - 1))
    inference.standard_error(phi[:, 0], groups)  # refuses a single group
    totals = np.stack([np.bincount(groups, weights=column) for column in phi.T])
    G = totals.shape[1]
    return G / (G - 1) * (totals @ totals.T) / n**2


def _exclusion_check(eq: Equations) -> Callable:
    def check(result) -> Diagnostic:
        reference = f"p-value below {IDLE:g}"
        if not eq.excluded:
            return Diagnostic(
                "exclusion", None, "a covariate in the selection equation only", "look",
                "No covariate moves who is seen without moving the outcome: only the shape of the normal distribution "
                "tells selection from effect. Name the covariates of the outcome equation (outcome_covariates).",
            )  # fmt: skip
        at = [eq.selection_names.index(name) for name in eq.excluded]
        size, V = eq.probit.gamma[at], eq.probit.covariance[np.ix_(at, at)]
        wald = float(size @ np.linalg.pinv(V) @ size)
        p_value = float(stats.chi2.sf(wald, len(at)))
        names = ", ".join(eq.excluded)
        if p_value < IDLE:
            said = f"{names} move who is seen (chi-squared({len(at)}) {wald:.4g}, p = {p_value:.3g})."
            return Diagnostic(
                "exclusion", p_value, reference, "ok", f"What the outcome equation leaves out works: {said}"
            )
        return Diagnostic(
            "exclusion", p_value, reference, "look",
            f"{names}, left out of the outcome equation, hardly move who is seen (p = {p_value:.3g}): the correction "
            "rests on the shape of the normal distribution.",
        )  # fmt: skip

    return check


def _collinearity_check(eq: Equations) -> Callable:
    def check(result) -> Diagnostic:
        r2 = eq.steps.mills_r2
        verdict = "ok" if r2 < COLLINEAR[0] else "look" if r2 < COLLINEAR[1] else "stop"
        said = f"the outcome equation's own columns explain {r2:.1%} of the correction term"
        sentence = (
            f"The correction can be told from the covariates: {said}."
            if verdict == "ok"
            else f"The correction can hardly be told from the covariates and the treatment ({said}): estimates swing "
            "with small changes of the data. A covariate in the selection equation only would help."
        )
        return Diagnostic("mills-collinearity", r2, f"below {COLLINEAR[0]:g}", verdict, sentence)

    return check
