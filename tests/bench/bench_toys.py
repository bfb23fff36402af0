"""A toy table: methods whose errors are known in closed form, so that the bench is tested without any estimator."""

import warnings
from dataclasses import dataclass, field

from yinguo.bench.spec import Build, Cell, Method, Published, PublishedTable
from yinguo.datasets.draw import Draw

#: What the methods were handed and which seeds they got, when they run in this process.
HANDED: list = []
SEEDS: list = []


@dataclass(frozen=True)
class Result:
    estimate: float
    se: float | None = None
    estimand: str = "ATT"
    notes: tuple[str, ...] = field(default_factory=tuple)

    def ci(self, level):
        assert level == 0.95
        return self.estimate - 1.96 * self.se, self.estimate + 1.96 * self.se


def draw(rng, *, n, effect):
    """``n`` numbers around the effect; the study is the numbers and nothing else."""
    return Draw(study=rng.normal(effect, 1, size=n), truth={"ATT": effect, "ATE": 100.0}, extras={"n": n})


class Mean:
    """The mean plus ``shift``: bias is exactly the shift, up to chance."""

    def __init__(self, *, shift=0.0, random_state=None):
        self.shift = shift
        self.random_state = random_state

    def fit(self, study):
        HANDED.append(study)
        SEEDS.append(self.random_state)
        self.result_ = Result(study.mean() + self.shift, study.std(ddof=1) / len(study) ** 0.5)
        return self


class First:
    """The first number, without a standard error and without an option ``random_state``."""

    def fit(self, study):
        HANDED.append(study)
        warnings.warn("one row used\nsecond line", UserWarning, stacklevel=2)
        self.result_ = Result(float(study[0]), notes=("a note",))
        return self


class Fails:
    """Fails on draws whose first number is negative."""

    def fit(self, study):
        if study[0] < 0:
            raise ArithmeticError("the first number is negative\nand more that nobody reads")
        self.result_ = Result(float(study[0]))
        return self


class NotANumber:
    def fit(self, study):
        self.result_ = Result(float("nan"))
        return self


class OtherEstimand:
    def fit(self, study):
        self.result_ = Result(1.0, estimand="ATE")
        return self


class Other:
    """Estimates what it is asked for."""

    def __init__(self, *, estimand):
        self.estimand = estimand

    def fit(self, study):
        self.result_ = Result(float(study[0]), estimand=self.estimand)
        return self


class Threads:
    """The largest number of threads that a BLAS of this process may use."""

    def fit(self, study):
        from threadpoolctl import threadpool_info

        self.result_ = Result(float(max(pool["num_threads"] for pool in threadpool_info())))
        return self


class Interrupts:
    """Behaves like a person at the keyboard after ``calls`` fits."""

    calls = 3

    def fit(self, study):
        type(self).calls -= 1
        if type(self).calls < 0:
            raise KeyboardInterrupt
        self.result_ = Result(float(study[0]))
        return self


def rows_seen(fitted, drawn):
    """A measure that needs both the fit and the facts."""
    return {"rows": drawn.extras["n"], "estimate again": fitted.result_.estimate}


def method(label, name, **settings):
    options = settings.pop("options", {})
    return Method(label, Build(f"bench_toys:{name}", options), chosen="Fixed beforehand.", **settings)


CELLS = (Cell("small", {"n": 20, "effect": 1.0}), Cell("large", {"n": 80, "effect": -2.0}, replications=7))
METHODS = (method("mean", "Mean"), method("shifted", "Mean", options={"shift": 0.5}), method("first", "First"))
PUBLISHED = (Published("small", "mean", {"estimate": 1.25, "bias": 0.25}, "artefact", note="They forgot one row."),)


def toy(**changes):
    """The toy table, with changes."""
    settings = {
        "name": "toy",
        "title": "A toy",
        "source": "nowhere",
        "protocol": "numbers are drawn",
        "gaps": "none",
        "estimand": "ATT",
        "unit": "metres",
        "draw": draw,
        "cells": CELLS,
        "methods": METHODS,
        "replications": 10,
        "metrics": ("estimate", "bias", "rmse", "coverage"),
        "quick_fraction": 0.3,
        "seed": 5,
    }
    return PublishedTable(**{**settings, **changes})
