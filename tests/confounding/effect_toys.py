"""A confounded design with known effects, replications of it, and influence values by perturbing weights."""

from dataclasses import dataclass

import numpy as np
import pytest

import yinguo as yg

#: Effects in the population of :func:`draw`: ATE exactly, ATT and ATC by Gauss-Hermite quadrature.
ATE = 1.0


def chance(x1, x2, b):
    return 1 / (1 + np.exp(-(0.6 * x1 - 0.4 * x2 + 0.5 * b - 0.2)))


def draw(seed: int, n: int = 400, *, groups: int | None = None) -> yg.Study:
    """Logistic treatment, linear outcome, effect 1 + x1 / 2; the raw difference is far too large.

    With ``groups``, covariates and treatment are those of the cluster, and its rows share a shock.
    """
    rng = np.random.default_rng(seed)
    clusters = None if groups is None else np.arange(n) % groups
    m = n if groups is None else groups
    x1, x2, b = rng.normal(size=m), rng.normal(size=m), (rng.random(m) < 0.5).astype(float)
    T = (rng.random(m) < chance(x1, x2, b)).astype(float)
    if clusters is not None:
        x1, x2, b, T = x1[clusters], x2[clusters], b[clusters], T[clusters]
    Y = 3.0 + 2.0 * x1 - 1.5 * x2 - b + (ATE + 0.5 * x1) * T + rng.normal(size=n)
    if groups is not None:
        Y = Y + rng.normal(size=groups)[clusters]
    return yg.Study.from_arrays(np.column_stack([x1, x2, b]), T, Y, groups=clusters)


def truth(estimand: str) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    x1, x2 = np.meshgrid(nodes, nodes)
    w = np.outer(weights, weights) / weights.sum() ** 2
    e = (chance(x1, x2, 0.0) + chance(x1, x2, 1.0)) / 2
    share = {"ATE": np.ones_like(e), "ATT": e, "ATC": 1 - e}[estimand]
    return float((w * share * (ATE + 0.5 * x1)).sum() / (w * share).sum())


@dataclass(frozen=True)
class Replications:
    """Estimates and standard errors of one method over draws."""

    estimates: np.ndarray
    errors: np.ndarray
    truth: float

    @property
    def z(self) -> float:
        """Distance of the mean estimate from the truth, in Monte Carlo standard errors."""
        return float((self.estimates.mean() - self.truth) / (self.estimates.std(ddof=1) / len(self.estimates) ** 0.5))

    @property
    def coverage(self) -> float:
        return float((np.abs(self.estimates - self.truth) <= 1.959964 * self.errors).mean())


def replicate(method, estimand: str, *, draws: int = 200, n: int = 400, **options) -> Replications:
    fits = [method.clone().fit(draw(seed, n, **options)).result_ for seed in range(draws)]
    return Replications(np.array([f.estimate for f in fits]), np.array([f.se for f in fits]), truth(estimand))


def assert_influence(method, study: yg.Study, *, abs: float = 1e-4, h: float = 1e-4) -> None:
    """Influence values are n times the derivative of the estimate in a row's sample weight.

    That is the definition of the empirical influence function: any closed form has to agree with it. Every
    third row is looked at.
    """
    result = method.clone().fit(study).result_
    s = np.ones(study.n) if study.sample_weight is None else np.array(study.sample_weight)

    def at(i: int, step: float) -> float:
        moved = s.copy()
        moved[i] *= 1 + step
        return method.clone().fit(study.replace(sample_weight=moved)).result_.estimate

    rows = range(0, study.n, 3)
    slopes = [study.n * (at(i, h) - at(i, -h)) / (2 * h) for i in rows]
    assert (result.scores - result.estimate)[rows] == pytest.approx(slopes, abs=abs)
    assert result.scores.mean() == pytest.approx(result.estimate, rel=1e-9)
