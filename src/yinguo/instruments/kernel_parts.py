"""What the kernel methods of this package share: features by option, penalties by option, curves, remarks.

Source: the options are those of Singh, Sahani & Gretton (2019), NeurIPS 32, and of the programmes that followed it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.gaussian import BANDWIDTH_RULES, median_bandwidth
from yinguo.kernels.kernel_features import CentreFeatures, RandomFeatures, pivoted_features, random_features
from yinguo.kernels.two_stage_ridge import BLOCK

__all__ = ["at_the_edge", "curve_values", "kernel_features", "tried"]

#: Penalties per row tried where none is given.
PENALTIES = np.logspace(-2, -10, 50)
#: Rows among which the Nystroem centres are looked for; their kernel matrix is held in memory.
CANDIDATES = 5000
#: Rows up to which a method is exact if asked: a kernel matrix of 3.2 GB.
EXACT_ROWS = 20_000
APPROXIMATIONS = (None, "nystrom", "random-features")


def kernel_features(options: Any, rows, rng: np.random.Generator) -> CentreFeatures | RandomFeatures:
    """Features of a Gaussian kernel by the options ``bandwidth``, ``approximation`` and ``centres``.

    Parameters
    ----------
    options : estimator
        Has the three options.
    rows : (n, d) float array
        Rows to learn bandwidth and centres from.
    rng : Generator

    Raises
    ------
    DataError
        An option out of range; too many rows for the exact kernel.
    """
    if options.bandwidth not in BANDWIDTH_RULES:
        raise DataError(f"bandwidth is {options.bandwidth!r}; it must be one of {BANDWIDTH_RULES}.")
    if options.approximation not in APPROXIMATIONS:
        raise DataError(f"approximation is {options.approximation!r}; it must be one of {APPROXIMATIONS}.")
    bandwidth = median_bandwidth(rows, options.bandwidth)
    if options.approximation == "random-features":
        return random_features(bandwidth, options.centres, rng)
    if options.approximation == "nystrom":
        chosen = rng.choice(len(rows), min(len(rows), max(CANDIDATES, options.centres)), replace=False)
        return pivoted_features(rows[chosen], bandwidth, most=options.centres)
    if len(rows) > EXACT_ROWS:
        raise DataError(
            f"the kernel is asked for {len(rows)} rows, which takes {8 * len(rows) ** 2 / 1e9:.0f} GB; set "
            "approximation='nystrom'."
        )
    return pivoted_features(rows, bandwidth)


def tried(given: Any, name: str) -> np.ndarray:
    """The penalties that an option asks to try.

    Parameters
    ----------
    given : float, sequence of float, or None for the default path
    name : str
        Of the option.
    """
    penalties = PENALTIES if given is None else np.atleast_1d(np.asarray(given, dtype=np.float64))
    if penalties.ndim != 1 or not penalties.size or not (np.isfinite(penalties) & (penalties > 0)).all():
        raise DataError(f"{name} is {given!r}; it must be a positive number or several.")
    return penalties


def curve_values(transform: Callable, coefficients, level: float, X, T) -> np.ndarray:
    """(n,) values of a curve, block by block.

    Parameters
    ----------
    transform : callable (rows) -> features
    coefficients : (r,) float array
    level : float
    X : (n, p) float array
    T : (n,) float array
    """
    TX = np.column_stack([T, X])
    return level + np.concatenate([transform(TX[a : a + BLOCK]) @ coefficients for a in range(0, len(TX), BLOCK)])


def at_the_edge(name: str, best: float, path) -> tuple[str, ...]:
    """A remark if the penalty chosen is the smallest or the largest of those tried.

    Parameters
    ----------
    name : str
    best : float
    path : (k,) float array
    """
    if len(path) < 2 or min(path) < best < max(path):
        return ()
    smallest = best <= min(path)
    return (
        f"{name}: the best penalty, {best:.3g}, is the {'smallest' if smallest else 'largest'} of those tried; the "
        f"curve may want a {'weaker' if smallest else 'stronger'} one.",
    )
