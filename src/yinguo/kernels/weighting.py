"""Weights that turn a fitted chance of treatment into comparable arms."""

import numpy as np

__all__ = ["arm_weights", "normalised"]


def arm_weights(T, e, estimand: str = "ATE", s=None) -> np.ndarray:
    """Inverse probability weights for an estimand.

    ATE: T/e + (1-T)/(1-e). ATT: T + (1-T) e/(1-e). ATC: T (1-e)/e + (1-T).

    Parameters
    ----------
    T, e : (n,) float arrays
    estimand : {"ATE", "ATT", "ATC"}
    s : (n,) float array, optional
        Sample weights, multiplied in.

    Returns
    -------
    (n,) float array, not normalised
    """
    treated = T == 1
    chance = np.where(treated, e, 1 - e)
    with np.errstate(divide="ignore"):
        w = (
            1 / chance
            if estimand == "ATE"
            else np.where(treated, 1.0, e / (1 - e))
            if estimand == "ATT"
            else np.where(treated, (1 - e) / e, 1.0)
        )
    return w if s is None else s * w


def normalised(w, T) -> np.ndarray:
    """Weights scaled to sum to 1 within each arm."""
    total1 = w @ T
    total0 = w.sum() - total1
    return w * np.where(T == 1, 1 / total1, 1 / total0)
