"""The bootstrap, for methods where it is valid and nothing better is known."""

from collections.abc import Callable
from dataclasses import dataclass

import joblib
import numpy as np

from yinguo.core.estimator import Estimator
from yinguo.core.random import spawn
from yinguo.core.study import Study
from yinguo.errors import DataError, YinguoError

__all__ = ["Bootstrap", "bootstrap"]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Estimates on resampled studies.

    Attributes
    ----------
    estimates : (n_draws,) float array
        NaN where a resample gave no estimate.
    failures : tuple of str
        Their reasons.
    """

    estimates: np.ndarray
    failures: tuple[str, ...]

    @property
    def se(self) -> float:
        """Standard deviation over the draws."""
        return float(np.nanstd(self.estimates, ddof=1))

    def ci(self, level: float = 0.95) -> tuple[float, float]:
        """Percentile interval."""
        low, high = np.nanquantile(self.estimates, [0.5 - level / 2, 0.5 + level / 2])
        return float(low), float(high)


def bootstrap(
    estimator: Estimator,
    study: Study,
    *,
    n_draws: int = 200,
    random_state: int | None = 0,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Bootstrap:
    """Refit an estimator on resampled rows (whole groups, if the study has groups).

    Not valid for matching with a fixed number of neighbours (Abadie & Imbens 2008, Econometrica
    76(6)), which is refused.

    Parameters
    ----------
    estimator : Estimator
        Cloned for every draw.
    study : Study
    n_draws : int
    random_state : int or None
        Spawned to every draw, so the draws do not depend on ``n_jobs``.
    n_jobs : int
        joblib processes.
    progress : callable (done, total), optional
    """
    if estimator.capabilities.inference.startswith("Abadie-Imbens"):
        raise DataError(f"the bootstrap is not valid for {estimator.name}; it has Abadie-Imbens standard errors.")
    if n_draws < 2:
        raise DataError(f"n_draws is {n_draws}; a standard deviation needs at least 2.")
    seeds = spawn(random_state, n_draws)
    tasks = (joblib.delayed(_one_draw)(estimator.clone(), study, seed) for seed in seeds)
    estimates, failures = np.full(n_draws, np.nan), []
    for i, (estimate, reason) in enumerate(joblib.Parallel(n_jobs=n_jobs, return_as="generator")(tasks)):
        estimates[i] = estimate
        failures += [reason] if reason else []
        if progress is not None:
            progress(i + 1, n_draws)
    if len(failures) > n_draws // 2:
        raise DataError(f"{len(failures)} of {n_draws} resamples gave no estimate; the first: {failures[0]}")
    return Bootstrap(estimates, tuple(failures))


def _one_draw(estimator: Estimator, study: Study, seed: np.random.SeedSequence) -> tuple[float, str | None]:
    rng = np.random.default_rng(seed)
    if study.groups is None:
        index = rng.integers(study.n, size=study.n)
        drawn = study.take(index)
    else:
        members = np.split(np.argsort(study.groups, kind="stable"), np.cumsum(np.bincount(study.groups))[:-1])
        chosen = rng.integers(len(members), size=len(members))
        drawn = study.take(np.concatenate([members[g] for g in chosen]))
        # A group drawn twice counts as two groups, or the clusters would merge.
        sizes = [len(members[g]) for g in chosen]
        drawn = drawn.replace(groups=np.repeat(np.arange(len(chosen)), sizes))
    try:
        return estimator.fit(drawn).result_.estimate, None
    except YinguoError as error:
        return float("nan"), str(error)
