r"""What an instrument that nobody defies must not do to the data: tests of validity for a binary treatment.

Let z' > z be instrument values with more treated under z'. If the instrument is as good as random, excluded and
monotone (nobody is treated under z but not under z'), then for every set B of outcomes

.. math:: P(Y \in B, T = 1 \mid z') \ge P(Y \in B, T = 1 \mid z), \qquad
          P(Y \in B, T = 0 \mid z') \le P(Y \in B, T = 0 \mid z),

because the differences are shares of compliers. :func:`kitagawa_test` looks at all intervals B.
:func:`huber_mellace_test` looks at means: those treated under z are all always-takers, so their mean lies between the
means of the lowest and the highest such share of those treated under z'; likewise for never-takers.

Source: T. Kitagawa (2015), "A test for instrument validity", Econometrica 83(5); M. Huber, G. Mellace (2015), "Testing
instrument validity for LATE identification based on inequality moment constraints", Review of Economics and Statistics
97(2).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.diagnose.inequality_test import InequalityTest, instrument_cells, outcome_classes
from yinguo.errors import DataError
from yinguo.kernels.late_inequalities import interval_excess, share_limits
from yinguo.kernels.sup_t import sup_t_test

__all__ = ["huber_mellace_test", "kitagawa_test"]

CLAIM = "the instrument is as good as random, reaches the outcome through the treatment alone, and is defied by nobody"
UNUSED = (
    "The covariates are not used: the instrument is taken to be as good as random without them. If it is so only among "
    "alike units, look at each stratum by itself (study.take)."
)


def kitagawa_test(
    study, *, trimming: float = 0.07, bins: int = 50, n_bootstrap: int = 999, random_state: Any = 0
) -> InequalityTest:
    """Test of instrument validity for a binary treatment by the distribution of outcomes.

    Parameters
    ----------
    study : Study
        Binary treatment, instruments of few values. Covariates are not used.
    trimming : float
        Smallest standard deviation that a difference is divided by, in units of one row; the paper suggests 0.05 to
        0.1. Larger values look for violations on large sets of outcomes, smaller ones on small sets too.
    bins : int
        Classes of about equal size that an outcome of more values is cut into; intervals begin and end at their edges.
    n_bootstrap : int
    random_state : int, Generator or None

    Returns
    -------
    InequalityTest
        Its ``value`` is the share of outcomes that should not be there: how far the worst difference is from the right
        sign.

    Raises
    ------
    DataError
        A treatment that is not binary, no instruments, one that varies too finely, sample weights or groups.

    Source
    ------
    Kitagawa (2015), Econometrica 83(5): variance-weighted Kolmogorov-Smirnov statistic, bootstrap from the pooled
    sample. Two differences: intervals have ends at quantiles rather than at every outcome, so that the cost does not
    grow with n; and with more than two instrument values the neighbours (in the share treated) are tested pair by pair,
    the smallest p-value times their number.
    """
    if not 0 < trimming < 0.5:
        raise DataError(f"trimming is {trimming}; it must lie between 0 and 0.5, such as 0.07.")
    z, T = instrument_cells(study), _binary(study)
    rng, y = as_rng(random_state), outcome_classes(study.Y, bins)
    K = int(y.max()) + 1
    edges = np.append([study.Y[y == k].min() for k in range(K)], study.Y.max())
    counts = np.zeros((int(z.max()) + 1, 2, K))
    np.add.at(counts, (z, T, y), 1.0)
    found = []
    for low, high in _pairs(z, T):
        pair = counts[[low, high]]
        size = pair.sum(axis=(1, 2))
        statistic, value, (arm, first, last) = _largest(*interval_excess(pair[None], size, trimming))
        pooled = pair.sum(axis=0).ravel() / size.sum()
        drawn = np.stack([rng.multinomial(int(m), pooled, size=n_bootstrap) for m in size], axis=1)
        # The resamples keep the order of the pair although the pooled sample has none: ordering each anew would leave
        # out violations that chance makes when the order is plain, and refute valid instruments too often.
        largest = np.concatenate([
            interval_excess(part, size, trimming)[0].max(axis=(1, 2, 3))
            for part in _blocks(drawn.reshape(n_bootstrap, 2, 2, K).astype(float), K)
        ])  # fmt: skip
        p_value = float((1 + (largest >= statistic).sum()) / (1 + n_bootstrap))
        where = f"{study.roles['treatment']} = {arm}, {study.roles['outcome']} from {edges[first]:.4g} to "
        where += f"{edges[last]:.4g}"
        found.append((p_value, -statistic, value, where))
    p_value, statistic, value, where = min(found)
    return InequalityTest(
        name="kitagawa", value=value, bound="at most 0", statistic=-statistic, p_value=min(1.0, len(found) * p_value),
        where=where, claim=CLAIM, n=study.n, notes=(UNUSED,) if study.covariates else (),
    )  # fmt: skip


def huber_mellace_test(study, *, n_bootstrap: int = 499, random_state: Any = 0) -> InequalityTest:
    """Test of instrument validity for a binary treatment by means of outcomes; weaker demands than the distribution.

    Parameters
    ----------
    study : Study
        Binary treatment, instruments of few values. Covariates are not used.
    n_bootstrap : int
    random_state : int, Generator or None

    Returns
    -------
    InequalityTest
        Its ``value`` is how far the mean of always-takers or never-takers lies outside its limits, in the unit of the
        outcome; negative if it lies inside.

    Raises
    ------
    DataError
        A treatment that is not binary, no instruments, one that varies too finely, sample weights or groups; everybody
        does what the instrument says, so that there is neither an always-taker nor a never-taker.

    Source
    ------
    Huber & Mellace (2015), Review of Economics and Statistics 97(2), for the four inequalities. The p-value is of the
    largest studentised one, see :mod:`yinguo.kernels.sup_t`, rows drawn anew within each instrument value.
    """
    z, T = instrument_cells(study), _binary(study)
    order = np.lexsort((study.Y, T, z))
    z, T, Y = z[order], T[order], study.Y[order]
    pairs = _pairs(z, T)
    theta, names = share_limits(Y, T, z, pairs, np.ones((1, len(Y))))
    kept = np.isfinite(theta[0])
    if not kept.any():
        raise DataError(
            "everybody does what the instrument says: there is neither an always-taker nor a never-taker whose outcome "
            "the instrument should leave alone, so there is nothing to test."
        )
    rng = as_rng(random_state)
    sizes = np.bincount(z)
    parts = []
    for rows in _block_sizes(n_bootstrap, len(Y)):
        weights = np.concatenate([rng.multinomial(m, np.full(m, 1 / m), size=rows) for m in sizes], axis=1)
        parts.append(share_limits(Y, T, z, pairs, weights.astype(float))[0])
    # A resample without always-takers says nothing about them.
    resampled = np.concatenate(parts)
    drawn = np.where(np.isfinite(resampled), resampled, theta)[:, kept]
    theta, names = theta[0, kept], [name for name, keep in zip(names, kept, strict=True) if keep]
    errors = np.maximum(drawn.std(axis=0, ddof=1), 1e-9 * max(float(study.Y.std()), 1e-300))
    statistic, p_value = sup_t_test(theta, errors, drawn - theta, study.n)
    worst = int((theta / errors).argmax())
    return InequalityTest(
        name="huber-mellace", value=float(theta[worst]), bound="at most 0", statistic=statistic, p_value=p_value,
        where=names[worst], claim=CLAIM, n=study.n, notes=(UNUSED,) if study.covariates else (),
    )  # fmt: skip


def _binary(study) -> np.ndarray:
    if study.treatment_kind != "binary":
        raise DataError(
            f"treatment {study.roles['treatment']!r} is {study.treatment_kind}; the test is for a binary one. Pass "
            "treated= to the Study to compare one value with the rest."
        )
    return study.T.astype(int)


def _pairs(z, T) -> list[tuple[int, int]]:
    """Neighbouring instrument values in ascending order of the share treated."""
    share = np.bincount(z, weights=T) / np.bincount(z)
    order = np.argsort(share, kind="stable")
    return [(int(a), int(b)) for a, b in pairwise(order)]


def _largest(statistic, difference) -> tuple[float, float, tuple[int, int, int]]:
    place = np.unravel_index(int(statistic[0].argmax()), statistic[0].shape)
    arm, first, last = (int(k) for k in place)
    return float(statistic[0][place]), float(difference[0][place]), (arm, first, last)


def _blocks(drawn, K: int) -> Iterator[np.ndarray]:
    start = 0
    for rows in _block_sizes(len(drawn), 2 * (K + 1) ** 2):
        yield drawn[start : start + rows]
        start += rows


def _block_sizes(total: int, width: int) -> Iterator[int]:
    """Draws at a time, so that no array exceeds a few million numbers."""
    step = max(1, 2_000_000 // width)
    for start in range(0, total, step):
        yield min(step, total - start)
