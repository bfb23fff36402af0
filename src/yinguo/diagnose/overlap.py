"""Could every unit have been in either arm? Overlap of fitted chances, and what clipping touched."""

from dataclasses import dataclass

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.errors import DataError, OverlapError

__all__ = ["Clipping", "clip_propensity", "overlap_check"]

#: Chances outside this range mean that almost every such unit is in one arm only.
EXTREME = 0.02
#: Chances this close to 0 or 1 are what a maximum-likelihood fit leaves of certainty when its steps end.
CERTAIN = 1e-10


@dataclass(frozen=True, slots=True)
class Clipping:
    """What clipping did.

    Attributes
    ----------
    e : (n,) float array
        Chances after clipping.
    touched : (n,) bool array
        Where they were moved.
    """

    e: np.ndarray
    touched: np.ndarray

    def note(self, clip: float) -> tuple[str, ...]:
        """The sentence for a result's notes; empty if nothing was touched."""
        count = int(self.touched.sum())
        if count == 0:
            return ()
        return (
            f"{count} of {len(self.e)} propensities were outside [{clip:g}, {1 - clip:g}] and were moved to the "
            "edge; this trades variance for bias.",
        )


def clip_propensity(e, clip: float, estimand: str = "ATE", s=None) -> Clipping:
    """Move chances into [clip, 1-clip]; for the ATT only from above, for the ATC only from below.

    Parameters
    ----------
    e : (n,) float array
    clip : float in [0, 0.5)
    estimand : {"ATE", "ATT", "ATC"}
        Decides which side divides by a chance that can vanish.
    s : (n,) float array, optional
        Sample weights. The chance of a row of weight 0 counts for nothing and becomes 1/2.

    Raises
    ------
    DataError
        ``clip`` outside [0, 0.5).
    OverlapError
        A chance is not a number, or one that is divided by is 0 and ``clip`` does not move it.
    """
    if not 0 <= clip < 0.5:
        raise DataError(f"clip is {clip}; it must be at least 0 and below 0.5, such as 0.01.")
    if s is not None:
        e = np.where(s > 0, e, 0.5)
    low = clip if estimand != "ATT" else 0.0
    high = 1 - clip if estimand != "ATC" else 1.0
    clipped = np.clip(e, low, high)
    lost = int(np.isnan(clipped).sum())
    if lost:
        raise OverlapError(f"{lost} of {e.size} propensities are not a number; check the propensity model.")
    bad = np.zeros(e.size, dtype=bool)
    if estimand != "ATT":
        bad |= clipped <= CERTAIN
    if estimand != "ATC":
        bad |= clipped >= 1 - CERTAIN
    if bad.any():
        raise OverlapError(
            f"{int(bad.sum())} of {e.size} propensities are 0 or 1: their covariates decide the treatment. "
            "Leave out the covariate that does, or set clip > 0."
        )
    return Clipping(clipped, clipped != e)


def overlap_check(result) -> Diagnostic:
    """Verdict on how many units have almost no counterpart in the other arm."""
    e, T, estimand = result.propensity, result.study.T, result.estimand
    if estimand == "ATT":
        lonely, among, who = (e > 1 - EXTREME) & (T == 1), T == 1, "treated units have almost no comparable control"
    elif estimand == "ATC":
        lonely, among, who = (e < EXTREME) & (T == 0), T == 0, "controls have almost no comparable treated unit"
    else:
        lonely, among, who = (
            (e < EXTREME) | (e > 1 - EXTREME),
            np.ones(len(e), bool),
            "units were almost sure of one arm",
        )
    share = float(lonely.sum() / among.sum())
    verdict = "ok" if share <= 0.01 else "look" if share <= 0.1 else "stop"
    low, high = float(e[among].min()), float(e[among].max())
    return Diagnostic(
        "overlap", share, "at most 1 %", verdict,
        f"{share:.1%} of the {who}; the chance of treatment runs from {low:.3g} to {high:.3g}.",
    )  # fmt: skip
