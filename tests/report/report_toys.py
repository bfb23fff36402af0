"""Methods and studies for the report's tests, with the worst names a table can have."""

import numpy as np

import yinguo as yg
from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.errors import ConvergenceError

#: Every one of them must come out as plain text.
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{x}{bad$",
    "</title></style></svg>",
    "{{ 7 * 7 }}{% for %}",
    "&amp; 因果 \x07\ud800",
    "' onmouseover='alert(1)",
    "x" * 300,
)


class Bare(Estimator):
    """An estimate without an interval."""

    name = "bare"
    capabilities = Capabilities(inference="none")

    def __init__(self, *, estimand: str = "ATE") -> None:
        self.estimand = estimand

    def fit(self, study):
        Y, T, _ = self.take(study)
        estimate = float(Y[T == 1].mean() - Y[T == 0].mean())
        self.result_ = self.make_result(study, estimate, no_inference="no theory covers <this> method.")
        return self


class Failing(Estimator):
    """A method that gives no number."""

    name = "failing"
    capabilities = Capabilities()

    def __init__(self, *, estimand: str = "ATE") -> None:
        self.estimand = estimand

    def fit(self, study):
        raise ConvergenceError("the solver stopped at <b>step 3</b>; loosen $tol$.")


def draw(n: int = 300, p: int = 3, seed: int = 0, names=None, effect: float = 1.0, **roles) -> Study:
    """A confounded study with one known effect."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    T = (rng.random(n) < 1 / (1 + np.exp(-0.7 * X[:, 0] + 0.4 * X[:, 1]))).astype(float)
    Y = X @ np.linspace(1.0, 0.5, p) + effect * T + rng.normal(size=n)
    return Study.from_arrays(X, T, Y, covariates=names, **roles)


def methods(estimand: str = "ATE") -> list[Estimator]:
    """An unadjusted, two adjusted, one without an interval and one that fails."""
    return [
        yg.DifferenceInMeans(estimand=estimand),
        yg.AIPW(estimand=estimand),
        yg.EntropyBalancing(estimand=estimand),
        Bare(estimand=estimand),
        Failing(estimand=estimand),
    ]
