"""The chance to be seen: what its checks have in common, whatever method divided by it."""

from collections.abc import Callable

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.balance import SMD_LIMIT, SMD_STOP, effective_sample_size
from yinguo.diagnose.worst_case import manski_bounds
from yinguo.errors import DataError, OverlapError

__all__ = ["bounds_check", "chance_check", "clip_chance", "seen_like_all_check", "truncated"]

#: A chance to be seen below this means that few stand for many.
RARE = 0.05


def clip_chance(pi, clip: float, seen) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Chances of at least ``clip``, which of those divided by were raised, and the sentence about it.

    Raises
    ------
    DataError
        ``clip`` outside [0, 1).
    OverlapError
        A chance that is divided by is 0.
    """
    if not 0 <= clip < 1:
        raise DataError(f"clip is {clip}; it must be at least 0 and below 1, such as 0.01.")
    raised = (pi < clip) & seen
    pi = np.maximum(pi, clip)
    if not (pi[seen] > 1e-10).all():
        raise OverlapError("some rows that were seen had a fitted chance of 0 to be seen; set clip > 0.")
    if not raised.any():
        return pi, raised, ()
    count = int(raised.sum())
    return pi, raised, (
        f"{count} of {int(seen.sum())} rows seen had a chance below {clip:g} to be seen; it was raised to that, which "
        "trades variance for bias.",
    )  # fmt: skip


def truncated(w, share: float) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Positive weights moved inside their quantiles at ``share`` and 1 - ``share``; which were moved; the sentence.

    Raises
    ------
    DataError
        ``share`` outside [0, 0.5).
    """
    if not 0 <= share < 0.5:
        raise DataError(f"truncate is {share}; it must be at least 0 and below 0.5, such as 0.01.")
    if share == 0:
        return w, np.zeros(len(w), dtype=bool), ()
    low, high = np.quantile(w[w > 0], [share, 1 - share])
    cut = np.where(w > 0, np.clip(w, low, high), 0.0)
    moved = cut != w
    return cut, moved, (
        f"{int(moved.sum())} weights were moved to their {share:.2g} and {1 - share:.2g} quantiles; this trades "
        "variance for bias, and the interval does not count the bias.",
    )  # fmt: skip


def chance_check(pi, name: str) -> Callable:
    """How small the chances to be seen are: those never seen are spoken for by no one.

    Parameters
    ----------
    pi : (n,) float array
        Chances at the treatment met, of all rows.
    name : str
        Of the selection indicator.
    """

    def check(result) -> Diagnostic:
        share = float((pi < RARE).mean())
        verdict = "ok" if share <= 0.01 else "look" if share <= 0.1 else "stop"
        return Diagnostic(
            "chance-to-be-seen", share, "at most 1 %", verdict,
            f"{share:.1%} of the rows had a chance below {RARE:g} to be seen ({name}); the chances run from "
            f"{pi.min():.3g} to {pi.max():.3g}.",
        )  # fmt: skip

    return check


def seen_like_all_check(w, S, s=None) -> Callable:
    """Do the rows seen, weighted by their inverse chance to be seen, look like all rows, arm by arm?

    Parameters
    ----------
    w : (n,) float array
        Inverse chances, 0 where not seen, sample weights multiplied in.
    S : (n,) float array
    s : (n,) float array, optional
    """

    def check(result) -> Diagnostic:
        study = result.study
        everybody = np.ones(study.n) if s is None else s
        worst, where, before = 0.0, "", 0.0
        for arm, label in ((1.0, "treated"), (0.0, "control")):
            inside = arm == study.T
            X, base = study.X[inside], everybody[inside]
            mean = base @ X / base.sum()
            spread = np.sqrt(base @ (X - mean) ** 2 / base.sum())
            spread = np.where(spread > 0, spread, 1.0)
            raw = base * S[inside]
            gap = np.abs(w[inside] @ X / w[inside].sum() - mean) / spread
            if X.shape[1] and gap.max() >= worst:
                worst, where = float(gap.max()), f"{study.covariates[int(gap.argmax())]!r} among the {label}"
            if X.shape[1]:
                before = max(before, float((np.abs(raw @ X / raw.sum() - mean) / spread).max()))
        verdict = "ok" if worst <= SMD_LIMIT else "look" if worst <= SMD_STOP else "stop"
        ess = effective_sample_size(w)
        sentence = (
            f"The rows seen, weighted, {'look like' if verdict == 'ok' else 'differ from'} all rows of their arm: by "
            f"up to {worst:.2g} standard deviations ({where}), unweighted by up to {before:.2g}; they are worth "
            f"{ess:.0f} rows of equal weight."
        )
        return Diagnostic("seen-like-all", worst, f"below {SMD_LIMIT}", verdict, sentence)

    return check


def bounds_check(result) -> Diagnostic:
    """What is known of the effect without any assumption on who is seen, for an estimate that rests on one."""
    if result.estimand != "ATE":
        return Diagnostic(
            "bounds", None, "the estimate inside", "ok",
            f"Worst-case bounds are for the effect on everybody (ATE), not for the {result.estimand}.",
        )  # fmt: skip
    try:
        found = manski_bounds(result.study)
    except (DataError, OverlapError) as error:
        return Diagnostic("bounds", None, "the estimate inside", "ok", f"There are no worst-case bounds: {error}")
    inside = found.lower <= result.estimate <= found.upper
    return Diagnostic(
        "bounds", result.estimate, f"between {found.lower:.4g} and {found.upper:.4g}", "ok" if inside else "look",
        found.sentence if inside else f"{found.sentence} The estimate lies outside of them.",
    )  # fmt: skip
