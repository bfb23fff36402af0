r"""How far effects of single units are from the truth, and what a rule made of them is worth.

With :math:`\hat\tau` the effects a method gives and :math:`\tau = \mu_1 - \mu_0` the true ones, without noise,

.. math:: \text{root PEHE} = \Big(\tfrac1n \sum_i (\hat\tau_i - \tau_i)^2\Big)^{1/2}, \qquad
   \epsilon_{ATE} = \Big|\tfrac1n \sum_i \hat\tau_i - \tfrac1n \sum_i \tau_i\Big| .

Where no effect is known but some rows were randomised, the average effect on the treated is, and so is the value of
treating those with :math:`\hat\tau > 0`. "In" are the rows of the study, whose outcome in the other arm is what was not
seen; "out" are rows that were kept back.

Source: Hill (2011), JCGS 20(1), for PEHE; Shalit, Johansson & Sontag (2017), ICML, and their published programme for
the others.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.datasets.draw import Draw, EffectPoints
from yinguo.errors import DataError

__all__ = [
    "UNIT_ERRORS",
    "ate_error",
    "att_error",
    "policy_errors",
    "policy_risk",
    "relative_errors",
    "root_pehe",
    "unit_errors",
]

#: Measures of :func:`unit_errors`; the first is what a table on effects of units is about.
UNIT_ERRORS = ("root PEHE out", "root PEHE in", "ATE error out", "ATE error in")
#: Effects that differ by no more than the last digits are one effect, of which nothing is a multiple.
CONSTANT = 1e-9


def root_pehe(effects: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean squared error of the effects of units (precision in estimating heterogeneous effects).

    Parameters
    ----------
    effects, truth : (n,) float arrays

    Returns
    -------
    float, in the unit of the outcome
    """
    return float(np.sqrt(np.mean((effects - truth) ** 2)))


def ate_error(effects: np.ndarray, truth: np.ndarray) -> float:
    """Absolute error of the mean effect; over replications it is averaged after taking the absolute value.

    Parameters
    ----------
    effects, truth : (n,) float arrays

    Returns
    -------
    float, in the unit of the outcome
    """
    return float(abs(np.mean(effects) - np.mean(truth)))


def att_error(effects: np.ndarray, *, T: np.ndarray, Y: np.ndarray, randomised: np.ndarray) -> float:
    """Absolute error of the mean effect on the treated of an experiment, against its difference of means.

    Parameters
    ----------
    effects, T, Y : (n,) float arrays
    randomised : (n,) bool array
        Rows of the experiment; the true effect is the mean outcome of all the treated less that of its controls.

    Returns
    -------
    float, in the unit of the outcome

    Raises
    ------
    DataError
        No treated or no untreated row was randomised.
    """
    treated, controls = (T == 1) & randomised, (T == 0) & randomised
    if not treated.any() or not controls.any():
        raise DataError(
            f"{treated.sum()} treated and {controls.sum()} untreated rows are randomised; the effect on the treated is "
            "known only where there are some of both."
        )
    return float(abs(effects[treated].mean() - (Y[T == 1].mean() - Y[controls].mean())))


def policy_risk(effects: np.ndarray, *, T: np.ndarray, Y: np.ndarray, randomised: np.ndarray) -> float:
    """What treating exactly those with a positive effect loses: one less its value among the randomised.

    The value is the mean outcome of those whom the experiment happened to treat as the rule says, each part weighted by
    how many the rule sends there. A part in which the experiment has nobody counts as 0, which is how it is printed.

    Parameters
    ----------
    effects, T, Y : (n,) float arrays
        Y of 0 and 1, where 1 is what one wants.
    randomised : (n,) bool array

    Returns
    -------
    float

    Raises
    ------
    DataError
        No row was randomised.
    """
    if not randomised.any():
        raise DataError("no row is randomised; the value of a rule is known only where some are.")
    treat, T, Y = effects[randomised] > 0, T[randomised], Y[randomised]
    share = treat.mean()
    parts = ((share, treat & (T == 1)), (1 - share, ~treat & (T == 0)))
    return float(1 - sum(weight * Y[rows].mean() for weight, rows in parts if rows.any()))


def unit_errors(fitted: Any, draw: Draw) -> Mapping[str, float]:
    """The measures :data:`UNIT_ERRORS` of a fit; a ``measure`` of a table.

    Parameters
    ----------
    fitted : estimator with ``effect(X)``
        One that has ``effect_knowing(truth)`` is an oracle: it is told, and has no error of the average.
    draw : Draw
        With ``mu0``, ``mu1`` and ``test`` as :func:`~yinguo.datasets.draw.effect_draw` makes them.
    """
    found = {}
    for part, points in _parts(draw):
        truth = _truth(points)
        if hasattr(fitted, "effect_knowing"):
            found[f"root PEHE {part}"] = root_pehe(fitted.effect_knowing(truth), truth)
            continue
        effects = np.asarray(fitted.effect(points.X))
        found[f"root PEHE {part}"] = root_pehe(effects, truth)
        found[f"ATE error {part}"] = ate_error(effects, truth)
    return found


def relative_errors(fitted: Any, draw: Draw) -> Mapping[str, float]:
    """:func:`unit_errors`, and root PEHE as a multiple of that of the best constant.

    No constant is nearer to the effects of some rows than their mean; its root PEHE is their standard deviation. Below
    1 a method knows something of whom it helps. Where the effect is the same for everybody there is no such multiple,
    and the measure is left out.

    Parameters
    ----------
    fitted : estimator with ``effect(X)``
    draw : Draw
    """
    found = dict(unit_errors(fitted, draw))
    for part, points in _parts(draw):
        spread = float(_truth(points).std())
        if spread > CONSTANT:
            found[f"relative root PEHE {part}"] = found[f"root PEHE {part}"] / spread
    return found


def policy_errors(fitted: Any, draw: Draw) -> Mapping[str, float]:
    """Policy risk and error of the effect on the treated, where some rows were randomised; a ``measure`` of a table.

    Parameters
    ----------
    fitted : estimator with ``effect(X)``
    draw : Draw
        Of :func:`~yinguo.datasets.jobs.jobs`.
    """
    found = {}
    for part, points in _parts(draw):
        randomised = draw.extras["randomised" if part == "in" else "test_randomised"]
        known = {"T": points.T, "Y": points.Y, "randomised": randomised}
        effects = np.asarray(fitted.effect(points.X))
        found[f"policy risk {part}"] = policy_risk(effects, **known)
        found[f"ATT error {part}"] = att_error(effects, **known)
    return found


def _parts(draw: Draw) -> tuple[tuple[str, EffectPoints], ...]:
    study, extras = draw.study, draw.extras
    known = {"mu0": extras.get("mu0"), "mu1": extras.get("mu1")}
    return ("out", extras["test"]), ("in", EffectPoints(X=study.X, T=study.T, Y=study.Y, **known))


def _truth(points: EffectPoints) -> np.ndarray:
    if points.mu0 is None or points.mu1 is None:
        raise DataError("this draw knows no effects of single units; measure it by policy_errors.")
    return points.mu1 - points.mu0
