"""Job training and employment: an experiment and a survey in one table, for judging rules of whom to treat.

722 men of LaLonde's experiment (297 were offered training) and 2,490 of the survey PSID, 17 covariates, the outcome is
having earned anything in 1978. Mixed together, training looks harmful (employment is 8.3 points lower among the
trained); in the experiment it raises employment by 7.8 points. No effect of a single man is known. What is known comes
from the randomised rows: the average effect on the treated, and the value of a rule for whom to treat.

Ten official splits keep 642 rows back, of which 144 are randomised. The effect on the treated within so few rows is
mostly chance: from -0.05 to +0.29 over the ten test sets.

Source: LaLonde (1986), AER 76(4); Smith & Todd (2005), Journal of Econometrics 125; Shalit, Johansson & Sontag (2017),
ICML, for the table.
"""

from dataclasses import replace

import numpy as np

from yinguo.core.shared_data import shared_file
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw, effect_draw
from yinguo.errors import DataError

__all__ = ["jobs", "men", "trial_att"]

COVARIATES = (
    "age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75", "age^2", "age^3", "education^2",
    "re74^2", "re75^2", "u74", "u75", "education*re74", "u74*hispanic",
)  # fmt: skip
SPLITS = 10


def jobs(*, replication: int = 0) -> Draw:
    """One of the ten official splits; needs the shared data set ``jobs``.

    Parameters
    ----------
    replication : int
        Which split, 0 to 9.

    Returns
    -------
    Draw
        Treatment ``training``, outcome ``employed``; numeric covariates are standardised. The study is training and
        validation rows (2,570), ``test`` the other 642. Truth: the ATT, as the difference between the treated and
        the randomised controls of the study. Extras: ``randomised`` and ``test_randomised``, bool arrays;
        ``experimental_att``, that difference over all rows (0.0779).

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    if not 0 <= replication < SPLITS:
        raise DataError(f"replication is {replication}; there are the splits 0 to {SPLITS - 1}.")
    study, randomised, tests = men()
    test = tests[:, replication]
    draw = effect_draw(
        study=study,
        test=test,
        about=f"job training, experiment and PSID, outcome employment, split {replication}",
        test_randomised=randomised[test],
        experimental_att=trial_att(study.T, study.Y, randomised),
    )
    kept = randomised[draw.study.rows]
    truth = {"ATT": trial_att(draw.study.T, draw.study.Y, kept)}
    return replace(draw, truth=truth, extras={**draw.extras, "randomised": kept})


def men() -> tuple[Study, np.ndarray, np.ndarray]:
    """All 3,212 men; a bool array of those of the experiment; (642, 10) numbers of the test rows of each split.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    with np.load(shared_file("jobs", "jobs_dw_bin.npz")) as file:
        rows = {name: file[name] for name in ("x", "t", "yf", "e")}
        tests = file["test_index"].astype(int)
    study = Study.from_arrays(
        rows["x"], rows["t"], rows["yf"], covariates=COVARIATES, treatment="training", outcome="employed"
    )
    return study, rows["e"] == 1, tests


def trial_att(T: np.ndarray, Y: np.ndarray, randomised: np.ndarray) -> float:
    """The effect on the treated: all of them took part in the experiment, so its controls are theirs.

    Parameters
    ----------
    T, Y : (n,) float arrays
    randomised : (n,) bool array
    """
    return float(Y[T == 1].mean() - Y[(T == 0) & randomised].mean())
