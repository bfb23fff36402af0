"""Negative-control outcome: look for an effect on something the treatment cannot have changed.

Earnings before a training programme, injuries after a flu shot: if the method finds an effect there, the treated and
the controls still differ in something that it did not adjust for, and the same difference is in the effect of interest.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yinguo.core.words import number
from yinguo.diagnose.placebo import shuffle_treatment
from yinguo.diagnose.refutation import Refutation, refit
from yinguo.errors import DataError

__all__ = ["negative_control_outcome", "replace_outcome"]

#: An effect on the control below this many of its standard deviations is seen only because there are many rows.
SMALL = 0.1


def negative_control_outcome(
    estimator,
    study,
    outcome,
    *,
    name: str | None = None,
    n: int = 100,
    alpha: float = 0.05,
    random_state: Any = 0,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Refutation:
    """Estimate the effect on an outcome that cannot be affected.

    Parameters
    ----------
    estimator : Estimator
        Cloned, never changed.
    study : Study
    outcome : str or (n,) array
        A covariate of the study, which is then not adjusted for, or one value per row of the study.
    name : str, optional
        What to call it, if an array is given.
    n : int
        Refits with a shuffled treatment; they give the p-value where the method has no standard error.
    alpha : float
        Level of the p-value.
    random_state : int, Generator, SeedSequence or None
    n_jobs : int
        joblib processes.
    progress : callable (done, total), optional

    Returns
    -------
    Refutation
        Null: the treatment has no effect on the control outcome. ``original`` is the estimated effect on it, and
        ``estimates`` are those of shuffled treatments. ``stop`` if an effect is found, ``look`` if it is found but
        smaller than a tenth of the outcome's standard deviation.

    Raises
    ------
    DataError
        If the covariate is unknown, the array has the wrong length, is constant or not finite, or most refits fail.

    Source
    ------
    M. Lipsitch, E. Tchetgen Tchetgen, T. Cohen (2010), "Negative controls", Epidemiology 21(3), 383-388. Without a
    standard error: the permutation p-value (1 + number as large) / (1 + n).
    """
    changed, label = replace_outcome(study, outcome, name)
    fits = refit(
        estimator, changed, shuffle_treatment, n=n, random_state=random_state, n_jobs=n_jobs, progress=progress
    )
    result = fits.original
    p = result.p_value
    if p is None:
        as_large = np.count_nonzero(np.abs(fits.estimates) >= abs(result.estimate))
        p = (1 + as_large) / (1 + fits.estimates.size)
    verdict, sentence = _verdict(result, label, p, abs(result.estimate) / float(np.std(changed.Y)), alpha)
    return Refutation(
        name="negative-control-outcome",
        null=f"{study.roles['treatment']} has no effect on {label}, by this method",
        original=result.estimate,
        expected=0.0,
        estimates=tuple(fits.estimates.tolist()),
        p_value=float(p),
        verdict=verdict,
        sentence=sentence,
        failures=fits.failures,
    )


def replace_outcome(study, outcome, name: str | None = None):
    """The study with the control outcome as its outcome, and what to call that.

    Source
    ------
    Lipsitch et al. (2010): what serves as the control is not adjusted for.
    """
    if isinstance(outcome, str):
        if outcome not in study.covariates:
            raise DataError(
                f"{outcome!r} is not a covariate of the study ({', '.join(study.covariates)}); pass its values instead."
            )
        j = study.covariates.index(outcome)
        rest = tuple(c for c in study.covariates if c != outcome)
        return study.replace(Y=study.X[:, j], X=np.delete(study.X, j, axis=1), covariates=rest), outcome
    Y = np.asarray(outcome, dtype=float)
    if Y.shape != (study.n,):
        raise DataError(f"the control outcome has shape {Y.shape}; it must have one value for each of {study.n} rows.")
    if not np.isfinite(Y).all() or np.ptp(Y) == 0:
        raise DataError("the control outcome is constant or holds values that are not finite; it can control nothing.")
    return study.replace(Y=Y), name or "the control outcome"


def _verdict(result, label, p, size, alpha):
    shown = f"p = {p:.2g}" if p >= 1e-4 else "p below 0.0001"
    found = f"an effect of {number(result.estimate)} on {label} ({size:.2g} standard deviations, {shown})"
    if p < alpha:
        word = "Stop" if size >= SMALL else "Look"
        return word.lower(), (
            f"{word}: the method finds {found}, which the treatment cannot have changed; the arms still differ in "
            f"something that was not adjusted for."
        )
    return "ok", (
        f"Passed, because the method finds no more than chance would give on {label}, which the treatment cannot have "
        f"changed: {number(result.estimate)}, {size:.2g} standard deviations, {shown}."
    )
