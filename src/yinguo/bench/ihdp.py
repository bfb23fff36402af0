"""IHDP: effects of single children on the 50 published replications, and on 100 more of the same design.

What it shows: how near each method comes to effects that differ between children, in the rows it learned from and in
others, and by how much a few replications rule the mean.
"""

import numpy as np

from yinguo.bench.effect_errors import UNIT_ERRORS, unit_errors
from yinguo.bench.effect_methods import (
    IHDP_PRINTED,
    PEHE_THEN_ATE,
    SHALIT,
    effect_methods,
    printed_figures,
)
from yinguo.bench.instrument_draws import replication_of
from yinguo.bench.spec import Cell, Published, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

SOURCE = f"{SHALIT}, and single figures of later papers as noted. Data: Hill (2011), JCGS 20(1)."

PROTOCOL = """
747 children, 25 covariates, 139 treated; outcomes and test rows are those of the published replications, covariates and
treatment are the same in all. "published 50": replications 1 to 50 of the set that most papers use. "second 100": a
further hundred draws of the same design, published with TEDVAE; their effects differ less between children (median SD
1.0 against 2.9), so that errors are smaller for every method. Every method is given the 672 (673) rows that are not
test rows; networks set three tenths of them aside for choosing when to stop (63/27/10 in all), the others use all; no
method sees the true effects. "In" are those rows, "out" the 75 (74) test rows. The truth has no noise in it.

The first columns are of the average effect of the result: by cross-fitted doubly robust scores for the learners, which
gives intervals, and the mean of the effects for the networks, which are trained once. "ATE error" is of the mean of the
effects for all, as papers have it.
"""

GAPS = """
* **One child of 3,750 decides whether networks meet the printed mean.** In replication 8 (counted from 0) test row 18
  has an effect of -203 and an outcome without treatment of 256; no row to learn from has an effect below -140 or such
  an outcome above 192. TARNet misses it by 64 and CFR-WASS by 59, which makes 7.5 and 6.9 of root PEHE in that
  replication; without the child it is .83 and 1.24. Their means over the 50 replications, 1.086 and 1.013, are .954
  and .899 without it. A hundredth of the penalty on the heads fits held-out rows of the replications with large effects
  better, by up to a fifth, and leaves the error of this replication at 13 where one seed had 14 (all by
  `benchmarks/ihdp_child.py`).
* **Printed figures are means over 1000 replications; ours are over the first 50 of another file of 100.** The two do
  not compare: how much effects differ between children changes from replication to replication (SD from 0.3 to 43 among
  these 50, above 10 in six), and those six rule a mean. Read the medians. The training rows of replications 51 to 100
  and the set of 1000 could not be had.
* Printed figures are from memory of the papers and were not read again, hence "unverified". No row for BART, which is
  printed as 2.1 and 2.3 (in, out): no implementation is used here.
* k-NN is printed as far better in (2.1) than out (4.1): there a child's own outcome must have served for the arm it was
  seen in. With that, five neighbours give 2.22 in and 3.91 out on these 50 replications. Ours predicts both arms, as
  for a new child.
* The first paper on BNN prints 1.6 for it and 5.8 for least squares, with other splits and another rule of choosing.
* In replications with large effects a method that scales the outcome before training does well or badly as a whole; the
  original programme does not scale it.
* DragonNet's printed errors are of its targeted estimate of the average.
"""

FIRST, SECOND = "published 50", "second 100"
#: Balance strength that the authors' programme states for this set.
STATED = {"balance_strength": 0.3}
NETWORKS = {"CFR-WASS": STATED, "CFR-MMD": STATED, "CFR-MMD, rbf": STATED}


def draw(rng: np.random.Generator, *, source: str) -> Draw:
    """The replication with the number of the run."""
    from yinguo.datasets.ihdp import ihdp

    return ihdp(source=source, replication=replication_of(rng))


def _published() -> tuple[Published, ...]:
    later = (
        ("DR-CFR", {"root PEHE out": 0.65, "ATE error out": 0.03}, "SDs .37 and .04; number of replications unknown."),
        (
            "DeR-CFR",
            {"root PEHE in": 0.44, "root PEHE out": 0.53, "ATE error in": 0.13, "ATE error out": 0.15},
            "Number of replications unknown.",
        ),
        ("ESCFR", {"root PEHE in": 0.50, "root PEHE out": 0.55}, "SD .25 in; number of replications unknown."),
        (
            "DragonNet",
            {"ATE error in": 0.14, "ATE error out": 0.20},
            "With targeted regularisation; 1000 replications.",
        ),
    )
    table = printed_figures(FIRST, IHDP_PRINTED, PEHE_THEN_ATE, 1000)
    return (*table, *(Published(FIRST, label, values, "unverified", note) for label, values, note in later))


TABLE = PublishedTable(
    name="ihdp",
    title="IHDP: effects of single children",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="",
    draw=draw,
    cells=(Cell(FIRST, {"source": "shalit"}, 50), Cell(SECOND, {"source": "tedvae"}, 100)),
    methods=effect_methods("ATE", validation=0.3, networks=NETWORKS),
    replications=100,
    metrics=("mae", "coverage"),
    published=_published(),
    measure=unit_errors,
    measures=UNIT_ERRORS,
    against=("TARNet",),
    seed=2017,
    quick_fraction=0.02,
)
