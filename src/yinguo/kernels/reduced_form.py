r"""Reduced form: what the instruments do to the outcome and to the treatment, with the covariance of both.

Regressing Y and T on [1, X, Z] gives coefficients :math:`\hat\Gamma, \hat\gamma` of the instruments. If an instrument
is valid, its :math:`\Gamma_j` is the effect times its :math:`\gamma_j`. So everything linear that is said about
instruments, and about which of them are valid, is said about

.. math:: \hat\Gamma - \theta \hat\gamma, \qquad
   V(\theta) = V_{YY} - \theta (V_{YT} + V_{TY}) + \theta^2 V_{TT}

with V the covariance of the coefficients under equal noise, robust to unequal noise, or clustered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.instrument_moments import InstrumentMoments, Scores

__all__ = ["ReducedForm", "minimum_distance", "reduced_form"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedForm:
    """Coefficients of q instruments in the regressions of outcome and treatment, net of the covariates.

    Attributes
    ----------
    outcome, treatment : (q,) float arrays
        Gamma and gamma.
    covariances : three (q, q) float arrays
        Of the coefficients: outcome with itself, outcome with treatment plus its transpose, treatment with itself.
    gram : (q, q) float array
        Sums of products of the instruments net of the covariates.
    noise : (2, 2) float array
        Residual covariance of outcome and treatment.
    equal_noise : bool
        Whether ``covariances`` take the noise to be alike everywhere.
    n : int
        Rows.
    dof : int
        Denominator degrees of freedom of F tests: rows minus coefficients, or clusters minus one.
    kept : (q,) int array
        Which of the instruments given these are; combinations of others are left out.
    """

    outcome: np.ndarray
    treatment: np.ndarray
    covariances: tuple[np.ndarray, np.ndarray, np.ndarray]
    gram: np.ndarray
    noise: np.ndarray
    equal_noise: bool
    n: int
    dof: int
    kept: np.ndarray

    @property
    def q(self) -> int:
        """Number of instruments."""
        return len(self.outcome)

    def deviation(self, theta: float) -> np.ndarray:
        """(q,) what the instruments do to the outcome beyond an effect of ``theta``."""
        return self.outcome - theta * self.treatment

    def variance(self, theta: float) -> np.ndarray:
        """(q, q) covariance of :meth:`deviation`."""
        V0, V1, V2 = self.covariances
        return V0 - theta * V1 + theta**2 * V2

    def wald(self, theta: float) -> float:
        """Statistic of the hypothesis that all instruments are valid and the effect is ``theta``; about chi2 of q."""
        gap = self.deviation(theta)
        return float(gap @ np.linalg.solve(self.variance(theta), gap))

    @property
    def treatment_wald(self) -> float:
        """Statistic of the hypothesis that no instrument moves the treatment."""
        return float(self.treatment @ np.linalg.solve(self.covariances[2], self.treatment))

    @property
    def ratios(self) -> np.ndarray:
        """(q,) effect according to each instrument alone, the other candidates held fixed."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.outcome / self.treatment

    @property
    def ratio_errors(self) -> np.ndarray:
        """(q,) standard errors of the ratios by the delta method."""
        ratios = self.ratios
        variance = [self.variance(b)[j, j] if np.isfinite(b) else np.inf for j, b in enumerate(ratios)]
        with np.errstate(divide="ignore"):
            return np.sqrt(np.maximum(variance, 0.0)) / np.abs(self.treatment)

    def only(self, chosen: Sequence[int] | np.ndarray) -> "ReducedForm":
        """The same coefficients of some instruments; the others stay in the regressions, as covariates do."""
        chosen = np.asarray(chosen, dtype=np.int64)
        block = np.ix_(chosen, chosen)
        V0, V1, V2 = (V[block] for V in self.covariances)
        # What the chosen ones vary beyond the others: the inverse of a block of the inverse.
        gram = np.linalg.inv(np.linalg.inv(self.gram)[block])
        return replace(
            self, outcome=self.outcome[chosen], treatment=self.treatment[chosen], covariances=(V0, V1, V2),
            gram=(gram + gram.T) / 2, kept=self.kept[chosen],
        )  # fmt: skip


