"""Terms to balance: centred at a target, scaled, linearly independent, and never all copied at once."""

from dataclasses import dataclass, replace

import numpy as np

from yinguo.kernels.expand import independent_columns
from yinguo.kernels.moments import BLOCK

__all__ = ["Terms", "standardised_terms"]


@dataclass(frozen=True, slots=True)
class Terms:
    """Balanced terms, standardised when asked for, so that only the rows in use are ever copied.

    Attributes
    ----------
    X : (n, k) float array
        Raw terms.
    keep : (r,) int array
        Linearly independent ones.
    centre, scale : (k,) float arrays
        Target mean and spread about it.
    every : k names
    """

    X: np.ndarray
    keep: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    every: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms kept."""
        return tuple(self.every[j] for j in self.keep)

    @property
    def gone(self) -> np.ndarray:
        """(k - r,) indices of the terms left out."""
        return np.setdiff1d(np.arange(self.X.shape[1]), self.keep)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Names of the terms left out."""
        return tuple(self.every[j] for j in self.gone)

    def of(self, rows) -> np.ndarray:
        """(m, r) standardised terms of some rows, made in cache-sized blocks."""
        all_kept = len(self.keep) == self.X.shape[1]
        centre, scale = self.centre[self.keep], self.scale[self.keep]
        out = np.empty((len(rows), len(self.keep)))
        for a in range(0, len(rows), BLOCK):
            block = self.X[rows[a : a + BLOCK]]
            np.subtract(block if all_kept else block[:, self.keep], centre, out=out[a : a + BLOCK])
            out[a : a + BLOCK] /= scale
        return out

    def score(self, rows, slope) -> np.ndarray:
        """(m,) standardised terms of some rows times a slope, without forming them."""
        full = np.zeros(self.X.shape[1])
        full[self.keep] = slope / self.scale[self.keep]
        return (self.X @ full if len(rows) == len(self.X) else self.X[rows] @ full) - self.centre @ full

    def gap_of_dropped(self, rows, w) -> np.ndarray:
        """(k - r,) standardised distance of the dropped terms' weighted means from the target.

        Zero up to rounding where the target obeys the same linear relation as the rows; what else is
        left no weights of these rows can close.
        """
        gone = self.gone
        return (w @ (self.X[np.ix_(rows, gone)] - self.centre[gone])) / self.scale[gone]


def standardised_terms(X, names, *, share, arms) -> Terms:
    """Centre terms at the target and leave out those collinear in an arm that gets weights.

    Parameters
    ----------
    X : (n, k) float array
    names : k names
    share : (n,) float array, sum 1
        Who defines the target.
    arms : sequence of int arrays
        Rows of each arm that gets weights.
    """
    centre = share @ X
    square = np.zeros(X.shape[1])
    for a in range(0, len(X), BLOCK):
        square += np.square(X[a : a + BLOCK] - centre).sum(axis=0)
    scale = np.sqrt(square / len(X))
    # A term constant up to rounding (the square of a centred 50:50 dummy) must not be blown up to noise.
    scale = np.where(scale > 1e-12 * np.abs(centre), scale, 1.0)
    terms = Terms(X, np.arange(X.shape[1]), centre, scale, tuple(names))
    for rows in arms:
        terms = _independent(terms, rows)
    return terms


def _independent(terms: Terms, rows) -> Terms:
    # Columns independent on a part of the rows are independent on all; only if not is the full pass needed.
    part = rows[:: max(1, len(rows) // 20_000)]
    kept = independent_columns(terms.of(part))
    if len(kept) < len(terms.keep) and len(part) < len(rows):
        kept = independent_columns(terms.of(rows))
    return replace(terms, keep=terms.keep[kept])
