r"""Average effects of groups sorted by their learned effect (GATES), with simultaneous intervals.

.. math:: \gamma_g = E[\psi \mid \hat\tau(X) \in \text{group } g], \qquad g = 1 .. G

Groups are quantiles of effects learned on other rows, cut within folds. If the learned effects are right, the groups'
averages rise like the mean learned effects beside them; if nothing differs between units they are all alike.

Source: Chernozhukov, Demirer, Duflo & Fernandez-Val (2025), Econometrica 93(4), section on sorted group effects; here
on doubly robust scores.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.fold_parts import fold_parts, one_sided_p, p_words, weights_of
from yinguo.diagnose.intervals import Intervals, intervals_of
from yinguo.errors import DataError
from yinguo.kernels.ranked_effects import rank_by

__all__ = ["GroupEffects", "average_by", "group_effects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEffects:
    """Effects of groups, the group with the largest learned effects first.

    Attributes
    ----------
    effects : Intervals
        Average effect of each group.
    learned : (G,) float array
        Mean learned effect of each group.
    share : (G,) float array
        Of the population.
    n : (G,) int array
        Rows.
    difference : Intervals
        First group less last, of length 1; nothing if there is only one group.
    p : float
        One-sided, of the null that the first group gains no more than the last.
    """

    effects: Intervals
    learned: np.ndarray
    share: np.ndarray
    n: np.ndarray
    difference: Intervals
    p: float

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on the difference between the first and the last group."""
        name, reference = "group-effects", "first group above the last"
        if len(self.effects) < 2:
            return Diagnostic(
                name, None, reference, "look", "The learned effects are all the same; there are no groups."
            )
        d = self.difference
        figures = (
            f"{words.number(float(d.estimate[0]))} ({words.number(float(d.low[0]))} to "
            f"{words.number(float(d.high[0]))})"
        )
        said = f"The {self.share[0]:.0%} with the largest learned effects gain {figures} more than the "
        said += f"{self.share[-1]:.0%} with the smallest"
        value = float(d.estimate[0])
        if d.high[0] < 0:
            return Diagnostic(name, value, reference, "stop", f"{said}: the order is upside down.")
        if self.p < 0.05:
            return Diagnostic(name, value, reference, "ok", f"{said}, {p_words(self.p)}.")
        return Diagnostic(name, value, reference, "look", f"{said}; chance alone could do that, {p_words(self.p)}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        out: dict[str, Any] = {"effects": self.effects.to_dict(), "difference": self.difference.to_dict(), "p": self.p}
        return out | {name: getattr(self, name).tolist() for name in ("learned", "share", "n")}


def group_effects(
    psi, tau, *, n_groups: int = 5, folds=None, s=None, groups=None, level: float = 0.95, random_state: Any = 0
) -> GroupEffects:
    """Average effects by quantiles of the learned effect.

    Parameters
    ----------
    psi, tau : (n,) float arrays
        Scores; effects learned on other rows.
    n_groups : int
        Equal effects are never separated, so there may be fewer.
    folds : (n,) int array in 0..K-1, optional
        The quantiles are those of the fold.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float
    random_state : int, Generator or None
        For the simultaneous intervals.

    Returns
    -------
    GroupEffects

    Raises
    ------
    DataError
        Fewer than 2 groups asked for, or so many that one has fewer than 2 rows.

    Source
    ------
    Chernozhukov, Demirer, Duflo & Fernandez-Val (2025), Econometrica 93(4).
    """
    if not 2 <= n_groups <= len(psi) // 2:
        raise DataError(f"n_groups is {n_groups}; {len(psi)} rows can be cut into 2 to {len(psi) // 2} groups.")
    code = np.empty(len(psi), dtype=np.int64)
    for rows, _ in fold_parts(psi, tau, folds, s):
        ranking = rank_by(tau[rows], None if s is None else s[rows])
        code[rows] = ranking.unsort(np.minimum((ranking.middle * n_groups).astype(np.int64), n_groups - 1))
    code = np.unique(code, return_inverse=True)[1]  # ties may leave a quantile empty
    estimate, phi, share, count = average_by(psi, code, s)
    if count.min() < 2:
        raise DataError(f"a group has {count.min()} row(s); ask for fewer groups than {n_groups}.")
    weight = weights_of(s, len(psi))
    more: dict[str, Any] = {"groups": groups, "level": level, "random_state": random_state}
    difference = intervals_of([estimate[0] - estimate[-1]], (phi[:, 0] - phi[:, -1])[:, None], **more)
    return GroupEffects(
        effects=intervals_of(estimate, phi, **more),
        learned=np.bincount(code, weights=weight * tau) / np.bincount(code, weights=weight),
        share=share, n=count, difference=difference,
        p=one_sided_p(float(difference.estimate[0]), float(difference.se[0])),
    )  # fmt: skip


def average_by(psi, code, s=None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weighted mean score of every group, with influence values.

    Parameters
    ----------
    psi : (n,) float array
    code : (n,) int array in 0..k-1
        The group of every row, none empty.
    s : (n,) float array, optional

    Returns
    -------
    estimate : (k,) float array
    phi : (n, k) float array
    share : (k,) float array
        Of the population.
    count : (k,) int array
    """
    weight = weights_of(s, len(psi))
    total, count = np.bincount(code, weights=weight), np.bincount(code)
    if not (total > 0).all():
        raise DataError("a group has sample weight 0 in every row; leave it out.")
    estimate = np.bincount(code, weights=weight * psi) / total
    share = total / total.sum()
    phi = np.zeros((len(psi), len(total)))
    # Within small groups a residual is shorter than the error; n_g / (n_g - 1), as in a group's own standard error.
    stretch = np.sqrt(count / np.maximum(count - 1, 1))
    phi[np.arange(len(psi)), code] = weight * (psi - estimate[code]) * (stretch / share)[code]
    return estimate, phi, share, count
