"""The 2016 causal inference challenge: 58 real covariates of 4,802 women, ten of its 77 simulated settings.

Covariates are those of the Collaborative Perinatal Project, three of them letters, which become indicators (79
columns). Treatment and outcomes are random sums of linear, polynomial, step and exponential terms. Of the ten settings
all but the fourth remove a region of the covariates from the treated, in settings 8 and 10 treatment and outcome have
little in common, and in settings 2 and 3 the effect is the same for everybody.

========  =======  =======  ==========
setting   treated  mean     SD of the
                   effect   effects
========  =======  =======  ==========
1         .179     2.128    3.978
2         .312     4.679    0
3         .282     4.752    0
4         .362     4.796    5.018
5         .301     3.353    4.531
6         .260     2.928    2.082
7         .313     3.949    5.000
8         .258     1.521    3.224
9         .286     3.799    2.246
10        .248     4.223    6.740
========  =======  =======  ==========

**No protocol is agreed on**; papers that print "ACIC 2016" use other settings, seeds and splits. Ours: one published
simulation of each of these ten settings, a fifth of the rows kept back by a seed.

Source: Dorie, Hill, Shalit, Scott & Cervone (2019), Statistical Science 34(1), 43-68.
"""

from typing import Any

import numpy as np

from yinguo.core.shared_data import shared_file
from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.datasets.draw import Draw, effect_draw
from yinguo.errors import DataError

__all__ = ["acic2016", "challenge_rows"]

SETTINGS = 10
#: Share of the rows that is kept back for testing.
TEST = 0.2


def acic2016(*, setting: int = 1, replication: int = 0, random_state: int = 2016) -> Draw:
    """One setting, split by a seed; needs the shared data set ``acic2016``.

    Parameters
    ----------
    setting : int
        1 to 10; numbered as in the challenge.
    replication : int, not negative
        Which split. The simulation of a setting is always the same one.
    random_state : int
        Seed of the splits; that of a split is made of this, the setting and the replication.

    Returns
    -------
    Draw
        Treatment ``z``, outcome ``y``. The study is four fifths of the rows (3,842), ``test`` the rest. Truth: ATE,
        ATT and ATC of the study, without noise. Extras, besides the parts: ``sample_ate`` over all 4,802 women, and
        ``setting``.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    if replication < 0:
        raise DataError(f"replication is {replication}; it must not be negative.")
    study, mu0, mu1 = challenge_rows(setting)
    order = np.random.default_rng([random_state, setting, replication]).permutation(study.n)
    return effect_draw(
        study=study,
        test=np.sort(order[: round(TEST * study.n)]),
        mu0=mu0,
        mu1=mu1,
        about=f"ACIC 2016, setting {setting}, split {replication}",
        sample_ate=float((mu1 - mu0).mean()),
        setting=setting,
    )


def challenge_rows(setting: int) -> tuple[Study, np.ndarray, np.ndarray]:
    """All 4,802 women of a setting, and their mean outcomes without and with treatment.

    Parameters
    ----------
    setting : int
        1 to 10.

    Raises
    ------
    DataError
        There is no such setting, or the data are not on this machine.
    """
    if not 1 <= setting <= SETTINGS:
        raise DataError(f"setting is {setting}; settings are 1 to {SETTINGS}.")
    columns = _columns("x.csv.gz")
    covariates = tuple(columns)
    drawn = _columns(f"zymu_{setting}.csv.gz")
    columns |= {"z": drawn["z"], "y": np.where(drawn["z"] == 1, drawn["y1"], drawn["y0"])}
    return Study(columns, treatment="z", outcome="y", covariates=covariates), drawn["mu0"], drawn["mu1"]


def _columns(file: str) -> dict[str, Any]:
    """Columns of a file, text as text."""
    table = open_table(shared_file("acic2016", file))
    return {
        name: column.values if column.levels is None else np.array(column.levels)[column.values.astype(int)]
        for name, column in table.read(table.names).items()
    }
