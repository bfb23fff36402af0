"""What the pictures show, reduced from the rows: a million of them become a few hundred numbers.

Arrays in, small frozen records out; nothing here draws, and nothing that leaves here is as long as the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.diagnose.balance import SMD_LIMIT, balance_table, effective_sample_size

__all__ = [
    "Balance", "BalanceColumn", "Concentration", "Overlap", "balance_of", "concentrations", "overlap_of", "sharing",
]  # fmt: skip

#: Covariates in a love plot and in the balance table; more cannot be read.
MOST_COVARIATES = 30
#: Chances nearer to 0 or 1 than this are drawn at the edge of the picture.
EDGE = 0.001
_BINS = 40


@dataclass(frozen=True, slots=True)
class BalanceColumn:
    """Balance of all covariates under one set of weights.

    Attributes
    ----------
    label : str
        The methods that share the weights, or ``"unweighted"``.
    estimand : str
        Decides the yardstick of the standardised differences.
    smd, ratio : (p,) float arrays
        Standardised mean differences; ratios of variances, NaN for 0/1 columns.
    """

    label: str
    estimand: str
    smd: np.ndarray
    ratio: np.ndarray


@dataclass(frozen=True, slots=True)
class Balance:
    """Balance before and after.

    Attributes
    ----------
    names : p names
    before : tuple of BalanceColumn
        One per estimand.
    after : tuple of BalanceColumn
        One per distinct set of weights.
    shown : (k,) int array
        The covariates to show, worst first.
    """

    names: tuple[str, ...]
    before: tuple[BalanceColumn, ...]
    after: tuple[BalanceColumn, ...]
    shown: np.ndarray

    def with_ratio(self) -> list[int]:
        """The shown covariates that have a ratio of variances."""
        columns = self.before + self.after
        return [int(j) for j in self.shown if any(np.isfinite(c.ratio[j]) for c in columns)]

    def before_of(self, column: BalanceColumn) -> BalanceColumn:
        """The unweighted column with the same yardstick."""
        return next(b for b in self.before if b.estimand == column.estimand)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Distribution of the chance of treatment in each arm.

    Attributes
    ----------
    label : str
    edges : (k+1,) float array
        Of the bins, on the scale of the picture.
    treated, control : (k,) float arrays
        Share of the arm in each bin.
    log_odds : bool
        Whether the scale is log odds, chosen if most chances are near 0 or 1.
    low, high : float
        Smallest and largest chance.
    """

    label: str
    edges: np.ndarray
    treated: np.ndarray
    control: np.ndarray
    log_odds: bool
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much of an arm's weight its heaviest units carry.

    Attributes
    ----------
    label, arm : str
    n, used : int
        Units of the arm, and those with a weight above 0.
    ess : float
        Effective sample size.
    top : float
        Share of the heaviest unit.
    rank, share : (k,) float arrays
        The ``rank`` heaviest units carry ``share`` of the weight.
    """

    label: str
    arm: str
    n: int
    used: int
    ess: float
    top: float
    rank: np.ndarray
    share: np.ndarray


def sharing(items: Sequence[tuple[str, str, Any]]) -> list[tuple[str, str, np.ndarray]]:
    """Join methods that use the same array, such as one propensity for two estimators.

    Parameters
    ----------
    items : sequence of (label, estimand, array or None)

    Returns
    -------
    list of (labels joined by commas, estimand, array)
    """
    groups: list[tuple[list[str], str, np.ndarray]] = []
    for label, estimand, array in items:
        if array is None:
            continue
        for labels, other, first in groups:
            if other == estimand and array.shape == first.shape and np.allclose(array, first, rtol=1e-6, atol=1e-12):
                labels.append(label)
                break
        else:
            groups.append(([label], estimand, array))
    return [(", ".join(labels), estimand, array) for labels, estimand, array in groups]


def balance_of(study: Any, weights: Sequence[tuple[str, str, np.ndarray]], estimands: Sequence[str]) -> Balance | None:
    """Balance of a study under each set of weights; None without covariates or without two arms.

    Parameters
    ----------
    study : Study
    weights : sequence of (label, estimand, (n,) array)
    estimands : sequence of str
        Of all results, those without weights too.
    """
    if not study.covariates or study.treatment_kind != "binary":
        return None
    before, after = {}, []
    for label, estimand, w in weights:
        table = balance_table(
            study.X, study.T, w, estimand=estimand, sample_weight=study.sample_weight, names=study.covariates
        )
        before[estimand] = BalanceColumn("unweighted", estimand, table.smd_before, table.ratio_before)
        after.append(BalanceColumn(label, estimand, table.smd_after, table.ratio_after))
    if not before:
        estimand = estimands[0] if estimands else "ATE"
        table = balance_table(
            study.X, study.T, estimand=estimand, sample_weight=study.sample_weight, names=study.covariates
        )
        before[estimand] = BalanceColumn("unweighted", estimand, table.smd_before, table.ratio_before)
    shown = _worst_first([b.smd for b in before.values()], [a.smd for a in after])[:MOST_COVARIATES]
    return Balance(study.covariates, tuple(before.values()), tuple(after), shown)


def _worst_first(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> np.ndarray:
    """Those still different after weighting first, then those that differed before."""
    start = np.abs(before).max(axis=0)
    left = np.abs(after).max(axis=0) if after else start
    return np.lexsort((-start, np.where(left > SMD_LIMIT, -left, 0.0)))


def overlap_of(label: str, e, T) -> Overlap:
    """Histograms of the chance of treatment by arm.

    Parameters
    ----------
    label : str
    e : (n,) float array
        Chances of treatment.
    T : (n,) float array of 0 and 1
    """
    e = np.asarray(e, dtype=np.float64)
    used = np.isfinite(e)
    e, treated = e[used], np.asarray(T)[used] == 1
    low, high = float(e.min()), float(e.max())
    log_odds = bool(np.mean((e < 0.05) | (e > 0.95)) > 0.5)
    values = np.clip(e, EDGE, 1 - EDGE) if log_odds else e
    if log_odds:
        values = np.log(values / (1 - values))
        end = np.log((1 - EDGE) / EDGE)
        edges = np.linspace(-end, end, _BINS + 1)
    else:
        edges = np.linspace(0.0, 1.0, _BINS + 1)
    shares = [np.histogram(values[arm], edges)[0] / max(np.count_nonzero(arm), 1) for arm in (treated, ~treated)]
    return Overlap(label, edges, shares[0], shares[1], log_odds, low, high)


def concentrations(label: str, w, T, sample_weight=None) -> list[Concentration]:
    """How weights are spread, for each arm that was reweighted.

    Parameters
    ----------
    label : str
    w : (n,) float array
        Balance weights.
    T : (n,) float array of 0 and 1
    sample_weight : (n,) float array, optional
        An arm with weights proportional to these was not reweighted and is left out.
    """
    found = []
    for arm, name in ((1.0, "treated"), (0.0, "control")):
        rows = np.flatnonzero(arm == T)
        inside = np.asarray(w, dtype=np.float64)[rows]
        base = np.ones(len(rows)) if sample_weight is None else sample_weight[rows]
        total = inside.sum()
        if not total > 0 or np.allclose(inside / total, base / base.sum(), rtol=1e-6, atol=1e-12):
            continue
        ordered = np.sort(inside)[::-1] / total
        rank = np.unique(np.round(np.geomspace(1, len(rows), 120)).astype(int))
        found.append(
            Concentration(
                label,
                name,
                len(rows),
                int(np.count_nonzero(inside > 0)),
                effective_sample_size(inside),
                float(ordered[0]),
                rank.astype(np.float64),
                np.cumsum(ordered)[rank - 1],
            )
        )
    return found
