"""Scores with known truths, and studies in which the effect differs or does not."""

import numpy as np

import yinguo as yg


def ranked(n: int, rng, slope: float = 1.0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores and a priority uniform on (0, 1); the effect is slope times the priority, the noise grows with it.

    TOC(u) = slope (1 - u) / 2, AUTOC = slope / 4, QINI = slope / 12, mean gain of the best share u = slope u (1 - u/2).
    """
    priority = rng.random(n)
    return slope * priority + noise * (0.5 + priority) * rng.normal(size=n), priority


def trial(n: int = 1000, het: float = 1.0, seed: int = 0, shift: float = 0.5, confounded: bool = True, **roles):
    """Effect shift + het * recency; the chance of treatment moves with age."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:, 3] = X[:, 3] > 0
    e = 1 / (1 + np.exp(-0.6 * X[:, 0])) if confounded else np.full(n, 0.5)
    T = (rng.random(n) < e).astype(float)
    Y = X[:, 0] + T * (shift + het * X[:, 1]) + rng.normal(size=n)
    names = ["age", "recency", "visits", "channel=Web"]
    return yg.Study.from_arrays(X, T, Y, covariates=names, **roles)


class Line:
    """A learner outside the library: two least-squares lines; nothing but fit and effect."""

    def fit(self, study):
        def line(arm):
            rows = arm == study.T
            D = np.column_stack([np.ones(rows.sum()), study.X[rows]])
            return np.linalg.lstsq(D, study.Y[rows], rcond=None)[0]

        self.beta_ = line(1.0) - line(0.0)
        return self

    def effect(self, X):
        return self.beta_[0] + np.asarray(X) @ self.beta_[1:]
