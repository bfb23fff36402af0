"""What the tables on effects of units share: the methods, one declaration for all tables, and what papers printed."""

from collections.abc import Mapping
from typing import Any

from yinguo.bench.spec import Build, Method, Published

__all__ = [
    "IHDP_PRINTED",
    "JOBS_PRINTED",
    "PEHE_THEN_ATE",
    "RISK_THEN_ATT",
    "SHALIT",
    "effect_methods",
    "printed_figures",
]

SHALIT = (
    'Shalit, Johansson & Sontag (2017), "Estimating individual treatment effect", ICML, PMLR 70, 3076-3085, Table 1'
)
#: A figure and what stands behind its ±.
Printed = tuple[float, float]

#: In and out: root PEHE, error of the ATE; standard errors over 1000 replications.
IHDP_PRINTED: dict[str, tuple[Printed, Printed, Printed, Printed]] = {
    "OLS/LR1": ((5.8, 0.3), (0.73, 0.04), (5.8, 0.3), (0.94, 0.06)),
    "OLS/LR2": ((2.4, 0.1), (0.14, 0.01), (2.5, 0.1), (0.31, 0.02)),
    "k-NN": ((2.1, 0.1), (0.14, 0.01), (4.1, 0.2), (0.79, 0.05)),
    "causal forest": ((3.8, 0.2), (0.18, 0.01), (3.8, 0.2), (0.40, 0.03)),
    "BNN": ((2.2, 0.1), (0.37, 0.03), (2.1, 0.1), (0.42, 0.03)),
    "TARNet": ((0.88, 0.0), (0.26, 0.01), (0.95, 0.0), (0.28, 0.01)),
    "CFR-MMD": ((0.73, 0.0), (0.30, 0.01), (0.78, 0.0), (0.31, 0.01)),
    "CFR-WASS": ((0.71, 0.0), (0.25, 0.01), (0.76, 0.0), (0.27, 0.01)),
}
#: In and out: policy risk, error of the ATT; standard errors over 10 splits.
JOBS_PRINTED: dict[str, tuple[Printed, Printed, Printed, Printed]] = {
    "OLS/LR1": ((0.22, 0.0), (0.01, 0.0), (0.23, 0.02), (0.08, 0.04)),
    "OLS/LR2": ((0.21, 0.0), (0.01, 0.01), (0.24, 0.01), (0.08, 0.03)),
    "k-NN": ((0.02, 0.0), (0.21, 0.01), (0.26, 0.0), (0.13, 0.05)),
    "causal forest": ((0.19, 0.0), (0.03, 0.01), (0.20, 0.02), (0.07, 0.03)),
    "BNN": ((0.20, 0.0), (0.04, 0.01), (0.24, 0.02), (0.09, 0.04)),
    "TARNet": ((0.17, 0.0), (0.05, 0.02), (0.21, 0.01), (0.11, 0.04)),
    "CFR-MMD": ((0.18, 0.0), (0.04, 0.01), (0.21, 0.01), (0.08, 0.03)),
    "CFR-WASS": ((0.17, 0.0), (0.04, 0.01), (0.21, 0.01), (0.09, 0.03)),
}
#: Measures in the order in which the papers print them.
PEHE_THEN_ATE = ("root PEHE in", "ATE error in", "root PEHE out", "ATE error out")
RISK_THEN_ATT = ("policy risk in", "ATT error in", "policy risk out", "ATT error out")


def printed_figures(
    cell: str,
    figures: Mapping[str, tuple[Printed, Printed, Printed, Printed]],
    measures: tuple[str, str, str, str],
    replications: int,
    notes: Mapping[str, str] | None = None,
) -> tuple[Published, ...]:
    """Printed rows of one cell, all from memory of the paper.

    Parameters
    ----------
    cell : str
    figures : mapping of label to four figures with their standard errors
    measures : four str
        What they are called in the table, in the same order.
    replications : int
        Draws behind them.
    notes : mapping of label to str, optional
        What is to be said of a row.
    """
    rows = []
    for label, four in figures.items():
        errors = ", ".join(f"{error:g}" for _, error in four)
        note = f"standard errors {errors}, in the order in, in, out, out. {(notes or {}).get(label, '')}".strip()
        values = {name: value for name, (value, _) in zip(measures, four, strict=True)}
        rows.append(Published(cell, label, values, "unverified", note, replications))
    return tuple(rows)


