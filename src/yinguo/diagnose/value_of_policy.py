r"""What a rule of whom to treat is worth, by doubly robust scores.

.. math:: V(\pi) - V(0) = E[\pi(X) (\psi - c)], \qquad V(\pi) - V(1) = E[(\pi(X) - 1)(\psi - c)]

with the rule :math:`\pi` fixed before these rows were looked at and c the cost of treating one unit.

Source: Athey & Wager (2021), Econometrica 89(1); Dudik, Langford & Li (2011), ICML, for the estimate.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.fold_parts import weights_of
from yinguo.diagnose.intervals import Intervals, intervals_of
from yinguo.errors import DataError

__all__ = ["PolicyValue", "policy_value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """A rule against treating nobody and against treating everybody.

    Attributes
    ----------
    share : float
        Of the population that the rule treats.
    cost : float
    over_none, over_all : Intervals
        Mean gain per unit of the population, of length 1.
    all_over_none : Intervals
        The gain of treating everybody, for comparison.
    """

    share: float
    cost: float
    over_none: Intervals
    over_all: Intervals
    all_over_none: Intervals

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict against the better of the two rules that need no covariates."""
        everybody = self.all_over_none.estimate[0] > 0
        against = self.over_all if everybody else self.over_none
        low, value, high = (float(v[0]) for v in (against.low, against.estimate, against.high))
        rival = "treating everybody" if everybody else "treating nobody"
        said = (
            f"The rule treats {self.share:.0%} and gains {words.number(value)} ({words.number(low)} to "
            f"{words.number(high)}) per unit of the population over {rival}"
        )
        reference = "above treating everybody and above treating nobody"
        if self.share in (0.0, 1.0):
            same = ("nobody", "everybody")[int(self.share)]
            return Diagnostic("policy", value, reference, "look", f"The rule treats {same}; it singles no one out.")
        verdict = "ok" if low > 0 else "stop" if high < 0 else "look"
        end = {"ok": "", "look": ", which the data cannot tell from nothing", "stop": ": it does harm"}[verdict]
        return Diagnostic("policy", value, reference, verdict, f"{said}{end}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        parts = {name: getattr(self, name).to_dict() for name in ("over_none", "over_all", "all_over_none")}
        return {"share": self.share, "cost": self.cost} | parts


def policy_value(psi, treat, *, cost: float = 0.0, s=None, groups=None, level: float = 0.95) -> PolicyValue:
    """Value of a rule on rows that had no part in making it.

    Parameters
    ----------
    psi : (n,) float array
        Doubly robust scores.
    treat : (n,) array of bool, or of chances of being treated
    cost : float
        Of treating one unit, in the unit of the outcome.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float

    Returns
    -------
    PolicyValue

    Raises
    ------
    DataError
        ``treat`` does not fit the scores or leaves [0, 1].

    Source
    ------
    Athey & Wager (2021), Econometrica 89(1).
    """
    pi = np.asarray(treat, dtype=np.float64)
    if pi.shape != np.shape(psi) or not ((pi >= 0) & (pi <= 1)).all():
        raise DataError(f"treat has shape {pi.shape}; give one decision, or chance in [0, 1], for each of {len(psi)}.")
    weight = weights_of(s, len(psi))

    def mean(values: np.ndarray) -> Intervals:
        estimate = float(weight @ values / len(values))
        return intervals_of([estimate], (weight * (values - estimate))[:, None], groups=groups, level=level)

    net = psi - cost
    return PolicyValue(
        share=float(weight @ pi / len(pi)), cost=float(cost),
        over_none=mean(pi * net), over_all=mean((pi - 1) * net), all_over_none=mean(net),
    )  # fmt: skip
