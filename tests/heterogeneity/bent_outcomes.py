"""Data on which comparing means, and adjusting by lines, goes wrong; and what a fit is off by."""

import numpy as np

import yinguo as yg

#: Networks that learn it in a second or two.
SMALL = {"representation": (32, 32), "heads": (32,), "epochs": 350, "learning_rate": 5e-3, "folds": None}


def bent(n: int = 900, seed: int = 0, *, binary: bool = False) -> tuple[yg.Study, np.ndarray]:
    """A study and its true effects: 1 + x1 (mean 1), or those on the chance of an outcome of two values.

    Those far out on either side of x0 are treated more often and have larger outcomes, so that neither the means of
    the arms nor lines in x0 compare like with like.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    T = (rng.random(n) < 1 / (1 + np.exp(-2.5 * (np.abs(X[:, 0]) - 0.9)))).astype(float)
    level, effect = 2 * np.abs(X[:, 0]), 1 + X[:, 1]
    if binary:
        m0, m1 = (1 / (1 + np.exp(-(1.5 * level - 3 + t * effect))) for t in (0.0, 1.0))
        return yg.Study.from_arrays(X, T, (rng.random(n) < np.where(T == 1, m1, m0)).astype(float)), m1 - m0
    return yg.Study.from_arrays(X, T, level + T * effect + 0.3 * rng.normal(size=n)), effect


def off(effects: np.ndarray, truth: np.ndarray) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((effects - truth) ** 2)))


def naive_error(study: yg.Study, truth: np.ndarray) -> float:
    """How far the difference of the arms' means is from the average effect."""
    return float(study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean() - truth.mean())


def line_error(study: yg.Study, truth: np.ndarray) -> float:
    """How far off unit effects are by a line for each arm."""
    design = np.column_stack([np.ones(study.n), study.X])
    m0, m1 = (design @ np.linalg.lstsq(design[t == study.T], study.Y[t == study.T], rcond=None)[0] for t in (0.0, 1.0))
    return off(m1 - m0, truth)
