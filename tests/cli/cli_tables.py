"""Tables for the tests of the command line."""

import csv
from pathlib import Path

import numpy as np


def columns(n=80, seed=0):
    """A treatment t, an outcome y with effect 2, covariates a and b (b discrete), groups g, weights w."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.integers(0, 3, size=n)
    t = (rng.random(n) < 1 / (1 + np.exp(-a))).astype(int)
    y = a + b + 2 * t + rng.normal(size=n)
    return {"t": t, "y": y.round(6), "a": a.round(6), "b": b, "g": np.arange(n) % 10, "w": rng.random(n).round(3) + 0.5}


def write(path, table) -> Path:
    """A mapping of names to columns as CSV."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*(list(values) for values in table.values()), strict=True))
    return Path(path)
