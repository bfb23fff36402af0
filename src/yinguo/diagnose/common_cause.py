"""Random common cause: add a covariate that is pure noise and fit again; the estimate should not move.

A method that moves has too many covariates for its rows, or hangs on a few of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yinguo.core.words import number
from yinguo.diagnose.refutation import Refutation, mean_p_value, refit

__all__ = ["add_noise_covariate", "random_common_cause"]


def random_common_cause(
    estimator,
    study,
    *,
    n: int = 100,
    random_state: Any = 0,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Refutation:
    """Refit with one more covariate, drawn from a standard normal.

    Parameters
    ----------
    estimator : Estimator
        Cloned, never changed.
    study : Study
    n : int
        Refits, each with a new draw.
    random_state : int, Generator, SeedSequence or None
    n_jobs : int
        joblib processes.
    progress : callable (done, total), optional

    Returns
    -------
    Refutation
        Null: noise does not move the estimate in one direction. The verdict goes by size: ``look`` if 19 of 20 shifts
        are not within half a standard error, ``stop`` if not within a whole one (without a standard error, a tenth of
        the estimate takes its place).

    Raises
    ------
    DataError
        If more than half of the refits fail.

    Source
    ------
    A. Sharma & E. Kiciman (2020), "DoWhy", arXiv 2011.04216, as an idea; test and verdict are ours.
    """
    fits = refit(
        estimator, study, add_noise_covariate, n=n, random_state=random_state, n_jobs=n_jobs, progress=progress
    )
    original = fits.original.estimate
    shifts = fits.estimates - original
    # Refits on the same numbers in another order of summation differ in the last digits; that is no shift.
    shifts[np.abs(shifts) <= 1e-12 * max(1.0, abs(original))] = 0.0
    typical = float(np.quantile(np.abs(shifts), 0.95))
    verdict, sentence = _verdict(typical, fits.yardstick, fits.original.se is not None)
    return Refutation(
        name="random-common-cause",
        null="a covariate that is pure noise does not, on average, move the estimate",
        original=original,
        expected=original,
        estimates=tuple(fits.estimates.tolist()),
        p_value=mean_p_value(shifts),
        verdict=verdict,
        sentence=sentence,
        failures=fits.failures,
    )


def add_noise_covariate(study, rng):
    """The study with a covariate of standard normal noise at the end.

    Source
    ------
    Sharma & Kiciman (2020), see :func:`random_common_cause`.
    """
    name = "random_cause"
    while name in study.covariates:
        name += "_"
    return study.replace(
        X=np.column_stack([study.X, rng.standard_normal(study.n)]), covariates=(*study.covariates, name)
    )


def _verdict(typical, yardstick, has_se):
    against = f"its standard error {number(yardstick)}" if has_se else f"a tenth of it, {number(yardstick)}"
    moved = f"adding a made-up cause moves the estimate by up to {number(typical)}, against {against}"
    if typical <= yardstick / 2:
        return "ok", f"Passed, because {moved}."
    if typical <= yardstick:
        return "look", f"Look: {moved}; the estimate hangs on the choice of covariates."
    return "stop", f"Stop: {moved}; noise alone can change the answer."
