r"""Losses by which effects are compared without knowing the truth, row by row.

* :func:`dr_losses`: :math:`(\psi - \hat\tau)^2`. Its mean is the mean squared error of the effects plus a constant.
* :func:`r_losses`: :math:`(Y - m(X) - (T - e(X)) \hat\tau)^2`. The same, weighted by e(1 - e): calm where overlap is
  poor, and blind there.
* :func:`neighbour_losses`: :math:`(Y^1 - Y^0 - \hat\tau)^2` with the missing outcome taken from the nearest unit of the
  other arm. Noisy, and biased where neighbours are far; published tables select by it.

Their constants are those of the noise and the same for all effects: only differences on the same rows mean something.

Source: Nie & Wager (2021), Biometrika 108(2), R-loss; Kennedy (2023), EJS 17(2), and Saito & Yasui (2020), ICML, for
the doubly robust one; Shalit, Johansson & Sontag (2017), ICML, for neighbours.
"""

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.matches import match_means
from yinguo.kernels.neighbors import metric_points, nearest_matches

__all__ = ["dr_losses", "neighbour_effects", "neighbour_losses", "r_losses"]


def dr_losses(psi, tau) -> np.ndarray:
    """Squared distances of effects from doubly robust scores.

    Parameters
    ----------
    psi, tau : (n,) float arrays
        Scores; effects learned on other rows.

    Returns
    -------
    (n,) float array
        In the squared unit of the outcome.
    """
    return (psi - tau) ** 2


def r_losses(tau, *, Y, T, m, e) -> np.ndarray:
    """Squared errors of predicting what the covariates leave of the outcome from what they leave of the treatment.

    Parameters
    ----------
    tau : (n,) float array
        Effects learned on other rows.
    Y, T : (n,) float arrays
    m, e : (n,) float arrays
        Mean outcome and chance of treatment given the covariates, learned on other rows.

    Returns
    -------
    (n,) float array
        In the squared unit of the outcome.

    Source
    ------
    Nie & Wager (2021), Biometrika 108(2).
    """
    return (Y - m - (T - e) * tau) ** 2


def neighbour_effects(*, Y, T, X, metric="inverse_variance", treated_only: bool = False) -> np.ndarray:
    """Outcome less that of the nearest unit of the other arm, signed so that it estimates the unit's effect.

    Parameters
    ----------
    Y, T : (n,) float arrays
    X : (n, p) float array
    metric : "inverse_variance", "mahalanobis", "euclidean" or (p, p) float array
        The published programmes take the plain Euclidean distance, of covariates as they are.
    treated_only : bool
        Leave out the controls, whose values are then NaN; the programme of Shalit et al. does.

    Returns
    -------
    (n,) float array
        Neighbours at equal distance are averaged, where the published programmes take the first.

    Raises
    ------
    DataError
        An arm without units.

    Source
    ------
    Johansson, Shalit & Sontag (2016), ICML, for the neighbour as counterfactual.
    """
    arms = [np.flatnonzero(arm == T) for arm in (0.0, 1.0)]
    if min(len(rows) for rows in arms) == 0:
        raise DataError("an arm has no units, so there is no neighbour in it.")
    points = metric_points(X, np.eye(X.shape[1]) if isinstance(metric, str) and metric == "euclidean" else metric)
    out = np.full(len(Y), np.nan)
    for sign, own, other in ((1.0, arms[1], arms[0]), (-1.0, arms[0], arms[1])):
        if sign < 0 and treated_only:
            break
        found = nearest_matches(points=points, focal=own, donors=other)
        out[own] = sign * (Y[own] - match_means(found, Y))
    return out


def neighbour_losses(tau, effects) -> np.ndarray:
    """Squared distances of effects from those by nearest neighbours; their mean is PEHE_nn.

    Parameters
    ----------
    tau : (n,) float array
        Effects learned on other rows.
    effects : (n,) float array
        Of :func:`neighbour_effects`; NaN where a row is not to count.

    Returns
    -------
    (n,) float array
        In the squared unit of the outcome, NaN where a row does not count.
    """
    return (effects - tau) ** 2
