"""Rows of the tables on instruments that are no estimators of yinguo: least squares, adapters, a repeated error.

A table compares methods with what anybody would try first, hands some of them more or fewer instruments than the study
has, and prints beside some published figures the error behind them. None of these is offered as a method.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study

__all__ = ["LeastSquares", "Narrowed", "RecodedTreatment", "WithProducts"]

#: What the recoding of the published comparison makes of 0 and 1: log(0.001 / 0.999) and log(0.999 / 0.001).
RECODED = float(np.log(0.999 / 0.001))
EVERY_TREATMENT = ("binary", "multi-valued", "continuous")


class LeastSquares(StructuralEstimator):
    """Outcome on treatment and covariates, as if nothing were confounded.

    Examples
    --------
    >>> from yinguo.datasets import toy_iv
    >>> round(float(LeastSquares().fit(toy_iv().study).result_.estimate), 1)
    1.5
    """

    capabilities = Capabilities(treatment=EVERY_TREATMENT, estimands=("ATE",), needs=())
    name = "least-squares"

    def fit(self, study: Study) -> "LeastSquares":
        """Estimate on a study."""
        Y, T, X, _ = self.take_roles(study)
        self.coefficients_ = np.linalg.lstsq(np.column_stack([np.ones(study.n), T, X]), Y, rcond=None)[0]
        self.result_ = self.average_effect(study, no_inference="a row of a table, not a method.")
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(T)), T, X]) @ self.coefficients_


class _Adapter(Estimator):
    """Another estimator on a study made over; predictions are the other's."""

    estimator: Any
    random_state: Any

    def fit(self, study: Study) -> "_Adapter":
        """Estimate on a study."""
        self.inner_ = self.estimator
        if self.random_state is not None and hasattr(self.inner_, "random_state"):
            self.inner_.random_state = self.random_state
        self.inner_.fit(self._made_over(study))
        self.result_ = self.inner_.result_
        return self

    def predict(self, X, T) -> np.ndarray:
        """The curve of the other estimator."""
        return self.inner_.predict(X, T)

    def effect(self, X, t0=0.0, t1=1.0) -> np.ndarray:
        """Differences of that curve."""
        return self.inner_.effect(X, t0, t1)

    def _made_over(self, study: Study) -> Study:
        return study


class WithProducts(_Adapter):
    """An estimator that is linear in its instruments, given their products with every covariate as well.

    Parameters
    ----------
    estimator : estimator
    random_state : int or None
    """

    def __init__(self, *, estimator: Any, random_state: Any = None) -> None:
        self.estimator = estimator
        self.random_state = random_state

    def _made_over(self, study: Study) -> Study:
        Z = study.Z if study.Z is not None else np.empty((study.n, 0))
        products = (Z[:, :, None] * study.X[:, None, :]).reshape(study.n, -1)
        return _with_instruments(study, np.column_stack([Z, products]))


class Narrowed(_Adapter):
    """An estimator that is told which of the candidates are instruments.

    Parameters
    ----------
    estimator : estimator
    keep : sequence of str
        Names of instruments of the study.
    random_state : int or None
    """

    def __init__(self, *, estimator: Any, keep=(), random_state: Any = None) -> None:
        self.estimator = estimator
        self.keep = keep
        self.random_state = random_state

    def _made_over(self, study: Study) -> Study:
        places = [study.instruments.index(name) for name in self.keep]
        return _with_instruments(study, np.asarray(study.Z)[:, places])


class RecodedTreatment(_Adapter):
    """The error behind published figures: trained on a treatment of -6.9 and 6.9, evaluated at 0 and 1.

    The networks standardise their inputs, so the evaluation alone makes the difference: 0 and 1 on the recoded scale
    lie half way between the arms, and 1/13.8 of the contrast apart.

    Parameters
    ----------
    estimator : estimator
    random_state : int or None
    """

    def __init__(self, *, estimator: Any, random_state: Any = None) -> None:
        self.estimator = estimator
        self.random_state = random_state

    def fit(self, study: Study) -> "RecodedTreatment":
        """Estimate on a study."""
        super().fit(study)
        gain = np.mean(self.effect(study.X, 0.0, 1.0))
        self.result_ = self.inner_.make_result(study, float(gain), no_inference="an error repeated on purpose.")
        return self

    def predict(self, X, T) -> np.ndarray:
        """The curve at treatments on the recoded scale."""
        return self.inner_.predict(X, 0.5 + 0.5 * np.asarray(T) / RECODED)

    def effect(self, X, t0=0.0, t1=1.0) -> np.ndarray:
        """Differences of that curve."""
        return self.predict(X, t1) - self.predict(X, t0)


def _with_instruments(study: Study, Z: np.ndarray) -> Study:
    return study.replace(Z=Z, instruments=[f"z{k + 1}" for k in range(Z.shape[1])])
