"""A row of the table on decomposition that is no estimator of yinguo: covariates sorted by tests of regressions.

Networks are to find which covariates drive the treatment, which the outcome and which both. Where these act through
their own values and squares, as in the design of the table, two regressions tell as much; a network should be held
against that.
"""

from typing import Any

import numpy as np
from scipy import stats

from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.kernels.glm import fit_binary
from yinguo.kernels.moments import ArrayMoments

__all__ = ["SortedByTests"]


class SortedByTests(Estimator):
    """Sorts covariates by two families of tests, and estimates by the regressions of the second.

    A covariate drives the treatment if its Wald test in a logistic regression on all covariates rejects, and the
    outcome if its joint test with its square, in a linear regression on all covariates and squares within an arm,
    rejects in either arm; all at ``level`` over the number of tests. Those that do one thing alone are instruments and
    adjusters, those that do both are confounders.

    Parameters
    ----------
    level : float
        Chance of any false rejection.

    Attributes
    ----------
    contributions_ : mapping of role to mapping of covariate to float
        1 for the covariates of the role, 0 for others.

    Examples
    --------
    >>> from yinguo.datasets import dercfr_design
    >>> found = SortedByTests().fit(dercfr_design(outcome="continuous").study).contributions_
    >>> [name for name, value in found["instrument"].items() if value]
    ['x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8']
    """

    capabilities = Capabilities(estimands=("ATE",))
    name = "sorted-by-tests"

    def __init__(self, *, level: float = 0.05) -> None:
        self.level = level

    def fit(self, study: Study) -> "SortedByTests":
        """Sort and estimate on a study."""
        Y, T, X = self.take(study)
        p = X.shape[1]
        logistic = fit_binary(ArrayMoments(X), T)
        z = logistic.beta[1:] / np.sqrt(np.diag(np.linalg.inv(logistic.information))[1:])
        on_treatment = 2 * stats.norm.sf(np.abs(z)) < self.level / p
        on_outcome = np.zeros(p, dtype=bool)
        self.coefficients_ = []
        for arm in (0.0, 1.0):
            rows = arm == T
            beta, p_values = _joint_tests(self._design(X[rows]), Y[rows], p)
            on_outcome |= p_values < self.level / (2 * p)
            self.coefficients_.append(beta)
        sets = {
            "instrument": on_treatment & ~on_outcome,
            "confounder": on_treatment & on_outcome,
            "adjuster": on_outcome & ~on_treatment,
        }
        self.contributions_ = {
            role: dict(zip(study.covariates, members.astype(float).tolist(), strict=True))
            for role, members in sets.items()
        }
        self.result_ = self.make_result(
            study, float(self.effect(X).mean()), no_inference="a row of a table, not a method."
        )
        return self

    def effect(self, X: Any) -> np.ndarray:
        """Differences of the regressions of the two arms."""
        m0, m1 = (self._design(np.asarray(X)) @ beta for beta in self.coefficients_)
        return m1 - m0

    @staticmethod
    def _design(X: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(X)), X, X**2])


def _joint_tests(D: np.ndarray, Y: np.ndarray, p: int) -> tuple[np.ndarray, np.ndarray]:
    """Least squares, and the p-value of the joint test of each covariate and its square."""
    n, q = D.shape
    beta = np.linalg.lstsq(D, Y, rcond=None)[0]
    inverse = np.linalg.pinv(D.T @ D)
    variance = np.sum((Y - D @ beta) ** 2) / (n - q)
    p_values = np.empty(p)
    for k in range(p):
        pair = [1 + k, 1 + p + k]
        statistic = beta[pair] @ np.linalg.solve(inverse[np.ix_(pair, pair)], beta[pair]) / (2 * variance)
        p_values[k] = stats.f.sf(statistic, 2, n - q)
    return beta, p_values
