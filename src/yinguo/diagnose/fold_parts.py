"""What the functions that judge effects share: arrays that fit together, and the rows of each fold."""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from yinguo.errors import DataError

__all__ = ["fold_parts", "one_sided_p", "p_words", "weights_of"]


def fold_parts(psi, tau, folds=None, s=None) -> Iterator[tuple[np.ndarray, float]]:
    """Rows of each fold and the share of the population that they stand for.

    Parameters
    ----------
    psi, tau : (n,) float arrays
    folds : (n,) int array, optional
        None is one fold.
    s : (n,) float array, optional

    Raises
    ------
    DataError
        Arrays of different lengths, values that are no numbers, a fold with fewer than 2 rows.
    """
    n = len(psi)
    for name, array in (("tau", tau), ("folds", folds), ("s", s)):
        if array is not None and np.shape(array) != (n,):
            raise DataError(f"{name} has shape {np.shape(array)}; psi has {n} values, so it must have shape ({n},).")
    for name, array in (("psi", psi), ("tau", tau)):
        bad = int((~np.isfinite(array)).sum())
        if bad:
            raise DataError(f"{name} has {bad} values that are no numbers; give those rows no part, or find out why.")
    folds = np.zeros(n, dtype=np.int64) if folds is None else folds
    s = weights_of(s, n)
    for k in np.unique(folds):
        rows = np.flatnonzero(folds == k)
        if len(rows) < 2 or not s[rows].sum() > 0:
            raise DataError(f"fold {k} has {len(rows)} row(s); effects are judged on at least 2. Use fewer folds.")
        yield rows, float(s[rows].sum() / s.sum())


def weights_of(s, n: int) -> np.ndarray:
    """(n,) sample weights with mean 1, all 1 if there are none."""
    return np.ones(n) if s is None else np.asarray(s, dtype=np.float64) / np.mean(s)


def one_sided_p(estimate: float, se: float) -> float:
    """Chance of an estimate this far above 0 if the truth is 0; no evidence (1) where nothing varies."""
    return NormalDist().cdf(-estimate / se) if se > 0 else 1.0


def p_words(p: float) -> str:
    """A p-value as it stands in a sentence.

    >>> p_words(0.0312), p_words(1e-9)
    ('p = 0.031', 'p < 0.0001')
    """
    return f"p = {p:.2g}" if not p < 1e-4 else "p < 0.0001"
