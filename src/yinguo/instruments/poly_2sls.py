r"""Two regressions on polynomials, the fitted treatment put in the place of the treatment: a baseline, not a method.

Stage one predicts the treatment from powers and products of instruments and covariates, stage two the outcome from
powers and products of the prediction :math:`\hat T` and the covariates. Where the second stage is linear in the
treatment this is two-stage least squares. Otherwise it is not consistent: it needs :math:`E[T^2 \mid Z, X]` and uses
:math:`(E[T \mid Z, X])^2`, which is less by the variance of the treatment given the instruments. Econometrics calls it
the forbidden regression. :class:`yinguo.instruments.SieveIV` is the consistent counterpart: it predicts every power on
its own.

Source: the class Poly2SLS of the tool box mliv 0.0.2; for the name and the reason, Wooldridge (2010), Econometric
Analysis of Cross Section and Panel Data, section 9.5.2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError
from yinguo.kernels.polynomials import count_terms, polynomial_columns, polynomial_terms
from yinguo.kernels.ridge_path import RidgeChoice, choose_ridge

__all__ = ["Poly2SLS"]

#: Columns beyond which a degree is not tried.
MOST_COLUMNS = 2000


class Poly2SLS(StructuralEstimator):
    """Two-stage regression on polynomials with the fitted treatment plugged in.

    **Use it when** you need the baseline of published comparisons. **Not when** you want the effect: unless the true
    curve is linear in the treatment this does not converge to it, however many rows there are. Use SieveIV.

    **Assumes** what two-stage least squares assumes: relevant instruments that reach the outcome through the treatment
    alone, as good as random given the covariates, and an effect that is linear in the treatment.

    **Where we differ from the code, and why**: the tool box also puts 1 - z beside every instrument z, which adds
    nothing but a second ridge penalty on it. Powers of columns of two values are left out for the same reason. Degrees
    that would need more than 2,000 columns are not tried. Folds are drawn at random instead of taken in row order.

    Parameters
    ----------
    degrees : sequence of int
        Degrees tried in either stage.
    penalties : sequence of float, optional
        Ridge penalties tried, on sums of squares of the raw columns; None is 1e-5, 1e-4, ... 1e5.
    folds : int or (n,) int array
        How many folds judge degrees and penalties, or the fold of every row.
    random_state : int, Generator or None
        Draws the folds.

    Examples
    --------
    From 0 to 1 the effect of t^3 / 6 is 1/6. Given Z the treatment varies by 1, which adds t / 2 to the curve.

    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 2000))
    >>> study = yg.Study.from_arrays(np.empty((2000, 0)), Z + U, (Z + U) ** 3 / 6 + U, Z=Z)
    >>> method = yg.Poly2SLS().fit(study)
    >>> bool(method.effect(None, [0.0], [1.0])[0] > 0.5)
    True
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        assumes=("relevance", "exclusion", "as_if_random", "linear_effect", "no_interference"),
        holds=("row_order", "outcome_affine"),
        all_rows=True,
    )
    name = "poly-2sls"

    def __init__(
        self,
        *,
        degrees: Sequence[int] = (1, 2, 3),
        penalties: Sequence[float] | None = None,
        folds: Any = 5,
        random_state: Any = 0,
    ) -> None:
        self.degrees = degrees
        self.penalties = penalties
        self.folds = folds
        self.random_state = random_state

    def fit(self, study: Study) -> "Poly2SLS":
        """Estimate on a study; see :class:`Poly2SLS`."""
        Y, T, X, Z = self.take_roles(study)
        penalties = np.logspace(-5, 5, 11) if self.penalties is None else np.asarray(self.penalties, dtype=np.float64)
        if penalties.ndim != 1 or not penalties.size or not (penalties > 0).all():
            raise DataError(f"penalties is {self.penalties!r}; it must be several positive numbers.")
        folds = make_folds(self.folds, T, self.random_state)
        first, degree1, columns = self._stage(np.column_stack([Z, X]), T, penalties, folds)
        fitted = first.intercept + columns @ first.slopes
        second, degree2, _ = self._stage(np.column_stack([fitted, X]), Y, penalties, folds)
        self.second_ = second
        self.result_ = self.average_effect(
            study,
            no_inference="the fitted treatment in powers solves no moment condition; use sieve-iv, which has one.",
            checks=(first_stage_check,),
            notes=_inconsistent(degree2),
            extras={
                "stage1_degree": degree1, "stage1_penalty": first.penalty,
                "stage2_degree": degree2, "stage2_penalty": second.penalty,
            },
        )  # fmt: skip
        return self

    def _stage(self, columns, y, penalties, folds) -> tuple[RidgeChoice, int, np.ndarray]:
        """The best polynomial, its degree and its columns; the terms of the last call stay for prediction."""
        wrong = [d for d in self.degrees if not isinstance(d, int | np.integer) or d < 1]
        degrees = [d for d in self.degrees if d not in wrong and count_terms(columns.shape[1], d) <= MOST_COLUMNS]
        if wrong or not degrees:
            raise DataError(
                f"degrees is {self.degrees!r} with {columns.shape[1]} columns; give whole numbers from 1 that need at "
                f"most {MOST_COLUMNS} terms."
            )
        terms = [polynomial_terms(columns, d) for d in degrees]
        designs = [polynomial_columns(columns, t) for t in terms]
        choice = choose_ridge(designs, y, penalties, folds)
        self.terms_ = terms[choice.design]
        return choice, int(degrees[choice.design]), designs[choice.design]

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.second_.intercept + polynomial_columns(np.column_stack([T, X]), self.terms_) @ self.second_.slopes


def _inconsistent(degree: int) -> tuple[str, ...]:
    if degree == 1:
        return ()
    return (
        f"the second stage has degree {degree} in the fitted treatment: not consistent, because the square of a "
        "prediction is not the prediction of a square.",
    )
