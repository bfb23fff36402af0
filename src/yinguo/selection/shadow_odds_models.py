r"""Three ways to get the odds of not being seen from a shadow variable: cells, logistic, logistic plus a smooth part.

.. math:: w(x, t, y) = P(S=0 \mid x, t, y) / P(S=1 \mid x, t, y), \qquad 1/Q = 1 + w

All end in one record (:class:`~yinguo.kernels.shadow_moments.OddsFit`), so that averages and standard errors need not
know which it was.
"""

from typing import NamedTuple

import numpy as np

from yinguo.core.study import Study
from yinguo.errors import NotIdentifiedError, OverlapError
from yinguo.kernels.expand import independent_columns
from yinguo.kernels.gaussian import median_bandwidth
from yinguo.kernels.kernel_features import pivoted_features
from yinguo.kernels.shadow_moments import OddsFit, chance_of_being_seen, fit_odds
from yinguo.kernels.shadow_odds import discrete_odds

__all__ = ["FORMS", "Seen", "cell_odds", "kernel_odds", "logistic_odds", "seen_parts", "shadow_functions"]

FORMS = ("parametric", "discrete", "kernel")
#: Most combinations of covariates and treatment that the discrete form takes.
MOST_CELLS = 500
#: Ridge strengths tried for the smooth part, per unit of the kernel norm.
PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
#: Rows among which kernel centres are chosen.
CENTRE_ROWS = 1000


class Seen(NamedTuple):
    """A study with selection and shadow variables as arrays.

    Attributes
    ----------
    Y : (n,) float array
        Outcome, 0 where it was not seen.
    T, S : (n,) float arrays
    X : (n, p) float array
    V : (n, q) float array
        Shadow variables.
    C : (n, p + q) float array
        X and V side by side: all that comes before the treatment.
    a : (n,) float array
        Chance of being seen given X, T and V, for scaling moments and weights.
    s : (n,) float array or None
    groups : (n,) int array or None
    """

    Y: np.ndarray
    T: np.ndarray
    S: np.ndarray
    X: np.ndarray
    V: np.ndarray
    C: np.ndarray
    a: np.ndarray
    s: np.ndarray | None
    groups: np.ndarray | None

    @property
    def rows(self) -> np.ndarray:
        """(n,) bool array: where the outcome was seen."""
        return self.S == 1


def seen_parts(study: Study, *, X=None, V=None, stabilise: bool = True) -> Seen:
    """The arrays of a study with selection, other columns standing in for covariates and shadow variables if given."""
    X = study.X if X is None else X
    V = np.asarray(study.V if V is None else V)
    S, T = np.asarray(study.S), study.T
    C = np.column_stack([X, V])
    a = chance_of_being_seen(S, np.column_stack([C, T]), study.sample_weight) if stabilise else np.ones(study.n)
    Y = np.where(S == 1, study.Y, 0.0)
    return Seen(Y, T, S, X, V, C, a, study.sample_weight, study.groups)


def logistic_odds(seen: Seen, *, interactions: bool = False, rich: bool = True) -> OddsFit:
    """Log odds linear in covariates, treatment and outcome; the coefficient of the outcome stands last.

    Parameters
    ----------
    seen : Seen
    interactions : bool
        Let the coefficient of the outcome differ between the arms (one coefficient more, before the last).
    rich : bool
        Moments with squares of the shadow variables and their products with treatment and covariates as well, which
        over-identify and so can be tested.
    """
    D = _selection_functions(seen, interactions)
    H = shadow_functions(seen, rich=rich)
    if H.shape[1] < D.shape[1]:
        raise NotIdentifiedError(
            "the shadow variable adds no moment beyond covariates and treatment: it repeats them. Use another one."
        )
    return fit_odds(D, H * seen.a[:, None], seen.S, s=seen.s, groups=seen.groups)


