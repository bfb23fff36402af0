r"""The airline-demand design: price and sales share a hidden demand shock, fuel cost moves the price alone.

.. math:: h(x) = 2\Big(\tfrac{(x-5)^4}{600} + e^{-4 (x-5)^2} + \tfrac{x}{10} - 2\Big), \qquad
   T = 25 + (\alpha Z + 3)\,h(x_1) + \beta Z + V,

.. math:: g(t, x) = 100 + (10 + t)\,x_2\,h(x_1) - 2t, \qquad Y = g(T, X) + E,

with time :math:`x_1 \sim U(0, 10)`, customer type ("emotion") :math:`x_2` uniform on 1..7, cost Z and the shock V
standard normal, and :math:`E = \rho V + \sqrt{1 - \rho^2}\,N(0, 1)`. The effect of the price differs between customers
and times and is linear in the price, so that linear methods are wrong here whatever the instrument.

**Two parametrisations of one letter.** The tool box mliv writes the price as above; the CB-IV programme writes it with
:math:`\alpha` and :math:`\beta` swapped. Both set :math:`\alpha = 1, \beta = 0`: with mliv, as in the papers on DeepIV,
KernelIV and DFIV, the cost acts through the time of the year; with CB-IV it is added.

**Two test sets of 2,800 points.** ``"on-policy"`` is mliv's and CB-IV's: 20 costs, 20 times and 7 emotions, at the
price that this cost would have made, with a fresh shock. ``"grid"`` is that of the KernelIV and DFIV papers: 20 prices
from 10 to 25, 20 times, 7 emotions, also where no price of that size is ever seen. Errors on the two do not compare.

Source: Hartford, Lewis, Leyton-Brown & Taddy (2017), ICML; test grid and seeds as in the code of Xu, Chen, Srinivasan,
de Freitas, Doucet & Gretton (2021), ICLR, whose draw of seed s is ``demand(random_state=s)`` row by row.
"""

from functools import partial
from itertools import product
from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.structural import average_slope
from yinguo.core.study import Study
from yinguo.datasets.draw import CurvePoints, Draw
from yinguo.errors import DataError

__all__ = ["demand", "demand_seeds", "demand_structure"]

PARAMETRISATIONS = ("mliv", "cbiv")
NOISES = ("unit-variance", "kiv")

COSTS = np.linspace(-1.0, 1.0, 20)
PRICES = np.linspace(10.0, 25.0, 20)
TIMES = np.linspace(0.0, 10.0, 20)
EMOTIONS = np.arange(1.0, 8.0)


def demand(
    *,
    n: int = 10_000,
    rho: float = 0.5,
    parametrisation: str = "mliv",
    alpha: float = 1.0,
    beta: float = 0.0,
    noise: str = "unit-variance",
    random_state: Any = 2022,
    validation_seed: Any = None,
    test_seed: Any = None,
) -> Draw:
    """One draw of the airline-demand design with validation rows and both test sets.

    Parameters
    ----------
    n : int
        Training rows, and validation rows. Papers use 1,000, 5,000 and 10,000.
    rho : float in [-1, 1]
        Correlation of the shock to the price with the noise of the sales: how confounded the price is.
    parametrisation : {"mliv", "cbiv"}
        Which letter moves the slope of the price in h(time) and which is added; see above.
    alpha, beta : float
        Strengths of the cost, in the meaning that ``parametrisation`` gives them.
    noise : {"unit-variance", "kiv"}
        Standard deviation of the part of the noise that is not the shock: sqrt(1 - rho^2), or 1 - rho^2 as in the
        programme of the KernelIV paper.
    random_state : int, Generator or None
        Seed of the training rows.
    validation_seed, test_seed : int, optional
        Seeds of their own for these parts, see :func:`demand_seeds`. Otherwise one generator draws training, validation
        and test rows in this order.

    Returns
    -------
    Draw
        Treatment ``price``, outcome ``sales``, instrument ``cost``, covariates ``time`` and ``emotion``. Truth: the
        ATE, as the average slope that ``average_slope`` takes of any curve. Extras: ``validation``; ``test`` with
        ``"on-policy"`` and ``"grid"``; ``structure``; ``g`` (n,), the structural function at the training rows;
        ``unobserved`` (n, 2), the shock V and the noise E.

    Examples
    --------
    >>> draw = demand(n=1000, rho=0.9)
    >>> draw.study
    Study(effect of 'price' on 'sales': 1000 rows, continuous treatment, 2 covariates)
    >>> draw.extras["test"]["grid"].squared_error(draw.extras["structure"])
    0.0
    """
    for name, given, allowed in (("parametrisation", parametrisation, PARAMETRISATIONS), ("noise", noise, NOISES)):
        if given not in allowed:
            raise DataError(f"{name} is {given!r}; it must be {allowed[0]!r} or {allowed[1]!r}.")
    if not -1 <= rho <= 1:
        raise DataError(f"rho is {rho}; a correlation lies between -1 and 1.")
    if n < 1:
        raise DataError(f"n is {n}; it must be at least 1.")
    # In mliv's letters from here on.
    slope, level = (alpha, beta) if parametrisation == "mliv" else (beta, alpha)
    spread = np.sqrt(1 - rho**2) if noise == "unit-variance" else 1 - rho**2
    rows = partial(_rows, n=n, rho=rho, spread=spread, slope=slope, level=level)
    rng = as_rng(random_state)
    study, g, unobserved = rows(rng)
    validation, _, _ = rows(rng if validation_seed is None else as_rng(validation_seed))
    policy = _on_policy(rng if test_seed is None else as_rng(test_seed), rho, spread, slope, level)
    return Draw(
        study=study,
        truth={"ATE": average_slope(demand_structure, study)[0]},
        about=f"airline demand, rho {rho}, {parametrisation} parametrisation with alpha {alpha:g} and beta {beta:g}",
        extras={
            "validation": validation,
            "test": {"on-policy": policy, "grid": _grid()},
            "structure": demand_structure,
            "g": g,
            "unobserved": unobserved,
        },
    )


