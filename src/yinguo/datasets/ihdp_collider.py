r"""Children of the Infant Health and Development Program whose outcome is hidden by a collider.

747 children, 25 covariates, the first realisation of Hill's response surface; an outcome is hidden where

.. math:: T = 0, \quad x_{13} = 1 \ \text{(the mother smoked)}, \quad Y < 0, \qquad Y = Y_{factual} - 4.44 .

Being seen depends on the outcome, on the treatment and on a covariate at once. All 190 hidden rows are controls.

**No method can be right here without help from its form.** Controls of smoking mothers with a negative outcome are
*never* seen: positivity fails, worst-case bounds are wide, and a regression of the indicator on treatment, covariate
and outcome separates perfectly. Guessing the mean effect for everybody is off by .86 (root mean squared error on all
rows), which is better than every comparator of the published table; hold results against ``extras["constant"]``.

Source: Hill (2011), JCGS 20(1); Shalit, Johansson & Sontag (2017), ICML; the rule is that of the files published with
Li, Li, Xiong, Wu, Wu & Kuang (2024), ICML, read off all their rows. The constant taken from the outcome is known to
two digits.
"""

import numpy as np

from yinguo.core.shared_data import shared_file
from yinguo.core.study import Study
from yinguo.datasets.draw import Draw

__all__ = ["ihdp_collider"]

CENTRE = 4.44
SMOKING = 12


def ihdp_collider() -> Draw:
    """The one realisation there is; needs the shared data set ``ihdp``.

    Returns
    -------
    Draw
        Treatment ``t``, outcome ``y`` (missing where ``s`` is 0), selection ``s``, covariates ``x1 .. x25``. Truth: the
        ATE of all children. Extras: ``tau``, the effect of each; ``mu0``, ``mu1``; ``outcome``, seen or not;
        ``constant``, the root mean squared error of the mean effect on all rows, those seen and those not; ``shadow``,
        the covariate that says most of the outcome and is not in the rule, for methods that ask for one.

    Raises
    ------
    DataError
        The data are not on this machine: says where to get them.
    """
    with np.load(shared_file("ihdp", "ihdp_shalit_rep001-050.npz")) as file:
        X, T = file["x"].astype(float), file["t"].astype(float)
        Y = file["yf"][:, 0] - CENTRE
        mu0, mu1 = file["mu0"][:, 0] - CENTRE, file["mu1"][:, 0] - CENTRE
    hidden = (T == 0) & (X[:, SMOKING] == 1) & (Y < 0)
    S, tau = 1.0 - hidden, mu1 - mu0
    study = Study.from_arrays(X, T, np.where(hidden, np.nan, Y), S=S)
    off = {
        name: float(np.sqrt(np.mean((tau[rows] - tau.mean()) ** 2)))
        for name, rows in (("all", S >= 0), ("seen", ~hidden), ("unseen", hidden))
    }
    return Draw(
        study=study,
        truth={"ATE": float(tau.mean())},
        about="IHDP, realisation 1, outcomes hidden for smoking mothers' controls below 0",
        extras={"tau": tau, "mu0": mu0, "mu1": mu1, "outcome": Y, "constant": off, "shadow": ("x6",)},
    )
