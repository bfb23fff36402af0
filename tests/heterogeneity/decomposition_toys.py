"""A small confounded design with an instrument, a confounder and an adjuster, and options of networks for it."""

from types import SimpleNamespace

import numpy as np

import yinguo as yg
from yinguo.heterogeneity.networks.common import sample_rows


def confounded(seed: int = 0, n: int = 1200, *, chances: bool = False) -> tuple[yg.Study, np.ndarray]:
    """Columns instrument, confounder, adjuster; effect 1 + adjuster / 2; the study and the effects."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    T = (rng.random(n) < 1 / (1 + np.exp(-X[:, 0] - X[:, 1]))).astype(float)
    Y = 2 * X[:, 1] + X[:, 2] + T * (1 + 0.5 * X[:, 2]) + 0.3 * rng.normal(size=n)
    if chances:
        Y = (Y > 0.5).astype(float)
    return yg.Study.from_arrays(X, T, Y, covariates=("i", "c", "a")), 1 + 0.5 * X[:, 2]


def plain_difference(study: yg.Study) -> float:
    """Difference of the mean outcomes of the arms."""
    return float(study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean())


def sampled(estimator, study: yg.Study):
    """Rows to learn from and options, as the training function of a network has them."""
    options = SimpleNamespace(**{**type(estimator).option_defaults(), **estimator.get_params()})
    binary = study.outcome_kind == "binary"
    return options, sample_rows(options, study.Y, study.T, study.X, binary=binary, rng=np.random.default_rng(0))