def _selection_functions(seen: Seen, interactions: bool) -> np.ndarray:
    """[1, X, T, (T Y,) Y], standardised on the rows seen; columns that repeat others left out."""
    rows = np.flatnonzero(seen.rows)
    kept = independent_columns(np.column_stack([seen.X, seen.T]), rows=rows)
    base = np.column_stack([seen.X, seen.T])[:, kept]
    y = _standardised(seen.Y[:, None], rows)[:, 0]
    if not y[rows].any():
        raise NotIdentifiedError("the outcome is the same in all rows where it was seen; nothing can vary with it.")
    more = [((seen.T - 0.5) * y)[:, None]] if interactions else []
    return np.column_stack([np.ones(len(y)), _standardised(base, rows), *more, y])


def shadow_functions(seen: Seen, *, rich: bool, only_shadow: bool = False) -> np.ndarray:
    """Functions of covariates, treatment and shadow variables for moments and for the test of relevance.

    Parameters
    ----------
    seen : Seen
    rich : bool
        With squares and products.
    only_shadow : bool
        Leave out those without a shadow variable.

    Returns
    -------
    (n, m) float array, columns standardised and linearly independent, a constant first (unless ``only_shadow``)
    """
    every = np.arange(len(seen.T))
    X, V, T = _standardised(seen.X, every), _standardised(seen.V, every), seen.T[:, None]
    blocks = [V]
    if rich:
        products = [V[:, [j]] * V[:, j:] for j in range(V.shape[1])]
        blocks += [*products, V * T, *(V[:, [j]] * X for j in range(V.shape[1]))]
    columns = np.column_stack([X, T, *blocks])
    kept = independent_columns(columns)
    if only_shadow:
        return _standardised(columns[:, kept[kept > X.shape[1]]], every)
    return np.column_stack([np.ones(len(T)), _standardised(columns[:, kept], every)])


def kernel_odds(seen: Seen, folds: np.ndarray, *, centres: int = 40) -> tuple[OddsFit, float]:
    """The logistic form plus a smooth function of covariates, treatment and outcome, by kernel moments.

    The smooth part is penalised towards 0, so that without evidence the answer is the logistic one; how much, is
    decided by the kernel norm of the moments on folds left out.

    Parameters
    ----------
    seen : Seen
    folds : (n,) int array
    centres : int
        Size of the smooth part; the moments have twice as many features.

    Returns
    -------
    fit : OddsFit
    penalty : float
    """
    line = logistic_odds(seen, rich=False)
    rows, every = np.flatnonzero(seen.rows), np.arange(len(seen.T))
    D, H = _selection_functions(seen, False), shadow_functions(seen, rich=False)
    phi = _features(_standardised(np.column_stack([seen.X, seen.T, seen.Y]), rows), rows, centres)
    psi = _features(_standardised(np.column_stack([seen.C, seen.T]), every), every, 2 * centres)
    D = np.column_stack([D, phi])
    # The linear functions stay among the moments: they pin the coefficients that are not penalised.
    H = np.column_stack([H, psi]) * seen.a[:, None]
    start = np.concatenate([line.theta, np.zeros(phi.shape[1])])

    def fit(strength: float, part: np.ndarray) -> OddsFit:
        penalty = np.where(np.arange(len(start)) < len(line.theta), 1e-9, strength)
        s = None if seen.s is None else seen.s[part]
        return fit_odds(D[part], H[part], seen.S[part], s=s, penalty=penalty, start=start)

    losses = []
    for strength in PENALTIES:
        total = 0.0
        for k in range(int(folds.max()) + 1):
            theta, out = fit(strength, folds != k).theta, folds == k
            w = np.where(seen.rows[out], np.exp(np.clip(-(D[out] @ theta), -40, 40)), 0.0)
            g = H[out] * (seen.S[out] * (1 + w) - 1)[:, None] * (1.0 if seen.s is None else seen.s[out, None])
            # Without its diagonal the squared norm does not reward small weights.
            total += float((g.sum(axis=0) ** 2).sum() - (g**2).sum()) / max(out.sum() * (out.sum() - 1), 1)
        losses.append(total)
    best = PENALTIES[int(np.argmin(losses))]
    return fit(best, np.ones(len(seen.T), dtype=bool)), best


