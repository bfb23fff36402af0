r"""Means of outcomes seen for some only: weighted by inverse chances, and doubly robust.

``S`` 1 where the outcome was seen, ``pi`` the chance of that given covariates and treatment, ``e`` the chance of
treatment, ``m0, m1`` mean outcomes, ``phi`` influence values.

Source: Robins, Rotnitzky & Zhao (1994), JASA 89(427); Bia, Huber & Laffers (2024), Journal of Business & Economic
Statistics 42(3), for the doubly robust score with selection on observables.
"""

import numpy as np

from yinguo.kernels.moments import ArrayMoments, solve_gram

__all__ = ["doubly_robust_selected", "projected_scores", "weighted_difference_of_means"]


def weighted_difference_of_means(*, Y, T, w) -> tuple[float, np.ndarray, np.ndarray]:
    """Difference of weighted arm means, its influence values with weights known, and its slope in the weights.

    Parameters
    ----------
    Y, T : (n,) float arrays
        ``Y`` is read where ``w`` is positive and must be finite everywhere.
    w : (n,) float array
        0 where the outcome was not seen.

    Returns
    -------
    estimate : float
    phi : (n,) float array
    slope : (n,) float array
        n times the derivative of the estimate in each weight.

    Source
    ------
    Hajek (1971), for the ratio form.
    """
    estimate, slope = 0.0, np.zeros(len(Y))
    for arm, sign in ((1.0, 1.0), (0.0, -1.0)):
        inside = arm == T
        total = w[inside].sum()
        mean = w[inside] @ Y[inside] / total
        slope[inside] = sign * len(Y) / total * (Y[inside] - mean)
        estimate += sign * mean
    return float(estimate), w * slope, slope


def projected_scores(moments: ArrayMoments, information, score, d_eta) -> np.ndarray:
    """What estimating the coefficients of a chance adds to the influence values: their scores, projected.

    Parameters
    ----------
    moments : ArrayMoments of the model of the chance
    information : (q, q) float array
        Summed over rows.
    score : (n,) float array
        d log-likelihood / d linear predictor, sample weights multiplied in.
    d_eta : (n,) float array
        n times the derivative of the estimate in each row's linear predictor.
    """
    return moments.D @ solve_gram(information, d_eta @ moments.D, intercept=True) * score


def doubly_robust_selected(estimand: str, *, Y, T, S, e, pi, m0, m1, s=None) -> tuple[float, np.ndarray]:
    r"""Effect and influence values, right if the outcome means or both chances are.

    .. math:: \psi_t = m_t(X) + \frac{1[T = t]\, S}{e_t(X)\, \pi(X, t)} (Y - m_t(X))

    for the ATE; for the ATT the control mean is carried to the treated by the odds e/(1-e), and the treated mean needs
    no chance of treatment. The ATC mirrors it.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    Y : (n,) float array
        Finite everywhere; read where S is 1.
    T, S, e, pi, m0, m1 : (n,) float arrays
        ``pi`` at the treatment met.
    s : (n,) float array, optional
        Sample weights.

    Returns
    -------
    estimate : float
    phi : (n,) float array

    Source
    ------
    Bia, Huber & Laffers (2024), Journal of Business & Economic Statistics 42(3), Theorem 1 for the ATE; the same with
    the weights of the ATT.
    """
    if estimand == "ATC":
        estimate, phi = doubly_robust_selected("ATT", Y=Y, T=1 - T, S=S, e=1 - e, pi=pi, m0=m1, m1=m0, s=s)
        return -estimate, -phi
    s = np.ones(len(Y)) if s is None else s
    target = T if estimand == "ATT" else np.ones(len(Y))
    w1 = T * S / pi if estimand == "ATT" else T * S / (pi * e)
    w0 = (1 - T) * S / pi * e / (1 - e) if estimand == "ATT" else (1 - T) * S / (pi * (1 - e))
    psi = target * (m1 - m0) + w1 * (Y - m1) - w0 * (Y - m0)
    size = s * target
    estimate = float(s @ psi / size.sum())
    return estimate, s * (psi - target * estimate) / size.mean()
