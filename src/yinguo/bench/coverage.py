"""Do the 95 % intervals cover the truth 95 times in a hundred, for every estimator that promises it?

What it shows: the share of 1,000 draws whose interval holds the truth, next to the bias, and the naive
difference of means failing on the same draws.
"""

from typing import Any

import numpy as np

from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

SOURCE = "Ours: no published table; the target is 0.95 within the Monte Carlo error of 1,000 draws (0.007)."

PROTOCOL = """
1,000 draws in each cell; the effect is 1 for everybody, so that the ATE, ATT and ATC coincide and an interval around
the effect in the sample is one around the effect in the population. *Linear*: 2,000 rows, 4 correlated normal
covariates, logistic treatment, outcome linear in the covariates, normal noise whose spread depends on the treatment.
*Clusters*: the same in 200 groups of 10 with group effects on the outcome and a covariate shared within the group.
*Two covariates*: 1,000 rows, for matching, whose bias vanishes fast only in few dimensions. *Many covariates*: 500
rows, 50 covariates, 5 of them confounders: for approximate residual balancing.
"""

GAPS = """
* Matching on estimated scores and covariates uses the Abadie-Imbens standard errors for a population.
* Methods without valid inference (D2VD, DCB) have no interval and no row.
"""


def draw(rng: np.random.Generator, *, design: str) -> Draw:
    """One draw of a design; the truth of every estimand is 1."""
    n, p, active = {"linear": (2000, 4, 4), "clusters": (2000, 4, 4), "two": (1000, 2, 2), "many": (500, 50, 5)}[design]
    X = rng.normal(size=(n, p))
    X[:, 1:] += 0.3 * X[:, :1]
    groups, shared = None, np.zeros(n)
    if design == "clusters":
        groups = np.repeat(np.arange(200), 10)
        shared = rng.normal(size=200)[groups]
        X[:, 0] = 0.7 * X[:, 0] + 0.7 * rng.normal(size=200)[groups]
    beta = np.zeros(p)
    beta[:active] = np.linspace(1.0, 0.5, active)
    gamma = np.zeros(p)
    gamma[:active] = np.linspace(0.4, -0.2, active)
    T = (rng.random(n) < 1 / (1 + np.exp(-X @ gamma))).astype(float)
    Y = X @ beta + T + shared + (1 + 0.5 * T) * rng.normal(size=n)
    study = Study.from_arrays(X, T, Y, groups=groups)
    return Draw(study=study, truth=dict.fromkeys(("ATE", "ATT", "ATC"), 1.0), about="coverage design, effect 1")


def _methods() -> tuple[Method, ...]:
    plain, matched = ("linear", "clusters"), ("linear", "two covariates")

    def row(label: str, name: str, cells: tuple[str, ...], **options: Any) -> Method:
        chosen = "Defaults, with the linear bias correction." if "bias_correction" in options else "Defaults."
        return Method(label, Build(f"yinguo.confounding:{name}", options), chosen, cells)

    rows = [row("difference (biased)", "DifferenceInMeans", plain)]
    for estimand in ("ATE", "ATT"):
        rows += [
            row(f"regression adjustment {estimand}", "RegressionAdjustment", plain, estimand=estimand),
            row(f"IPW (Hajek) {estimand}", "IPW", plain, estimand=estimand),
            row(f"AIPW {estimand}", "AIPW", plain, estimand=estimand),
            row(f"entropy balancing {estimand}", "EntropyBalancing", plain, estimand=estimand),
            row(
                f"matching, bias corrected {estimand}",
                "NearestNeighborMatching",
                matched,
                estimand=estimand,
                bias_correction=True,
            ),
            row(f"propensity matching {estimand}", "PropensityMatching", matched, estimand=estimand),
        ]
    rows.append(row("ARB ATT", "ApproximateResidualBalancing", ("linear", "many covariates"), estimand="ATT"))
    return tuple(rows)


TABLE = PublishedTable(
    name="coverage",
    title="Coverage of 95 % intervals over 1,000 draws",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="",
    draw=draw,
    cells=(
        Cell("linear", {"design": "linear"}),
        Cell("clusters", {"design": "clusters"}),
        Cell("two covariates", {"design": "two"}),
        Cell("many covariates", {"design": "many"}),
    ),
    methods=_methods(),
    replications=1000,
    metrics=("coverage", "bias", "sd", "rmse"),
    seed=95,
    quick_fraction=0.02,
)
