r"""Pieces of an accelerated proximal-gradient loop, shared by the confounder-balancing and decomposition programmes.

To minimise a smooth ``f`` plus a lasso (or group-lasso) penalty, one step from an extrapolated point ``v`` is

.. math:: z = \mathrm{soft}(v - s \nabla f(v),\; s\,\lambda), \qquad
          f(z) \le f(v) + \nabla f(v)'(z - v) + \lVert z - v\rVert^2 / (2 s),

where the step size ``s`` is halved until the inequality holds.

Source
------
Parikh & Boyd (2014), "Proximal algorithms", Foundations and Trends in Optimization 1(3), sections 4.2 and 4.3: the
extrapolation k / (k + 3) and the line search. Beck & Teboulle (2009), SIAM J. Imaging Sciences 2(1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yinguo.errors import ConvergenceError

Vector = NDArray[np.float64]

# A step this small moves no coefficient of ordinary size by one rounding unit: a stall, not progress.
STALLED_STEP = 1e-12
SMALLEST_STEP = 1e-100


@dataclass(frozen=True, slots=True)
class ProximalStep:
    """One accepted step.

    point : (p,) float array, the new iterate
    step : the step size that was accepted; never larger than the one offered
    products : whatever ``excess`` returned beside its number, so that no matrix product is done twice
    """

    point: Vector
    step: float
    products: Any


def soft_threshold(v: Vector, threshold: float | Vector) -> Vector:
    """Shrink every entry towards 0 by ``threshold``: the proximal map of the lasso penalty.

    Parameters
    ----------
    v : (p,) float array
    threshold : float or (p,) float array, at least 0
        0 leaves an entry alone (an unpenalised intercept).

    Returns
    -------
    (p,) float array
    """
    return v - np.clip(v, -threshold, threshold)


def group_soft_threshold(v: Vector, threshold: Vector, groups: NDArray[np.intp]) -> Vector:
    """Shrink the Euclidean length of every group towards 0: the proximal map of the group lasso.

    Groups of one column give :func:`soft_threshold` with the same thresholds.

    Parameters
    ----------
    v : (p,) float array
    threshold : (n_groups,) float array, at least 0
    groups : (p,) int array
        Group number of every entry, from 0 to n_groups - 1.

    Returns
    -------
    (p,) float array
    """
    length = np.sqrt(np.bincount(groups, weights=v * v, minlength=threshold.size))
    kept = np.zeros(threshold.size)
    np.divide(length - threshold, length, out=kept, where=length > threshold)
    return v * kept[groups]


def extrapolate(current: Vector, previous: Vector, iteration: int) -> Vector:
    """The point ``current + k / (k + 3) (current - previous)`` that an accelerated step starts from.

    Parameters
    ----------
    current, previous : (p,) float arrays, the last two iterates
    iteration : the iteration number k, from 1

    Returns
    -------
    (p,) float array
    """
    return current + (iteration / (iteration + 3)) * (current - previous)


def backtracking_step(
    v: Vector,
    gradient: Vector,
    step: float,
    *,
    excess: Callable[[Vector, Vector], tuple[float, Any]],
    shrink: Callable[[Vector, float], Vector] | None = None,
    rounding: float = 0.0,
) -> ProximalStep:
    r"""Halve ``step`` until the quadratic bound holds at the proximal point, and return that point.

    The bound is asked of the difference :math:`f(z) - f(v) - \nabla f(v)'(z - v)`, not of the two values of ``f``: for
    the quadratic and quartic programmes that call this the difference has a short formula in ``z - v``, which costs
    less and does not lose its digits to a large ``f(v)``.

    Parameters
    ----------
    v : (p,) float array
        Where the gradient was taken.
    gradient : (p,) float array
    step : float
        First step size tried.
    excess : function (z, z - v) -> (number, products)
        The difference above, and products to hand back with the accepted point.
    shrink : function (point, step) -> point, optional
        Proximal map of the penalty; none when there is no penalty.
    rounding : float
        Error that ``excess`` may carry; near a minimum the true excess is smaller than that.

    Returns
    -------
    ProximalStep

    Raises
    ------
    ConvergenceError
        If no step above 1e-100 satisfies the bound (not-finite data, or a gradient that is not one).
    """
    while step > SMALLEST_STEP:
        z = v - step * gradient
        if shrink is not None:
            z = shrink(z, step)
        difference = z - v
        above, products = excess(z, difference)
        if 2 * step * (above - rounding) <= difference @ difference:
            return ProximalStep(z, step, products)
        step *= 0.5
    raise ConvergenceError(
        f"no step size above {SMALLEST_STEP:g} decreases the objective; check that the data are finite and scale them "
        "to standard deviations near 1."
    )
