r"""Which candidates tell the same story: groups of instruments whose ratios agree.

A valid instrument's ratio :math:`\beta_j = \Gamma_j / \gamma_j` estimates the effect; an invalid one's estimates
something else. If more candidates are valid than agree on any one wrong answer (the plurality rule), the largest group
that agrees is the valid one. The ways to find it differ in what counts as agreement.

Source: weighted median, Bowden, Davey Smith, Haycock & Burgess (2016), Genetic Epidemiology 40(4); votes, Guo, Kang,
Cai & Small (2018), JRSS-B 80(4); overlapping intervals and downward testing, Windmeijer, Liang, Hartwig & Bowden
(2021), JRSS-B 83(4).
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from yinguo.errors import DataError
from yinguo.kernels.reduced_form import ReducedForm, minimum_distance

__all__ = ["Group", "downward_groups", "judged", "largest_cliques", "overlapping_groups", "votes", "weighted_median"]

#: Steps of the search for the largest cliques; more candidates than it serves call for the other rule.
MOST_STEPS = 50_000


class Group(NamedTuple):
    """Candidates that agree.

    Attributes
    ----------
    members : tuple of int
    effect : float
        What they agree on, by minimum distance.
    J : float
        How badly they disagree; chi-squared with len(members) - 1 degrees of freedom if all are valid.
    p_value : float
    """

    members: tuple[int, ...]
    effect: float
    J: float
    p_value: float


def judged(form: ReducedForm, members) -> Group:
    """A group with what it agrees on.

    Parameters
    ----------
    form : ReducedForm
    members : sequence of int
    """
    members = tuple(sorted(int(j) for j in members))
    effect, J = minimum_distance(form.only(members))
    return Group(members, effect, J, float(stats.chi2.sf(J, len(members) - 1)) if len(members) > 1 else 1.0)


def weighted_median(values, weights) -> float:
    """Median of values that count by their weights, interpolated between the two around one half.

    Parameters
    ----------
    values : (q,) float array
    weights : (q,) non-negative float array

    Source
    ------
    Bowden et al. (2016), Genetic Epidemiology 40(4): a value stands at the middle of its own weight.
    """
    order = np.argsort(values)
    values, weights = np.asarray(values)[order], np.asarray(weights)[order]
    return float(np.interp(0.5, (weights.cumsum() - weights / 2) / weights.sum(), values))


def votes(form: ReducedForm, threshold: float) -> np.ndarray:
    r"""(q, q) bool, True where two candidates hold each other for valid.

    Candidate j, taken as valid, says that k does :math:`\Gamma_k - \beta_j \gamma_k` to the outcome by another way; it
    votes for k if that is within ``threshold`` standard errors of 0. Votes count if they are mutual.

    Parameters
    ----------
    form : ReducedForm
        Of candidates that all move the treatment.
    threshold : float

    Source
    ------
    Guo, Kang, Cai & Small (2018), JRSS-B 80(4); with robust standard errors.
    """
    q, share = form.q, np.eye(form.q, dtype=bool)
    for j, ratio in enumerate(form.ratios):
        V = form.variance(ratio)
        relative = form.treatment / form.treatment[j]
        variance = np.diag(V) + relative**2 * V[j, j] - 2 * relative * V[:, j]
        share[j] |= np.abs(form.deviation(ratio)) <= threshold * np.sqrt(np.maximum(variance, 0.0))
    return share & share.T | np.eye(q, dtype=bool)


def largest_cliques(agree) -> list[tuple[int, ...]]:
    """All largest groups in which every two agree.

    Parameters
    ----------
    agree : (q, q) symmetric bool array

    Raises
    ------
    DataError
        So many candidates agree in so many ways that the search takes too long.

    Source
    ------
    Bron & Kerbosch (1973), Communications of the ACM 16(9), with pivots.
    """
    # Sets of candidates are the bits of an integer.
    near = [sum(1 << int(k) for k in np.flatnonzero(row) if k != j) for j, row in enumerate(np.asarray(agree))]
    best, size = [0], 0
    waiting = [(0, (1 << len(near)) - 1, 0)]  # taken; still to be tried; tried already
    for _ in range(MOST_STEPS):
        if not waiting:
            return [tuple(_bits(clique)) for clique in best]
        taken, free, seen = waiting.pop()
        if taken.bit_count() + free.bit_count() < size:
            continue
        if not free:
            if not seen:
                best = [taken] if taken.bit_count() > size else [*best, taken]
                size = taken.bit_count()
            continue
        # Whoever agrees with most of the free: a largest group holds it or one that does not agree with it.
        pivot = max(_bits(free | seen), key=lambda j: (near[j] & free).bit_count())
        for j in _bits(free & ~near[pivot]):
            waiting.append((taken | 1 << j, free & near[j], seen & near[j]))
            free, seen = free & ~(1 << j), seen | 1 << j
    raise DataError(
        f"{len(near)} candidates agree in too many ways to find the largest groups; use voting='plurality'."
    )


def _bits(number: int) -> list[int]:
    return [j for j in range(number.bit_length()) if number >> j & 1]


def overlapping_groups(low, high) -> list[tuple[int, ...]]:
    """All largest groups of intervals that have a point in common.

    Parameters
    ----------
    low, high : (q,) float arrays

    Source
    ------
    Windmeijer, Liang, Hartwig & Bowden (2021), JRSS-B 83(4), section 3.
    """
    # A group has a point in common if and only if the largest of its lower ends is one.
    members = [tuple(np.flatnonzero((low <= point) & (point <= high)).tolist()) for point in low]
    size = max(map(len, members))
    return sorted({group for group in members if len(group) == size})


def downward_groups(form: ReducedForm, level: float) -> list[Group]:
    r"""Groups of overlapping intervals, from wide to narrow intervals, until one is not refused.

    With :math:`\beta_j \pm \psi\, \mathrm{se}_j` all intervals overlap for large :math:`\psi`. It is lowered until the
    best of the largest groups has a J test with a p-value of at least ``level``.

    Parameters
    ----------
    form : ReducedForm
    level : float

    Returns
    -------
    groups : list of Group
        The largest groups at the end, the one that agrees best first; those of one member if all were refused.

    Source
    ------
    Windmeijer, Liang, Hartwig & Bowden (2021), JRSS-B 83(4), algorithm 1.
    """
    ratios, errors = form.ratios, form.ratio_errors
    breaks = np.abs(ratios[:, None] - ratios) / (errors[:, None] + errors)
    known: dict[tuple[int, ...], Group] = {}
    psi = np.nanmax(breaks, initial=0.0) * (1 + 1e-9)
    while True:
        groups = overlapping_groups(ratios - psi * errors, ratios + psi * errors)
        for group in groups:
            known.setdefault(group, judged(form, group))
        found = sorted((known[group] for group in groups), key=lambda group: -group.p_value)
        if found[0].p_value >= level or len(found[0].members) == 1:
            return found
        # Just below the widest break within a group, that group is no more; the next state begins at the smallest.
        psi = min(breaks[np.ix_(group, group)].max() for group in groups) * (1 - 1e-9)