def _oracle(estimand: str) -> Method:
    return Method(
        "best constant (oracle)",
        Build("yinguo.bench.effect_rows:BestConstant", {"estimand": estimand}),
        "No method: told the mean of the true effects of the rows it is judged on. Its result, which every fit has, "
        "is AIPW's and says nothing here.",
    )


def effect_methods(
    estimand: str,
    *,
    validation: float,
    oracle: bool = True,
    scaled_neighbors: bool = False,
    networks: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[Method, ...]:
    """Every method for effects of units, with the options of this table.

    Parameters
    ----------
    estimand : {"ATE", "ATT"}
        Of the average effect in the result.
    validation : float
        Share of the rows of the study that a network sets aside for choosing when to stop, as the protocol has it.
    oracle : bool
        With the row of the best constant, for tables whose draws know the effects of units.
    scaled_neighbors : bool
        Covariates are scaled to one standard deviation for k-NN; they need not be where the file comes standardised.
    networks : mapping of label to options, optional
        Published options of this data set that are not defaults of the class.

    Returns
    -------
    tuple of Method
        No network is cross-fitted (``folds=None``), so that their averages have no intervals.
    """
    own = networks or {}
    boosted, linear, held_out = (
        "Boosted trees with the package's defaults; nothing chosen.",
        "Nothing to choose.",
        "The stopping step by the loss of held-out rows of the study.",
    )

    def learner(name: str, **options: Any) -> Build:
        return Build(f"yinguo.heterogeneity:{name}", {"estimand": estimand, **options})

    def network(label: str, name: str, **options: Any) -> Method:
        published = own.get(label, {})
        source = "Published options for this data set" if published else "Defaults of the class"
        shared = {"folds": None, "validation": validation}
        return Method(label, learner(name, **{**shared, **options, **published}), f"{source}. {held_out}")

    near = {"neighbors": 5, "scaled": scaled_neighbors}
    least_squares = Build("yinguo.bench.effect_rows:LeastSquaresMean")
    return (
        Method(
            "constant, AIPW",
            Build("yinguo.bench.effect_rows:ConstantEffect", {"estimand": estimand}),
            "One effect for everybody; logistic and linear models.",
        ),
        *((_oracle(estimand),) if oracle else ()),
        Method("OLS/LR1", learner("SLearner", outcome_model=least_squares), f"{linear} One regression with T in it."),
        Method("OLS/LR2", learner("TLearner", outcome_model=least_squares), f"{linear} One regression for each arm."),
        Method(
            "k-NN",
            learner("TLearner", outcome_model=Build("yinguo.bench.effect_rows:NeighborMean", near)),
            "Five neighbours in each arm, a usual default.",
        ),
        Method("S-learner", learner("SLearner"), boosted),
        Method("T-learner", learner("TLearner"), boosted),
        Method("X-learner", learner("XLearner"), boosted),
        Method("R-learner", learner("RLearner"), boosted),
        Method("DR-learner", learner("DRLearner"), boosted),
        Method("causal forest", learner("CausalForest"), "Defaults of the class."),
        Method("BLR", learner("BLR"), "Defaults of the class."),
        network("BNN", "BNN"),
        network("TARNet", "TARNet"),
        network("CFR-MMD", "CFR", distance="mmd-linear"),
        network("CFR-MMD, rbf", "CFR", distance="mmd-rbf"),
        network("CFR-WASS", "CFR", distance="wasserstein"),
        network("DR-CFR", "DRCFR"),
        network("DeR-CFR", "DeRCFR"),
        network("TEDVAE", "TEDVAE"),
        network("DESCN", "DESCN"),
        network("ESCFR", "ESCFR"),
        network("DragonNet", "DragonNet"),
    )
