r"""Four variables over time with an unknown graph: chains, forks, colliders, hidden causes, and designed violations.

.. math:: X_t = B X_t + A X_{t-1} + C U_t + e_t, \qquad U_t = \rho U_{t-1} + \text{noise}

with variables t, y, c and d, own-lag coefficients .8, .7, .6, .6 and standard normal noise. The structures:

======================  ==============================================================  ======================
``effect``              t -> y (.5)                                                      total .5, direct .5
``hidden``              the same, and U -> t, U -> y                                     .5, .5
``chain``               t -> c -> y (.7, .7)                                             .49, 0
``fork``                c -> t, c -> y (.7, .7)                                          0, 0
``collider``            t -> c <- y (.7, .7)                                             0, 0
``m``                   U1 -> t, U1 -> c, U2 -> c, U2 -> y                                0, 0
``reverse``             y -> t (.5)                                                      0, 0
``confounder``          U -> t, U -> y only                                              0, 0
``memory``              as ``hidden`` with rho = .8: a *violation*                       .5, .5
``lag edge``            as ``hidden`` and an edge from t to y a step later (.3): a       .5, .5
                        *violation*
``weak``                as ``hidden``, own-lag coefficient of t .05: a weak instrument   .5, .5
======================  ==============================================================  ======================

An effect of another size can be asked for. d is unrelated to the rest, except that ``driver`` makes it a cause of t
(.7): then it is a second instrument.

Source: ours, after the check of a reconstruction of causal regression; there is no published design.
"""

from typing import Any

import numpy as np

from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["causal_regression_design"]

NAMES = ("t", "y", "c", "d")
PERSISTENCE = (0.8, 0.7, 0.6, 0.6)
BURN_IN = 200
#: Edges (from, to, size; None is the effect asked for) and hidden causes (their children).
STRUCTURES: dict[str, tuple[tuple[tuple[str, str, float | None], ...], tuple[str, ...]]] = {
    "effect": ((("t", "y", None),), ()),
    "hidden": ((("t", "y", None),), ("ty",)),
    "chain": ((("t", "c", 0.7), ("c", "y", 0.7)), ()),
    "fork": ((("c", "t", 0.7), ("c", "y", 0.7)), ()),
    "collider": ((("t", "c", 0.7), ("y", "c", 0.7)), ()),
    "m": ((), ("tc", "cy")),
    "reverse": ((("y", "t", None),), ()),
    "confounder": ((), ("ty",)),
    "memory": ((("t", "y", None),), ("ty",)),
    "lag edge": ((("t", "y", None),), ("ty",)),
    "weak": ((("t", "y", None),), ("ty",)),
}


def causal_regression_design(
    *, structure: str = "effect", effect: float = 0.5, steps: int = 4800, series: int = 1, driver: bool = False,
    random_state: Any = 0,
) -> Draw:  # fmt: skip
    """One draw.

    Parameters
    ----------
    structure : str
        One of those above.
    effect : float
        Of t on y, or of y on t for ``reverse``.
    steps, series : int
        Rows are ``(steps + 1) * series``: the first step of each series is there to be the past of the second.
    driver : bool
        Whether d moves t.
    random_state : int, Generator or None

    Returns
    -------
    Draw
        Treatment ``t``, outcome ``y``, covariates ``c`` and ``d``, time ``step``, groups ``series`` if there are
        several. Truth: the total effect. Extras: ``direct`` and ``total``, (4, 4) matrices of the effect of the
        column's variable on the row's; ``variables``, their names; ``valid``, whether causal regression's assumptions
        hold.

    Examples
    --------
    >>> draw = causal_regression_design(structure="chain")
    >>> draw.truth, float(draw.extras["direct"][1, 0])
    ({'ATE': 0.49}, 0.0)
    """
    if structure not in STRUCTURES:
        raise DataError(f"structure is {structure!r}; it must be one of {', '.join(STRUCTURES)}.")
    if steps < 1 or series < 1:
        raise DataError(f"steps is {steps} and series {series}; both must be at least 1.")
    rng = as_rng(random_state)
    edges, hidden = STRUCTURES[structure]
    B, A, C = np.zeros((4, 4)), np.diag(PERSISTENCE), np.zeros((4, len(hidden)))
    for source, child, size in (*edges, *((("d", "t", 0.7),) if driver else ())):
        B[NAMES.index(child), NAMES.index(source)] = effect if size is None else size
    for h, children in enumerate(hidden):
        C[[NAMES.index(name) for name in children], h] = 1.0
    A[0, 0] = 0.05 if structure == "weak" else A[0, 0]
    A[1, 0] = 0.3 if structure == "lag edge" else 0.0
    total = np.linalg.inv(np.eye(4) - B)
    X = simulate(rng, total=total, A=A, C=C, rho=0.8 if structure == "memory" else 0.0, steps=steps, series=series)
    columns = {name: X[:, :, j].T.ravel() for j, name in enumerate(NAMES)}
    columns["step"] = np.tile(np.arange(steps + 1.0), series)
    columns["series"] = np.repeat(np.arange(series), steps + 1)
    study = Study(
        columns, treatment="t", outcome="y", covariates=("c", "d"), time="step", groups="series" if series > 1 else None
    )
    return Draw(
        study=study,
        truth={"ATE": round(float(total[1, 0]), 12)},
        about=f"{structure}, {series} series of {steps} usable steps",
        extras={
            "direct": B,
            "total": total - np.eye(4),
            "variables": NAMES,
            "valid": structure not in ("memory", "lag edge", "weak"),
        },
    )


def simulate(rng, *, total, A, C, rho: float, steps: int, series: int) -> np.ndarray:
    """(steps + 1, series, k) values after a burn-in.

    Parameters
    ----------
    rng : Generator
    total : (k, k) float array
        Inverse of I - B.
    A : (k, k) float array
        Of the previous values.
    C : (k, h) float array
        Of the hidden causes.
    rho : float
        Their memory.
    steps, series : int
    """
    k, h = C.shape
    X, U, out = np.zeros((series, k)), np.zeros((series, h)), np.empty((steps + 1, series, k))
    for step in range(BURN_IN + steps + 1):
        U = rho * U + rng.standard_normal((series, h))
        X = (X @ A.T + U @ C.T + rng.standard_normal((series, k))) @ total.T
        if step >= BURN_IN:
            out[step - BURN_IN] = X
    return out
