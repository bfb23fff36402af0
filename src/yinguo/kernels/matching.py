r"""From match sets to an effect and its Abadie-Imbens variance.

With :math:`J(i)` the matches of unit i in the other arm,

.. math:: \hat\tau_i = (2T_i - 1)\Bigl(Y_i - \frac{1}{|J(i)|}\sum_{j \in J(i)} Y_j\Bigr), \qquad
          \hat\tau = \frac1N \sum_{i \in \text{target}} \hat\tau_i,

``in`` marks the N target units that found a match (all units, the treated or the controls), ``K_i`` is the number of
units that i stands in for and ``K'_i`` the same with squared shares. Both variances below are one formula for the ATE,
the ATT and the ATC. The bootstrap is not valid for matching with replacement (Abadie & Imbens 2008, Econometrica
76(6)), which is why there is none here.

Source
------
Abadie & Imbens (2006), Econometrica 74(1), for the estimator and its variances; Abadie & Imbens (2011), JBES 29(1), for
the bias correction.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.matches import Matches, donor_usage, match_means

VARIANCE_FORMS = ("neighbor_mean", "neighbor_spread")


@dataclass(frozen=True, slots=True)
class MatchedContrast:
    """Estimate and everything a variance or a balance table needs.

    Attributes
    ----------
    estimate : float
    tau : (m,) float array
        Effect of every focal unit, in the order of ``matches.focal``; NaN without a match.
    in_target : (n,) bool array
        Target units that found a match.
    K, K_squares : (n,) float arrays
        Use of each row as a donor: sums of ``1/|J|`` and of ``1/|J|^2``.
    sigma2 : float
        Residual variance if it is the same for everybody: half the mean squared deviation of the pair differences.
    """

    estimate: float
    tau: np.ndarray
    in_target: np.ndarray
    K: np.ndarray
    K_squares: np.ndarray
    sigma2: float

    @property
    def n_target(self):
        """Number of target units that found a match."""
        return int(np.count_nonzero(self.in_target))

    @property
    def balance_weights(self):
        """(n,) weights whose weighted arm means differ by the estimate; each arm sums to ``n_target``."""
        return self.in_target + self.K


def matched_contrast(*, Y, T, matches, own_fit=None, other_fit=None):
    """Average difference between target units and their matches.

    Parameters
    ----------
    Y : (n,) float array
        Outcome, in any unit u.
    T : (n,) float array of 0 and 1
    matches : Matches
        Every target unit as focal unit, donors from the other arm.
    own_fit, other_fit : (n,) float arrays, optional
        Regression predictions for the unit's own arm and for the other one, from ``donor_regressions``: each donor's
        outcome is then moved by the difference its covariates make.

    Returns
    -------
    MatchedContrast

    Raises
    ------
    DataError
        If no unit has a match.
    """
    if not matches.matched.any():
        raise DataError("No target unit has a match; widen the caliper or match on fewer columns.")
    focal_value = Y if other_fit is None else Y - other_fit
    donor_value = Y if own_fit is None else Y - own_fit
    # Squares of values far from 0 would lose the digits of their spread; only differences count here.
    level = donor_value.mean()
    focal_value, donor_value = focal_value - level, donor_value - level
    stand_in = match_means(matches, donor_value)
    tau = (2.0 * T[matches.focal] - 1.0) * (focal_value[matches.focal] - stand_in)
    matched = matches.matched
    estimate = float(tau[matched].mean())
    spread = np.maximum(match_means(matches, donor_value**2)[matched] - stand_in[matched] ** 2, 0.0)
    in_target = np.zeros(matches.n, dtype=bool)
    in_target[matches.focal[matched]] = True
    K, K_squares = donor_usage(matches)
    return MatchedContrast(
        estimate=estimate,
        tau=tau,
        in_target=in_target,
        K=K,
        K_squares=K_squares,
        sigma2=float(((tau[matched] - estimate) ** 2 + spread).mean() / 2),
    )


def variance_factors(contrast, target="population"):
    r"""What multiplies each unit's residual variance, times :math:`N^2`.

    .. math:: \text{sample: } (in_i + K_i)^2, \qquad \text{population: } (in_i + K_i)^2 - in_i - K'_i.

    The population form leaves out what the spread of the unit effects already contains: for the ATE it is
    :math:`K_i^2 + 2K_i - K'_i`, for the ATT :math:`K_i^2 - K'_i`. It is never negative, and 0 for rows that play no
    part, so residual variances are needed only where it is positive.

    Parameters
    ----------
    contrast : MatchedContrast
    target : "population" or "sample"

    Returns
    -------
    (n,) float array
    """
    factors = (contrast.in_target + contrast.K) ** 2
    if target == "population":
        factors = factors - contrast.in_target - contrast.K_squares
        factors[factors < 1e-9 * (1 + contrast.K_squares)] = 0.0
    return factors


def contrast_variance(contrast, sigma2, target="population"):
    r"""Abadie-Imbens variance of the estimate.

    .. math:: V_S = \frac{1}{N^2} \sum_i \sigma_i^2 (in_i + K_i)^2, \qquad
              V_P = \frac{1}{N^2} \sum_{in} (\hat\tau_i - \hat\tau)^2
                    + \frac{1}{N^2} \sum_i \sigma_i^2 \{(in_i + K_i)^2 - in_i - K'_i\}.

    Parameters
    ----------
    contrast : MatchedContrast
    sigma2 : float or (n,) float array
        Residual variance(s); ``contrast.sigma2`` for the homoscedastic form.
    target : "population" or "sample"
        V_P for the effect in the population the units were drawn from, V_S for these very units.

    Returns
    -------
    float, squared unit of the outcome
    """
    total = float((variance_factors(contrast, target) * sigma2).sum())
    if target == "population":
        total += float(np.nansum((contrast.tau - contrast.estimate) ** 2))
    return total / contrast.n_target**2


def residual_variances(*, Y, within, form="neighbor_mean"):
    r"""Residual variance of each unit from its nearest units of the same arm.

    With J the number of neighbours (ties included) and :math:`\bar Y` the mean over the unit and its neighbours,

    .. math:: \text{neighbor mean: } \frac{J}{J+1} \Bigl(Y_i - \frac1J \sum_j Y_j\Bigr)^2
              = \frac{J+1}{J} (Y_i - \bar Y)^2, \qquad
              \text{neighbor spread: } \frac1J \sum (Y_j - \bar Y)^2 \text{ over all } J + 1.

    The first is Abadie & Imbens (2006); the second has the same expectation if the variance is locally constant, less
    noise, and is what Stata's ``teffects`` computes.

    Parameters
    ----------
    Y : (n,) float array
    within : Matches
        For every unit its nearest units of the same arm, itself among them.
    form : "neighbor_mean" or "neighbor_spread"

    Returns
    -------
    (m,) float array
        In the order of ``within.focal``; NaN for a unit without any neighbour but itself.
    """
    if form not in VARIANCE_FORMS:
        raise ValueError(f"form is {form!r}; choose one of {VARIANCE_FORMS}.")
    centered = Y - Y.mean()
    size = within.count
    mean = match_means(within, centered)
    variance = np.full(size.size, np.nan)
    if form == "neighbor_mean":
        deviation = (centered[within.focal] - mean) ** 2
    else:
        deviation = np.maximum(match_means(within, centered**2) - mean**2, 0.0)
    np.divide(size * deviation, size - 1, out=variance, where=size > 1)
    return variance


def donor_regressions(*, Z, Y, T, K):
    """Least-squares predictions for both arms, each fitted on the units used as matches and weighted by their use.

    Parameters
    ----------
    Z : (n, k) float array
        Covariates whose remaining imbalance is to be removed.
    Y : (n,) float array
    T : (n,) float array of 0 and 1
    K : (n,) float array
        Use of each row as a donor, ``donor_usage(matches)[0]``.

    Returns
    -------
    own_fit, other_fit : (n,) float arrays
        Prediction for the unit's own arm and for the other arm; 0 for an arm of which nobody is used.

    Raises
    ------
    DataError
        If an arm has fewer distinct donors than coefficients.
    """
    own_fit, other_fit = np.zeros(Y.size), np.zeros(Y.size)
    for arm in (0.0, 1.0):
        used = (arm == T) & (K > 0)
        if not used.any():
            continue
        if used.sum() < Z.shape[1] + 1:
            raise DataError(
                f"Bias correction fits {Z.shape[1] + 1} coefficients to {used.sum()} matched units of arm {arm:.0f}; "
                "name fewer columns."
            )
        prediction = _weighted_line(Z, Y, used, np.sqrt(K[used]))
        own_fit = np.where(arm == T, prediction, own_fit)
        other_fit = np.where(arm == T, other_fit, prediction)
    return own_fit, other_fit


def _weighted_line(Z, Y, used, root_weight):
    """Predictions for all rows; columns that are constant or collinear among the used rows get no say."""
    center = Z[used].mean(axis=0)
    scale = Z[used].std(axis=0)
    scale = np.where(scale > 1e-12 * (1.0 + np.abs(center)), scale, np.inf)
    design = np.column_stack([np.ones(len(Z)), (Z - center) / scale])
    level = Y[used].mean()
    coefficients = np.linalg.lstsq(design[used] * root_weight[:, None], (Y[used] - level) * root_weight, rcond=1e-10)[0]
    return design @ coefficients + level


def own_arm_rows(T, rows):
    """Split rows by arm: pairs (arm's rows among ``rows``, all rows of that arm), for in-arm neighbours.

    Parameters
    ----------
    T : (n,) float array of 0 and 1
    rows : (m,) int array

    Returns
    -------
    list of (focal rows, donor rows), arms without focal rows left out
    """
    parts = [(rows[T[rows] == arm], np.flatnonzero(arm == T)) for arm in (0.0, 1.0)]
    return [part for part in parts if part[0].size]


def scattered(matches: Matches, values, fill=0.0):
    """(n,) array with ``values`` at the focal rows and ``fill`` elsewhere."""
    out = np.full(matches.n, fill, dtype=float)
    out[matches.focal] = values
    return out
