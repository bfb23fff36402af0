"""Projection onto the probability simplex."""

import numpy as np

__all__ = ["project_to_simplex"]


def project_to_simplex(v: np.ndarray) -> np.ndarray:
    r"""The nearest weights that are not negative and sum to 1.

    They are :math:`\max(v_k - \theta, 0)` with the one :math:`\theta` that makes the sum 1: among the values in falling
    order, :math:`\theta` is the mean excess over 1 of as many as stay positive.

    Parameters
    ----------
    v : (k,) float array

    Returns
    -------
    (k,) float array

    Source
    ------
    Duchi, Shalev-Shwartz, Singer & Chandra (2008), ICML.
    """
    falling = np.sort(v)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(v) + 1)
    kept = np.flatnonzero(falling > excess)[-1]
    return np.maximum(v - excess[kept], 0.0)
