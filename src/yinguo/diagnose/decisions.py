r"""Effects judged by the decisions they lead to, where the truth is known.

.. math:: \text{error} = \frac1n \sum_i 1\{1(\hat\tau_i > c) \ne 1(\tau_i > c)\}, \qquad
   \text{regret} = \frac1n \sum_i |\tau_i - c| \, 1\{1(\hat\tau_i > c) \ne 1(\tau_i > c)\}

A small mean squared error of the effects does not make for good decisions: what counts is the side of c that a unit is
on. The error rate counts a wrong decision alike whether it costs much or nothing; the regret weighs it by its cost.

Source: Manski (2004), Econometrica 72(4), for the regret; the error rate is the figure of ``yinguo bench decisions``.
"""

import numpy as np

from yinguo.errors import DataError

__all__ = ["decision_error", "decision_regret"]


def decision_error(tau_hat, tau, threshold: float = 0.0) -> float:
    """Share of units whose decision is wrong.

    Parameters
    ----------
    tau_hat, tau : (n,) float arrays
        Effects as estimated, and the true ones without noise.
    threshold : float
        Treat above it: the cost of treating one unit.
    """
    return float(_wrong(tau_hat, tau, threshold).mean())


def decision_regret(tau_hat, tau, threshold: float = 0.0) -> float:
    """Mean loss per unit from wrong decisions, against deciding by the true effects.

    Parameters
    ----------
    tau_hat, tau : (n,) float arrays
        Effects as estimated, and the true ones without noise.
    threshold : float
        Treat above it: the cost of treating one unit.
    """
    return float(np.mean(np.abs(np.asarray(tau) - threshold) * _wrong(tau_hat, tau, threshold)))


def _wrong(tau_hat, tau, threshold) -> np.ndarray:
    tau_hat, tau = np.asarray(tau_hat, dtype=np.float64), np.asarray(tau, dtype=np.float64)
    if tau_hat.shape != tau.shape or tau.ndim != 1 or len(tau) == 0:
        raise DataError(f"tau_hat has shape {tau_hat.shape} and tau {tau.shape}; give (n,) arrays of equal length.")
    if not (np.isfinite(tau_hat).all() and np.isfinite(tau).all()):
        raise DataError("tau_hat or tau holds values that are no numbers.")
    return (tau_hat > threshold) != (tau > threshold)
