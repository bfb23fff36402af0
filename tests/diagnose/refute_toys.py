"""Small estimators with known faults, for the refutation tests."""

import numpy as np

from yinguo import Study
from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.errors import ConvergenceError


def study(n=60, effect=0.0, seed=0, confounded=False, **roles):
    """Two covariates; the treatment dealt at random, or by the first covariate."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    T = rng.permutation(np.arange(n) % 2) * 1.0
    if confounded:
        T = (X[:, 0] + 0.5 * rng.normal(size=n) > 0) * 1.0
    return Study.from_arrays(X, T, X[:, 0] + effect * T + rng.normal(size=n), **roles)


class LeastSquares(Estimator):
    """Coefficient of the treatment in least squares, with its classical standard error unless told otherwise."""

    capabilities = Capabilities(needs=(), honours=("sample_weight", "groups"))

    def __init__(self, *, estimand="ATE", with_se=True):
        self.estimand = estimand
        self.with_se = with_se

    def fit(self, study):
        Y, T, X = self.take(study)
        design = np.column_stack([T, X, np.ones(len(Y))])
        inverse = np.linalg.pinv(design.T @ design)
        beta = inverse @ design.T @ Y
        residual = Y - design @ beta
        se = float(np.sqrt(inverse[0, 0] * (residual @ residual) / (len(Y) - design.shape[1])))
        said = {"se": se} if self.with_se else {"no_inference": "left out for the test"}
        self.result_ = self.make_result(study, beta[0], **said)
        return self


class Biased(LeastSquares):
    """Finds 3 more than there is."""

    def fit(self, study):
        super().fit(study)
        self.result_ = self.make_result(study, self.result_.estimate + 3, se=self.result_.se)
        return self


class SizeHungry(LeastSquares):
    """Grows with the number of rows, as a sum mistaken for a mean does."""

    def fit(self, study):
        super().fit(study)
        self.result_ = self.make_result(study, self.result_.estimate + study.n / 10, se=self.result_.se)
        return self


class NoiseHungry(LeastSquares):
    """Adds the mean of the last covariate, many times over."""

    def fit(self, study):
        super().fit(study)
        self.result_ = self.make_result(study, self.result_.estimate + 50 * study.X[:, -1].mean(), se=self.result_.se)
        return self


class OverSure(LeastSquares):
    """Reports a tenth of its standard error."""

    def fit(self, study):
        super().fit(study)
        self.result_ = self.make_result(study, self.result_.estimate, se=self.result_.se / 10)
        return self


class Moody(LeastSquares):
    """Gives up whenever the first unit is treated."""

    def fit(self, study):
        if study.T[0] == 1:
            raise ConvergenceError("no solution with the first unit treated")
        return super().fit(study)
