"""From rows with a time to rows with a past: the table in which the previous step is an instrument.

Rows of one series (``groups``; without that role all rows are one series) are put in order of time. Times must be one
step apart: a gap or a repeat would make the row before something else than the previous step, silently.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.core.study import Study
from yinguo.errors import DataError

__all__ = ["Past", "past_of", "stage"]

#: Steps count as equal if they differ by no more than this share.
STEP_TOL = 1e-6


@dataclass(frozen=True, slots=True)
class Past:
    """Present and previous values of all variables.

    Attributes
    ----------
    now : (m,) int array
        Rows of the study whose past is there in full.
    before : tuple of (m,) int arrays
        Rows one step earlier, two steps earlier, ...
    series : (m,) int array in 0..G-1
    n_series : int
    """

    now: np.ndarray
    before: tuple[np.ndarray, ...]
    series: np.ndarray
    n_series: int


def past_of(study: Study, lags: int) -> Past:
    """Find every row's past.

    Parameters
    ----------
    study : Study
        With a time; its groups are the series.
    lags : int
        Steps back.

    Raises
    ------
    DataError
        Repeated times, gaps, or series too short for so many lags.
    """
    time, name = study.time, study.roles["time"]
    assert time is not None  # needs says so
    groups = np.zeros(study.n, dtype=np.int64) if study.groups is None else study.groups
    order = np.lexsort((time, groups))
    g, t = groups[order], time[order]
    same = g[1:] == g[:-1]
    gaps = np.diff(t)[same]
    where = np.flatnonzero(same)
    if gaps.size and gaps.min() <= 0:
        i = int(where[np.argmin(gaps)])
        raise DataError(
            f"time {name!r} has the value {t[i]:g} twice{_in_series(study, g[i])}; name the column that tells series "
            "apart as groups, or keep one row for each step."
        )
    if gaps.size:
        step = float(np.median(gaps))
        odd = np.abs(gaps - step) > STEP_TOL * step
        if odd.any():
            i = int(where[np.flatnonzero(odd)[0]])
            raise DataError(
                f"time {name!r} goes from {t[i]:g} to {t[i + 1]:g}{_in_series(study, g[i])}, while the usual step is "
                f"{step:g}; every row needs its previous step. Fill the gap, number the steps, or split the series "
                "there (groups)."
            )
    rank = np.arange(len(t)) - np.flatnonzero(np.r_[True, ~same])[np.cumsum(np.r_[True, ~same]) - 1]
    usable = np.flatnonzero(rank >= lags)
    if len(usable) < 3:
        raise DataError(
            f"{len(usable)} rows have {lags} earlier step(s) in their series; there must be more. Give longer series, "
            "or name the column that tells them apart as groups."
        )
    before = tuple(order[usable - k] for k in range(1, lags + 1))
    codes, series = np.unique(g[usable], return_inverse=True)
    return Past(order[usable], before, series, len(codes))


def stage(study: Study, past: Past, *, lags: int, direct: bool, further: bool = False, cluster: bool = False) -> Study:
    """The table in which previous values are instruments.

    Parameters
    ----------
    study : Study
    past : Past
        With at least ``lags`` earlier steps, one more with ``further``.
    lags : int
        Earlier steps used.
    direct : bool
        Whether the other present variables are instrumented too (they come as the last covariates) by their own past,
        rather than their past controlled for.
    further : bool
        Whether all variables one step further back stand among the instruments: what there is to test.
    cluster : bool
        Whether rows of one series are kept together as groups.

    Returns
    -------
    Study
    """
    T, Y, X = study.T[:, None], study.Y[:, None], study.X
    t, y, others = study.roles["treatment"], study.roles["outcome"], study.covariates
    controls: list[np.ndarray] = []
    instruments: list[np.ndarray] = []
    control_names: list[str] = []
    instrument_names: list[str] = []
    for k in range(1, lags + 1):
        rows, mark = past.before[k - 1], f" ({k} before)"
        controls.append(Y[rows])
        control_names.append(y + mark)
        instruments.append(T[rows])
        instrument_names.append(t + mark)
        moved, named = (instruments, instrument_names) if direct else (controls, control_names)
        moved.append(X[rows])
        named += [name + mark for name in others]
    if further:
        rows, mark = past.before[lags], f" ({lags + 1} before)"
        instruments += [T[rows], Y[rows], X[rows]]
        instrument_names += [name + mark for name in (t, y, *others)]
    if study.Z is not None and not further:  # what is tested then is the past, not these
        instruments.append(study.Z[past.now])
        instrument_names += list(study.instruments)
    if direct:
        controls.append(X[past.now])
        control_names += list(others)
    return Study.from_arrays(
        np.hstack(controls), study.T[past.now], study.Y[past.now], Z=np.hstack(instruments), covariates=control_names,
        treatment=t, outcome=y, groups=past.series if cluster else None,
    ).replace(Z=np.hstack(instruments), instruments=instrument_names)  # fmt: skip


def _in_series(study: Study, code: int) -> str:
    return "" if study.groups is None else f" in series number {int(code) + 1} of {study.roles['groups']!r}"
