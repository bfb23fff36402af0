"""Twins: effects of being the heavier one, in each of three pre-processings that go by the same name.

What it shows: effects of -1, 0 and 1 cannot be foretold, so that root PEHE is nearly that of a constant for every
method; the average effect tells methods apart only where the treatment is confounded.
"""

import numpy as np

from yinguo.bench.effect_errors import UNIT_ERRORS, relative_errors
from yinguo.bench.effect_methods import effect_methods
from yinguo.bench.instrument_draws import replication_of
from yinguo.bench.spec import Cell, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

SOURCE = (
    "The designs of Louizos et al. (2017), NeurIPS, Yoon, Jordon & van der Schaar (2018), ICLR, and Yao et al. (2018), "
    "NeurIPS, on the records of Almond, Chay & Lee (2005), QJE 120(3). No figure of theirs stands in this table."
)

PROTOCOL = """
Pairs of twins below 2,000 g; being the heavier is the treatment, death within a year the outcome, and which twin is
looked at is drawn. "cevae": 11,984 pairs, gestation hidden behind noisy copies, the one that is clearly confounded.
"ganite": 11,400 pairs, 30 covariates. "complete": 8,215 pairs without missing values, 50 covariates, nearly a
randomised trial. In each of ten replications treatments and test rows (a fifth of the pairs) are drawn anew; every
method is given the other four fifths ("in"), of which networks set a fifth aside for choosing when to stop (64/16/20 in
all). The truth of a pair are the two outcomes themselves. The last columns are root PEHE as a multiple of that of the
best constant.
"""

GAPS = """
* **Root PEHE is hardly a measure here.** The effect on a pair is the difference of two deaths, mostly chance: its
  standard deviation (0.3 to 0.4) is what the best constant has and what any method can only come near to. The second
  digit of a printed root PEHE on Twins says nothing on a method.
* **In "cevae" no method can be right about the average.** What moves treatment and death, gestation, is hidden behind
  noisy copies, and every method here assumes that what is measured suffices. An error of the ATE of 0.06 there is the
  confounding that is left, not a bad fit.
* Papers print figures on pairs, covariates and treatments of their own, and of three kinds: root PEHE, its square, and
  the area under the curve for deaths. None was traced to a run that can be repeated, hence no printed column.
* The covariates of the first design are published encoded and in part only; with the full table 46 are told of.
"""

CELLS = ("cevae", "ganite", "complete")


def draw(rng: np.random.Generator, *, preprocessing: str) -> Draw:
    """Treatments and test rows with the number of the run."""
    from yinguo.datasets.twins import twins

    return twins(preprocessing=preprocessing, replication=replication_of(rng))


TABLE = PublishedTable(
    name="twins",
    title="Twins: effects of being the heavier one",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="",
    draw=draw,
    cells=tuple(Cell(name, {"preprocessing": name}) for name in CELLS),
    methods=effect_methods("ATE", validation=0.2, scaled_neighbors=True),
    replications=10,
    metrics=("bias", "mae", "coverage"),
    measure=relative_errors,
    measures=UNIT_ERRORS,
    against=("TARNet",),
    seed=1989,
    quick_fraction=0.2,
)
