"""What the three matching estimators share: who is matched to whom, and how the result is put in words."""

import numpy as np

from yinguo.diagnose.balance import balance_check, weight_check
from yinguo.diagnose.matched import match_check
from yinguo.errors import DataError
from yinguo.kernels.weighting import normalised

__all__ = ["TARGETS", "VARIANCES", "check_count", "checked", "directions", "matched_result"]

VARIANCES = ("heteroscedastic", "homoscedastic")
TARGETS = ("population", "sample")
_WHO = {"ATE": "units", "ATT": "treated units", "ATC": "controls"}


def directions(T, estimand: str):
    """(focal rows, donor rows) of every search an estimand needs.

    Parameters
    ----------
    T : (n,) float array of 0 and 1
    estimand : {"ATE", "ATT", "ATC"}
    """
    control, treated = np.flatnonzero(T == 0), np.flatnonzero(T == 1)
    both = {"ATT": (treated, control), "ATC": (control, treated)}
    return list(both.values()) if estimand == "ATE" else [both[estimand]]


def checked(option: str, value, allowed) -> None:
    """Refuse a value that is not among those allowed.

    Raises
    ------
    DataError
    """
    if value not in allowed:
        raise DataError(f"{option} is {value!r}; it must be one of {', '.join(repr(a) for a in allowed)}.")


def check_count(option: str, value, most: int, *, none: bool = False) -> None:
    """Refuse anything but a whole number from 1 to ``most`` (or None where ``none`` allows it).

    Raises
    ------
    DataError
    """
    if value is None and none:
        return
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 1 <= value <= most:
        raise DataError(f"{option} is {value!r}; it must be a whole number from 1 to the {most} units there are.")


def matched_result(estimator, study, contrast, variance: float, matches, *, notes=(), extras=None, **parts):
    """An ``EffectResult`` with the weights, checks and notes of a matching estimate.

    Parameters
    ----------
    estimator : Estimator
    study : Study
    contrast : MatchedContrast
    variance : float
        Of the estimate.
    matches : Matches
    notes, extras, **parts
        Passed on, after what is said here.
    """
    n_target = int(matches.focal.size)
    without = n_target - contrast.n_target
    who = _WHO[estimator.estimand]
    said = []
    if without:
        said.append(
            f"{without} of {n_target} {who} have no match and are left out: the estimate is for the other "
            f"{contrast.n_target}, not the {estimator.estimand} of everybody asked for."
        )
    weights = contrast.balance_weights
    count = matches.count
    figures = {
        "n_target": n_target,
        "n_unmatched": without,
        "matches_per_unit": float(count[count > 0].mean()),
        "largest_distance": float(np.nanmax(matches.distance)),
    }
    figures["donors_used"] = int(np.count_nonzero(contrast.K))
    checks = [match_check, *parts.pop("checks", ())]
    if study.X.shape[1]:
        checks.append(balance_check)
    return estimator.make_result(
        study,
        contrast.estimate,
        se=float(np.sqrt(variance)),
        n=int(np.count_nonzero(weights)),
        balance_weights=normalised(weights, study.T),
        checks=(*checks, weight_check),
        notes=(*said, *notes),
        extras=figures | (extras or {}),
        **parts,
    )
