"""The 4,642 births of Cattaneo (2010), from the installed statsmodels wheel; Stata's manuals use them throughout."""

import csv
from importlib import resources

import numpy as np
import pytest

import yinguo as yg


def births(columns) -> yg.Study:
    """Effect of smoking in pregnancy on birth weight (grams), with some of the file's columns as covariates."""
    pytest.importorskip("statsmodels")
    path = resources.files("statsmodels") / "treatment/tests/results/cataneo2.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    take = lambda name: np.array([float(row[name]) for row in rows])  # noqa: E731
    X = np.column_stack([take(name) for name in columns])
    return yg.Study.from_arrays(X, take("mbsmoke_"), take("bweight"), covariates=columns)
