"""What Stata's ``teffects`` says of 4,642 births, read from the statsmodels wheel where it is installed."""

import importlib
from importlib import resources

import pytest

import yinguo as yg

#: Stata prints 9 to 10 significant digits of the estimate and its standard errors rest on its own stopping rule.
ESTIMATE, ERROR = 1e-9, 1e-6


def births(covariates: list[str]) -> yg.Study:
    pytest.importorskip("statsmodels")
    file = resources.files("statsmodels.treatment.tests.results") / "cataneo2.csv"
    with resources.as_file(file) as path:
        return yg.Study(path, treatment="mbsmoke_", outcome="bweight", covariates=list(covariates))


def stata(command: str, table: str = "table") -> tuple[float, float]:
    """Estimate and standard error of the first row of a table."""
    pytest.importorskip("statsmodels")
    results = importlib.import_module("statsmodels.treatment.tests.results.results_teffects")
    row = getattr(getattr(results, f"results_{command}"), table)[0]
    return float(row[0]), float(row[1])


def check(result: yg.EffectResult, expected: tuple[float, float]) -> None:
    """Stata divides by n where we divide by n - 1."""
    assert result.estimate == pytest.approx(expected[0], rel=ESTIMATE)
    assert result.se * ((result.n - 1) / result.n) ** 0.5 == pytest.approx(expected[1], rel=ERROR)
