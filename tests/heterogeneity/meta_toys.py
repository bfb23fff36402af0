"""A confounded design with a known effect for every unit, and learners that are quick and right on it."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import yinguo as yg


@dataclass(frozen=True)
class Toy:
    """A study, and what only its maker knows."""

    study: yg.Study
    tau: np.ndarray
    e: np.ndarray


def nie_wager(seed: int, n: int = 1000, p: int = 6, noise: float = 0.5) -> Toy:
    """Set-up A of Nie & Wager (2021): hard nuisances, and an effect (x1 + x2) / 2 with mean 1/2.

    The wave in the outcome is that in the treatment, so that a difference of means is far too large.
    """
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, p))
    wave = np.sin(np.pi * X[:, 0] * X[:, 1])
    e, tau = np.clip(wave, 0.1, 0.9), (X[:, 0] + X[:, 1]) / 2
    T = (rng.random(n) < e).astype(float)
    b = wave + 2 * (X[:, 2] - 0.5) ** 2 + X[:, 3] + 0.5 * X[:, 4]
    return Toy(yg.Study.from_arrays(X, T, b + (T - 0.5) * tau + noise * rng.normal(size=n)), tau, e)


def quadratic():
    """Least squares on squares and products."""
    return make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), LinearRegression())


def root_pehe(learner, toy: Toy) -> float:
    """Root mean squared error of the effects of the rows learned from."""
    return float(np.sqrt(np.mean((learner.effects_ - toy.tau) ** 2)))


class KnownChance:
    """The true chance of treatment of :func:`nie_wager`, in the shape of a classifier."""

    classes_ = (0, 1)

    def fit(self, X, T, sample_weight=None):
        """There is nothing to learn."""
        return self

    def predict_proba(self, X):
        """(n, 2) chances."""
        e = np.clip(np.sin(np.pi * X[:, 0] * X[:, 1]), 0.1, 0.9)
        return np.column_stack([1 - e, e])
