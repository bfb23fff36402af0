r"""Data subset: fit again on random parts of the rows; the estimates should scatter around the original one.

Drawn without replacement, a share f of the rows gives estimates with a standard deviation of about
:math:`se \sqrt{(1 - f) / f}` around the original. A mean elsewhere says that the method depends on the sample size; a
much larger scatter says that a few rows decide, or that the standard error is too small.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from yinguo.core.words import number
from yinguo.diagnose.refutation import Refutation, mean_p_value, refit
from yinguo.errors import DataError

__all__ = ["data_subset", "random_subset"]


def data_subset(
    estimator,
    study,
    *,
    fraction: float = 0.8,
    n: int = 100,
    alpha: float = 0.05,
    random_state: Any = 0,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Refutation:
    """Refit on random subsets of the rows (of the groups, if the study has groups).

    Parameters
    ----------
    estimator : Estimator
        Cloned, never changed.
    study : Study
    fraction : float, inside (0, 1)
        Share of the rows of each arm to keep.
    n : int
        Refits.
    alpha : float
        Level of the p-value below which a shift counts as real.
    random_state : int, Generator, SeedSequence or None
    n_jobs : int
        joblib processes.
    progress : callable (done, total), optional

    Returns
    -------
    Refutation
        Null: subsets give, on average, the original estimate. ``look`` if they are off by more than half a
        standard error, or scatter more than twice as much as the standard error lets expect; ``stop`` if off by more
        than a whole one. A method with random parts of its own (folds) adds their luck to the original.

    Raises
    ------
    DataError
        If ``fraction`` is not inside (0, 1), or more than half of the refits fail.

    Source
    ------
    A. Sharma & E. Kiciman (2020), "DoWhy", arXiv 2011.04216, as an idea; the variance of a subset mean is that of
    sampling without replacement, W. Cochran (1977), Sampling Techniques.
    """
    if not 0 < fraction < 1:
        raise DataError(f"fraction is {fraction}; it must lie inside (0, 1).")
    change = partial(random_subset, fraction=fraction)
    fits = refit(estimator, study, change, n=n, random_state=random_state, n_jobs=n_jobs, progress=progress)
    original = fits.original.estimate
    p = mean_p_value(fits.estimates - original)
    expected_spread = None if fits.original.se is None else fits.original.se * np.sqrt((1 - fraction) / fraction)
    verdict, sentence = _verdict(fits, p, expected_spread, fraction, alpha)
    return Refutation(
        name="data-subset",
        null="random subsets of the data give, on average, the same estimate",
        original=original,
        expected=original,
        estimates=tuple(fits.estimates.tolist()),
        p_value=p,
        verdict=verdict,
        sentence=sentence,
        failures=fits.failures,
    )


def random_subset(study, rng, *, fraction: float):
    """A share of the rows of each arm, or of the groups, drawn without replacement.

    Source
    ------
    Stratified and cluster sampling, Cochran (1977).
    """
    if study.groups is not None:
        present = np.unique(study.groups)
        kept = rng.choice(present, max(2, round(fraction * present.size)), replace=False)
        part = study.take(np.isin(study.groups, kept))
        # Groups are numbered without gaps; a gap would count as a group of nobody.
        return part.replace(groups=np.unique(part.groups, return_inverse=True)[1])
    arms = study.T if study.treatment_kind == "binary" else np.zeros(study.n)
    blocks = [np.flatnonzero(arms == arm) for arm in np.unique(arms)]
    rows = [rng.choice(block, max(2, round(fraction * block.size)), replace=False) for block in blocks]
    return study.take(np.sort(np.concatenate(rows)))


def _verdict(fits, p, expected_spread, fraction, alpha):
    original, shift = fits.original.estimate, abs(fits.mean - fits.original.estimate)
    found = (
        f"random subsets of {fraction:.0%} of the rows give {number(fits.mean)} on average, give or take "
        f"{number(fits.spread)}, against {number(original)} from all rows"
    )
    if p < alpha and shift > fits.yardstick / 2:
        grave = shift > fits.yardstick
        word = "Stop" if grave else "Look"
        return word.lower(), f"{word}: {found}; the answer depends on which rows are there, or how many."
    if expected_spread is not None and fits.spread > 2 * expected_spread:
        return "look", (
            f"Look: {found}; they scatter {fits.spread / expected_spread:.1f} times as much as the standard error lets "
            f"expect, so a few rows may decide the answer."
        )
    return "ok", f"Passed, because {found}."
