"""The job-training data: an experiment whose answer is known, and two groups that were never in it.

The National Supported Work programme assigned training at random; the 185 treated men of the
Dehejia-Wahba sample against their 260 experimental controls give an effect of 1794.34 dollars on
earnings in 1978. Put the same treated against a survey sample (CPS-1 or PSID-1) and the raw difference
is -8497.52 or -15204.78; a method for confounded data should find its way back.

Source: LaLonde (1986), AER 76(4); Dehejia & Wahba (1999), JASA 94(448). Terms: CC0.
"""

from importlib import resources
from pathlib import Path

import numpy as np

from yinguo.core.study import Study
from yinguo.core.table import open_table
from yinguo.datasets.draw import Draw
from yinguo.errors import DataError
from yinguo.kernels.expand import expand_terms, independent_columns

__all__ = ["job_training"]

#: Difference of means in the experiment: the benchmark for the effect on the treated.
EXPERIMENTAL_ATT = 1794.3423818501024

COVARIATES = ("age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75")


def job_training(*, comparison: str = "experiment", variables: str = "raw") -> Draw:
    """Job training, with experimental or survey controls.

    Parameters
    ----------
    comparison : {"experiment", "cps1", "psid1"}
        Who the 185 treated are compared with: 260 experimental controls, 15,992 or 2,490 survey rows.
    variables : {"file", "raw", "interaction"}
        The 8 columns of the file; these and ``u74``, ``u75`` (no earnings in 1974, 1975): 10 columns;
        these with all squares and products, without constant and collinear ones (56 columns for CPS-1).

    Returns
    -------
    Draw
        Treatment ``treat``, outcome ``re78``; truth: the experimental ATT.
    """
    if comparison not in ("experiment", "cps1", "psid1"):
        raise DataError(f"comparison is {comparison!r}; it must be 'experiment', 'cps1' or 'psid1'.")
    if variables not in ("file", "raw", "interaction"):
        raise DataError(f"variables is {variables!r}; it must be 'file', 'raw' or 'interaction'.")
    rows = _read("nsw_dw")
    if comparison != "experiment":
        treated = rows["treat"] == 1
        controls = _read(comparison)
        rows = {name: np.concatenate([rows[name][treated], controls[name]]) for name in rows}
    X = np.column_stack([rows[name] for name in COVARIATES])
    names: tuple[str, ...] = COVARIATES
    if variables != "file":
        X = np.column_stack([X, rows["re74"] == 0, rows["re75"] == 0])
        names = (*names, "u74", "u75")
    if variables == "interaction":
        X, names = expand_terms(X, names, moments=2, interactions=True)
        keep = independent_columns(X[rows["treat"] == 0])
        X, names = np.ascontiguousarray(X[:, keep]), tuple(names[j] for j in keep)
    study = Study.from_arrays(X, rows["treat"], rows["re78"], covariates=names, treatment="treat", outcome="re78")
    return Draw(
        study=study,
        truth={"ATT": EXPERIMENTAL_ATT},
        about=f"National Supported Work, 185 treated against {comparison} controls (Dehejia & Wahba 1999; CC0)",
    )


def _read(name: str) -> dict[str, np.ndarray]:
    with resources.as_file(resources.files("yinguo.datasets") / "data" / f"{name}.csv.gz") as path:
        table = open_table(Path(path))
        return {column: values.values for column, values in table.read(table.names).items()}
