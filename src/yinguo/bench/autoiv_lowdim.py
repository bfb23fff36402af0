"""AutoIV's low-dimensional experiment: is a curve found with candidates of which nobody said what they are?

What it shows: the test error of a network that predicts the outcome, of AutoIV, of instrumental-variable methods on its
representations, and of the same methods given the candidates as they are, or told the instrument.
"""

from typing import Any

import numpy as np

from yinguo.bench.instrument_draws import curve_errors, replication_of
from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw", "test_error"]

SOURCE = (
    'Yuan, Wu, Kuang, Li, Wu, Wu & Lin (2022), "Auto IV: counterfactual prediction via automatic instrumental variable '
    "decomposition\", ACM TKDD 16(4): the design of the authors' programme. The paper prints curves; no figure of it "
    "stands in this table."
)

PROTOCOL = """
500 training rows and 500 test rows; the treatment is an instrument plus an unmeasured confounder, the outcome a curve
of the treatment plus twice the confounder. Four candidates: a strong instrument, a weak one, an irrelevant variable and
one that moves the outcome alone. 20 runs, one after another from the authors' generator (they make three). Test error:
mean squared difference to the true curve at the treatments of the test rows, outcome and curve both in standard
deviations of the outcome. The last columns compare with the direct network on treatment and candidates, and with that
on the treatment alone, run by run: a negative number whose size exceeds twice its error is a gain. The ATE is the
average slope over the training rows.
"""

GAPS = """
* The authors standardise the curve by its own mean and deviation, so that the true curve would not have error 0; here
  both have the constants of the outcome.
* Their direct network is told the candidates of the test rows; so is ours. Given treatment and instruments it knows
  the confounder and so predicts the outcome well, which is worse for the curve than knowing the treatment alone. The
  harder comparison is with the network on the treatment alone.
* Nothing here is hidden among the candidates that would hurt: all are independent of the confounder, so that methods
  given all four as instruments are consistent up to the small direct effect of one of them.
"""


def draw(rng: np.random.Generator, *, curve: str) -> Draw:
    """One run."""
    from yinguo.datasets.autoiv_lowdim import autoiv_lowdim

    return autoiv_lowdim(curve=curve, replication=replication_of(rng))


def test_error(fitted: Any, drawn: Draw) -> dict[str, float]:
    """The mean squared error of the curve on the test rows, without its logarithm."""
    return {name: error for name, error in curve_errors(fitted, drawn).items() if name.startswith("MSE")}


def _methods() -> tuple[Method, ...]:
    def iv(name: str, **options: Any) -> Build:
        return Build(f"yinguo.instruments:{name}", options)

    def direct(**options: Any) -> Build:
        return Build("yinguo.bench.direct_network:DirectNetwork", options)

    def told(estimator: Build) -> Build:
        return Build("yinguo.bench.instrument_rows:Narrowed", {"estimator": estimator, "keep": ["z1"]})

    plain = "Defaults; all four candidates as instruments."
    known = "Defaults; told which candidate is the instrument."
    learned = "Defaults; instruments and covariates are the representations that AutoIV learns."
    return (
        Method("direct network", direct(with_instruments=True), "Fixed beforehand; a fifth of the rows stops it."),
        Method("direct network, treatment alone", direct(), "Fixed beforehand; a fifth of the rows stops it."),
        Method("2SLS", iv("TwoStageLeastSquares"), plain),
        Method("KernelIV", iv("KernelIV"), plain),
        Method("DeepIV", iv("DeepIV"), plain),
        Method("DFIV", iv("DFIV"), plain),
        Method("KernelIV, told", told(iv("KernelIV")), known),
        Method("DFIV, told", told(iv("DFIV")), known),
        Method("AutoIV", iv("AutoIV"), "Defaults."),
        Method("AutoIV, then KernelIV", iv("AutoIV", second_stage=iv("KernelIV")), learned),
        Method("AutoIV, then DeepIV", iv("AutoIV", second_stage=iv("DeepIV")), learned),
    )


TABLE = PublishedTable(
    name="autoiv-lowdim",
    title="AutoIV: the low-dimensional experiment",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="standard deviations of the outcome per unit of the treatment",
    draw=draw,
    cells=tuple(Cell(curve, {"curve": curve}) for curve in ("sin", "abs", "step", "linear", "poly2d", "poly3d")),
    methods=_methods(),
    replications=20,
    metrics=("bias", "rmse"),
    measure=test_error,
    against=("direct network", "direct network, treatment alone"),
    seed=0,
    quick_fraction=0.1,
)
