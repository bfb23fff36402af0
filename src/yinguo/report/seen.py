"""Who was seen and who was not: counts by arm, how the two differ, and what is known with no assumption on it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.diagnose.worst_case import lee_bounds, manski_bounds
from yinguo.errors import YinguoError

__all__ = ["Gap", "Seen", "seen_of"]

#: Covariates shown, those that differ most first.
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Gap:
    """One covariate among those seen and those not.

    Attributes
    ----------
    name : str
    seen, unseen : float
        Means.
    smd : float
        Their difference in standard deviations of all rows.
    """

    name: str
    seen: float
    unseen: float
    smd: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What the page says about selection.

    Attributes
    ----------
    name : str
        Of the indicator.
    n, count : int
        Rows, and those with an outcome.
    arms : tuple of (name, count, n)
        Empty unless the treatment has two values.
    gaps : tuple of Gap
        Treatment (if it has more than two values) and covariates, the largest differences first.
    bounds : tuple of str
        Sentences.
    """

    name: str
    n: int
    count: int
    arms: tuple[tuple[str, int, int], ...]
    gaps: tuple[Gap, ...]
    bounds: tuple[str, ...]


def seen_of(study: Any) -> Seen | None:
    """What there is to say; None for a study without a selection indicator.

    Parameters
    ----------
    study : Study
    """
    if study.S is None:
        return None
    inside, s = study.S == 1, np.ones(study.n) if study.sample_weight is None else study.sample_weight
    binary = study.treatment_kind == "binary"
    arms = tuple(
        (name, int((inside & (arm == study.T)).sum()), int((arm == study.T).sum()))
        for name, arm in (("treated", 1.0), ("control", 0.0))
    )
    columns = dict(zip(study.covariates, study.X.T, strict=True))
    if not binary:
        columns = {study.roles["treatment"]: study.T} | columns
    gaps = [_gap(name, column, inside, s) for name, column in columns.items()] if 0 < inside.sum() < study.n else []
    gaps.sort(key=lambda gap: -abs(gap.smd))
    bounds = []
    for make in (manski_bounds, lee_bounds) if binary else ():
        try:
            bounds.append(make(study).sentence)
        except YinguoError:  # what is missing for them is said by the checks
            continue
    return Seen(
        study.roles["selection"], study.n, int(inside.sum()), arms if binary else (), tuple(gaps[:SHOWN]), tuple(bounds)
    )


def _gap(name: str, column: Any, inside: Any, s: Any) -> Gap:
    mean = float(np.average(column, weights=s))
    spread = float(np.sqrt(np.average((column - mean) ** 2, weights=s)))
    seen, unseen = (float(np.average(column[rows], weights=s[rows])) for rows in (inside, ~inside))
    return Gap(name, seen, unseen, (seen - unseen) / spread if spread > 0 else 0.0)
