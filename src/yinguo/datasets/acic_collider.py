r"""ACIC 2016 with outcomes hidden by treatment and outcome: a collider on real covariates, with a chance for everybody.

.. math:: P(S = 1) = \sigma\big(\beta\,(\min(3, \max(-3, \tilde Y)) + T - .5) + .3\,\tilde x_1\big),

where a tilde is a variable less its mean over all women, in standard deviations. Who is seen depends on the outcome, on
the treatment and on one covariate. Every other covariate is a shadow variable by construction; the one that says most
of the outcome in its setting is named in ``extras["shadow"]``. Outcomes have long tails; cutting them at 3 keeps every
chance above .01 for :math:`\beta = 1`, and makes a chance logistic in the outcome itself wrong in those tails only.

Setting 1 of the challenge by default; see :mod:`yinguo.datasets.acic2016` for the ten there are.

Source: the rule is ours; that of the published table on ACIC 2016 under collider bias was not released. Data: Dorie,
Hill, Shalit, Scott & Cervone (2019), Statistical Science 34(1), 43-68.
"""

from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.core.random import as_rng
from yinguo.datasets.acic2016 import challenge_rows
from yinguo.datasets.draw import Draw
from yinguo.datasets.hidden_outcomes import hide_outcomes

__all__ = ["acic_collider"]

#: Of every setting, the covariate with the largest partial F for the outcome, given treatment and the others.
SHADOWS = {
    1: "x_8", 2: "x_57", 3: "x_35", 4: "x_57", 5: "x_12", 6: "x_36", 7: "x_6", 8: "x_43", 9: "x_26", 10: "x_4",
}  # fmt: skip
CUT = 3.0


def acic_collider(*, setting: int = 1, beta: float = 1.0, random_state: Any = 0) -> Draw:
    """All rows of a setting, outcomes hidden by a draw of S; needs the shared data set ``acic2016``.

    Parameters
    ----------
    setting : int
        1 to 10.
    beta : float
        Strength of the collider.
    random_state : int, Generator or None
        Who is seen. Covariates, treatment and outcomes of a setting are always the same.

    Returns
    -------
    Draw
        Treatment ``z``, outcome ``y`` (missing where ``s`` is 0), selection ``s``. Truth: the ATE of all 4,802 women.
        Extras: ``tau``, ``mu0``, ``mu1``, ``outcome`` and ``chance_seen`` of every woman, seen or not; ``shadow``.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    study, mu0, mu1 = challenge_rows(setting)
    Y, x = study.Y, study.columns(["x_1"])[:, 0]
    scaled = np.clip((Y - Y.mean()) / Y.std(), -CUT, CUT)
    chance = expit(beta * (scaled + study.T - 0.5) + 0.3 * (x - x.mean()) / x.std())
    S = (as_rng(random_state).random(study.n) < chance).astype(float)
    return Draw(
        study=hide_outcomes(study, S),
        truth={"ATE": float((mu1 - mu0).mean())},
        about=f"ACIC 2016, setting {setting}, outcomes hidden by a collider of strength {beta:g}",
        extras={
            "tau": mu1 - mu0,
            "mu0": mu0,
            "mu1": mu1,
            "outcome": Y,
            "chance_seen": chance,
            "shadow": (SHADOWS[setting],),
        },
    )