def demand_seeds(experiment: int, *, programme: str = "mliv") -> dict[str, int]:
    """Seeds with which a published programme draws its experiments; pass them on to :func:`demand`.

    Parameters
    ----------
    experiment : int, not negative
        Number of the experiment.
    programme : {"mliv", "cbiv"}
        mliv adds 333, 444 and 555 times the number to the seeds of the experiment *before* (2022, 3033 and 4044 for the
        first), so that they add up; CB-IV adds 527 times the number to 2021, and 1111 and 2222 to that.

    Returns
    -------
    dict
        ``random_state``, ``validation_seed`` and ``test_seed``.

    Examples
    --------
    >>> [demand_seeds(e)["random_state"] for e in range(3)]
    [2022, 2355, 3021]
    """
    if programme not in PARAMETRISATIONS:
        raise DataError(f"programme is {programme!r}; it must be 'mliv' or 'cbiv'.")
    if experiment < 0:
        raise DataError(f"experiment is {experiment}; experiments are counted from 0.")
    names = ("random_state", "validation_seed", "test_seed")
    if programme == "cbiv":
        first = 2021 + 527 * experiment
        return dict(zip(names, (first, first + 1111, first + 2222), strict=True))
    total = experiment * (experiment + 1) // 2
    return {
        name: start + step * total for name, start, step in zip(names, (2022, 3033, 4044), (333, 444, 555), strict=True)
    }


def demand_structure(X: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The structural function g: expected sales at a price that is set.

    Parameters
    ----------
    X : (n, 2) float array
        Time and emotion.
    T : (n,) float array
        Price.

    Returns
    -------
    (n,) float array
    """
    time, emotion = X.T
    return 100 + (10 + T) * emotion * _season(time) - 2 * T


def _season(time: np.ndarray) -> np.ndarray:
    return 2 * ((time - 5) ** 4 / 600 + np.exp(-4 * (time - 5) ** 2) + time / 10 - 2)


def _price(cost, time, shock, slope: float, level: float) -> np.ndarray:
    return 25 + (slope * cost + 3) * _season(time) + level * cost + shock


def _rows(rng: np.random.Generator, *, n: int, rho: float, spread: float, slope: float, level: float):
    """Rows drawn in the order in which the published programmes draw them, which fixes their digits."""
    emotion = rng.choice(EMOTIONS, n)
    time = rng.uniform(0, 10, n)
    cost = rng.normal(0, 1.0, n)
    shock = rng.normal(0, 1.0, n)
    noise = rho * shock + rng.normal(0, spread, n)
    price = _price(cost, time, shock, slope, level)
    g = demand_structure(np.column_stack([time, emotion]), price)
    study = Study(
        {"price": price, "sales": g + noise, "cost": cost, "time": time, "emotion": emotion},
        treatment="price",
        outcome="sales",
        instruments="cost",
    )
    return study, g, np.column_stack([shock, noise])


def _on_policy(rng: np.random.Generator, rho: float, spread: float, slope: float, level: float) -> CurvePoints:
    cost, time, emotion = np.array(list(product(COSTS, TIMES, EMOTIONS))).T
    shock = rng.normal(0, 1.0, len(cost))
    noise = rho * shock + rng.normal(0, spread, len(cost))
    price, X = _price(cost, time, shock, slope, level), np.column_stack([time, emotion])
    g = demand_structure(X, price)
    return CurvePoints(X=X, T=price, g=g, Z=cost[:, None], Y=g + noise)


def _grid() -> CurvePoints:
    price, time, emotion = np.array(list(product(PRICES, TIMES, EMOTIONS))).T
    X = np.column_stack([time, emotion])
    return CurvePoints(X=X, T=price, g=demand_structure(X, price))
