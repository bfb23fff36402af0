r"""ModeIV: one estimator for each candidate instrument, and at every point the answer that most of them crowd around.

Each candidate alone gives a curve :math:`\hat g_j(t, x)`. Curves of valid candidates estimate the same function, those
of invalid ones need not agree with anything. At each (t, x) the k predictions that lie closest together are averaged:

.. math:: \hat g(t, x) = \frac1k \sum_{j \in M} \hat g_j(t, x), \qquad
   M = \arg\min_{|M| = k}\ \max_{j \in M} \hat g_j(t, x) - \min_{j \in M} \hat g_j(t, x)

so no linear model is needed, only an estimator for one instrument.

Source: Hartford, Veitch, Sridhar & Leyton-Brown (2021), "Valid causal inference with (some) invalid instruments", ICML.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import linear_first_stage_check
from yinguo.errors import DataError
from yinguo.instruments.candidates import agreement_check
from yinguo.instruments.two_stage_least_squares import TwoStageLeastSquares

__all__ = ["ModeIV", "closest"]


class ModeIV(StructuralEstimator):
    """Effect curve when some candidates are invalid, from any estimator that takes one instrument.

    **Use it when** the effect is not linear and more candidates are valid than agree on any one wrong curve.
    **Not when** single candidates are weak: every one of them must identify the curve by itself. For a linear effect
    TSHT and CIIV use the valid candidates together and give intervals.

    **Assumes** that at least k candidates are valid, that wrong ones do not crowd more closely than they do, and that
    candidates are independent of one another given the covariates: each is used without the others.

    **Inference**: none.

    Parameters
    ----------
    estimator : StructuralEstimator, optional
        Fitted once for each candidate, as a clone; two-stage least squares by default.
    k : int, optional
        Candidates taken to be valid at least; default half of them, rounded up. Fewer is safer and noisier.

    Attributes
    ----------
    fits_ : tuple of fitted estimators, one for each candidate

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(4000, 5)), rng.normal(size=4000)
    >>> T = Z.sum(axis=1) + U
    >>> Y = 2 * T + Z[:, :2] @ [2, 4] + U + rng.normal(size=4000)  # z1 and z2 reach Y directly
    >>> result = yg.ModeIV().fit(yg.Study.from_arrays(np.empty((4000, 0)), T, Y, Z=Z)).result_
    >>> bool(abs(result.estimate - 2) < 0.1), result.extras["valid"]
    (True, ['z3', 'z4', 'z5'])
    """

    name = "mode-iv"
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        instruments=3,
        assumes=("relevance", "some_valid", "as_if_random", "additive_noise", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap"),
        all_rows=True,
    )

    def __init__(self, *, estimator: Any = None, k: int | None = None) -> None:
        self.estimator = estimator
        self.k = k

    def fit(self, study: Study) -> "ModeIV":
        """Estimate on a study; see :class:`ModeIV`."""
        Z = self.take_roles(study)[3]
        q, least = Z.shape[1], self.capabilities.instruments
        if q < least:
            raise DataError(
                f"ModeIV holds candidates against one another and needs at least {least}; the study has {q} "
                f"({', '.join(study.instruments)}). With one you trust use the estimator itself."
            )
        k = (q + 1) // 2 if self.k is None else self.k
        if not 2 <= k <= q:
            raise DataError(f"k is {k}; it must be at least 2 and at most the number of candidates, {q}.")
        base = TwoStageLeastSquares() if self.estimator is None else self.estimator
        if not isinstance(base, StructuralEstimator):
            raise DataError(
                f"estimator is {base!r}; it must be one that learns a curve, such as TwoStageLeastSquares()."
            )
        self.__dict__["fits_"] = tuple(
            base.clone().fit(study.replace(Z=Z[:, [j]], instruments=(name,)))
            for j, name in enumerate(study.instruments)
        )
        self.__dict__["k_"] = k
        single = np.array([fit.result_.estimate for fit in self.__dict__["fits_"]])
        chosen = closest(single[None], k)[1][0]
        valid = tuple(name for name, taken in zip(study.instruments, chosen, strict=True) if taken)
        self.result_ = self.average_effect(
            study,
            no_inference="no theory is known for the mode of several estimators.",
            checks=(linear_first_stage_check, lambda result: agreement_check(valid, q, ())),
            extras={
                "valid": list(valid), "single_effects": dict(zip(study.instruments, single.tolist(), strict=True)),
            },
        )  # fmt: skip
        return self

    def _structure(self, X, T) -> np.ndarray:
        predictions = np.column_stack([fit.predict(X, T) for fit in self.__dict__["fits_"]])
        return closest(predictions, self.__dict__["k_"])[0]


def closest(predictions, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the k predictions of each row that lie closest together.

    Parameters
    ----------
    predictions : (n, q) float array
    k : int

    Returns
    -------
    mean : (n,) float array
    chosen : (n, q) bool array
        Which were averaged.

    Source
    ------
    Hartford, Veitch, Sridhar & Leyton-Brown (2021), ICML, algorithm 1.
    """
    order = np.argsort(predictions, axis=1, kind="stable")
    ascending = np.take_along_axis(predictions, order, axis=1)
    start = (ascending[:, k - 1 :] - ascending[:, : ascending.shape[1] - k + 1]).argmin(axis=1)
    window = start[:, None] + np.arange(k)
    chosen = np.zeros(predictions.shape, dtype=bool)
    np.put_along_axis(chosen, np.take_along_axis(order, window, axis=1), True, axis=1)
    return np.take_along_axis(ascending, window, axis=1).mean(axis=1), chosen
