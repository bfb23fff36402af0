"""Confounder-balanced IV regression on the IHDP children: printed rows, errors behind some of them, correct ones.

What it shows: where all confounders are observed (2-6-0) networks that ignore the instruments do well; where two are
hidden (2-4-2) they are off by half a unit. Several printed rows are far from what their methods give.
"""

from dataclasses import replace

import numpy as np

from yinguo.bench.cbiv_published import PUBLISHED, SOURCE, balanced_methods, binary_methods, printed_figures
from yinguo.bench.instrument_draws import binary_errors, replication_of, with_validation_rows
from yinguo.bench.spec import Build, Cell, Method, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw"]

PROTOCOL = """
747 children, outcomes of one realisation of a published response surface with noise 0.01, a treatment drawn from two
instruments that act through products with covariates. IHDP-2-6-0 observes the six covariates that move the treatment,
IHDP-2-4-2 hides two. Instruments, treatments and outcomes are drawn once; the 100 replications reshuffle the rows.
Every method is given the 470 and 202 rows that the authors use for training and validation, and sets aside what it
needs; the estimate is the average over those 672. The truth is 4, as with the authors. Further columns: the error
against the mean effect of the 747 children, and that of the effect averaged over the 75 test rows.
"""


def draw(rng: np.random.Generator, *, m_x: int, m_u: int) -> Draw:
    """One replication, training and validation rows together, with the truth that the authors use."""
    from yinguo.datasets.ihdp_iv import ihdp_iv

    drawn = with_validation_rows(ihdp_iv(m_x=m_x, m_u=m_u, replication=replication_of(rng)))
    return replace(drawn, truth={"ATE": drawn.extras["published_truth"]})


def _methods() -> tuple[Method, ...]:
    published = {**PUBLISHED, "epochs": 100}
    return (
        *binary_methods(published=published, ours={}),
        *balanced_methods(0.02, published=published, ours={"balance_strength": 0.004}),
        Method(
            "CB-IV, published strength",
            Build("yinguo.instruments:CBIV", {"balance_strength": 0.02}),
            "Our training with the published strength, over the variance of the outcome, about 5.",
        ),
    )


LABELS = {name: name for name in ("DeepIV-LOG", "OneSIV", "DFIV", "DFL", "DirectRep", "CFR", "CB-IV")}

TABLE = PublishedTable(
    name="cbiv-ihdp",
    title="Confounder-balanced IV regression on IHDP",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps="""
* The spread is that of splitting one sample, not of repeating the study: it says nothing of how far an estimate would
  move on other children, instruments or treatments.
* The truth the authors use, 4, is the effect on the treated that the design fixes; the mean effect of the 747 children
  is 4.0161. The difference of 0.016 is as large as the smallest printed bias (0.0117).
* **Artefacts.** DFIV and DFL were trained on a treatment recoded to -6.9 and 6.9 and evaluated at 0 and 1, that is at
  1/13.8 of the contrast, hence printed biases near 3.5. The treatment network of DeepIV-LOG ends in a softmax over one
  unit, so that nobody counts as untreated. DeepIV-GMM fits a mixture of Gaussians to a treatment of 0 and 1, which has
  no row here. The column "error repeated" does the same with our code.
* DRCFR is printed as 0.0553 and 0.4336 (SD 0.064 and 0.069); it has no row here yet.
* Out of the sample the printed figures agree to the second decimal (CB-IV 0.0150 and 0.1578, SD 0.393 and 0.254).
* **Why CB-IV is off.** Not for want of a good first stage: on the first reshuffle of 2-6-0 least squares of the outcome
  on our predicted treatment and the covariates is off by 0.11, and on a logistic regression given the right products by
  0.00. Nor for the second: without the penalty our networks are off by 0.00 with either prediction. The penalty is what
  costs: with it, at a fifth of the published strength, the same networks on the same predictions are off by 0.71. What
  it takes from the representation the heads cannot adjust for, and predicted treatments go together with covariates.
  Where nothing of the treatment is left in the representation, the answer is the slope of the outcome on the predicted
  treatment without covariates: off by 1.11 (SD 0.11) on 2-6-0 and 0.71 (SD 0.09) on 2-4-2, over 40 draws of the design
  with other seeds (`benchmarks/cb_iv_strength.py`), 0.99 and 0.66 on the published seed. The row "two-stage, no
  balance" is CB-IV without the penalty. It is not the better method throughout: on 2-4-2 it is too low.
* With the published 100 steps the answer depends on which of five looks happens to be best: the difference of the heads
  is learned last, and the held-out objective hardly shows it.
* The order of the rows in the authors' file cannot be had, so that instruments and treatments are another draw of the
  same design.
""",
    estimand="ATE",
    unit="",
    draw=draw,
    cells=(Cell("IHDP-2-6-0", {"m_x": 6, "m_u": 0}), Cell("IHDP-2-4-2", {"m_x": 4, "m_u": 2})),
    methods=_methods(),
    replications=100,
    metrics=("bias", "sd", "rmse"),
    published=(*printed_figures("IHDP-2-6-0", LABELS, 100), *printed_figures("IHDP-2-4-2", LABELS, 100)),
    measure=binary_errors,
    seed=2021,
    quick_fraction=0.02,
)
