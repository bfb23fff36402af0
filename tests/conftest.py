"""Studies that several tests share."""

import importlib.util
import os
import sys

# No test may ask a hub for weights; transformers reads this when it is first imported.
os.environ["HF_HUB_OFFLINE"] = "1"
# tests/datasets stands where Python looks, and transformers would take it for the library of that name.
if getattr(importlib.util.find_spec("datasets"), "origin", "") is None:
    sys.modules["datasets"] = None

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import job_training


@pytest.fixture(scope="session")
def experiment() -> yg.Study:
    """The Dehejia-Wahba experiment: 185 treated, 260 controls, 10 covariates."""
    return job_training(variables="raw").study


@pytest.fixture(scope="session")
def cps() -> yg.Study:
    """The 185 treated against CPS-1, 10 covariates."""
    return job_training(comparison="cps1", variables="raw").study


def confounded(n: int = 400, p: int = 3, seed: int = 0, effect: float = 1.0, noise: float = 1.0) -> yg.Study:
    """A linear outcome, a logistic treatment, one known effect."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    T = (rng.random(n) < 1 / (1 + np.exp(-0.7 * X[:, 0] + 0.4 * X[:, 1]))).astype(float)
    Y = X @ np.linspace(1.0, 0.5, p) + effect * T + noise * rng.normal(size=n)
    return yg.Study.from_arrays(X, T, Y)


@pytest.fixture(scope="session")
def study() -> yg.Study:
    """400 rows, truth 1."""
    return confounded()
