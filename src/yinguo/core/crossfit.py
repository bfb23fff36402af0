"""The single owner of sample splitting: folds, and predictions made on folds the model has not seen."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np

from yinguo.core.random import as_rng
from yinguo.errors import DataError

__all__ = [
    "Target", "arm_targets", "crossfit", "crossfit_all", "crossfit_outcomes", "crossfit_propensity", "fit_learner",
    "make_folds", "predict_mean",
]  # fmt: skip


def make_folds(folds: Any, T, random_state: Any, groups=None) -> np.ndarray:
    """Fold number of every row: balanced over the arms, clusters kept whole.

    Parameters
    ----------
    folds : int or (n,) int array
        How many, or the assignment itself (then it is only checked).
    T : (n,) float array
        Treatment to stratify by.
    random_state : int, Generator, SeedSequence or None
    groups : (n,) int array, optional
        Clusters; a cluster never straddles folds, otherwise its members would see each other.

    Returns
    -------
    (n,) int array in 0..K-1

    Raises
    ------
    DataError
        Fewer than 2 folds, more than the smaller arm has rows, or a wrong assignment.
    """
    if not isinstance(folds, int | np.integer):
        assigned = np.asarray(folds)
        if assigned.shape != np.shape(T) or assigned.dtype.kind not in "iu" or assigned.min() < 0:
            raise DataError(
                f"folds has shape {assigned.shape} and type {assigned.dtype}; pass an int or one fold number "
                f"(0, 1, ...) for each of the {len(T)} rows of the study."
            )
        if len(np.unique(assigned)) != assigned.max() + 1 or assigned.max() < 1:
            raise DataError("folds must use every number from 0 to K-1 with K >= 2.")
        return _both_arms_to_learn_from(assigned.astype(np.int64), T)
    arms, arm_codes = np.unique(T, return_inverse=True)
    binary = len(arms) <= 2
    limit = min(np.bincount(arm_codes)) if binary else len(T)
    if groups is not None:
        limit = min(limit, int(groups.max()) + 1)
    if not 2 <= folds <= limit:
        raise DataError(
            f"folds is {folds}; it must be at least 2 and at most {limit}, the smallest arm or group count."
        )
    rng = as_rng(random_state)
    if groups is not None:
        return _both_arms_to_learn_from((rng.permutation(int(groups.max()) + 1) % folds)[groups], T)
    out = np.empty(len(T), dtype=np.int64)
    for a in range(len(arms) if binary else 1):
        members = np.flatnonzero(arm_codes == a) if binary else np.arange(len(T))
        out[members] = rng.permutation(len(members)) % folds
    return out


def _both_arms_to_learn_from(folds, T) -> np.ndarray:
    """The folds, unless one of them holds all of an arm, which would leave nothing to fit that arm's model to."""
    arms = np.unique(T)
    for arm in arms if len(arms) <= 2 else ():
        home = np.unique(folds[arm == T])
        if len(home) == 1:
            raise DataError(
                f"all rows with treatment {arm:g} are in fold {home[0]}, so no other fold can learn from them; use "
                "fewer folds, another random_state, or folds of your own."
            )
    return folds


def fit_learner(learner: Any, X, y, s=None) -> Any:
    """A fitted deep copy of a scikit-learn style learner; the caller's object is left alone."""
    if not hasattr(learner, "fit"):
        raise DataError(f"{learner!r} has no fit method; pass a scikit-learn style classifier or regressor.")
    fitted = copy.deepcopy(learner)
    if s is None:
        return fitted.fit(X, y)
    # A pipeline hands on what is addressed to one of its steps; the last is the one that learns.
    steps = getattr(fitted, "steps", None)
    try:
        return fitted.fit(X, y, **{f"{steps[-1][0]}__sample_weight" if steps else "sample_weight": s})
    except (TypeError, ValueError) as error:
        if "sample_weight" not in str(error):
            raise
        raise DataError(f"{type(learner).__name__} takes no sample_weight; choose a learner that does.") from error


def predict_mean(fitted: Any, X) -> np.ndarray:
    """(n,) predicted mean: the chance of class 1 from a classifier, the prediction from a regressor."""
    if hasattr(fitted, "predict_proba"):
        classes = list(fitted.classes_)
        if not set(classes) <= {0, 1}:
            raise DataError(f"the classifier has classes {classes}; only 0 and 1 have a mean. Use a regressor.")
        chances = fitted.predict_proba(X)
        return chances[:, classes.index(1)] if 1 in classes else np.zeros(len(X))
    return np.asarray(fitted.predict(X), dtype=np.float64).reshape(len(X))


