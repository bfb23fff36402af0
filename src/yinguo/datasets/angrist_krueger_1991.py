"""Schooling and wages of 329,509 men, with the quarter of their birth as instrument.

School starts by the calendar and may be left at a birthday, so men born early in the year could leave with a little
less schooling. Born in the first quarter, they have 0.11 years less and wages 1.1 per cent lower: the Wald ratio is
0.1020 per year of schooling. With quarter times year of birth (30 instruments) two-stage least squares gives 0.0891,
least squares 0.0711; the effective F is then below 5, which made this the standard warning about many weak instruments
(Bound, Jaeger & Baker 1995).

Source: Angrist & Krueger (1991), QJE 106(4); men born 1930-1939, 5 per cent sample of the 1980 US census. Terms: MIT
(the package masteringmetrics).
"""

from importlib import resources

import numpy as np

from yinguo.core.study import Study
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["angrist_krueger_1991"]

FIRST_YEAR, YEARS = 1930, 10


def angrist_krueger_1991(*, instruments: str = "quarter-by-year", years: bool = True) -> Draw:
    """Schooling (years) and the logarithm of the weekly wage, with quarter of birth as instrument.

    Parameters
    ----------
    instruments : {"first-quarter", "quarter", "quarter-by-year"}
        Born in the first quarter: 1 instrument; three quarters: 3; each of them in each year: 30.
    years : bool
        Whether year of birth (nine indicators) is among the covariates; the Wald ratio of the paper has none.

    Returns
    -------
    Draw
        Treatment ``education``, outcome ``log_wage``; the truth is not known. Extras: ``quarter``, ``year`` and
        ``state`` of birth (FIPS number), row by row.
    """
    if instruments not in ("first-quarter", "quarter", "quarter-by-year"):
        raise DataError(f"instruments is {instruments!r}; it must be 'first-quarter', 'quarter' or 'quarter-by-year'.")
    if instruments == "quarter-by-year" and not years:
        raise DataError("instruments='quarter-by-year' needs years=True; without the years it would hold them itself.")
    file = resources.files("yinguo.datasets") / "data" / "angrist_krueger_1991.npz"
    with resources.as_file(file) as path, np.load(path) as stored:
        rows = {name: stored[name] for name in stored.files}
    quarter, year = rows["quarter"], FIRST_YEAR + rows["year"].astype(int)
    by_quarter = {f"quarter={k}": quarter == k for k in (1, 2, 3)}
    by_year = {f"year={FIRST_YEAR + j}": rows["year"] == j for j in range(YEARS)}
    if instruments == "first-quarter":
        Z = {"quarter=1": by_quarter["quarter=1"]}
    elif instruments == "quarter":
        Z = by_quarter
    else:
        Z = {f"{q}*{y}": born & then for q, born in by_quarter.items() for y, then in by_year.items()}
    X = dict(list(by_year.items())[1:]) if years else {}
    columns = {
        "education": rows["education"].astype(float),
        "log_wage": rows["log_wage_of"][rows["wage"]],
        **{name: values.astype(float) for name, values in (Z | X).items()},
    }
    study = Study(columns, treatment="education", outcome="log_wage", instruments=tuple(Z), covariates=tuple(X))
    return Draw(
        study=study,
        about="men born 1930-1939 in the 1980 US census (Angrist & Krueger 1991; MIT, package masteringmetrics)",
        extras={"quarter": quarter.astype(int), "year": year, "state": rows["state"].astype(int)},
    )
