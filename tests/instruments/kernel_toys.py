"""A bent effect behind a hidden confounder, for the kernel methods."""

import numpy as np

import yinguo as yg

#: E[1 + cos T] with T of variance 2.25.
AVERAGE_SLOPE = 1 + np.exp(-2.25 / 2)


def toy(seed: int = 0, n: int = 600) -> yg.Study:
    """A bent effect, one covariate, a hidden confounder."""
    rng = np.random.default_rng(seed)
    Z, U, noise, x = rng.normal(size=(4, n))
    T = Z + U + 0.5 * x
    Y = curve(x[:, None], T) - 2 * U + 0.3 * noise
    return yg.Study.from_arrays(x[:, None], T, Y, Z=Z)


def curve(X, T) -> np.ndarray:
    """The truth of :func:`toy`."""
    return np.sin(T) + T + X[:, 0]


def grid(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Covariates and treatments at which curves are compared."""
    return 0.7 * np.random.default_rng(99).normal(size=(n, 1)), np.linspace(-2, 2, n)


def squared_error(predict) -> float:
    """Mean squared distance of a curve from the truth on the grid."""
    return float(np.mean((predict(*grid()) - curve(*grid())) ** 2))


def confounded_error(study: yg.Study) -> float:
    """The same for kernel ridge regression of the outcome on the treatment met."""
    from sklearn.kernel_ridge import KernelRidge

    ridge = KernelRidge(kernel="rbf", gamma=0.3, alpha=0.1).fit(np.column_stack([study.T, study.X]), study.Y)
    return squared_error(lambda X, T: ridge.predict(np.column_stack([T, X])))
