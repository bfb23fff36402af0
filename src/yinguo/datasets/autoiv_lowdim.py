r"""The low-dimensional experiment of AutoIV: a curve to be found with candidates of which nobody said what they are.

.. math:: z \sim U(-3, 3)^2, \quad e \sim N(0, 1), \quad \gamma \sim N(0, 0.1^2)^2, \qquad
   T = z_1 + e + \gamma_1, \qquad Y = g_0(T) + \gamma_2 + 2 e .

e is the unmeasured confounder. Of the four candidates :math:`z_1` is a strong instrument, :math:`\gamma_1` a valid but
very weak one, :math:`z_2` is irrelevant, and :math:`\gamma_2` moves the outcome alone. The study holds all four as
instruments and no covariates, so that any method for instruments can be run on them and the curve is a function of the
treatment alone; AutoIV reads the instruments of a study as its candidates.

**Scale.** The authors train on Y and test against :math:`g_0(T)`, each standardised by its own mean and standard
deviation, so that the true curve itself would not reach an error of 0 (``standardise="own"``). By default both get the
constants of Y, and it does. The constants are those of all rows, as with the authors.

Source: Yuan, Wu, Kuang, Li, Wu, Wu & Lin (2022), "Auto IV: counterfactual prediction via automatic instrumental
variable decomposition", ACM TKDD 16(4), and the authors' published programme.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from yinguo.core.structural import average_slope
from yinguo.core.study import Study
from yinguo.datasets.draw import CurvePoints, Draw
from yinguo.errors import DataError

__all__ = ["autoiv_lowdim"]

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sin": np.sin,
    "step": lambda t: -np.heaviside(t, 1.0),
    "abs": np.abs,
    "linear": lambda t: -t,
    "poly2d": lambda t: -0.4 * t - 0.1 * t**2,
    "poly3d": lambda t: -0.8 * t + 0.1 * t**2 + 0.05 * t**3,
}
CANDIDATES = ("z1", "z2", "gamma1", "gamma2")
SCALES = ("outcome", "own", "none")


@dataclass(frozen=True, slots=True)
class _Standardised:
    """A curve in the unit of the study; a class, so that a draw can be pickled."""

    curve: str
    mean: float
    sd: float

    def __call__(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return (CURVES[self.curve](T) - self.mean) / self.sd


def autoiv_lowdim(
    *,
    curve: str = "sin",
    n: int = 500,
    candidates: Sequence[str] = CANDIDATES,
    standardise: str = "outcome",
    replication: int = 0,
    random_state: int = 0,
) -> Draw:
    """One run of the experiment: training, validation and test rows of one curve.

    Parameters
    ----------
    curve : {"sin", "step", "abs", "linear", "poly2d", "poly3d"}
        The structural function g0; "step" is -1 from 0 on, "linear" is -t.
    n : int
        Rows of each of the three parts.
    candidates : sequence of str
        Which of ``z1``, ``z2``, ``gamma1``, ``gamma2`` the study holds as instruments; ``("z1",)`` tells a method what
        it is meant to find out.
    standardise : {"outcome", "own", "none"}
        Scale of outcome and test targets: both by the constants of the outcome, each by its own (as published), or as
        drawn.
    replication : int, not negative
        Number of the run; the authors make three. Runs come one after another from one legacy generator.
    random_state : int
        Seed of that generator.

    Returns
    -------
    Draw
        Treatment ``t``, outcome ``y``. Truth: the ATE, as the average slope of g0 over the training rows. Extras:
        ``validation``; ``test`` with ``"test rows"``; ``structure``; ``unobserved`` (n, 1), the confounder e.

    Examples
    --------
    >>> draw = autoiv_lowdim(curve="abs")
    >>> draw.study.instruments
    ('z1', 'z2', 'gamma1', 'gamma2')
    >>> draw.extras["test"]["test rows"].squared_error(draw.extras["structure"])
    0.0
    """
    if curve not in CURVES:
        raise DataError(f"curve is {curve!r}; it must be one of {', '.join(CURVES)}.")
    if standardise not in SCALES:
        raise DataError(f"standardise is {standardise!r}; it must be one of {', '.join(SCALES)}.")
    names = (candidates,) if isinstance(candidates, str) else tuple(candidates)
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown or not names:
        raise DataError(f"candidates is {candidates!r}; take some of {', '.join(CANDIDATES)}.")
    if n < 2 or replication < 0:
        raise DataError(f"n is {n}, replication is {replication}; n is at least 2 and replication not negative.")
    rng = np.random.RandomState(random_state)
    for _ in range(replication + 1):
        z = rng.uniform(-3.0, 3.0, size=(3 * n, 2))
        e = rng.normal(0.0, 1.0, size=3 * n)
        gamma = rng.normal(0.0, 0.1, size=(3 * n, 2))
    T = z[:, 0] + e + gamma[:, 0]
    g = CURVES[curve](T)
    Y = g + gamma[:, 1] + 2 * e
    columns = dict(zip(CANDIDATES, (*z.T, *gamma.T), strict=True))
    mean, sd = (0.0, 1.0) if standardise == "none" else (float(Y.mean()), float(Y.std()))
    structure = _Standardised(curve, mean, sd)
    own = (float(g.mean()), float(g.std()))
    targets = _Standardised(curve, *own) if standardise == "own" else structure

    def study(rows: slice) -> Study:
        part = {name: columns[name][rows] for name in names}
        return Study(
            {"t": T[rows], "y": (Y[rows] - mean) / sd, **part},
            treatment="t",
            outcome="y",
            instruments=names,
            covariates=(),
        )

    train, validation, test = slice(0, n), slice(n, 2 * n), slice(2 * n, 3 * n)
    held_out, nothing = study(test), np.empty((n, 0))
    points = CurvePoints(X=nothing, T=T[test], g=targets(nothing, T[test]), Z=held_out.Z, Y=held_out.Y)
    return Draw(
        study=study(train),
        truth={"ATE": average_slope(structure, study(train))[0]},
        about=f"AutoIV low-dimensional experiment, curve {curve}, run {replication}",
        extras={
            "validation": study(validation),
            "test": {"test rows": points},
            "structure": structure,
            "unobserved": e[train, None],
        },
    )
