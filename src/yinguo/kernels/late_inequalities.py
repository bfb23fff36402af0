"""Arrays behind the tests of an instrument that nobody defies, for many resamples at once.

Source: Kitagawa (2015), Econometrica 83(5); Huber & Mellace (2015), Review of Economics and Statistics 97(2).
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["interval_excess", "share_limits"]


def interval_excess(counts, size, trimming: float) -> tuple[np.ndarray, np.ndarray]:
    """Studentised differences that should be at most 0, for every interval of outcome classes.

    Parameters
    ----------
    counts : (b, 2, 2, K) float array
        Rows by resample, instrument value (fewer treated first), treatment and outcome class.
    size : (2,) float array
        Rows by instrument value.
    trimming : float
        Smallest standard deviation to divide by.

    Returns
    -------
    statistic, difference : (b, 2, K + 1, K + 1) float arrays
        By treatment, first edge and last edge; minus infinity and 0 where the last is not after the first.
    """
    n, m = size
    shares = counts / np.asarray(size)[:, None, None]
    total = np.concatenate([np.zeros((*shares.shape[:-1], 1)), shares.cumsum(axis=-1)], axis=-1)
    between = total[..., None, :] - total[..., :, None]  # (b, 2, 2, first, last)
    Q, P = between[:, 0], between[:, 1]
    # More treated of every outcome under the second value; fewer untreated.
    sign = np.array([-1.0, 1.0])[:, None, None]
    difference = sign * (Q - P)
    share = m / (n + m)
    spread = np.sqrt(np.maximum((1 - share) * P * (1 - P) + share * Q * (1 - Q), 0.0))
    statistic = np.sqrt(n * m / (n + m)) * difference / np.maximum(spread, trimming)
    forward = np.triu(np.ones(statistic.shape[-2:], dtype=bool), k=1)
    return np.where(forward, statistic, -np.inf), np.where(forward, difference, 0.0)


def share_limits(Y, T, z, pairs: Sequence[tuple[int, int]], weights) -> tuple[np.ndarray, list[str]]:
    """How far means of always-takers and never-takers lie beyond their limits, for many weightings of the rows.

    Parameters
    ----------
    Y : (n,) float array
        Ascending within every combination of T and z.
    T : (n,) int array of 0 and 1
    z : (n,) int array
    pairs : sequence of (low, high)
        Instrument values compared; more are treated under the second.
    weights : (b, n) float array
        Weights of the rows.

    Returns
    -------
    theta : (b, 4 * pairs) float array
        Each should be at most 0; not a number where there is nobody to look at.
    names : list of str
    """
    columns, names = [], []
    for low, high in pairs:
        for arm, kind, pure, mixed in ((1, "always-takers", low, high), (0, "never-takers", high, low)):
            some, all_of_them = ((arm == T) & (z == value) for value in (pure, mixed))
            w_some, w_all = weights[:, some], weights[:, all_of_them]
            in_pure, in_mixed = (weights[:, z == value].sum(axis=1) for value in (pure, mixed))
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.minimum((w_some.sum(axis=1) / in_pure) / (w_all.sum(axis=1) / in_mixed), 1.0)
                mean = w_some @ Y[some] / w_some.sum(axis=1)
            columns += [
                _trimmed_mean(Y[all_of_them], w_all, share) - mean,
                mean + _trimmed_mean(-Y[all_of_them][::-1], w_all[:, ::-1], share),
            ]
            names += [f"the mean of {kind} below its lower limit", f"the mean of {kind} above its upper limit"]
    return np.stack(columns, axis=1), names


def _trimmed_mean(Y, weights, share) -> np.ndarray:
    """(b,) weighted mean of the lowest ``share`` of ascending values."""
    before = weights.cumsum(axis=1) - weights
    kept = np.clip(share[:, None] * weights.sum(axis=1)[:, None] - before, 0.0, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return kept @ Y / kept.sum(axis=1)
