r"""Two-stage least squares with a curve: every power of the treatment is predicted on its own.

The structural function is a polynomial of total degree d in treatment and covariates,
:math:`g(t, x) = \beta_0 + \psi(t, x)^\top \beta`, and instruments and covariates enter a polynomial of higher degree.
All columns of :math:`\psi` are instrumented by all columns of the second polynomial, see
:mod:`yinguo.kernels.sieve_2sls`. As the degrees grow with the number of rows the curve can become any smooth one.

Degree and ridge penalty are chosen on rows left out, by what decides whether a curve is right:
:math:`E[Y - g(T, X) \mid Z, X] = 0`. The criterion is the mean square of the residuals of those rows after projection
on functions of their instruments and covariates. How well g predicts the outcome is no criterion: the confounded
regression is best at that.

Source: Newey & Powell (2003), Instrumental variable estimation of nonparametric models, Econometrica 71(5).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.structural import HALF_STEP, StructuralEstimator, average_slope
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError, NotIdentifiedError
from yinguo.kernels.polynomials import Terms, count_terms, polynomial_columns, polynomial_terms
from yinguo.kernels.sieve_2sls import orthonormal_basis, projected_losses, sieve_path

__all__ = ["SieveIV"]

#: Rows that every instrument column must have on average; with fewer, the fit leans towards the confounded one.
ROWS_PER_COLUMN = 10


class Candidate(NamedTuple):
    """Terms of the curve and of the instruments."""

    degree: int
    curve: Terms
    instruments: Terms


class SieveIV(StructuralEstimator):
    """Sieve two-stage least squares.

    **Use it when** the effect may bend or vary with a handful of covariates and you want a standard error for its
    average. **Not when** there are many covariates: the number of products explodes and only low degrees are tried. Nor
    where the instruments take few values: they cannot tell curves apart, and only low degrees are identified.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell polynomials of the chosen degree apart.

    **Inference**: for the average slope, heteroscedasticity-robust by the delta method, clustered where the study has
    groups. The sieve is taken as fixed: that its degree was chosen, and what it cannot express, is not in the standard
    error. Where a ridge was chosen there is none, because its bias is of the same size.

    **Where we differ from the paper, and why**: powers of standardised columns and cross-validation in place of Hermite
    functions and a bound to be guessed.

    Parameters
    ----------
    degrees : sequence of int
        Total degrees tried for the curve.
    extra_degree : int
        By how much the degree of the instruments exceeds it. Where that needs too many columns, 0 is used.
    penalties : sequence of float
        Ridge penalties tried, per row and for columns of variance 1; 0 is none.
    folds : int or (n,) int array
        How many folds choose degree and penalty, or the fold of every row.
    random_state : int, Generator or None
        Draws the folds.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 2000))
    >>> study = yg.Study.from_arrays(np.empty((2000, 0)), Z + U, (Z + U) ** 3 / 6 + U, Z=Z)
    >>> method = yg.SieveIV().fit(study)
    >>> bool(abs(method.effect(None, [0.0], [1.0])[0] - 1 / 6) < 0.1)
    True
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        honours=("groups",),
        inference="delta method, the sieve taken as fixed",
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "complete", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_scale"),
        all_rows=True,
    )
    name = "sieve-iv"

    def __init__(
        self,
        *,
        degrees: Sequence[int] = (1, 2, 3, 4, 5),
        extra_degree: int = 1,
        penalties: Sequence[float] = (0.0,),
        folds: Any = 5,
        random_state: Any = 0,
    ) -> None:
        self.degrees = degrees
        self.extra_degree = extra_degree
        self.penalties = penalties
        self.folds = folds
        self.random_state = random_state

    def fit(self, study: Study) -> "SieveIV":
        """Estimate on a study; see :class:`SieveIV`."""
        Y, T, X, Z = self.take_roles(study)
        penalties = np.asarray(self.penalties, dtype=np.float64)
        if penalties.ndim != 1 or not penalties.size or not (penalties >= 0).all():
            raise DataError(f"penalties is {self.penalties!r}; it must be several numbers of at least 0.")
        folds = make_folds(self.folds, T, self.random_state, study.groups)
        TX, ZX = np.column_stack([T, X]), np.column_stack([Z, X])
        self.location_, self.scale_ = TX.mean(axis=0), _spread(TX)
        W, V = (TX - self.location_) / self.scale_, (ZX - ZX.mean(axis=0)) / _spread(ZX)
        candidates = self._candidates(W, V)
        chosen, penalty = _choose(candidates, W, V, Y, penalties, folds)
        self.terms_ = chosen.curve
        D, Q = polynomial_columns(W, chosen.curve), orthonormal_basis(polynomial_columns(V, chosen.instruments))
        path = sieve_path(D, Q, Y)
        self.fit_ = path.fit(penalty)
        estimate, notes = average_slope(self.predict, study)
        phi = None
        if penalty == 0:
            # The average slope moves with the coefficients and with the rows it is averaged over.
            steps = self._slope_columns(study)
            phi = steps @ self.fit_.slopes - estimate + path.influence(D, Q, Y, steps.mean(axis=0))
        self.result_ = self.make_result(
            study,
            estimate,
            phi=phi,
            no_inference=None if phi is not None else f"a ridge of {penalty:g} was chosen, which biases.",
            checks=(first_stage_check,),
            notes=(*notes, *self._remarks(candidates, chosen)),
            extras={
                "degree": chosen.degree, "penalty": penalty, "terms": len(chosen.curve), "instrument_terms": Q.shape[1],
            },
        )  # fmt: skip
        return self

    def _candidates(self, W, V) -> list[Candidate]:
        """Polynomials that the rows can carry, smallest first."""
        whole = all(isinstance(d, int | np.integer) and d >= 1 for d in self.degrees)
        if not whole or not len(self.degrees) or self.extra_degree < 0:
            raise DataError(
                f"degrees is {self.degrees!r} and extra_degree {self.extra_degree!r}; give whole numbers from 1, and "
                "from 0."
            )
        found = []
        for degree in sorted(self.degrees):
            for more in sorted({self.extra_degree, 0}, reverse=True):
                # Straight lines, which is plain two-stage least squares, need no more rows than columns.
                room = len(V) // (2 if degree == 1 and more == 0 else ROWS_PER_COLUMN)
                if count_terms(V.shape[1], degree + more) <= room:
                    found.append(Candidate(degree, polynomial_terms(W, degree), polynomial_terms(V, degree + more)))
                    break
        if not found:
            raise DataError(
                f"{len(V)} rows are too few for degree {min(self.degrees)} in {V.shape[1]} instruments and covariates; "
                "give lower degrees or fewer covariates."
            )
        return found

    def _remarks(self, candidates, chosen: Candidate) -> tuple[str, ...]:
        remarks = []
        missing = sorted(set(self.degrees) - {c.degree for c in candidates})
        if missing:
            listed = ", ".join(map(str, missing))
            remarks.append(f"degree {listed} not tried: fewer than {ROWS_PER_COLUMN} rows per column.")
        if len(candidates) > 1 and chosen.degree == candidates[-1].degree:
            remarks.append(
                f"the highest degree tried, {chosen.degree}, was chosen; the curve may bend more than it can, and the "
                "standard error knows nothing of that."
            )
        return tuple(remarks)

    def _slope_columns(self, study: Study) -> np.ndarray:
        """The columns' part in the average slope, row by row: the same differences as ``average_slope`` takes."""
        if study.treatment_kind == "binary":
            return self._columns(study.X, np.ones(study.n)) - self._columns(study.X, np.zeros(study.n))
        h = HALF_STEP * float(study.T.std())
        return (self._columns(study.X, study.T + h) - self._columns(study.X, study.T - h)) / (2 * h)

    def _columns(self, X, T) -> np.ndarray:
        return polynomial_columns((np.column_stack([T, X]) - self.location_) / self.scale_, self.terms_)

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.fit_.intercept + self._columns(X, T) @ self.fit_.slopes


def _choose(candidates, W, V, Y, penalties, folds) -> tuple[Candidate, float]:
    """Least projected residual on rows left out, judged by the same functions of the instruments for all."""
    losses = np.zeros((len(candidates), len(penalties)))
    widest = max((c.instruments for c in candidates), key=len)
    for k in range(int(folds.max()) + 1):
        out = folds == k
        judge = orthonormal_basis(polynomial_columns(V[out], widest))
        for row, c in enumerate(candidates):
            Q, D = orthonormal_basis(polynomial_columns(V[~out], c.instruments)), polynomial_columns(W, c.curve)
            path = sieve_path(D[~out], Q, Y[~out])
            losses[row] += projected_losses(path, D[out], judge, Y[out], penalties) if path.identified else np.inf
    if not np.isfinite(losses).any():
        raise NotIdentifiedError(
            f"the instruments take too few values to identify a curve of degree {candidates[0].degree}; give lower "
            "degrees, or more instruments."
        )
    best, at = (int(i) for i in np.unravel_index(np.argmin(losses), losses.shape))
    return candidates[best], float(penalties[at])


def _spread(columns) -> np.ndarray:
    spread = columns.std(axis=0)
    return np.where(spread > 0, spread, 1.0)
