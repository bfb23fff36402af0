r"""An e-mail campaign as a randomised trial: whom does an e-mail bring to the shop?

64,000 customers of a shop were sent an e-mail about goods for men, one about goods for women, or none, at random. In
the two weeks after, 18.3, 15.1 and 10.6 in a hundred visited the shop, 1.25, 0.88 and 0.57 bought something, and they
spent 1.42, 1.08 and 0.65 dollars. What is known of a customer: months since the last purchase, dollars spent in the
past year, whether goods for men and for women were bought, whether the customer is new, where, and by which channel.

**A confounded subsample, of which the answer is known.** With ``confounded=True`` rows are dropped as if somebody had
sent the e-mail to good customers: a customer is kept with a chance that depends on the arm,

.. math:: P(\text{kept} \mid T, X) = c \cdot \begin{cases} (1 - \pi)\, p(X) & T = 1 \\ \pi\, (1 - p(X)) & T = 0
   \end{cases}, \qquad p(X) = 0.1 + 0.8\, \mathrm{logit}^{-1}\Big(\tfrac{h(X) - \bar h}{s_h} - \tfrac{r(X) -
   \bar r}{s_r}\Big),

with h the logarithm of the dollars of the past year, r the months since the last purchase, :math:`\pi` the share of
the e-mails in the trial and c as large as it can be. Of those kept, :math:`P(T = 1 \mid X) = p(X)`, while the
covariates are distributed as among all, since the two chances, weighted by the arms, add up to a constant. So the
difference of means of the whole trial is the answer, and the difference of means of the subsample is not.

Source: Hillstrom (2008), MineThatData E-Mail Analytics And Data Mining Challenge, 20 March. The confounded subsample is
ours.
"""

from typing import Any

import numpy as np
from scipy.special import expit

from yinguo.core.random import as_rng
from yinguo.core.shared_data import shared_file
from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["hillstrom"]

#: Segments of the file by arm; each is compared with those who got no e-mail.
ARMS = {"mens": ("Mens E-Mail",), "womens": ("Womens E-Mail",), "any": ("Mens E-Mail", "Womens E-Mail")}
OUTCOMES = ("visit", "conversion", "spend")
#: ``history_segment`` of the file is ``history`` in classes and tells nothing more.
COVARIATES = ("recency", "history", "mens", "womens", "newbie", "zip_code", "channel")


def hillstrom(
    *, arms: str = "womens", outcome: str = "visit", confounded: bool = False, random_state: Any = 2008
) -> Draw:
    """The trial, or a confounded subsample of it; needs the shared data set ``hillstrom_email``.

    Parameters
    ----------
    arms : {"mens", "womens", "any"}
        Which e-mail is compared with none.
    outcome : {"visit", "conversion", "spend"}
        The last in dollars.
    confounded : bool
        Drop customers by the rule above.
    random_state : int, Generator or None
        Draws who is dropped.

    Returns
    -------
    Draw
        Treatment ``email``. Truth: none for the trial itself, whose difference of means is an estimate; for the
        subsample the ATE, which is that difference. Extras: ``trial_difference`` and its ``trial_se``;
        ``propensity``, the chance of an e-mail of each row.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    if arms not in ARMS or outcome not in OUTCOMES:
        raise DataError(
            f"arms is {arms!r}, outcome is {outcome!r}; arms must be one of {', '.join(ARMS)}, the outcome one of "
            f"{', '.join(OUTCOMES)}."
        )
    columns = _trial(ARMS[arms], outcome)
    T, Y = columns["email"], columns[outcome]
    difference = float(Y[T == 1].mean() - Y[T == 0].mean())
    variance = sum(own.var(ddof=1) / len(own) for own in (Y[T == 0], Y[T == 1]))
    e = np.full(len(T), T.mean())
    about = f"e-mail campaign, {arms} against none"
    if confounded:
        e = _propensity(columns)
        kept = as_rng(random_state).random(len(T)) < _chance_kept(T, e)
        columns, e = {name: values[kept] for name, values in columns.items()}, e[kept]
        about += ", confounded subsample"
    study = Study(columns, treatment="email", outcome=outcome, covariates=COVARIATES)
    return Draw(
        study=study,
        truth={"ATE": difference} if confounded else {},
        about=about,
        extras={"trial_difference": difference, "trial_se": float(np.sqrt(variance)), "propensity": e},
    )


def _trial(segments: tuple[str, ...], outcome: str) -> dict[str, np.ndarray]:
    """Columns of those who got one of these e-mails or none."""
    table = open_table(shared_file("hillstrom_email", "hillstrom.csv.gz"))
    read = {
        name: column.values if column.levels is None else np.array(column.levels)[column.values.astype(int)]
        for name, column in table.read(("segment", outcome, *COVARIATES)).items()
    }
    segment = read.pop("segment")
    sent = np.isin(segment, segments)
    rows = sent | (segment == "No E-Mail")
    return {name: values[rows] for name, values in {"email": sent.astype(float), **read}.items()}


def _propensity(columns: dict[str, np.ndarray]) -> np.ndarray:
    history, recency = np.log(columns["history"]), columns["recency"]
    return 0.1 + 0.8 * expit((history - history.mean()) / history.std() - (recency - recency.mean()) / recency.std())


def _chance_kept(T: np.ndarray, p: np.ndarray) -> np.ndarray:
    """With the shares of the arms the two chances add up to a constant, whatever X is."""
    share = T.mean()
    chance = np.where(T == 1, (1 - share) * p, share * (1 - p))
    return chance / (max(share, 1 - share) * 0.9)
