"""Powers and products of covariates, and which columns of a matrix are linearly independent."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from yinguo.errors import DataError

__all__ = ["expand_terms", "independent_columns"]


def expand_terms(
    X, names: Sequence[str], moments: int = 1, interactions: bool = False
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Covariates with their powers up to ``moments`` and, by option, all pairwise products.

    Parameters
    ----------
    X : (n, p) float array
    names : p names
    moments : int, 1 to 3
    interactions : bool

    Returns
    -------
    C : (n, r) float array
        ``X`` itself (no copy) when nothing is added.
    names : tuple of r names, ``"age^2"`` and ``"age*educ"``

    Raises
    ------
    DataError
        ``moments`` outside 1 to 3.
    """
    if moments not in (1, 2, 3):
        raise DataError(f"moments is {moments}; it must be 1, 2 or 3.")
    blocks, out = [X], list(names)
    for power in range(2, moments + 1):
        blocks.append(X**power)
        out += [f"{name}^{power}" for name in names]
    if interactions:
        pairs = list(combinations(range(X.shape[1]), 2))
        blocks.append(np.column_stack([X[:, j] * X[:, k] for j, k in pairs]) if pairs else X[:, :0])
        out += [f"{names[j]}*{names[k]}" for j, k in pairs]
    return (X if len(blocks) == 1 else np.hstack(blocks)), tuple(out)


def independent_columns(X, *, rows=None, tol: float = 1e-6) -> np.ndarray:
    """Indices of a maximal set of columns independent of each other and of a constant, first come first kept.

    Pivot-free Cholesky of the correlation matrix: a column whose residual standard deviation given the
    kept ones is below ``tol`` of its own is redundant.

    Parameters
    ----------
    X : (n, r) float array
    rows : (m,) int array, optional
        Rows to look at; all by default. Of many rows a part is looked at first: columns independent there
        are independent everywhere.
    tol : float

    Returns
    -------
    (k,) int array, ascending
    """
    m = len(X) if rows is None else len(rows)
    stride = max(1, m // 20_000)
    kept = _first_independent(X[::stride] if rows is None else X[rows[::stride]], tol)
    if len(kept) == X.shape[1] or stride == 1:
        return kept
    return _first_independent(X if rows is None else X[rows], tol)


def _first_independent(X, tol: float) -> np.ndarray:
    n, r = X.shape
    if n < 2:
        return np.arange(0)
    centre = X.mean(axis=0)
    gram = np.zeros((r, r))
    for a in range(0, n, 8192):
        block = X[a : a + 8192] - centre
        gram += block.T @ block
    size = np.diag(gram).copy()
    kept: list[int] = []
    factor = np.zeros((r, r))  # row j: coordinates of kept column j in the orthonormal basis so far
    for j in range(r):
        if size[j] <= 1e-20 * max(1.0, n * centre[j] ** 2):
            continue
        coordinates = np.zeros(len(kept))
        for i, k in enumerate(kept):
            coordinates[i] = (gram[j, k] - factor[k, :i] @ coordinates[:i]) / factor[k, i]
        left = size[j] - coordinates @ coordinates
        if left <= tol**2 * size[j]:
            continue
        factor[j, : len(kept)] = coordinates
        factor[j, len(kept)] = np.sqrt(left)
        kept.append(j)
    return np.asarray(kept, dtype=np.int64)
