"""Estimates with intervals of two kinds: each on its own, and all of them together."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.inference import normal_quantile
from yinguo.core.random import as_rng
from yinguo.errors import DataError
from yinguo.kernels.uniform_band import covariance_of_means, uniform_critical_value

__all__ = ["Intervals", "intervals_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """k estimates.

    Attributes
    ----------
    estimate, se : (k,) float arrays
    low, high : (k,) float arrays
        Each interval covers its own truth at the level.
    low_all, high_all : (k,) float arrays
        Together they cover all k truths at the level; use these after looking for the largest.
    level : float
    """

    estimate: np.ndarray
    se: np.ndarray
    low: np.ndarray
    high: np.ndarray
    low_all: np.ndarray
    high_all: np.ndarray
    level: float

    def __len__(self) -> int:
        return len(self.estimate)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        fields = ("estimate", "se", "low", "high", "low_all", "high_all")
        return {name: getattr(self, name).tolist() for name in fields} | {"level": self.level}


def intervals_of(estimate, phi, *, groups=None, level: float = 0.95, random_state: Any = 0) -> Intervals:
    """Intervals from influence values.

    Parameters
    ----------
    estimate : (k,) float array
    phi : (n, k) float array
        Centred influence values with sample weights of mean 1, if any, inside.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float
    random_state : int, Generator or None
        For the normal draws behind the simultaneous intervals.

    Returns
    -------
    Intervals

    Raises
    ------
    DataError
        Fewer than two rows or groups.
    """
    units = len(phi) if groups is None else int(groups.max()) + 1
    if units < 2:
        raise DataError(f"intervals need at least 2 {'rows' if groups is None else 'groups'}; there is {units}.")
    estimate = np.asarray(estimate, dtype=np.float64)
    covariance = covariance_of_means(phi, groups)
    se = np.sqrt(np.diag(covariance))
    one = normal_quantile(level)
    # With a single estimate both kinds are the same; the draws must not blur that.
    together = one if len(se) == 1 else max(one, uniform_critical_value(covariance, level, as_rng(random_state)))
    return Intervals(
        estimate=estimate, se=se, low=estimate - one * se, high=estimate + one * se,
        low_all=estimate - together * se, high_all=estimate + together * se, level=level,
    )  # fmt: skip
