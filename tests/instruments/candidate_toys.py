"""Studies with candidate instruments of which some reach the outcome directly, and a hidden confounder."""

import numpy as np

import yinguo as yg


def draw(seed, *, n=2000, q=9, bad=4, size=1.0, same=False, strength=0.4, groups=None):
    """Effect 1. The first ``bad`` of ``q`` correlated candidates have direct effects, all different or all the same."""
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, q)) @ np.linalg.cholesky(0.3 ** np.abs(np.subtract.outer(np.arange(q), np.arange(q)))).T
    X, U = rng.normal(size=(n, 2)), rng.normal(size=n)
    clusters = None
    noise = rng.normal(size=n)
    if groups is not None:
        clusters = np.arange(n) % groups
        Z, noise = Z[:groups][clusters], noise + rng.normal(size=groups)[clusters]
    T = strength * Z.sum(axis=1) + X[:, 0] + U + rng.normal(size=n)
    direct = np.zeros(q)
    direct[:bad] = size * (np.ones(bad) if same else np.linspace(0.6, 1.6, bad))
    Y = T + Z @ direct + X.sum(axis=1) + 2 * U + (0.5 + 0.5 * np.abs(X[:, 1])) * noise
    return yg.Study.from_arrays(X, T, Y, Z=Z, groups=clusters)


def valid_names(bad, q=9):
    return [f"z{j + 1}" for j in range(bad, q)]


def fits(method, **options):
    """Results over draws."""
    draws = options.pop("draws", 100)
    return [method.clone().fit(draw(seed, **options)).result_ for seed in range(draws)]


def coverage(results) -> float:
    return float(np.mean([abs(r.estimate - 1) <= 1.959964 * r.se for r in results]))


def z_score(results) -> float:
    """Distance of the mean estimate from the truth in Monte Carlo errors."""
    estimates = np.array([r.estimate for r in results])
    return float((estimates.mean() - 1) / (estimates.std(ddof=1) / np.sqrt(len(estimates))))


def naive_misses(**options) -> bool:
    """Two-stage least squares with all candidates is far from the truth on these draws."""
    return abs(z_score(fits(yg.TwoStageLeastSquares(), draws=20, **options))) > 10
