r"""Scores that are right if either the propensity or the outcome model is.

.. math::

   \psi_i = m_1(X_i) - m_0(X_i) + \frac{T_i (Y_i - m_1(X_i))}{e(X_i)}
            - \frac{(1 - T_i)(Y_i - m_0(X_i))}{1 - e(X_i)}

``e`` propensity, ``m0, m1`` outcome means, ``psi`` scores, ``phi`` influence values (centred scores).
"""

import numpy as np

from yinguo.errors import OverlapError

__all__ = ["aipw_scores", "att_scores", "doubly_robust"]


def aipw_scores(*, Y, T, e, m0, m1) -> np.ndarray:
    r"""Doubly robust scores whose mean is the average treatment effect.

    Consistent if either ``e`` or the pair ``m0, m1`` is; noisy where overlap is poor.

    Parameters
    ----------
    Y : (n,) float array
        Outcome, in any unit u.
    T : (n,) float array of 0 and 1
    e : (n,) float array, strictly inside (0, 1)
        P(T=1 | X), estimated on other folds.
    m0, m1 : (n,) float arrays
        E[Y | T=0, X] and E[Y | T=1, X], unit u, estimated on other folds.

    Returns
    -------
    psi : (n,) float array
        Uncentred scores, unit u. Standard error of the mean: ``psi.std(ddof=1) / sqrt(n)``.

    Raises
    ------
    OverlapError
        If any ``e`` is not strictly inside (0, 1).

    Source
    ------
    Robins, Rotnitzky & Zhao (1994), JASA 89(427). Our T, e, m0, m1.
    """
    outside = ~((e > 0) & (e < 1))  # NaN counts as outside
    if outside.any():
        raise OverlapError(f"{outside.sum()} of {e.size} propensities are not inside (0, 1); set clip > 0.")
    return m1 - m0 + T * (Y - m1) / e - (1 - T) * (Y - m0) / (1 - e)


def att_scores(*, Y, T, e, m0, s=None) -> tuple[float, np.ndarray]:
    """Doubly robust effect on the treated and its influence values, weights of the controls normalised.

    Parameters
    ----------
    Y, T, e, m0 : (n,) float arrays
        As in :func:`aipw_scores`.
    s : (n,) float array, optional
        Sample weights with mean 1.

    Returns
    -------
    estimate : float, unit of Y
    phi : (n,) float array, unit of Y

    Source
    ------
    Mercatanti & Li (2014), Annals of Applied Statistics 8(4), with Hajek-normalised weights.
    """
    w1, w0 = T, (1 - T) * e / (1 - e)
    if s is not None:
        w1, w0 = s * w1, s * w0
    residual = Y - m0
    gain, correction = w1 @ residual / w1.sum(), w0 @ residual / w0.sum()
    phi = w1 * (residual - gain) / w1.mean() - w0 * (residual - correction) / w0.mean()
    return float(gain - correction), phi


def doubly_robust(estimand: str, *, Y, T, e, m0, m1, s=None) -> tuple[float, np.ndarray]:
    """Doubly robust estimate of an average effect and its influence values.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
    Y, T, e, m0, m1 : (n,) float arrays
        As in :func:`aipw_scores`.
    s : (n,) float array, optional
        Sample weights.

    Returns
    -------
    estimate : float, unit of Y
    phi : (n,) float array, unit of Y
        Centred; their variance over n is that of the estimate.
    """
    if estimand == "ATT":
        return att_scores(Y=Y, T=T, e=e, m0=m0, s=s)
    if estimand == "ATC":  # the effect on the controls is minus the effect on the "treated" of swapped labels
        estimate, phi = att_scores(Y=Y, T=1 - T, e=1 - e, m0=m1, s=s)
        return -estimate, -phi
    psi = aipw_scores(Y=Y, T=T, e=e, m0=m0, m1=m1)
    if s is None:
        estimate = psi.mean()
        return float(estimate), psi - estimate
    estimate = s @ psi / s.sum()
    return float(estimate), s * (psi - estimate) / s.mean()