def cell_odds(seen: Seen) -> tuple[OddsFit, int]:
    """Odds for every level of the outcome in every combination of covariates and treatment.

    Returns
    -------
    fit : OddsFit
        ``theta`` holds odds, not logarithms.
    lost : int
        Levels of the outcome that are seen elsewhere and in some combination are not: taken not to occur there.
    """
    cells, cell = np.unique(np.column_stack([seen.X, seen.T]), axis=0, return_inverse=True)
    levels = np.unique(seen.Y[seen.rows])
    shadow = np.unique(seen.V, axis=0, return_inverse=True)[1].ravel()
    cell = cell.ravel()
    if len(cells) > MOST_CELLS or len(levels) > MOST_CELLS:
        raise NotIdentifiedError(
            f"there are {len(cells)} combinations of covariates and treatment and {len(levels)} values of the outcome; "
            f"form='discrete' takes up to {MOST_CELLS}. Group them, or use form='parametric'."
        )
    n, weight = len(cell), np.ones(len(cell)) if seen.s is None else seen.s
    code = np.searchsorted(levels, seen.Y)
    thetas, slopes, phis, statistic, df, lost, left = [], [], [], 0.0, 0, 0, 0.0
    for c in range(len(cells)):
        here, h = cell == c, np.unique(shadow[cell == c])
        present = np.unique(code[here & seen.rows])
        if not len(present):
            raise OverlapError(
                f"no outcome was seen among the {int(here.sum())} rows with covariates and treatment "
                f"{np.round(cells[c], 4).tolist()}; nothing can be said of them. Group covariates, or leave them out."
            )
        lost += len(levels) - len(present)
        one_z = (shadow[:, None] == h) * here[:, None] * weight[:, None]
        one_y = (code[:, None] == present) * (here & seen.rows)[:, None] * 1.0
        G, b = one_z.T @ one_y / n, one_z.T @ (1 - seen.S) / n
        found = discrete_odds(G, b)
        g = one_z * (one_y @ found.w - (1 - seen.S) * here)[:, None]
        free = found.w > 0
        solve = np.linalg.pinv(G[:, free])
        phi = np.zeros((n, len(present)))
        phi[:, free] = -g @ solve.T
        more, extra = _left_over(g, G[:, free] @ solve, len(h) - len(present))
        statistic, df, left = statistic + more, df + extra, max(left, found.residual)
        thetas.append(found.w)
        slopes.append(one_y)
        phis.append(phi)
    theta, slope = np.concatenate(thetas), np.hstack(slopes)
    return OddsFit(theta, slope @ theta, slope, np.hstack(phis), statistic, df, left), lost


def _left_over(g, hat, df: int) -> tuple[float, int]:
    """J of moments that were solved by plain least squares, whose fitted part is ``hat``."""
    if df <= 0:
        return 0.0, 0
    n, P = len(g), np.eye(len(hat)) - hat
    spread = P @ (g.T @ g / n) @ P.T
    size, directions = np.linalg.eigh(spread)
    top = size[-df:]
    mean = directions[:, -df:].T @ g.mean(axis=0)
    return (float(n * (mean**2 / top).sum()), df) if top[0] > 0 else (0.0, 0)


def _features(points, rows, most: int) -> np.ndarray:
    among = points[rows[np.linspace(0, len(rows) - 1, min(CENTRE_ROWS, len(rows))).astype(np.intp)]]
    return pivoted_features(among, median_bandwidth(among), most=most).transform(points)


def _standardised(columns, rows) -> np.ndarray:
    mean, sd = columns[rows].mean(axis=0), columns[rows].std(axis=0)
    return (columns - mean) / np.where(sd > 1e-12 * np.maximum(1.0, np.abs(mean)), sd, 1.0)
