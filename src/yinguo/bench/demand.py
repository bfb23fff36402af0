"""The airline-demand design: every method for instruments on the same draws, tested where prices are met and on a grid.

What it shows: how far each curve is from the truth at three degrees of confounding. Linear methods are wrong here
whatever the instrument; at the prices that are met two-stage least squares is even further off than least squares, on
the grid it is nearer.
"""

from typing import Any

import numpy as np

from yinguo.bench.instrument_draws import curve_errors, replication_of
from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

SOURCE = (
    "The design of Hartford, Lewis, Leyton-Brown & Taddy (2017), ICML, on which Singh, Sahani & Gretton (2019), "
    "NeurIPS, and Xu et al. (2021), ICLR, compare methods. They print curves; no figure of theirs stands in this table."
)

PROTOCOL = """
5,000 rows, rho 0.1, 0.5 and 0.9. Replications 0 to 19 are the rows that the authors' DFIV programme draws with seeds 0
to 19. Errors are mean squared differences to the structural function, in squared units of sales, and their decimal
logarithms: on 2,800 points at prices the market would have made ("on-policy", mliv's test set) and on the price grid
from 10 to 25 of the papers ("grid"). The ATE is the average slope over the training rows.
"""

GAPS = """
* **What the design can and cannot show.** The noise has variance 1, the outcome a standard deviation of 160. All that
  confounding can add to the mean squared error of a regression, where prices are met, is the variance of
  E[noise | price, time, emotion], at most rho^2, that is less than 1. Errors above that are errors of approximation: a
  flexible regression that ignores the confounding (direct network, DFL) is hardly wrong here, and being ahead of it is
  no reason to prefer a method when confounding matters.
* Errors on the two test sets do not compare; a figure without the name of its test set says nothing.
* Papers that cite this design differ in the noise: the KernelIV programme draws with standard deviation 1 - rho^2 in
  place of its root. Here the noise has variance 1.
"""


def draw(rng: np.random.Generator, *, n: int, rho: float) -> Draw:
    """The rows of the DFIV programme with the number of the replication as seed."""
    from yinguo.datasets.demand import demand

    return demand(n=n, rho=rho, random_state=replication_of(rng))


def _methods() -> tuple[Method, ...]:
    def iv(name: str, **options: Any) -> Build:
        return Build(f"yinguo.instruments:{name}", options)

    def defaults(label: str, **options: Any) -> Method:
        return Method(label, iv(label, **options), "Defaults.")

    tool_box = {"bandwidth": "joint", "centre_outcome": False}
    return (
        Method("least squares", Build("yinguo.bench.instrument_rows:LeastSquares"), "Nothing to choose."),
        Method("direct network", Build("yinguo.bench.direct_network:DirectNetwork"), "Fixed beforehand."),
        Method("2SLS", iv("TwoStageLeastSquares"), "Nothing to choose."),
        Method("LIML", iv("LIML"), "Nothing to choose."),
        defaults("Poly2SLS"),
        defaults("SieveIV"),
        defaults("SeriesControlFunction"),
        defaults("FlexibleControlFunction"),
        defaults("KernelIV"),
        Method("KernelIV, joint bandwidth", iv("KernelIV", **tool_box), "The rule of mliv and of the DFIV programme."),
        defaults("DualIV"),
        defaults("KernelAGMM"),
        defaults("NN2SLS"),
        defaults("OneSIV"),
        defaults("DFL"),
        defaults("DFIV"),
        defaults("DeepIV"),
        defaults("DeepGMM"),
        defaults("AGMM"),
        Method(
            "CBIV",
            iv(
                "CBIV",
                networks=1,
                schedule="stairs",
                look_from=0.0,
                epochs=6000,
                learning_rate=5e-3,
                batch_size=200,
                look_every=100,
                balance_strength=4e-5,
                normalise=False,
                representation=[256] * 3,
                heads=[256] * 5,
            ),
            "The authors' constants for a continuous treatment; strength 1 over the variance of the outcome.",
        ),
    )


TABLE = PublishedTable(
    name="demand",
    title="Airline demand: the structural function, on policy and on a grid",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="sales per unit of price",
    draw=draw,
    cells=tuple(Cell(f"rho = {rho}", {"n": 5000, "rho": rho}) for rho in (0.1, 0.5, 0.9)),
    methods=_methods(),
    replications=20,
    metrics=("bias", "rmse"),
    measure=curve_errors,
    seed=2021,
    quick_fraction=0.1,
)
