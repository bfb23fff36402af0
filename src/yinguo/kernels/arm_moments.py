"""Moments of one arm, standardised there, with the means they should be carried to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from yinguo.kernels.products import products_up_to

__all__ = ["ArmMoments", "arm_moments"]

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ArmMoments:
    """Moments of the arm that gets weights, and where they should go.

    Attributes
    ----------
    M : (m, r) float array
        With ``standardise``: mean 0 and standard deviation 1 in this arm, a column of ones first.
    target : (r,) float array
        Mean of the same moments in the target population.
    names : r names
    dropped : names of the moments that do not vary in this arm, so that no weights can move them
    """

    M: Vector
    target: Vector
    names: tuple[str, ...]
    dropped: tuple[str, ...]


def arm_moments(
    X: Vector, names: Sequence[str], *, arm: Mask, aim: Mask, order: int = 1, standardise: bool = True
) -> ArmMoments:
    """Covariates and their products, standardised on the arm to be reweighted.

    Parameters
    ----------
    X : (n, p) float array
    names : p names
    arm, aim : (n,) bool arrays
        Rows to be reweighted; rows whose mean is the target.
    order : {1, 2, 3}
        Covariates, products of pairs, products of triples.
    standardise : bool

    Returns
    -------
    ArmMoments
    """
    if standardise:  # before multiplying: products of large numbers are collinear
        centre, scale = _centre_scale(X[arm])
        X = (X - centre) / np.where(scale > 0, scale, 1.0)
    M, names = products_up_to(X, names, order)
    centre, scale = _centre_scale(M[arm])
    dropped = tuple(name for name, varies in zip(names, scale > 0, strict=True) if not varies)
    kept = np.flatnonzero(scale > 0)
    names = tuple(names[k] for k in kept)
    M = M[:, kept]
    if standardise:
        M = np.column_stack([np.ones(len(M)), (M - centre[kept]) / scale[kept]])
        names = ("constant", *names)
    return ArmMoments(M[arm], M[aim].mean(axis=0), names, dropped)


def _centre_scale(columns: Vector) -> tuple[Vector, Vector]:
    """Mean and standard deviation; a spread that is only rounding counts as none."""
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    return centre, np.where(scale > 1e-12 * (1 + np.abs(centre)), scale, 0.0)
