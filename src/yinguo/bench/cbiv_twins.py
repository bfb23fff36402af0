"""Confounder-balanced IV regression on twins: printed rows, errors behind some of them, correct ones.

What it shows: the effect is two in a hundred and the difference between printed methods a hundredth, smaller than the
error in the truth they are held against.
"""

from dataclasses import replace

import numpy as np

from yinguo.bench.cbiv_published import PUBLISHED, SOURCE, balanced_methods, binary_methods, printed_figures
from yinguo.bench.instrument_draws import binary_errors, replication_of, with_validation_rows
from yinguo.bench.spec import Cell, Method, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

PROTOCOL = """
8,215 pairs of twins below 2,000 g; being the heavier one is the treatment, death within a year the outcome, both
outcomes of every pair known, and which twin is looked at is drawn from five instruments that act through products with
covariates. Twins-5-8-0 observes the eight covariates that move the treatment, Twins-5-5-3 hides three. Instruments and
treatments are drawn once; the 10 replications reshuffle the rows. Every method is given the 63 and 27 of a hundred rows
that the authors use for training and validation; the estimate is the average over those. The truth is the mean effect
of all pairs, -0.021546. Further columns: the error against -0.0252, which the authors use, and that of the effect
averaged over the test rows.
"""


def draw(rng: np.random.Generator, *, m_x: int, m_u: int) -> Draw:
    """One replication, training and validation rows together; the truth is that of all pairs."""
    from yinguo.datasets.twins_iv import twins_iv

    drawn = with_validation_rows(twins_iv(m_x=m_x, m_u=m_u, replication=replication_of(rng)))
    return replace(drawn, truth={"ATE": drawn.extras["sample_ate"]})


#: Widths of the published networks on twins.
SHAPE = {"representation": (256, 256, 256), "heads": (128, 128, 128, 128, 128)}
#: Balance strength of each cell.
STRENGTHS = {"Twins-5-8-0": 1e-3, "Twins-5-5-3": 1e-4}


def _methods() -> tuple[Method, ...]:
    published, ours = {**PUBLISHED, **SHAPE, "epochs": 200}, dict(SHAPE)
    rows = [
        method
        for cell, strength in STRENGTHS.items()
        for method in balanced_methods(strength, f", strength {strength:g}", (cell,), published=published, ours=ours)
    ]
    return (*binary_methods({"approximation": "nystrom"}, published=published, ours=ours), *rows)


def _labels(cell: str) -> dict[str, str]:
    same = ("DeepIV-LOG", "OneSIV", "DFIV", "DFL", "DirectRep")
    return {name: name for name in same} | {n: f"{n}, strength {STRENGTHS[cell]:g}" for n in ("CFR", "CB-IV")}


TABLE = PublishedTable(
    name="cbiv-twins",
    title="Confounder-balanced IV regression on twins",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps="""
* The authors' table of 5,271 pairs is not published. Ours is the public one without missing values, with other
  covariates in the first eight places, so that no printed figure can be met exactly.
* The authors hold estimates against -0.0252, the mean over pairs before those with missing values are dropped. Over our
  rows the mean is -0.0215; a shift of that size, 0.004, is as large as most printed biases.
* Somebody who always answers 0 has a bias of 0.0252 there and 0.0215 here; the printed DFIV rows (0.0268 and 0.0265, SD
  0.0005 and 0.0003) and several others are of that size.
* The spread is that of splitting one sample, not of repeating the study.
* **Artefacts.** DFIV, DFL and DeepIV-LOG as in the table on IHDP; here the outcome was recoded as well, in DFIV and DFL
  a training outcome of 1 to 0.999 and a test outcome of 1 to 6.9. DeepIV-GMM (0.0194 and 0.0221) fits a mixture of
  Gaussians to a treatment of 0 and 1; it has no row here. Nor has DRCFR yet (0.0114 and 0.0118).
* Out of the sample the printed figures agree (CB-IV 0.0065 and 0.0015, SD 0.027 and 0.025).
""",
    estimand="ATE",
    unit="",
    draw=draw,
    cells=(Cell("Twins-5-8-0", {"m_x": 8, "m_u": 0}), Cell("Twins-5-5-3", {"m_x": 5, "m_u": 3})),
    methods=_methods(),
    replications=10,
    metrics=("bias", "sd", "rmse"),
    published=tuple(row for cell in STRENGTHS for row in printed_figures(cell, _labels(cell), 10)),
    measure=binary_errors,
    seed=2021,
    quick_fraction=0.2,
)
