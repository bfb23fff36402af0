r"""Children of the Infant Health and Development Program: real covariates, simulated outcomes, every effect known.

747 children, 139 of them treated, 25 covariates: six continuous and standardised, 19 of two values, one of which
("first", ``x14``) is coded 1 and 2. The children of mothers who are not white were taken out of the treated arm, so
that the arms differ. Outcomes are drawn,

.. math:: Y(0) \sim N(e^{(X + 1/2) \beta}, 1), \qquad Y(1) \sim N(X \beta - \omega, 1),

with coefficients from 0, .1, .2, .3, .4 and :math:`\omega` such that the effect on the treated is 4. Papers name this
surface B, the package it comes from names it A.

**Three sources, which do not compare.** ``"shalit"``: the first 50 of the 100 replications that most papers use, with
their test rows (the others and the set of 1000 could not be had in full). ``"tedvae"``: 100 more of the same design;
their effects vary less, so errors are smaller for every method. ``"tedvae-nonlinear"``: 100 of another, more nonlinear
surface, where 224 children are kept back. Outcomes and test rows differ from replication to replication, covariates and
treatment never.

**Read means with care.** The spread of the true effects between children differs much between replications: in
``"shalit"`` its standard deviation is from 0.29 to 43, in six of fifty above 10. A mean of root PEHE over replications
is ruled by those few.

Source: Hill (2011), JCGS 20(1); Shalit, Johansson & Sontag (2017), ICML; Zhang, Liu & Li (2021), AAAI, for the two
further sets.
"""

import numpy as np

from yinguo.core.shared_data import shared_file
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw, effect_draw
from yinguo.errors import DataError

__all__ = ["ihdp"]

#: File and number of replications by source.
FILES = {
    "shalit": ("ihdp_shalit_rep001-050.npz", 50),
    "tedvae": ("ihdp_tedvae_surface_b_rep001-100.npz", 100),
    "tedvae-nonlinear": ("ihdp_tedvae_nonlinear_rep001-100.npz", 100),
}


def ihdp(*, source: str = "shalit", replication: int = 0) -> Draw:
    """One replication with its own outcomes and test rows; needs the shared data set ``ihdp``.

    Parameters
    ----------
    source : {"shalit", "tedvae", "tedvae-nonlinear"}
        Which set of replications.
    replication : int
        From 0; below 50 in "shalit", below 100 in the others.

    Returns
    -------
    Draw
        Training and validation rows as one study (672 children; 673 in "tedvae", 523 in "tedvae-nonlinear"), the
        official test rows in ``test``. Truth: ATE, ATT and ATC of the study, without noise.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    if source not in FILES:
        raise DataError(f"source is {source!r}; it must be one of {', '.join(FILES)}.")
    name, replications = FILES[source]
    if not 0 <= replication < replications:
        raise DataError(f"replication is {replication}; the source {source!r} has 0 to {replications - 1}.")
    with np.load(shared_file("ihdp", name)) as file:
        outcomes = {key: file[key][:, replication] for key in ("yf", "mu0", "mu1", "test_index")}
        study = Study.from_arrays(file["x"], file["t"], outcomes["yf"])
    return effect_draw(
        study=study,
        test=outcomes["test_index"].astype(int),
        mu0=outcomes["mu0"],
        mu1=outcomes["mu1"],
        about=f"IHDP, source {source}, replication {replication}",
    )
