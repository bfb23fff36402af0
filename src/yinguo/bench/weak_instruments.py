"""Do intervals still cover when instruments are weak? Anderson-Rubin sets do, two-stage least squares does not.

What it shows: the share of 1,000 draws whose 95 % interval of two-stage least squares holds the truth, next to the
share whose Anderson-Rubin set does, on the same draws, at first-stage F of 2, 10 and 50.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.diagnose.anderson_rubin_interval import anderson_rubin

__all__ = ["TABLE", "anderson_rubin_figures", "draw"]

SOURCE = "Ours: no published table; the target is 0.95 within the Monte Carlo error of 1,000 draws (0.007)."

PROTOCOL = """
1,000 draws in each cell of 1,000 rows; the effect is 1. The treatment is c times the sum of independent standard normal
instruments plus standard normal noise V, with c such that the mean of the first-stage F statistic is 2, 10 or 50. The
noise of the outcome has correlation 0.9 with V. *Equal noise*: it has variance 1 everywhere. *Unequal noise*: it is
multiplied by the root of 0.2 + 0.8 z1 squared, which leaves its mean variance at 1. Each row's Anderson-Rubin set takes
the noise as its standard errors do: classical F test, or robust. A set may be unbounded (the instruments do not bound
the effect) or empty (they contradict one another); both are counted, and an empty set does not hold the truth.
"""

GAPS = """
* Bias and spread are left out: with one instrument, and for LIML, the estimates have no mean.
* With one instrument LIML is two-stage least squares and has no row.
* Classical errors under unequal noise are shown to be wrong at any strength; no such row is a recommendation.
"""

#: Correlation of the noise of outcome and treatment.
CONFOUNDING = 0.9


def draw(rng: np.random.Generator, *, strength: float, instruments: int, noise: str) -> Draw:
    """One draw; ``strength`` is the mean of the first-stage F statistic.

    Parameters
    ----------
    rng : numpy Generator
    strength : float
        Above 1, the mean of F where instruments do nothing.
    instruments : int
    noise : {"equal", "unequal"}
    """
    n = 1000
    Z, V, e = rng.normal(size=(n, instruments)), rng.normal(size=n), rng.normal(size=n)
    T = np.sqrt((strength - 1) / n) * Z.sum(axis=1) + V
    u = CONFOUNDING * V + np.sqrt(1 - CONFOUNDING**2) * e
    if noise == "unequal":
        u = u * np.sqrt(0.2 + 0.8 * Z[:, 0] ** 2)
    study = Study.from_arrays(np.empty((n, 0)), T, T + u, Z=Z)
    return Draw(study=study, truth={"ATE": 1.0}, about=f"first-stage F about {strength:g}, effect 1")


def anderson_rubin_figures(fitted: Any, drawn: Draw) -> Mapping[str, float]:
    """Whether the Anderson-Rubin set with the errors of a two-stage fit holds the truth, and how it looks.

    Parameters
    ----------
    fitted : estimator
    drawn : Draw
    """
    if fitted.name != "2sls":
        return {}
    found = anderson_rubin(drawn.study, covariance=fitted.covariance)
    return {
        "Anderson-Rubin coverage": found.contains(drawn.truth["ATE"]),
        "unbounded": not found.bounded,
        "empty": found.shape == "empty",
        "first-stage F": found.form.treatment_wald / found.form.q,
    }


def _cells() -> tuple[Cell, ...]:
    return tuple(
        Cell(
            f"F = {strength}, {count} instrument{'s' if count > 1 else ''}, {noise} noise",
            {"strength": strength, "instruments": count, "noise": noise},
        )
        for noise in ("equal", "unequal") for count in (1, 5) for strength in (2, 10, 50)
    )  # fmt: skip


def _methods(cells: tuple[Cell, ...]) -> tuple[Method, ...]:
    several = tuple(cell.name for cell in cells if cell.settings["instruments"] > 1)

    def row(label: str, name: str, chosen: str, within=None, **options: Any) -> Method:
        return Method(label, Build(f"yinguo.instruments:{name}", options), chosen, within)

    return (
        row("2SLS, classical errors", "TwoStageLeastSquares", "Errors for equal noise.", covariance="unadjusted"),
        row("2SLS, robust errors", "TwoStageLeastSquares", "Defaults."),
        row("LIML, robust errors", "LIML", "Defaults.", several),
    )


TABLE = PublishedTable(
    name="weak-instruments",
    title="Coverage of 95 % intervals under weak instruments over 1,000 draws",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="",
    draw=draw,
    cells=_cells(),
    methods=_methods(_cells()),
    replications=1000,
    metrics=("coverage",),
    measure=anderson_rubin_figures,
    seed=1949,
    quick_fraction=0.02,
)
