"""The simulation shipped with differentiated confounder balancing: eight cells of a linear design.

What it shows: with a hundred moments of which some do not matter, weights that balance each in proportion to what
it does to the outcome find the effect on the treated where the raw difference is off by its hundredfold. The authors
print the signed mean error under the name of bias; so does this table.
"""

import numpy as np

from yinguo.bench.spec import Build, Cell, Method, Published, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

SOURCE = (
    'Kuang, Cui, Li, Jiang & Yang (2017), "Estimating treatment effect in the wild via differentiated confounder '
    "balancing\", KDD, 265-274; figures from `results.txt` shipped with the authors' code."
)

PROTOCOL = """
100 draws in each cell. n rows, p standard normal covariates; treated if the sum of the first r p of them and a standard
normal noise is positive; the outcome is linear in the covariates of even number with coefficients 1, 2, 3, ..., has
noise of standard deviation 3, and an effect of 1 plus the sum of all covariates. The truth is the mean effect among the
treated of that draw.
"""

GAPS = """
* The authors state 100 draws. Their figures look like far fewer: were DCB unbiased, means as far from zero as the
  eight printed ones, in units of the printed SDs, would come from about four draws, and the printed SDs of the raw
  difference lie between 0.6 and 1.5 times ours. So they are much less precise than ours.
* Ordinary least squares on the controls is nearly unbiased in this design, too, since the outcome is linear; the row is
  there to say so. The harder designs of the paper (outcomes with squares and products) come with no code.
* The authors' iteration never meets its own stopping rule here and ends after 1000 steps; so does ours.
"""

#: (n, p, r): for naive, DCB and RA-DCB the signed mean error, SD, MAE and RMSE.
PRINTED = {
    (2000, 50, 0.2): (
        (6.8109, 3.8239, 6.8295, 7.8109),
        (0.0214, 0.1142, 0.1056, 0.1161),
        (0.0213, 0.1141, 0.1056, 0.1161),
    ),
    (2000, 50, 0.8): (
        (51.6557, 2.0980, 51.6557, 51.6983),
        (-0.0799, 0.1267, 0.1124, 0.1498),
        (-0.0809, 0.1266, 0.1128, 0.1503),
    ),
    (2000, 100, 0.2): (
        (20.4856, 6.5541, 20.4856, 21.5085),
        (0.0591, 0.0903, 0.0994, 0.1079),
        (0.0591, 0.0903, 0.0994, 0.1079),
    ),
    (2000, 100, 0.8): (
        (146.1365, 12.5567, 146.1365, 146.6750),
        (0.0111, 0.1407, 0.1216, 0.1412),
        (0.0109, 0.1407, 0.1217, 0.1412),
    ),
    (5000, 50, 0.2): (
        (7.3216, 1.6763, 7.3216, 7.5111),
        (-0.0395, 0.0697, 0.0693, 0.0801),
        (-0.0395, 0.0697, 0.0693, 0.0801),
    ),
    (5000, 50, 0.8): (
        (51.7615, 1.6166, 51.7615, 51.7867),
        (-0.0070, 0.0974, 0.0864, 0.0977),
        (-0.0074, 0.0974, 0.0864, 0.0977),
    ),
    (5000, 100, 0.2): (
        (18.4049, 3.4709, 18.4049, 18.7293),
        (-0.0102, 0.0765, 0.0671, 0.0772),
        (-0.0102, 0.0765, 0.0671, 0.0772),
    ),
    (5000, 100, 0.8): (
        (146.4231, 7.3162, 146.4231, 146.6058),
        (0.0572, 0.0642, 0.0666, 0.0860),
        (0.0571, 0.0642, 0.0666, 0.0859),
    ),
}
ROWS = ("naive", "DCB", "RA-DCB")
COLUMNS = ("signed_bias", "sd", "mae", "rmse")


def draw(rng: np.random.Generator, *, n: int, p: int, rate: float) -> Draw:
    """One draw of the shipped simulation."""
    from yinguo.datasets.dcb_simulation import dcb_simulation

    return dcb_simulation(n=n, p=p, confounding_rate=rate, random_state=rng)


def _name(n: int, p: int, rate: float) -> str:
    return f"n = {n}, p = {p}, r = {rate}"


def _methods() -> tuple[Method, ...]:
    def ours(name: str, **options) -> Build:
        return Build(f"yinguo.confounding:{name}", {"estimand": "ATT", **options})

    theirs = {"residual_weight": 1.0, "standardise": False, "balance_strength": 10.0}
    shipped = "The programme as shipped: its constants, moments and outcome as they are."
    return (
        Method("naive", ours("DifferenceInMeans"), "Nothing to choose."),
        Method("least squares", ours("RegressionAdjustment"), "Nothing to choose."),
        Method("entropy balancing", ours("EntropyBalancing"), "Defaults."),
        Method("DCB", ours("DifferentiatedConfounderBalancing", **theirs), shipped),
        Method("RA-DCB", ours("DifferentiatedConfounderBalancing", regression_adjusted=True, **theirs), shipped),
        Method(
            "DCB, our defaults",
            ours("DifferentiatedConfounderBalancing"),
            "Standardised moments and outcome, residuals not weighted.",
        ),
    )


TABLE = PublishedTable(
    name="dcb-simulation",
    title="Differentiated confounder balancing: the shipped simulation",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATT",
    unit="",
    draw=draw,
    cells=tuple(Cell(_name(*at), dict(zip(("n", "p", "rate"), at, strict=True))) for at in PRINTED),
    methods=_methods(),
    replications=100,
    metrics=COLUMNS,
    published=tuple(
        Published(_name(*at), method, dict(zip(COLUMNS, figures, strict=True)), "unverified")
        for at, rows in PRINTED.items()
        for method, figures in zip(ROWS, rows, strict=True)
    ),
    seed=2017,
    quick_fraction=0.04,
)
