"""The simulation tables of approximate residual balancing: two clusters, and a misspecified design.

What it shows: with more covariates than rows, an outcome model whose leftover bias is balanced away has the
smallest error of the methods compared, unless nothing is sparse. Here the figure that was printed is the RMSE
over the draws around the effect on the treated of that very draw.
"""

from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Method, Published, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

SOURCE = (
    'Athey, Imbens & Wager (2018), "Approximate residual balancing: debiased inference of average treatment effects '
    'in high dimensions", JRSS-B 80(4); figures from the tables `first` and `misspec` kept with the code of its '
    "experiments (package balanceHD, run of August 2017)."
)

PROTOCOL = """
400 draws in each cell of the misspecified design, 40 (printed: 400) in each of the first. *First design*: 500 rows,
2000 covariates, two clusters treated with chance 0.2 and 0.8 and shifted against each other in every column (dense
propensity) or in every tenth (sparse); outcome linear with four patterns of coefficients, all of length 2; effect 1.
*Misspecified design*: the effect varies with one covariate and the chance of treatment is not logistic. The error of
an estimate is its distance from the mean effect among the treated of that draw.
"""

GAPS = """
* The draws are ours: the seeds of the published run are not known, so a difference of two or three Monte Carlo errors
  (ours and theirs are about equal, both with 400 draws) is chance.
* An earlier run of August 2017, kept in the same history, has 0.472 instead of 0.523 for balance alone in the
  misspecified design (400 rows, 100 columns); the bound on the weights became the default between the two. The printed
  figures are therefore taken to be with the bound, and ours are.
* The rows of the authors' tables on weighted elastic net, targeted maximum likelihood and selection followed by least
  squares are left out.
* Their AIPW fits both models on the rows it uses them on, and so does the row here; `yinguo.AIPW` cross-fits.
* Coordinate descent stops early in glmnet; our penalised fits are solved to their optimality conditions.
"""

CLUSTERED = ("dense", "harmonic", "moderately sparse", "very sparse")
MISSPECIFIED = ((400, 100), (400, 400), (1000, 100))

#: Draws in a cell of the first design: 400 were printed, and one draw costs 20 processor seconds.
FIRST_REPLICATIONS = 40

#: RMSE by method: first design in the order of CLUSTERED, dense and sparse propensity of each; then MISSPECIFIED.
PRINTED = {
    "naive": (6.625, 7.119, 3.557, 3.924, 1.257, 1.256, 0.711, 0.722, 1.734, 1.734, 1.724),
    "elastic net": (4.328, 1.058, 2.190, 0.665, 0.716, 0.350, 0.237, 0.204, 0.446, 0.492, 0.376),
    "balance only": (3.960, 1.179, 2.130, 0.686, 0.789, 0.362, 0.464, 0.316, 0.523, 0.609, 0.297),
    "ARB": (3.832, 0.423, 1.854, 0.320, 0.495, 0.213, 0.185, 0.165, 0.249, 0.270, 0.168),
    "IPW": (5.341, 3.094, 2.866, 1.707, 1.026, 0.596, 0.586, 0.398, 1.060, 1.111, 0.831),
    "AIPW": (4.082, 0.618, 2.031, 0.415, 0.607, 0.242, 0.209, 0.166, 0.340, 0.377, 0.249),
}


def draw(rng: np.random.Generator, *, design: str, **settings: Any) -> Draw:
    """One draw of the first or of the misspecified design."""
    from yinguo.datasets.arb_first import arb_first
    from yinguo.datasets.arb_misspec import arb_misspec

    return {"first": arb_first, "misspec": arb_misspec}[design](random_state=rng, **settings)


def _cells() -> tuple[Cell, ...]:
    first = tuple(
        Cell(
            f"first: {outcome} outcome, {propensity} propensity",
            {"design": "first", "outcome": outcome, "propensity": propensity, "n": 500, "p": 2000},
            replications=FIRST_REPLICATIONS,
        )
        for outcome in CLUSTERED
        for propensity in ("dense", "sparse")
    )
    misspec = tuple(Cell(f"misspec: n = {n}, p = {p}", {"design": "misspec", "n": n, "p": p}) for n, p in MISSPECIFIED)
    return first + misspec


def _methods() -> tuple[Method, ...]:
    ours, theirs = "yinguo.confounding", "yinguo.bench.glmnet_baselines"
    outcome, propensity = Build(f"{theirs}:ElasticNetOutcome"), Build(f"{theirs}:ElasticNetPropensity")
    as_published = "As in the published experiments; folds drawn at random."
    return (
        Method("naive", Build(f"{ours}:DifferenceInMeans", {"estimand": "ATT"}), "Nothing to choose."),
        Method(
            "elastic net",
            Build(f"{ours}:RegressionAdjustment", {"estimand": "ATT", "outcome_model": outcome}),
            f"Mixing 0.9 in both arms, penalty one standard error from the best of ten folds. {as_published}",
        ),
        Method("balance only", Build(f"{theirs}:BalanceOnly", {"estimand": "ATT"}), f"zeta 0.5. {as_published}"),
        Method(
            "ARB",
            Build(f"{ours}:ApproximateResidualBalancing", {"estimand": "ATT"}),
            f"Defaults: zeta 0.5, mixing 0.9. {as_published}",
        ),
        Method(
            "IPW",
            Build(f"{ours}:IPW", {"estimand": "ATT", "propensity": propensity, "clip": 0.05}),
            f"Mixing 0.5, propensities capped at 0.95. {as_published}",
        ),
        Method(
            "AIPW",
            Build(f"{theirs}:InSampleAIPW", {"estimand": "ATT"}),
            f"Mixing 0.9 for the outcome, 0.5 for the propensity, capped at 0.95. {as_published}",
        ),
    )


TABLE = PublishedTable(
    name="arb-simulation",
    title="Approximate residual balancing: two clusters, and a misspecified design",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATT",
    unit="",
    draw=draw,
    cells=_cells(),
    methods=_methods(),
    replications=400,
    metrics=("rmse", "bias", "sd", "coverage"),
    published=tuple(
        Published(cell.name, method, {"rmse": figure}, "unverified", replications=400)
        for method, figures in PRINTED.items()
        for cell, figure in zip(_cells(), figures, strict=True)
    ),
    seed=2018,
    quick_fraction=0.01,
)
