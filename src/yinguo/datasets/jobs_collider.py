r"""Job training with employment known for those whom training and employment made answer: a collider.

.. math:: P(S = 1) = \sigma\big(\beta\,(2 Y - 1 + T) + .3\,\text{age}\big),

with age standardised. Those who found work answer more often, and so do those who were trained. Everybody has a chance:
none is below .1 for :math:`\beta = 1`. Earnings and unemployment of 1975 are no part of the rule and are shadow
variables together; one alone is not, since the others of them determine it.

**Randomised is not randomised among those who answered.** Within the rows seen treatment and outcome are tied by the
collider, also in the experiment, and so the value of a rule computed there is not its value. It is on rows of the
experiment taken with and without an answer.

Source: the rule is ours; that of the published table on Jobs under collider bias was not released. Data: LaLonde
(1986), AER 76(4); Smith & Todd (2005), Journal of Econometrics 125; Shalit, Johansson & Sontag (2017), ICML.
"""

from typing import Any

from scipy.special import expit

from yinguo.core.random import as_rng
from yinguo.datasets.draw import Draw
from yinguo.datasets.hidden_outcomes import hide_outcomes
from yinguo.datasets.jobs import men, trial_att

__all__ = ["jobs_collider"]

SHADOWS = ("re75", "re75^2", "u75")


def jobs_collider(*, beta: float = 1.0, random_state: Any = 0) -> Draw:
    """All men, employment hidden by a draw of S; needs the shared data set ``jobs``.

    Parameters
    ----------
    beta : float
        Strength of the collider.
    random_state : int, Generator or None
        Who is seen.

    Returns
    -------
    Draw
        Treatment ``training``, outcome ``employed`` (missing where ``s`` is 0), selection ``s``. Truth: the ATT, by the
        experiment over all rows (0.0779). Extras: ``randomised``, ``outcome`` and ``chance_seen`` of every man, seen or
        not; ``shadow``.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    study, randomised, _ = men()
    Y, age = study.Y, study.columns(["age"])[:, 0]
    chance = expit(beta * (2 * Y - 1 + study.T) + 0.3 * (age - age.mean()) / age.std())
    S = (as_rng(random_state).random(study.n) < chance).astype(float)
    return Draw(
        study=hide_outcomes(study, S),
        truth={"ATT": trial_att(study.T, Y, randomised)},
        about=f"job training, employment hidden by a collider of strength {beta:g}",
        extras={"randomised": randomised, "outcome": Y, "chance_seen": chance, "shadow": SHADOWS},
    )
