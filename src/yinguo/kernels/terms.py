"""Terms to balance: centred at a target, scaled, linearly independent, and never all copied at once."""

from dataclasses import dataclass

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
    centre, scale : (r,) float arrays
        Target mean and spread about it.
    names, dropped : tuples of names
    """

    X: np.ndarray
    keep: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    names: tuple[str, ...]
    dropped: tuple[str, ...]

    def of(self, rows) -> np.ndarray:
        """(m, r) standardised terms of some rows, made in cache-sized blocks."""
        every = len(self.keep) == self.X.shape[1]
        out = np.empty((len(rows), len(self.keep)))
        for a in range(0, len(rows), BLOCK):
            block = self.X[rows[a : a + BLOCK]]
            np.subtract(block if every else block[:, self.keep], self.centre, out=out[a : a + BLOCK])
            out[a : a + BLOCK] /= self.scale
        return out

    def score(self, rows, slope) -> np.ndarray:
        """(m,) standardised terms of some rows times a slope, without forming them."""
        full = np.zeros(self.X.shape[1])
        full[self.keep] = slope / self.scale
        offset = self.centre @ (slope / self.scale)
        return (self.X @ full if len(rows) == len(self.X) else self.X[rows] @ full) - offset


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
    terms = Terms(X, np.arange(X.shape[1]), centre, np.where(scale > 0, scale, 1.0), tuple(names), ())
    for rows in arms:
        terms = _independent(terms, rows)
    return terms


def _independent(terms: Terms, rows) -> Terms:
    # Columns independent on a part of the rows are independent on all; only if not is the full pass needed.
    part = rows[:: max(1, len(rows) // 20_000)]
    kept = independent_columns(terms.of(part))
    if len(kept) < len(terms.keep) and len(part) < len(rows):
        kept = independent_columns(terms.of(rows))
    gone = sorted(set(range(len(terms.keep))) - set(kept.tolist()))
    return Terms(
        terms.X, terms.keep[kept], terms.centre[kept], terms.scale[kept],
        tuple(terms.names[j] for j in kept), (*terms.dropped, *(terms.names[j] for j in gone)),
    )  # fmt: skip
