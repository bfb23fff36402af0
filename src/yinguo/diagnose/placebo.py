"""Placebo treatment: deal the treatment out at random and fit again; no effect should be found.

Shuffling keeps how many are treated and breaks every link of the treatment with anything. Two questions are answered:
does the method find effects where there are none (its p-value), and does the original estimate stand out from what
random treatments give.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yinguo.core.words import number
from yinguo.diagnose.refutation import Refutation, mean_p_value, refit

__all__ = ["placebo_treatment", "shuffle_treatment"]

#: A mean of the placebo effects below this share of their spread is of no practical weight, whatever its p-value.
NEGLIGIBLE = 0.25


def placebo_treatment(
    estimator,
    study,
    *,
    n: int = 100,
    alpha: float = 0.05,
    random_state: Any = 0,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Refutation:
    """Refit with the treatment shuffled among the units.

    Parameters
    ----------
    estimator : Estimator
        Cloned, never changed.
    study : Study
        A treatment that is the same within each group of ``groups`` is shuffled among the groups.
    n : int
        Refits.
    alpha : float
        Level for the p-value, and share of placebo effects as large as the original from which on one should look.
    random_state : int, Generator, SeedSequence or None
    n_jobs : int
        joblib processes.
    progress : callable (done, total), optional

    Returns
    -------
    Refutation
        Null: the method finds no effect, on average, of a treatment dealt out at random. ``stop`` if it finds more than
        half of the original; ``look`` if it finds some, or if the original does not stand out.

    Raises
    ------
    DataError
        If more than half of the refits fail.

    Source
    ------
    A permutation check as in R. Fisher (1935), The Design of Experiments; as a refutation, A. Sharma & E. Kiciman
    (2020), "DoWhy", arXiv 2011.04216. Their p-value is replaced by a t test that cannot leave [0, 1].
    """
    fits = refit(estimator, study, shuffle_treatment, n=n, random_state=random_state, n_jobs=n_jobs, progress=progress)
    original, placebo = fits.original.estimate, fits.estimates
    p = mean_p_value(placebo)
    as_large = int(np.count_nonzero(np.abs(placebo) >= abs(original)))
    verdict, sentence = _verdict(original, fits.mean, fits.spread, p, as_large, placebo.size, alpha)
    return Refutation(
        name="placebo-treatment",
        null="a treatment dealt out at random has, on average, no effect by this method",
        original=original,
        expected=0.0,
        estimates=tuple(placebo.tolist()),
        p_value=p,
        verdict=verdict,
        sentence=sentence,
        failures=fits.failures,
    )


def shuffle_treatment(study, rng):
    """The study with its treatment permuted; among whole groups if it does not vary within them.

    Source
    ------
    R. Fisher (1935), The Design of Experiments: the permutations keep the design, here the clusters.
    """
    T, groups = study.T, study.groups
    if groups is not None:
        count = int(groups.max()) + 1
        lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
        np.minimum.at(lowest, groups, T)
        np.maximum.at(highest, groups, T)
        present = np.flatnonzero(np.isfinite(lowest))
        if (lowest[present] == highest[present]).all():
            dealt = lowest.copy()
            dealt[present] = rng.permutation(lowest[present])
            return study.replace(T=dealt[groups])
    return study.replace(T=rng.permutation(T))


def _verdict(original, mean, spread, p, as_large, n, alpha):
    around = f"effects of {number(mean)} on average, give or take {number(spread)}"
    if p < alpha and abs(mean) > NEGLIGIBLE * spread:
        grave = abs(mean) >= abs(original) / 2
        return (
            "stop" if grave else "look",
            f"{'Stop' if grave else 'Look'}: of a treatment dealt out at random the method still finds {around}, "
            f"although there can be none; the original is {number(original)}.",
        )
    if as_large > alpha * n:
        return (
            "look",
            f"Look: {as_large} of {n} treatments dealt out at random seem to have an effect as large as the original "
            f"{number(original)}, so chance alone can make such an estimate.",
        )
    return (
        "ok",
        f"Passed, because of treatments dealt out at random the method finds {around}, as it should, and {as_large} of "
        f"{n} reach the original {number(original)}.",
    )
