"""Is the previous step a good instrument, for which graphs, and are its failures noticed?

What it shows: causal regression, total and direct, on ten structures with and without hidden causes, next to least
squares on the present values; coverage of its intervals; and how often each of its checks speaks up, on structures for
which its assumptions hold and on designed violations.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.datasets.causal_regression_design import causal_regression_design
from yinguo.datasets.draw import Draw
from yinguo.datasets.var_design import var_design

__all__ = ["TABLE", "checks", "draw"]

SOURCE = """
Ours: the deck that proposes conditional instruments from the previous step has no figures; a reconstruction was checked
over 10 draws, with the same structures, and every row of that check is a cell here.
"""

PROTOCOL = """
One series of 4,800 usable steps in each draw of the four-variable design; see `causal_regression_design` for the
structures. 500 draws where the total effect is asked for, 200 where the direct one is. *VAR*: 500 series of 25 steps of
`var_design`, errors clustered by series, 200 draws. Least squares regresses the outcome on the treatment and all other
variables of the same step. "F < 10", "memory", "residual correlation" and "over-identification" are shares of draws in
which that check speaks up: the first at an effective F below 10, the others at a p-value below 0.05.
"""

GAPS = """
* A lagged edge follows the same law as a larger effect with a hidden cause of the step, so no check can be both silent
  on the one and loud on the other: residual correlation speaks up on both, and on common causes and effects in the
  reverse direction, for which the estimate is right. With a second instrument (*driver*: d moves t and is declared an
  instrument) over-identification tells them apart.
* The estimate of the weak instrument has no mean; its bias and spread are those of the draws made.
"""

STRUCTURES = (
    "effect", "hidden", "chain", "fork", "collider", "m", "reverse", "confounder", "memory", "lag edge", "weak",
)  # fmt: skip


def draw(
    rng: np.random.Generator, *, structure: str, target: str = "total", driver: bool = False, direction: str = ""
) -> Draw:
    """One draw, the truth being that of the effect asked for.

    Parameters
    ----------
    rng : numpy Generator
    structure : str
        ``"var"`` or a structure of the four-variable design.
    target : {"total", "direct"}
    driver : bool
        Whether d moves t and is an instrument of the study.
    direction : str
        Of the VAR.
    """
    if structure == "var":
        return var_design(direction=direction, random_state=rng)
    drawn = causal_regression_design(structure=structure, driver=driver, random_state=rng)
    if target == "direct":
        drawn = replace(drawn, truth={"ATE": float(drawn.extras["direct"][1, 0])})
    if driver:
        study = drawn.study
        others = study.replace(X=study.X[:, :1], covariates=("c",))
        drawn = replace(drawn, study=others.replace(Z=study.X[:, 1:], instruments=("d",)))
    return drawn


def checks(fitted: Any, drawn: Draw) -> Mapping[str, float]:
    """Which checks of a fit spoke up.

    Parameters
    ----------
    fitted : estimator
    drawn : Draw
    """
    found = {d.name: d for d in fitted.result_.diagnostics}
    told = {
        "F < 10": "first-stage", "memory": "memory", "residual correlation": "residual-correlation",
        "over-identification": "over-identification",
    }  # fmt: skip
    return {label: float(found[name].verdict != "ok") for label, name in told.items() if name in found}


def _cells() -> tuple[Cell, ...]:
    total = tuple(Cell(name, {"structure": name}) for name in STRUCTURES)
    drivers = tuple(
        Cell(f"{name}, driver", {"structure": name, "driver": True}, 200) for name in ("hidden", "lag edge")
    )
    direct = tuple(
        Cell(f"{name}, direct", {"structure": name, "target": "direct"}, 200)
        for name in ("hidden", "chain", "fork", "collider", "m", "reverse", "memory", "lag edge")
    )
    var = tuple(
        Cell(f"VAR {name}", {"structure": "var", "direction": name}, 200) for name in ("forward", "reverse", "none")
    )
    return (*total, *drivers, *direct, *var)


def _methods(cells: tuple[Cell, ...]) -> tuple[Method, ...]:
    direct = tuple(cell.name for cell in cells if cell.settings.get("target") == "direct")
    total = tuple(cell.name for cell in cells if cell.name not in direct)
    single = tuple(cell.name for cell in cells if cell.settings["structure"] != "var")
    path = "yinguo.temporal:CausalRegression"
    return (
        Method("least squares", Build("yinguo.bench.instrument_rows:LeastSquares", {}), "No options.", single),
        Method("causal regression, total", Build(path, {}), "Defaults.", total),
        Method("causal regression, direct", Build(path, {"effect": "direct"}), "Defaults.", direct),
    )


TABLE = PublishedTable(
    name="causal-regression",
    title="Effects over time without a known graph, the previous step as instrument",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="",
    draw=draw,
    cells=_cells(),
    methods=_methods(_cells()),
    replications=500,
    metrics=("bias", "sd", "coverage"),
    measure=checks,
    seed=2412,
    quick_fraction=0.01,
)
