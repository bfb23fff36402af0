r"""Simpson's paradox: when the pooled comparison says one thing and every stratum the other.

For groups g and strata s with ``n_gs`` units and mean outcome ``r_gs``:

* pooled: :math:`r_g = \sum_s n_{gs} r_{gs} / \sum_s n_{gs}`, each group with its own mix of strata;
* standardised: :math:`\bar r_g = \sum_s n_s r_{gs} / \sum_s n_s`, both groups with the mix of the two together,
  :math:`n_s = n_{as} + n_{bs}`.

The pooled difference is the standardised one plus what the difference in mix adds. Which of the two is the effect is
not in the table: standardising is right if the strata were there before the groups were formed and influenced them
(confounding), wrong if the stratum is a consequence of the group.

Source: E. Simpson (1951), "The interpretation of interaction in contingency tables", JRSS-B 13(2); J. Pearl (2014),
"Understanding Simpson's paradox", The American Statistician 68(1).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.core.words import number
from yinguo.errors import DataError, OverlapError

__all__ = ["GroupComparison", "SimpsonExplanation", "explain_simpson"]


@dataclass(frozen=True, slots=True)
class GroupComparison:
    """Two groups compared in one population; the difference is first minus second.

    Attributes
    ----------
    label : str
        The stratum, or ``"pooled"`` or ``"standardised"``.
    means : (float, float)
        Mean outcome of the groups.
    counts : (float, float)
        Their units.
    difference, se : float
        First minus second, and its standard error for independent units; None where the table does not tell it.
    """

    label: str
    means: tuple[float, float]
    counts: tuple[float, float]
    difference: float
    se: float | None


@dataclass(frozen=True, slots=True)
class SimpsonExplanation:
    """Pooled, per-stratum and standardised comparison of two groups, and what they say together.

    Attributes
    ----------
    groups : (str, str)
    pooled, standardised : GroupComparison
    strata : tuple of GroupComparison
        Those with units of both groups.
    left_out : tuple of str
        Strata with units of one group only; they are in ``pooled`` but not in ``standardised``.
    reversal : bool
        True if all strata agree with one another on the sign and the pooled comparison has the opposite one.
    sign_change : bool
        True if the standardised difference has the opposite sign of the pooled one.
    as_share : bool
        True if the outcome is 0 or 1, so that means are shares.
    """

    groups: tuple[str, str]
    pooled: GroupComparison
    standardised: GroupComparison
    strata: tuple[GroupComparison, ...]
    left_out: tuple[str, ...]
    reversal: bool
    sign_change: bool
    as_share: bool

    @property
    def mix_effect(self) -> float:
        """What the different mix of strata adds to the standardised difference to make the pooled one."""
        return self.pooled.difference - self.standardised.difference

    @property
    def sentence(self) -> str:
        """The explanation for a reader who knows no statistics, in a few sentences."""
        parts = [f"Taken together, {self._compared(self.pooled)}."]
        signs = {np.sign(c.difference) for c in self.strata}
        shown = "; ".join(f"{c.label}: {self._compared(c)}" for c in self.strata[:6])
        more = f"; and {len(self.strata) - 6} more" if len(self.strata) > 6 else ""
        if self.reversal:
            parts.append(f"Within every stratum it is the other way round ({shown}{more}).")
        else:
            agree = "all strata agree" if len(signs) == 1 else "the strata do not agree with each other"
            parts.append(f"Within the strata, {agree} ({shown}{more}).")
        if self.reversal or self.sign_change:
            parts.append(self._why())
        parts.append(f"With the same mix of strata in both groups, {self._compared(self.standardised)}.")
        se, gap = self.standardised.se, abs(self.standardised.difference)
        if se is not None and gap < 1.96 * se:
            parts.append("(A difference this small can be chance with so few units.)")
        if self.left_out:
            parts.append(f"Left out there, for want of units of both groups: {', '.join(self.left_out)}.")
        parts.append(
            "Believe the comparison with the same mix if the strata came before the groups and steered who got into "
            "which; believe the pooled one if the strata are a consequence of the group. The table cannot tell which."
        )
        return " ".join(parts)

    @property
    def diagnostic(self) -> Diagnostic:
        """Look if standardising changes who is ahead."""
        return Diagnostic(
            name="simpson",
            value=self.mix_effect,
            reference="pooled and standardised difference of one sign",
            verdict="look" if self.reversal or self.sign_change else "ok",
            sentence=self.sentence,
        )

    def rows(self) -> tuple[GroupComparison, ...]:
        """The table to show: strata, pooled, standardised."""
        return (*self.strata, self.pooled, self.standardised)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        lists = {"groups": list(self.groups), "left_out": list(self.left_out)}
        return asdict(self) | lists | {"strata": [asdict(c) for c in self.strata], "sentence": self.sentence}

    def _show(self, value: float) -> str:
        return f"{value:.2%}" if self.as_share else number(value)

    def _compared(self, c: GroupComparison) -> str:
        a, b = self.groups
        if c.difference == 0:
            return f"{a} and {b} have the same outcome, {self._show(c.means[0])}"
        first, second = (0, 1) if c.difference > 0 else (1, 0)
        return (
            f"{self.groups[first]} has the higher outcome, {self._show(c.means[first])} against "
            f"{self._show(c.means[second])} of {self.groups[second]}"
        )

    def _why(self) -> str:
        """Names the stratum that tips the scales: unlike shares in the groups and an unusual outcome."""
        shares = np.array([np.divide(c.counts, self._totals()) for c in self.strata])
        level = np.array([np.dot(c.means, c.counts) / sum(c.counts) for c in self.strata])
        mean = np.dot(level, [sum(c.counts) for c in self.strata]) / sum(self._totals())
        pull = (shares[:, 0] - shares[:, 1]) * (level - mean)
        s = int(np.argmax(np.abs(pull)))
        high = "high" if level[s] > mean else "low"
        return (
            f"The groups are made up differently: {shares[s, 0]:.0%} of {self.groups[0]} but {shares[s, 1]:.0%} of "
            f"{self.groups[1]} are {self.strata[s].label}, where the outcome is {high}."
        )

    def _totals(self) -> tuple[float, float]:
        return sum(c.counts[0] for c in self.strata), sum(c.counts[1] for c in self.strata)


def explain_simpson(
    sums,
    counts,
    *,
    groups: Sequence[str] = ("A", "B"),
    strata: Sequence[str] | None = None,
    as_share: bool = True,
    squares=None,
) -> SimpsonExplanation:
    """Explain a stratified table of two groups.

    Parameters
    ----------
    sums : (2, S) float array
        Sum of the outcome per group and stratum: successes, if the outcome is 0 or 1.
    counts : (2, S) float array
        Units per group and stratum; 0 where a group has none.
    groups : two names
    strata : S names, optional
    as_share : bool
        Whether the outcome is 0 or 1.
    squares : (2, S) float array, optional
        Sums of the squared outcome, for standard errors; with a 0/1 outcome they are the sums.

    Returns
    -------
    SimpsonExplanation

    Raises
    ------
    DataError
        If the tables are not 2 x S, a count is negative, or there are more successes than units.
    OverlapError
        If no stratum has units of both groups.

    Source
    ------
    Simpson (1951); direct standardisation to the pooled population, as in Pearl (2014).

    Examples
    --------
    >>> e = explain_simpson([[10, 40], [4, 50]], [[400, 600], [200, 800]], strata=("low income", "high income"))
    >>> round(e.pooled.difference, 4), round(e.standardised.difference, 4), e.reversal
    (-0.004, 0.0044, True)
    """
    sums, counts = np.asarray(sums, dtype=float), np.asarray(counts, dtype=float)
    names = [f"stratum {s + 1}" for s in range(counts.shape[-1])] if strata is None else [str(s) for s in strata]
    _check(sums, counts, groups, names, as_share)
    both = (counts > 0).all(axis=0)
    if not both.any():
        raise OverlapError(f"none of the {both.size} strata has units of both {groups[0]} and {groups[1]}.")
    squares = sums if as_share and squares is None else squares
    means, errors = _cells(sums, counts, squares)
    parts = tuple(_comparison(names[s], means[:, s], counts[:, s], errors[:, s]) for s in np.flatnonzero(both))
    total, size = counts.sum(axis=1), counts[:, both].sum(axis=0)
    together = _cells(sums.sum(axis=1), total, None if squares is None else np.sum(squares, axis=1))
    pooled = _comparison("pooled", together[0], total, together[1])
    w = size / size.sum()
    standardised = _comparison("standardised", means[:, both] @ w, counts[:, both].sum(axis=1), errors[:, both] @ w**2)
    sign, signs = float(np.sign(pooled.difference)), {float(np.sign(c.difference)) for c in parts}
    return SimpsonExplanation(
        groups=(str(groups[0]), str(groups[1])),
        pooled=pooled,
        standardised=standardised,
        strata=parts,
        left_out=tuple(names[s] for s in np.flatnonzero(~both)),
        reversal=bool(sign != 0 and signs == {-sign}),
        sign_change=bool(sign * standardised.difference < 0),
        as_share=bool(as_share),
    )


def _cells(sums, counts, squares):
    """Mean outcome per cell and the squared standard error of it, NaN where the table does not tell it."""
    units = np.where(counts > 0, counts, 1)
    means = sums / units
    if squares is None:
        return means, np.full(np.shape(counts), np.nan)
    return means, np.maximum(np.asarray(squares, float) / units - means**2, 0.0) / units


def _comparison(label, means, counts, errors) -> GroupComparison:
    a, b = (float(m) for m in means)
    # Equal rates of unequal groups may differ in the last digit; that is no difference.
    difference = 0.0 if abs(a - b) <= 1e-12 * max(abs(a), abs(b)) else a - b
    se = float(np.sqrt(errors.sum()))
    return GroupComparison(
        label, (a, b), (float(counts[0]), float(counts[1])), difference, None if np.isnan(se) else se
    )


def _check(sums, counts, groups, names, as_share):
    if sums.shape != counts.shape or counts.ndim != 2 or len(counts) != 2:
        raise DataError(f"sums has shape {sums.shape} and counts {counts.shape}; both must be 2 groups x S strata.")
    if len(groups) != 2 or len(names) != counts.shape[1]:
        raise DataError(f"{len(groups)} groups and {len(names)} strata are named for a table of 2 x {counts.shape[1]}.")
    if not (np.isfinite(sums).all() and (counts >= 0).all() and np.isfinite(counts).all()):
        raise DataError("the table holds negative counts or values that are not finite.")
    if ((counts == 0) & (sums != 0)).any() or (as_share and ((sums < 0) | (sums > counts * (1 + 1e-12))).any()):
        raise DataError("a cell has successes outside 0 to its number of units; check that sums come before counts.")
    if (counts.sum(axis=1) == 0).any():
        raise DataError("one of the groups has no units at all.")
