"""Numbers from a simulation with what chance may have done to them.

The spread divides by the number of replications K, so that RMSE^2 = Bias^2 + SD^2 holds exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yinguo.bench.rows import Row

__all__ = ["Figure", "error_figures", "mean_figure", "paired_differences"]


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


def paired_differences(rows: Sequence[Row], others: Sequence[Row]) -> dict[str, Figure]:
    """Measures of one method less those of another, draw by draw, and averaged.

    What varies from draw to draw for both cancels, so that the error is that of the comparison.

    Parameters
    ----------
    rows, others : sequence of Row
        Of the two methods in one cell; only replications in which both have a measure count.

    Returns
    -------
    figures : dict of measure to Figure
    """
    theirs: Mapping[int, Row] = {row.replication: row for row in others}
    pairs = [(row.measures, theirs[row.replication].measures) for row in rows if row.replication in theirs]
    names = dict.fromkeys(name for ours, other in pairs for name in ours if name in other)
    return {
        name: mean_figure(
            np.array([ours[name] - other[name] for ours, other in pairs if name in ours and name in other])
        )
        for name in names
    }


def _of_root(squares: np.ndarray, root: float) -> float | None:
    """Standard error of the root of a mean of squares."""
    if squares.size < 2 or root == 0:
        return None
    return float(squares.std(ddof=1) / np.sqrt(squares.size) / (2 * root))