def reduced_form(moments: InstrumentMoments, *, robust: bool = True, groups=None) -> ReducedForm:
    """Reduced-form coefficients of the instruments and their covariance.

    Parameters
    ----------
    moments : InstrumentMoments
    robust : bool
        Allow for noise that is not alike everywhere; without it the covariance takes it to be.
    groups : (n,) int array in 0..G-1, optional
        Clusters; the covariance is then clustered.

    Returns
    -------
    ReducedForm
        Of the instruments with variation of their own.

    Raises
    ------
    DataError
        No instrument with variation of its own; too few rows or clusters; an outcome without noise.

    Source
    ------
    Small-sample factors n/(n - k), and G/(G - 1) (n - 1)/(n - k) with clusters, as in MacKinnon & White (1985), Journal
    of Econometrics 29, and Cameron & Miller (2015), Journal of Human Resources 50(2).
    """
    kept, redundant = moments.independent()
    if len(kept) == 0:
        raise DataError("the instruments are combinations of the covariates; nothing of their own is left of them.")
    if redundant.any():
        moments = moments.only(kept)
    n, q, k = moments.n, moments.q, moments.rank + moments.q
    if n <= k:
        raise DataError(f"{n} rows do not determine a regression with {k} coefficients.")
    clusters = None if groups is None else int(groups.max()) + 1
    if clusters is not None and clusters <= q:
        raise DataError(f"{clusters} groups do not determine the clustered covariance of {q} instruments.")
    gram = moments.C[2:, 2:]
    coefficients = np.linalg.solve(gram, moments.C[2:, :2])
    left = moments.C[:2, :2] - coefficients.T @ gram @ coefficients
    noise = (left + left.T) / 2 / (n - k)
    if not noise[0, 0] > 1e-14 * moments.total[0] / n:
        raise DataError("instruments and covariates determine the outcome exactly; there is no noise to test against.")
    inverse = np.linalg.inv(gram)
    if robust or clusters is not None:
        factor = n / (n - k) if clusters is None else clusters / (clusters - 1) * (n - 1) / (n - k)
        pick = np.eye(2 + q)[2:]
        of_y, of_t = (np.concatenate([side, -coefficients[:, j]]) for j, side in enumerate(np.eye(2)))
        middles = moments.middle([Scores(r, pick) for r in (of_y, of_y + of_t, of_t)], groups)
        V0, both, V2 = (factor * inverse @ m @ inverse for m in middles)
        V1 = both - V0 - V2
    else:
        V0, V1, V2 = noise[0, 0] * inverse, 2 * noise[0, 1] * inverse, noise[1, 1] * inverse
    return ReducedForm(
        outcome=coefficients[:, 0], treatment=coefficients[:, 1], covariances=(V0, V1, V2), gram=gram, noise=noise,
        equal_noise=not robust and clusters is None, n=n, dof=n - k if clusters is None else clusters - 1, kept=kept,
    )  # fmt: skip


def minimum_distance(form: ReducedForm) -> tuple[float, float]:
    r"""The effect that all instruments agree on best, and how badly they disagree.

    .. math:: J = \min_\theta\, (\Gamma - \theta\gamma)' V(\tilde\theta)^{-1} (\Gamma - \theta\gamma)

    with the first-step effect from two-stage least squares in the variance. Under valid instruments J is about
    chi-squared with q - 1 degrees of freedom; it is the statistic of Sargan or Hansen up to how noise is estimated.

    Parameters
    ----------
    form : ReducedForm

    Returns
    -------
    theta : float
    J : float
        0 for one instrument.

    Source
    ------
    Hansen (1982), Econometrica 50(4), in the minimum-distance form of Newey & McFadden (1994), Handbook of
    Econometrics 4, section 2.
    """
    first = form.gram @ form.treatment
    start = float(first @ form.outcome / (first @ form.treatment))
    weights = np.linalg.solve(form.variance(start), form.treatment)
    theta = float(weights @ form.outcome / (weights @ form.treatment))
    gap = form.deviation(theta)
    return theta, max(float(gap @ np.linalg.solve(form.variance(start), gap)), 0.0)
