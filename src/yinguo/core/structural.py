r"""Estimators that learn a whole curve: what the outcome would be at any treatment, for any covariates.

The structural function :math:`g(t, x) = E[Y(t) \mid X = x]` (up to a constant where the method says so) answers more
than an average effect does: ``predict(X, T)`` evaluates it, ``effect(X, t0, t1)`` takes differences of it, and the
average effect in ``result_`` is its average over the rows of the study.
"""

from typing import Any

import numpy as np

from yinguo.core.arrays import matrix
from yinguo.core.estimator import Estimator
from yinguo.core.result import EffectResult
from yinguo.core.study import Study
from yinguo.errors import DataError

__all__ = ["StructuralEstimator", "average_slope"]

#: Half the width of the step that measures the slope in a continuous treatment, in standard deviations of it.
HALF_STEP = 0.1


class StructuralEstimator(Estimator):
    """Base of estimators with ``predict(X, T)`` and ``effect(X, t0, t1)``.

    A subclass defines ``fit``, which calls :meth:`take_roles` first and ends in :meth:`average_effect`, and
    ``_structure(X, T)``, which evaluates what was learned on arrays that have been checked.
    """

    def take_roles(self, study: Study) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Check the study and hand out outcome, treatment, covariates and instruments.

        Returns
        -------
        Y, T : (n,) float arrays
        X : (n, p) float array
        Z : (n, q) float array
            With q = 0 where the method needs no instruments and the study has none.

        Raises
        ------
        DataError
            As :meth:`Estimator.take`; a treatment whose values are text and have no order; an instrument that does
            not vary.
        """
        Y, T, X = self.take(study)
        if study.treatment_kind == "multi-valued" and any(isinstance(level, str) for level in study.treatment_levels):
            shown = ", ".join(repr(level) for level in study.treatment_levels[:5])
            raise DataError(
                f"treatment {study.roles['treatment']!r} has {len(study.treatment_levels)} text values ({shown}), "
                f"which have no order; {type(self).__name__} needs numbers. Pass treated= to compare one with the rest."
            )
        Z = np.empty((study.n, 0)) if study.Z is None else study.Z
        if "instruments" in self.capabilities.needs:
            for name, column in zip(study.instruments, Z.T, strict=True):
                if column.min() == column.max():
                    raise DataError(
                        f"instrument {name!r} has one value only ({column[0]:g}); it cannot move the treatment. "
                        "Leave it out."
                    )
        self.__dict__["n_covariates_"] = X.shape[1]
        return Y, T, X, Z

    def predict(self, X: Any, T: Any) -> np.ndarray:
        """The structural function at given covariates and treatments.

        Parameters
        ----------
        X : (n, p) array, or None if the study had no covariates
            Encoded as in the study the method was fitted on.
        T : (n,) array or float
            Treatment to set, in the unit of the study.

        Returns
        -------
        (n,) float array, in the unit of the outcome.

        Raises
        ------
        DataError
            Before ``fit``; a shape that does not match the study; values that are missing or infinite.
        """
        if "n_covariates_" not in self.__dict__:
            raise DataError(f"this {type(self).__name__} is not fitted; call fit(study) first.")
        T = np.asarray(T, dtype=np.float64)
        if T.ndim > 1:
            raise DataError(f"T has shape {T.shape}; give one number, or one for each row.")
        p = self.__dict__["n_covariates_"]
        if X is None:
            X = np.empty((T.size, 0))
        X = matrix(X, "X")
        if X.shape[1] != p:
            raise DataError(f"X has {X.shape[1]} columns; the study this was fitted on has {p} covariates.")
        if T.ndim == 1 and len(T) != len(X):
            raise DataError(f"T has {len(T)} values and X has {len(X)} rows; give as many of one as of the other.")
        for name, values in (("X", X), ("T", T)):
            if not np.isfinite(values).all():
                raise DataError(f"{name} holds missing or infinite values; predict takes complete arrays.")
        return np.asarray(self._structure(X, np.broadcast_to(T, (len(X),)).copy()), dtype=np.float64)

    def effect(self, X: Any, t0: Any = 0.0, t1: Any = 1.0) -> np.ndarray:
        """Effect of setting the treatment to ``t1`` instead of ``t0``, row by row: a (n,) float array.

        Parameters
        ----------
        X : (n, p) array, or None if the study had no covariates
            One row per effect.
        t0, t1 : float or (n,) array
            Treatments compared.
        """
        return self.predict(X, t1) - self.predict(X, t0)

    def average_effect(self, study: Study, *, no_inference: str, notes=(), **parts: Any) -> EffectResult:
        """The result of a method that learns the curve and has no standard error for its average.

        Parameters
        ----------
        study : Study
        no_inference : str
            Why there is no standard error.
        notes : sequence of str
        **parts
            As in :meth:`Estimator.make_result`.
        """
        estimate, said = average_slope(self.predict, study)
        return self.make_result(study, estimate, no_inference=no_inference, notes=(*notes, *said), **parts)

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} does not define _structure")


def average_slope(predict, study: Study) -> tuple[float, tuple[str, ...]]:
    r"""Average effect of one unit more of the treatment, over the rows of a study.

    .. math:: \frac{1}{n} \sum_i g(1, x_i) - g(0, x_i)
       \qquad\text{or}\qquad
       \frac{1}{n} \sum_i \frac{g(t_i + h, x_i) - g(t_i - h, x_i)}{2h}

    for a treatment of two values and for any other, with h a tenth of the standard deviation of the treatment. Where g
    is linear in t the two agree.

    Parameters
    ----------
    predict : callable (X, T) -> (n,) array
    study : Study
        Its sample weights, if any, weigh the average.

    Returns
    -------
    estimate : float
        Unit of the outcome, or unit of the outcome per unit of the treatment.
    notes : tuple of str

    Source
    ------
    The average partial effect of Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, section 2.2.
    """
    if study.treatment_kind == "binary":
        gain = predict(study.X, 1.0) - predict(study.X, 0.0)
        notes: tuple[str, ...] = ()
    else:
        h = HALF_STEP * float(study.T.std())
        gain = (predict(study.X, study.T + h) - predict(study.X, study.T - h)) / (2 * h)
        notes = (f"effect per unit of {study.roles['treatment']}, averaged over the treatments met (average slope).",)
    return float(np.average(gain, weights=study.sample_weight)), notes
