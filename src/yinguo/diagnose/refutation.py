"""Refutation: change something that should not matter, fit again many times, and see whether it did.

This file holds what the checks share: the record with its verdict, and the loop that refits a clone of the estimator.
The checks themselves: :mod:`~yinguo.diagnose.placebo`, :mod:`~yinguo.diagnose.common_cause`,
:mod:`~yinguo.diagnose.subset`, :mod:`~yinguo.diagnose.negative_control`; :mod:`~yinguo.diagnose.refute_all` runs all.

Passing a refutation does not prove an effect; failing one is a reason not to believe it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import joblib
import numpy as np
from scipy.stats import t as student_t

from yinguo.core.diagnostic import Diagnostic
from yinguo.core.random import spawn
from yinguo.errors import DataError, YinguoError

__all__ = ["Refits", "Refutation", "mean_p_value", "refit"]


@dataclass(frozen=True, slots=True)
class Refutation:
    """One refutation check and its verdict.

    Attributes
    ----------
    name : str
        Kebab-case name of the check.
    null : str
        What the p-value tests, in words: a small one speaks against this sentence.
    original : float
        The estimate under examination.
    expected : float
        What the refits should be near.
    estimates : (n,) tuple of float
        The refits that gave a number.
    p_value : float
        Of the null, in [0, 1].
    verdict : {"ok", "look", "stop"}
        From the p-value and from whether the deviation is large enough to matter.
    sentence : str
        For a reader who knows no statistics; begins with "Passed", "Look" or "Stop" and says why.
    failures : tuple of str
        Reasons of the refits that gave none.
    """

    name: str
    null: str
    original: float
    expected: float
    estimates: tuple[float, ...]
    p_value: float
    verdict: str
    sentence: str
    failures: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Mean of the refits."""
        return float(np.mean(self.estimates))

    @property
    def spread(self) -> float:
        """Standard deviation of the refits; 0 if there is one only."""
        return float(np.std(self.estimates, ddof=1)) if len(self.estimates) > 1 else 0.0

    @property
    def diagnostic(self) -> Diagnostic:
        """The verdict as every other check of a result gives it."""
        return Diagnostic(self.name, self.p_value, f"p-value of: {self.null}", self.verdict, self.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"estimates": list(self.estimates), "failures": list(self.failures)}


@dataclass(frozen=True, slots=True)
class Refits:
    """The estimate, and the estimates after the change.

    Attributes
    ----------
    original : EffectResult
    estimates : (n,) float array
    failures : tuple of str
    """

    original: Any
    estimates: np.ndarray
    failures: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Mean of the refits."""
        return float(self.estimates.mean())

    @property
    def spread(self) -> float:
        """Standard deviation of the refits."""
        return float(self.estimates.std(ddof=1))

    @property
    def yardstick(self) -> float:
        """By what a shift is judged: the standard error, or a tenth of the estimate where there is none."""
        return abs(self.original.estimate) / 10 if self.original.se is None else self.original.se


def refit(
    estimator,
    study,
    change: Callable,
    *,
    n: int,
    random_state: Any,
    n_jobs: int,
    progress: Callable[[int, int], None] | None,
) -> Refits:
    """Fit clones of an estimator to changed studies.

    Parameters
    ----------
    estimator : Estimator
        Cloned for every fit; its own ``random_state`` stays, so that only the change differs.
    study : Study
    change : callable (study, numpy Generator) -> Study
        Defined at module level, so that it can go to another process.
    n : int, at least 2
    random_state : int, SeedSequence, Generator or None
        Spawned to every change: the numbers do not depend on ``n_jobs``.
    n_jobs : int
        joblib processes.
    progress : callable (done, total), optional

    Returns
    -------
    Refits

    Raises
    ------
    DataError
        If ``n`` is below 2, or more than half of the refits failed; errors of the fit to the study as it is pass.

    Source
    ------
    A. Sharma & E. Kiciman (2020), "DoWhy", arXiv 2011.04216, for refitting after a change; the loop is ours.
    """
    if n < 2:
        raise DataError(f"n is {n}; a refutation needs at least 2 refits (100 or more to be worth reading).")
    original = estimator.clone().fit(study).result_
    tasks = (joblib.delayed(_fit_changed)(estimator.clone(), study, change, s) for s in spawn(random_state, n))
    estimates: list[float] = []
    failures: list[str] = []
    for i, outcome in enumerate(joblib.Parallel(n_jobs=n_jobs, return_as="generator")(tasks)):
        if isinstance(outcome, str):
            failures.append(outcome)
        else:
            estimates.append(outcome)
        if progress is not None:
            progress(i + 1, n)
    if len(failures) > n // 2 or len(estimates) < 2:
        raise DataError(f"{len(failures)} of {n} refits gave no estimate; the first reason: {failures[0]}")
    return Refits(original, np.array(estimates), tuple(failures))


def mean_p_value(deviations) -> float:
    """Two-sided p-value of "these independent deviations have mean zero", by Student's t.

    Parameters
    ----------
    deviations : (n,) float array, n at least 2

    Returns
    -------
    p : float in [0, 1]
        1 if all are zero up to rounding, 0 if all are the same other number.

    Source
    ------
    Student (1908); the refits are independent draws given the data.
    """
    deviations = np.asarray(deviations, dtype=float)
    mean, spread = deviations.mean(), deviations.std(ddof=1)
    if spread <= 1e-12 * np.abs(deviations).max():
        return 1.0 if mean == 0 else 0.0
    return float(min(1.0, 2 * student_t.sf(abs(mean) / spread * np.sqrt(deviations.size), deviations.size - 1)))


def _fit_changed(estimator, study, change, seed):
    try:
        return float(estimator.fit(change(study, np.random.default_rng(seed))).result_.estimate)
    except YinguoError as error:
        return str(error)
