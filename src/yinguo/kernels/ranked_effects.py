r"""Averages of scores over the units that a priority ranks first, with influence values.

With r the share of the population ranked at or above a unit and :math:`\psi` its score,

.. math:: g(u) = E[\psi \, 1\{r \le u\}], \qquad \mathrm{TOC}(u) = g(u)/u - E[\psi], \qquad
   \theta = \int_0^1 \alpha(u) \, \mathrm{TOC}(u) \, du = E[\psi \, h(r)]

with :math:`\alpha = 1` and :math:`h(r) = -\log r - 1` for AUTOC, :math:`\alpha(u) = u` and :math:`h(r) = 1/2 - r` for
Qini. Ranks are estimated, and an influence value has a part for that:

.. math:: \phi_i = \psi_i h(r_i) - \theta + \int_0^1 m(v) h'(v) (1\{r_i \le v\} - v) \, dv, \qquad
   \phi_i(u) = 1\{r_i \le u\} (\psi_i - m(u)) - (g(u) - u \, m(u)),

m(v) being the mean score at rank v. Units of equal priority share what they would get on average over all orders.

Source: Yadlowsky, Fleming, Shah, Brunskill & Wager (2025), JASA 120(549), for the estimands; the influence values are
those of an L-statistic (Serfling 1980, chapter 8), written for pairs.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Ranking", "included", "rank_by", "rank_weighted"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows in order of priority, the highest first.

    Attributes
    ----------
    order : (n,) int array
        ``order[0]`` is the first row.
    ties : (n,) int array
        Of the ordered rows; equal numbers are equal priorities.
    s : (n,) float array
        Sample weights of the ordered rows, with mean 1.
    upto : (n,) float array
        Share of the population down to and with each ordered row; the last is 1.
    """

    order: np.ndarray
    ties: np.ndarray
    s: np.ndarray
    upto: np.ndarray

    def shared(self, values: np.ndarray) -> np.ndarray:
        """(n,) values of ordered rows, averaged over equal priorities."""
        total = np.bincount(self.ties, weights=self.s)
        sums = np.bincount(self.ties, weights=self.s * values)
        return np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)[self.ties]

    @property
    def middle(self) -> np.ndarray:
        """(n,) share of the population ranked above each ordered row, half of its equals counted in."""
        return self.shared(self.upto - 0.5 * self.s / self.s.sum())

    def unsort(self, values: np.ndarray) -> np.ndarray:
        """Values of ordered rows in the order of the input."""
        out = np.empty_like(values)
        out[self.order] = values
        return out


def rank_by(priority, s=None) -> Ranking:
    """Order rows by a priority, from high to low.

    Parameters
    ----------
    priority : (n,) float array
    s : (n,) float array, optional
        Sample weights, not negative.
    """
    order = np.argsort(-priority, kind="stable")
    sorted_priority = priority[order]
    ties = np.concatenate([[0], np.cumsum(sorted_priority[1:] != sorted_priority[:-1])])
    s = np.ones(len(priority)) if s is None else s[order] / s.mean()
    upto = np.cumsum(s)
    return Ranking(order, ties, s, upto / upto[-1])


def rank_weighted(psi, ranking: Ranking, target: str) -> tuple[float, np.ndarray]:
    """A rank-weighted average effect and its influence values.

    Parameters
    ----------
    psi : (n,) float array
    ranking : Ranking
    target : {"AUTOC", "QINI"}

    Returns
    -------
    theta : float
    phi : (n,) float array
        With sample weights inside, in the order of the input.
    """
    s, r = ranking.s, ranking.upto
    if ranking.ties[-1] == 0:  # exactly nothing, where rounding would leave a ratio of two tiny numbers
        return 0.0, np.zeros(len(psi))
    share = s / s.sum()
    psi = psi[ranking.order]
    psi = psi - share @ psi
    # Exact sums over the possible cut-offs, not the limits -log(r) - 1 and 1/2 - r, so that h sums to 0 and a constant
    # added to the scores changes nothing.
    ratio = np.divide(share, r, out=np.zeros_like(share), where=r > 0)
    steps = ratio if target == "AUTOC" else share
    h = np.cumsum(steps[::-1])[::-1]
    h = ranking.shared(h - share @ h)
    theta = float(share @ (h * psi))
    # The part of the estimated ranks; share * h'(r) is minus the step.
    moved = -psi * steps
    drift = ranking.shared(np.cumsum(moved[::-1])[::-1]) - moved @ r
    drift -= share @ drift
    return theta, ranking.unsort(s * (h * psi - theta + drift))


def included(ranking: Ranking, share: float) -> np.ndarray:
    """(n,) how much of each row, in the order of the input, is among the first ``share`` of the population."""
    width = ranking.s / ranking.s.sum()
    above = ranking.upto - width
    part = np.clip(np.divide(share - above, width, out=(above < share) * 1.0, where=width > 0), 0.0, 1.0)
    return ranking.unsort(ranking.shared(part))
