"""Numbers from a simulation with what chance may have done to them.

The spread divides by the number of replications K, so that RMSE^2 = Bias^2 + SD^2 holds exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yinguo.bench.rows import Row

__all__ = ["Figure", "Spread", "error_figures", "mean_figure", "paired_differences", "spread_of"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number from a simulation and how far chance may have moved it.

    Attributes
    ----------
    value : float
    mc_se : float or None
        Monte Carlo standard error; None where one replication gives none, or none is defined.
    """

    value: float
    mc_se: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """How a measure varies from draw to draw, where a mean alone would hide that a few draws rule it.

    Attributes
    ----------
    sd : Figure
        Standard deviation, which divides by the number of draws.
    median : Figure
    """

    sd: Figure
    median: Figure


def spread_of(values: np.ndarray) -> Spread:
    """Standard deviation and median over draws.

    The error of the SD is from the delta method. That of the median is half the distance between the values that stand
    half a root of the number of draws below and above it, which assumes no distribution.
    """
    values = np.sort(np.asarray(values, dtype=float))
    sd = float(values.std())
    middle, reach = (values.size - 1) / 2, values.size**0.5 / 2
    error = None
    if values.size > 1:
        low, high = np.interp([middle - reach, middle + reach], np.arange(values.size), values)
        error = float(high - low) / 2
    return Spread(Figure(sd, _of_root((values - values.mean()) ** 2, sd)), Figure(float(np.median(values)), error))


def error_figures(estimates: np.ndarray, truths: np.ndarray) -> dict[str, Figure]:
    """Bias, SD, MAE and RMSE with their Monte Carlo standard errors.

    Parameters
    ----------
    estimates, truths : (K,) float arrays, K at least 1

    Returns
    -------
    figures : dict
        ``signed_bias``, ``bias`` (its absolute value), ``sd`` (divisor K), ``mae``, ``rmse``. The errors
        of SD and RMSE are from the delta method, without assuming a normal distribution.
    """
    errors = np.asarray(estimates, dtype=float) - np.asarray(truths, dtype=float)
    bias = mean_figure(errors)
    sd = float(errors.std())
    squared = errors**2
    rmse = float(np.sqrt(squared.mean()))
    return {
        "signed_bias": bias,
        "bias": Figure(abs(bias.value), bias.mc_se),
        "sd": Figure(sd, _of_root((errors - errors.mean()) ** 2, sd)),
        "mae": mean_figure(np.abs(errors)),
        "rmse": Figure(rmse, _of_root(squared, rmse)),
    }


def mean_figure(values: np.ndarray) -> Figure:
    """The mean and its standard error; a constant is given back to the last digit, with no error."""
    values = np.asarray(values, dtype=float)
    if values.size > 1 and np.ptp(values) == 0:
        return Figure(float(values[0]), 0.0)
    mc_se = float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else None
    return Figure(float(values.mean()), mc_se)


def paired_differences(rows: Sequence[Row], others: Sequence[Row]) -> dict[str, np.ndarray]:
    """Measures of one method less those of another, draw by draw.

    What varies from draw to draw for both cancels, so that the error of their mean is that of the comparison.

    Parameters
    ----------
    rows, others : sequence of Row
        Of the two methods in one cell; only replications in which both have a measure count.

    Returns
    -------
    differences : dict of measure to (k,) float array
    """
    theirs: Mapping[int, Row] = {row.replication: row for row in others}
    pairs = [(row.measures, theirs[row.replication].measures) for row in rows if row.replication in theirs]
    names = dict.fromkeys(name for ours, other in pairs for name in ours if name in other)
    return {
        name: np.array([ours[name] - other[name] for ours, other in pairs if name in ours and name in other])
        for name in names
    }


def _of_root(squares: np.ndarray, root: float) -> float | None:
    """Standard error of the root of a mean of squares."""
    if squares.size < 2 or root == 0:
        return None
    return float(squares.std(ddof=1) / np.sqrt(squares.size) / (2 * root))
