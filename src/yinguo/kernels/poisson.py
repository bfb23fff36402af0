"""Poisson regression with log link by Newton's method on moments; consistent for any outcome whose mean it is.

Source: Gourieroux, Monfort & Trognon (1984), Econometrica 52(3), for consistency without the Poisson distribution.
"""

import numpy as np

from yinguo.errors import ConvergenceError, DataError
from yinguo.kernels.moments import ArrayMoments, slope_rank, solve_gram

__all__ = ["fit_poisson"]

MAX_STEPS = 100
#: Linear predictors are cut here in the search only: beyond it the exponential has no double.
LARGEST = 700.0


def fit_poisson(moments: ArrayMoments, Y, s=None) -> np.ndarray:
    """(q,) coefficients on the standardised design of the moments, intercept first.

    Parameters
    ----------
    moments : ArrayMoments
    Y : (n,) non-negative float array
    s : (n,) float array, optional
        Sample weights.

    Raises
    ------
    DataError
        Every outcome is 0.
    ConvergenceError
        The likelihood has no maximum.

    Source
    ------
    Gourieroux, Monfort & Trognon (1984), Econometrica 52(3).
    """
    w = np.ones(len(Y)) if s is None else s
    average = float(np.average(Y, weights=w))
    if not average > 0:
        raise DataError("every outcome is 0; a Poisson mean has no logarithm.")
    beta = np.zeros(moments.q)
    beta[0] = np.log(average)

    def loss(b) -> float:
        eta = moments.D @ b
        return float(w @ (np.exp(np.minimum(eta, LARGEST)) - Y * eta))

    value, rank = loss(beta), slope_rank(moments.grams(w=w)[0][0])
    for _ in range(MAX_STEPS):
        mean = np.exp(np.minimum(moments.D @ beta, LARGEST))
        information = moments.grams(w=w * mean)[0][0]
        step = solve_gram(information, (w * (Y - mean)) @ moments.D, intercept=True)
        if np.abs(step).max() < 1e-10:
            if slope_rank(information) < rank:
                break  # some means have gone to 0 and took a coefficient with them
            return beta + step
        size = 1.0
        while (new := loss(beta + size * step)) > value + 1e-12 * abs(value) and size > 1e-10:
            size /= 2
        beta, value = beta + size * step, new
    raise ConvergenceError(
        "the Poisson regression has no maximum that Newton's method finds; some covariate may go with outcomes of 0 "
        "only. Leave it out, or use a linear model."
    )
