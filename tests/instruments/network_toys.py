"""Small confounded designs with known curves, on which a right network is right in seconds and a regression is not."""

import numpy as np

import yinguo as yg


def two_arms(seed: int = 0, n: int = 2000) -> tuple[yg.Study, float]:
    """A treatment of two values, effect 1 + x/2, hidden U in treatment and outcome; the study and its mean effect."""
    rng = np.random.default_rng(seed)
    Z, X, U = rng.normal(size=(3, n))
    T = (1.5 * Z + 0.3 * X + U > 0).astype(float)
    Y = X + (1 + 0.5 * X) * T + 1.5 * U + 0.3 * rng.normal(size=n)
    return yg.Study.from_arrays(X[:, None], T, Y, Z=Z), float(1 + 0.5 * X.mean())


def bent(seed: int = 0, n: int = 2000) -> yg.Study:
    """A continuous treatment Z + U with the curve |t|, hidden U in treatment and outcome."""
    rng = np.random.default_rng(seed)
    Z, U = 1.5 * rng.normal(size=n), rng.normal(size=n)
    T = Z + U
    return yg.Study.from_arrays(np.empty((n, 0)), T, np.abs(T) + 2 * U, Z=Z)


#: Where the bent curve is judged: inside the range that the instrument reaches.
GRID = np.linspace(-2.0, 2.0, 41)


def shape_error(curve: np.ndarray, truth: np.ndarray) -> float:
    """Root mean squared error after both are centred: the level of a curve is a matter of the mean of the noise."""
    return float(np.std(curve - truth))


def effect_errors(method, draws: int = 5) -> np.ndarray:
    """Estimate minus truth on several draws of :func:`two_arms`."""
    studies = [two_arms(seed) for seed in range(draws)]
    return np.array([method.fit(study).result_.estimate - truth for study, truth in studies])


def regression_effect(study: yg.Study) -> float:
    """Mean effect by least squares with an interaction, as if nothing were hidden."""
    T, x = study.T, study.X[:, 0]
    beta = np.linalg.lstsq(np.column_stack([np.ones(study.n), T, x, T * x]), study.Y, rcond=None)[0]
    return float(beta[1] + beta[3] * x.mean())


def regression_curve(study: yg.Study) -> np.ndarray:
    """A polynomial regression of degree 6 on the grid, as if nothing were hidden."""
    return np.polyval(np.polyfit(study.T, study.Y, 6), GRID)
