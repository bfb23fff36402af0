r"""Confounders, adjustment variables and irrelevant ones, independent of each other: who finds which is which?

.. math::
    X_k \sim N(0, 1), \quad C = \frac{1}{\sqrt{c}}\sum_{k \le c} h(X_k), \quad
    A = \frac{1}{\sqrt{a}}\sum_{c < k \le c+a} h(X_k), \quad Y = T + 2 C + 3 A + N(0, 1),

with P(T=1) = sigmoid(s C), or T = 1[s C + N(0, 1) > 0]. ``h`` is the identity, or :math:`h(x) = (x + x^2 - 1)/\sqrt 3`,
which has the same mean and variance but hides two thirds of it from a linear model. The effect is 1 for everybody.

Source: the separation of variables follows Kuang, Cui, Li, Jiang, Yang & Wang (2017), AAAI; sizes and coefficients are
ours, so this is a design of their kind and not a replica of their table.
"""

from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["d2vd_design"]


def d2vd_design(
    *, n: int = 1000, p: int = 50, confounders: int = 10, adjusters: int = 20, strength: float = 1.5,
    treatment: str = "logistic", form: str = "linear", random_state: Any = 0,
) -> Draw:  # fmt: skip
    """One draw.

    Parameters
    ----------
    n, p : int
    confounders, adjusters : int
        The first columns of X and those after them; the rest is irrelevant.
    strength : float
        s: how strongly the confounders drive the treatment.
    treatment : {"logistic", "threshold"}
        The second makes a logistic propensity wrong.
    form : {"linear", "nonlinear"}
        How confounders and adjusters enter treatment and outcome.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Truth: 1 for ATE, ATT and ATC; extras: names of ``confounders`` and ``adjusters``.
    """
    if treatment not in ("logistic", "threshold") or form not in ("linear", "nonlinear"):
        raise DataError(
            f"treatment is {treatment!r} and form {form!r}; they must be 'logistic' or 'threshold', and 'linear' or "
            "'nonlinear'."
        )
    if min(confounders, adjusters) < 1 or confounders + adjusters > p:
        raise DataError(f"{confounders} confounders and {adjusters} adjusters need at least one each, p={p} in all.")
    rng = as_rng(random_state)
    X = rng.standard_normal((n, p))
    H = X if form == "linear" else (X + X**2 - 1) / np.sqrt(3)
    C = H[:, :confounders].sum(axis=1) / np.sqrt(confounders)
    A = H[:, confounders : confounders + adjusters].sum(axis=1) / np.sqrt(adjusters)
    if treatment == "logistic":
        T = (rng.random(n) < expit(strength * C)).astype(float)
    else:
        T = (strength * C + rng.standard_normal(n) > 0).astype(float)
    Y = T + 2 * C + 3 * A + rng.standard_normal(n)
    study = Study.from_arrays(X, T, Y, treatment="t", outcome="y")
    names = study.covariates
    return Draw(
        study=study,
        truth={"ATE": 1.0, "ATT": 1.0, "ATC": 1.0},
        about=f"{confounders} confounders, {adjusters} adjustment variables, {p} in all; {treatment}, {form}",
        extras={
            "confounders": names[:confounders],
            "adjusters": names[confounders : confounders + adjusters],
        },
    )
