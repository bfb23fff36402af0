r"""Hidden confounding and selection by the outcome at once: the demand design of two-stage shadow inclusion.

.. math::

   h(s) = 2\Big(\tfrac{(s-5)^4}{600} + e^{-4 (s-5)^2} + \tfrac{s}{10} - 2\Big), \qquad
   T = \frac{h(x_1)(Z + 3) + 25 + V - 17.779}{3.7} + \beta\,\varepsilon, \\
   g(t, x) = \frac{10\,c\,h(x_1) + (c\,h(x_1) - 2)(3.7\,t + 17.779) + 292.1}{158}, \qquad Y = g(T, X) + \varepsilon, \\
   P(S=1) = \sigma\big({-T} + 0.1 (Z + x_1 + c - 1) + \alpha Y + N(0, 1)\big),

with time :math:`x_1 \sim U(0, 10)`, customer type c uniform on 1..7, and cost Z, V and :math:`\varepsilon` standard
normal. :math:`\varepsilon` is hidden and moves price and sales; sales decide almost alone who is seen.

Of 25,000 rows 4,000 seen and 4,000 unseen ones are the study, and 1,000 of each the test rows. The study therefore is
no random sample of the 25,000: half its rows are seen, of those drawn about 60 %.

**The coding of customers.** The published demand design has c = 1..7. The released programme multiplies the number of
the type by 1..7 and adds up, which makes it 28 times the number counted from 0, and the variance of g a thousand. With
the coding above the magnitudes are those that are printed. **Strengths**: the names of the printed columns are taken to
be :math:`\alpha` and :math:`\beta` here; that is an inference from their trends.

Source: Li, Wu, Xiong & Kuang (2024), ICML, PMLR 235, design from their programme; Hartford, Lewis, Leyton-Brown & Taddy
(2017), ICML, for the demand it is built on.
"""

from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.structural import average_slope
from yinguo.core.study import Study
from yinguo.datasets.draw import CurvePoints, Draw
from yinguo.errors import DataError

__all__ = ["two_biases", "two_biases_structure"]

DRAWN = 25_000


def two_biases(
    *, alpha: float = 10.0, beta: float = 10.0, n: int = 4000, n_test: int = 1000, random_state: Any = 0
) -> Draw:
    """One draw of the demand design with two biases.

    Parameters
    ----------
    alpha : float
        How strongly sales decide who is seen (collider bias).
    beta : float
        How strongly the hidden shock moves the price (confounding).
    n, n_test : int
        Rows seen, and as many not seen, in the study and in each test set.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: the average slope of g over the rows of the study. Extras: ``test`` with the sets "selected" and
        "unselected" at the prices that were met, ``structure``, ``g`` of the rows, ``unobserved`` (the shock), and
        ``share_seen`` of the rows drawn.

    Examples
    --------
    >>> draw = two_biases(n=500)
    >>> draw.study, int(draw.study.S.sum())
    (Study(effect of 'price' on 'sales': 1000 rows, continuous treatment, 2 covariates), 500)
    """
    if n < 1 or n_test < 1:
        raise DataError(f"n is {n} and n_test is {n_test}; both are at least 1.")
    rng = as_rng(random_state)
    size = max(DRAWN, 5 * (n + n_test))
    time, customer = rng.uniform(0, 10, size), rng.integers(1, 8, size).astype(float)
    Z, V, shock = rng.normal(size=(3, size))
    T = (_season(time) * (Z + 3) + 25 + V - 17.779) / 3.7 + beta * shock
    X = np.column_stack([time, customer])
    g = two_biases_structure(X, T)
    Y = g + shock
    eta = -T + 0.1 * (Z + time + customer - 1) + alpha * Y + rng.normal(size=size)
    S = (rng.random(size) < np.exp(-np.logaddexp(0, -eta))).astype(float)
    parts = [np.flatnonzero(s == S) for s in (1.0, 0.0)]
    for rows, word in zip(parts, ("seen", "unseen"), strict=True):
        if len(rows) < n + n_test:
            raise DataError(
                f"only {len(rows)} of {size} rows drawn are {word}; at alpha {alpha:g} and beta {beta:g} n + n_test "
                f"must not exceed that, and is {n + n_test}."
            )
    train = rng.permutation(np.concatenate([rows[:n] for rows in parts]))
    table = {
        "price": T, "sales": np.where(S == 1, Y, np.nan), "cost": Z, "time": time, "customer": customer, "seen": S,
    }  # fmt: skip
    study = Study(
        {name: values[train] for name, values in table.items()},
        treatment="price",
        outcome="sales",
        instruments="cost",
        selection="seen",
    )
    test = {
        name: CurvePoints(X=X[rows], T=T[rows], g=g[rows], Z=Z[rows, None], Y=Y[rows])
        for name, rows in zip(("selected", "unselected"), (part[n : n + n_test] for part in parts), strict=True)
    }
    return Draw(
        study=study,
        truth={"ATE": average_slope(two_biases_structure, study)[0]},
        about=f"demand with two biases, alpha {alpha:g}, beta {beta:g}",
        extras={
            "test": test,
            "structure": two_biases_structure,
            "g": g[train],
            "unobserved": shock[train, None],
            "share_seen": float(S.mean()),
        },
    )


def two_biases_structure(X: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The structural function g: expected sales at a price that is set.

    Parameters
    ----------
    X : (n, 2) float array
        Time and customer type.
    T : (n,) float array
        Price, in the units of the design.

    Returns
    -------
    (n,) float array
    """
    time, customer = X.T
    season = customer * _season(time)
    return (10 * season + (season - 2) * (3.7 * T + 17.779) + 292.1) / 158


def _season(time: np.ndarray) -> np.ndarray:
    return 2 * ((time - 5) ** 4 / 600 + np.exp(-4 * (time - 5) ** 2) + time / 10 - 2)
