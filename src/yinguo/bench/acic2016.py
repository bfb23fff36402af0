"""ACIC 2016: effects of single women in ten of the challenge's settings, as multiples of the best constant effect.

What it shows: which methods know anything of whom it helps (below 1) when covariates are many, three of them letters,
and the scale of the effects changes from setting to setting.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yinguo.bench.effect_errors import UNIT_ERRORS, relative_errors
from yinguo.bench.effect_methods import effect_methods
from yinguo.bench.instrument_draws import replication_of
from yinguo.bench.spec import Cell, Published, PublishedTable
from yinguo.datasets.draw import Draw

__all__ = ["TABLE", "draw", "setting_errors"]

SOURCE = (
    "Dorie, Hill, Shalit, Scott & Cervone (2019), Statistical Science 34(1), 43-68, for the challenge; printed "
    "figures: Wang et al. (2023), NeurIPS (ESCFR)."
)

PROTOCOL = """
4,802 women, 58 covariates (79 columns with three of them as indicators). Replication k is the published simulation of
setting k of the challenge, k = 1 to 10; a fifth of the rows is kept back by a seed ("out"), every method is given the
others ("in"), of which networks set a quarter aside for choosing when to stop (60/20/20 in all). Further replications
are further splits of the same ten simulations. Relative root PEHE is the multiple of that of the best constant, the
mean of the true effects of the rows judged; settings 2 and 3 have one effect for everybody and count for it not at all.
The last columns have each setting by itself, out: the multiple, or root PEHE itself where the effect is constant.
"""

GAPS = """
* **There is no protocol to repeat.** Papers that print figures on "ACIC 2016" use settings, seeds and splits that they
  do not state, so that no figure can be met. Those here are from memory of one paper and may have been made on other
  settings.
* One simulation of each setting: the spread over replications is that between settings, not that of repeating one.
* Effects differ in scale between settings (SD from 2.1 to 6.7); a mean of root PEHE is ruled by settings 4, 7 and 10, a
  mean of multiples is not.
"""

SETTINGS = 10
CELL = "settings 1 to 10"
RELATIVE = ("relative root PEHE out", "relative root PEHE in")


def draw(rng: np.random.Generator) -> Draw:
    """Setting k and split j in replication 10 j + k - 1."""
    from yinguo.datasets.acic2016 import acic2016

    split, place = divmod(replication_of(rng), SETTINGS)
    return acic2016(setting=place + 1, replication=split)


def setting_errors(fitted: Any, draw: Draw) -> Mapping[str, float]:
    """:func:`~yinguo.bench.effect_errors.relative_errors`, the multiple out once more under the number of its setting.

    Parameters
    ----------
    fitted : estimator with ``effect(X)``
    draw : Draw
        Of :func:`~yinguo.datasets.acic2016.acic2016`.
    """
    found = relative_errors(fitted, draw)
    setting = draw.extras["setting"]
    if RELATIVE[0] in found:
        return {**found, f"setting {setting}": found[RELATIVE[0]]}
    return {**found, f"setting {setting}, root PEHE": found["root PEHE out"]}


TABLE = PublishedTable(
    name="acic2016",
    title="ACIC 2016: effects of single women in ten settings",
    source=SOURCE,
    protocol=PROTOCOL,
    gaps=GAPS,
    estimand="ATE",
    unit="",
    draw=draw,
    cells=(Cell(CELL, {}),),
    methods=effect_methods("ATE", validation=0.25, scaled_neighbors=True),
    replications=10,
    metrics=("mae", "coverage"),
    published=(
        Published(
            CELL,
            "ESCFR",
            {"root PEHE in": 2.25, "root PEHE out": 2.32},
            "unverified",
            "SDs .30 and .61; settings, seeds and splits unknown.",
        ),
        Published(
            CELL,
            "CFR-WASS",
            {"root PEHE in": 3.13, "root PEHE out": 3.21},
            "unverified",
            "As printed beside ESCFR; settings, seeds and splits unknown.",
        ),
    ),
    measure=setting_errors,
    measures=(*RELATIVE, *UNIT_ERRORS[:2]),
    against=("TARNet",),
    seed=2016,
    quick_fraction=0.2,
)