@dataclass(frozen=True, slots=True)
class Target:
    """Something to learn on all folds but one and to predict on that one.

    Attributes
    ----------
    learner : object with ``fit`` and ``predict`` or ``predict_proba``
    X : (n, p) float array
    y : (n,) float array
    rows : (n,) bool array, optional
        Rows that may train, e.g. one arm.
    at : tuple of (n, p) float arrays, optional
        What to predict at instead of ``X``, row by row: the same units under other treatments.
    """

    learner: Any
    X: np.ndarray
    y: np.ndarray
    rows: np.ndarray | None = None
    at: tuple[np.ndarray, ...] = ()


def crossfit_all(targets: Sequence[Target], folds, *, s=None, n_jobs: int = 1) -> list[np.ndarray]:
    """Out-of-fold predictions for all rows, of several targets at once.

    Parameters
    ----------
    targets : sequence of Target
    folds : (n,) int array
    s : (n,) float array, optional
        Sample weights.
    n_jobs : int
        Processes (joblib) that share the fits, one for each target and fold; 1 fits them here, -1 uses every core.

    Returns
    -------
    list of (n,) float arrays
        One for each target, or for each of its ``at``, in order.
    """
    if not isinstance(n_jobs, int | np.integer) or isinstance(n_jobs, bool) or n_jobs == 0:
        raise DataError(f"n_jobs is {n_jobs!r}; pass a number of processes such as 2, or -1 for every core.")
    K = int(folds.max()) + 1
    jobs = [(target, folds, k, s) for target in targets for k in range(K)]
    if n_jobs == 1:
        done = [_fit_fold(*job) for job in jobs]
    else:
        # Large arrays reach the processes as memory maps, once; the learners are small.
        done = joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(_fit_fold)(*job) for job in jobs)
    out = []
    for i, target in enumerate(targets):
        columns = [np.empty(len(target.y)) for _ in target.at or (target.X,)]
        for k, predictions in enumerate(done[i * K : (i + 1) * K]):
            for column, predicted in zip(columns, predictions, strict=True):
                column[folds == k] = predicted
        out += columns
    return out


def _fit_fold(target: Target, folds, k: int, s) -> list[np.ndarray]:
    """Predictions on fold k, from the others."""
    test = folds == k
    train = ~test if target.rows is None else ~test & target.rows
    if not train.any():
        raise DataError(f"no training rows are left for fold {k}; use fewer folds.")
    fitted = fit_learner(target.learner, target.X[train], target.y[train], None if s is None else s[train])
    return [predict_mean(fitted, X[test]) for X in target.at or (target.X,)]


def crossfit(learner: Any, X, y, folds, *, rows=None, s=None, n_jobs: int = 1) -> np.ndarray:
    """Out-of-fold predictions for all rows, trained on ``rows`` of the other folds.

    Parameters
    ----------
    learner : object with ``fit`` and ``predict`` or ``predict_proba``
    X : (n, p) float array
    y : (n,) float array
    folds : (n,) int array
    rows : (n,) bool array, optional
        Rows that may train, e.g. one arm.
    s : (n,) float array, optional
        Sample weights.
    n_jobs : int
        As in :func:`crossfit_all`.

    Returns
    -------
    (n,) float array
    """
    return crossfit_all([Target(learner, X, y, rows)], folds, s=s, n_jobs=n_jobs)[0]


def crossfit_propensity(learner: Any, X, T, folds, *, s=None, n_jobs: int = 1) -> np.ndarray:
    """(n,) out-of-fold chance of treatment from a classifier (or a regressor of T)."""
    return crossfit(learner, X, T, folds, s=s, n_jobs=n_jobs)


def arm_targets(learner: Any, X, T, Y) -> list[Target]:
    """What to learn for the outcome means under control and under treatment, one model per arm."""
    return [Target(learner, X, Y, rows=arm == T) for arm in (0.0, 1.0)]


def crossfit_outcomes(learner: Any, X, T, Y, folds, *, s=None, n_jobs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(n,) out-of-fold outcome means under control and under treatment, one model per arm."""
    m0, m1 = crossfit_all(arm_targets(learner, X, T, Y), folds, s=s, n_jobs=n_jobs)
    return m0, m1
