r"""Odds of not being seen when a shadow variable identifies them: cell by cell, for discrete variables.

An outcome Y is seen where S = 1. Let :math:`w(y) = P(S=0 \mid y) / P(S=1 \mid y)` within a cell of covariates and
treatment. A shadow variable Z has to do with Y but not, given Y, with S. Then for every value z

.. math:: \sum_y w(y)\, P(z, y, S=1) = P(z, S=0),

one linear equation for each level of Z in one unknown for each level of Y. With
:math:`\widetilde{OR}(y) = w(y) / E[w(Y) \mid S=1]` the same equations read

.. math:: E[\widetilde{OR}(Y) \mid z, S=1] = f(z \mid S=0) / f(z \mid S=1).

The ratio stands with the unseen on top. The other way up (as it is printed in places) the equations have another
solution, which need not even be positive.

Source: d'Haultfoeuille (2010), J. Econometrics 154(1); Miao, Liu, Li, Tchetgen Tchetgen & Geng (2024), ACM/IMS J. Data
Science 1(2).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from yinguo.errors import NotIdentifiedError

__all__ = ["DiscreteOdds", "discrete_odds"]

#: Singular values below this share of the largest count as 0.
RANK_TOL = 1e-9


@dataclass(frozen=True, slots=True)
class DiscreteOdds:
    """Odds of not being seen for each level of the outcome.

    Attributes
    ----------
    w : (k,) float array, not negative
        P(S=0 | y) / P(S=1 | y).
    density_ratio : (k,) float array
        w over its mean among the seen: f(y | S=0) / f(y | S=1).
    odds_ratio : (k,) float array
        w over w at the first level.
    unseen_law : (m, k) float array
        f(y | z, S=0), a row for each level of the shadow variable.
    residual : float
        Length of what the equations leave, against the length of their right-hand side: 0 if they can all be met.
    strength : float
        Smallest singular value of f(z | y, S=1) as a matrix; 0 is no identification.
    """

    w: np.ndarray
    density_ratio: np.ndarray
    odds_ratio: np.ndarray
    unseen_law: np.ndarray
    residual: float
    strength: float


def discrete_odds(seen, unseen) -> DiscreteOdds:
    """Solve the shadow equations of one cell by least squares without negative odds.

    Parameters
    ----------
    seen : (m, k) float array
        Counts or probabilities of shadow level z (row) and outcome level y (column) among the seen.
    unseen : (m,) float array
        The same of the shadow levels among the unseen, on the same scale.

    Returns
    -------
    DiscreteOdds

    Raises
    ------
    NotIdentifiedError
        Fewer levels of the shadow variable than of the outcome, or levels of it that tell no outcomes apart.

    Examples
    --------
    >>> z, y, chance = np.array([0.5, 0.5]), np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([0.9, 0.3])
    >>> joint = z[:, None] * y
    >>> found = discrete_odds(joint * chance, (joint * (1 - chance)).sum(axis=1))
    >>> found.odds_ratio.round(6)
    array([ 1., 21.])
    """
    seen, unseen = np.asarray(seen, dtype=np.float64), np.asarray(unseen, dtype=np.float64)
    m, k = seen.shape
    if m < k:
        raise NotIdentifiedError(
            f"the shadow variable has {m} levels and the outcome {k}: there are fewer equations than unknowns. Use a "
            "shadow variable with at least as many levels, a coarser outcome, or form='parametric'."
        )
    size = seen.sum(axis=0)
    shape = seen / np.where(size > 0, size, 1.0)  # f(z | y, S=1): free of how frequent an outcome is
    singular = np.linalg.svd(shape, compute_uv=False)
    if singular[-1] <= RANK_TOL * singular[0]:
        raise NotIdentifiedError(
            f"the levels of the shadow variable do not tell the {k} levels of the outcome apart among those seen (the "
            "equations have no single solution). It is unrelated to the outcome, or to part of its levels."
        )
    scaled, missed = nnls(shape, unseen)  # unknowns: w times how often y is seen
    w = scaled / size
    total = w @ size
    joint = seen * w
    rows = joint.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return DiscreteOdds(
            w=w,
            density_ratio=w * size.sum() / total if total > 0 else np.zeros(k),
            odds_ratio=w / w[0],
            unseen_law=joint / rows,
            residual=float(missed / max(np.linalg.norm(unseen), np.finfo(float).tiny)),
            strength=float(singular[-1]),
        )
