"""All refutation checks of an estimate in one call."""

from collections.abc import Callable
from typing import Any

from yinguo.core.random import spawn
from yinguo.diagnose.common_cause import random_common_cause
from yinguo.diagnose.negative_control import negative_control_outcome
from yinguo.diagnose.placebo import placebo_treatment
from yinguo.diagnose.refutation import Refutation
from yinguo.diagnose.subset import data_subset

__all__ = ["refute"]


def refute(
    estimator,
    study,
    *,
    negative_control: Any = None,
    n: int = 100,
    random_state: Any = 0,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Refutation, ...]:
    """Placebo treatment, random common cause, data subset and, if one is named, negative-control outcome.

    Parameters
    ----------
    estimator : Estimator
        Cloned, never changed.
    study : Study
    negative_control : str or (n,) array, optional
        As ``outcome`` of :func:`yinguo.diagnose.negative_control.negative_control_outcome`.
    n : int
        Refits of each check.
    random_state : int, Generator, SeedSequence or None
        Spawned to the checks.
    n_jobs : int
        joblib processes.
    progress : callable (done, total), optional
        Counts over all checks.

    Returns
    -------
    tuple of Refutation
        Each with ``verdict``, ``sentence`` and ``diagnostic``.

    Raises
    ------
    DataError
        As the checks.

    Source
    ------
    See the checks.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> T = np.repeat([0.0, 1.0], 50)
    >>> study = yg.Study.from_arrays(rng.normal(size=(100, 1)), T, 2 * T + rng.normal(size=100))
    >>> [check.verdict for check in refute(yg.DifferenceInMeans(), study, n=50)]
    ['ok', 'ok', 'ok']
    """
    checks: list[Callable[..., Refutation]] = [placebo_treatment, random_common_cause, data_subset]
    total = n * (len(checks) + (negative_control is not None))
    seeds = spawn(random_state, len(checks) + 1)
    found = []
    for i, seed in enumerate(seeds):
        shared = {"n": n, "random_state": seed, "n_jobs": n_jobs, "progress": _shifted(progress, i * n, total)}
        if i < len(checks):
            found.append(checks[i](estimator, study, **shared))
        elif negative_control is not None:
            found.append(negative_control_outcome(estimator, study, negative_control, **shared))
    return tuple(found)


def _shifted(progress, before: int, total: int):
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
