r"""Propensity-score matching with everything its variance needs, in the order of the score.

All rows are put in the order of the score once. Match sets, neighbours of the same arm and neighbours of the other arm
are then slices, all gathers run forward through memory, and the whole estimate costs one sort and a few passes.
"""

from dataclasses import dataclass

import numpy as np

from yinguo.errors import DataError
from yinguo.kernels.estimated_score import score_adjustment
from yinguo.kernels.line_neighbors import greedy_line_matches, line_matches
from yinguo.kernels.matches import Matches, join_matches, matches_of, renamed_rows
from yinguo.kernels.matching import (
    MatchedContrast,
    contrast_variance,
    matched_contrast,
    residual_variances,
    scattered,
    variance_factors,
)


@dataclass(frozen=True, slots=True)
class FittedScore:
    """A propensity score as estimated.

    Attributes
    ----------
    D : (n, q) float array
        Design with intercept, any scale.
    e, slope : (n,) float arrays
        Score and its derivative in the linear predictor.
    information : (q, q) float array
        Of the coefficients on the scale of ``D``, summed over rows.
    """

    D: np.ndarray
    e: np.ndarray
    slope: np.ndarray
    information: np.ndarray


@dataclass(frozen=True, slots=True)
class ScoreMatching:
    """What matching on a score gives.

    Attributes
    ----------
    contrast : MatchedContrast
    matches : Matches
    variance : float
        As if the score were known.
    adjustment : float or None
        To add because it was estimated; None if that was not asked for.
    """

    contrast: MatchedContrast
    matches: Matches
    variance: float
    adjustment: float | None


@dataclass(frozen=True, slots=True)
class VarianceRule:
    """How the variance is estimated.

    Attributes
    ----------
    homoscedastic : bool
        One residual variance for everybody, from the matched differences.
    neighbors, form
        As in ``residual_variances``; the covariances behind the adjustment for an estimated score use the same ones.
    target : {"population", "sample"}
    """

    homoscedastic: bool = False
    neighbors: int = 1
    form: str = "neighbor_spread"
    target: str = "population"


def match_on_score(
    *, Y, T, position, estimand="ATT", n_neighbors=1, caliper=None, tie_tolerance=0.0, rule=None, score=None
):
    """Match with replacement on a line, all ties kept, and estimate effect and variance.

    Parameters
    ----------
    Y : (n,) float array
    T : (n,) float array of 0 and 1
    position : (n,) float array
        The score, or its logit: where each unit stands.
    estimand : {"ATE", "ATT", "ATC"}
    n_neighbors, caliper, tie_tolerance
        As in ``line_matches``.
    rule : VarianceRule, optional
    score : FittedScore, optional
        If given, the adjustment for its estimation is computed.

    Returns
    -------
    ScoreMatching
    """
    rule = rule or VarianceRule()
    order = np.argsort(position)
    x, y, t = position[order], Y[order], T[order]
    control, treated = arms = np.flatnonzero(t == 0), np.flatnonzero(t == 1)
    searches = [(treated, control)] * (estimand != "ATC") + [(control, treated)] * (estimand != "ATT")
    how = {"n_neighbors": n_neighbors, "caliper": caliper, "tie_tolerance": tie_tolerance}
    matches = join_matches(line_matches(values=x, focal=focal, donors=donors, **how) for focal, donors in searches)
    contrast = matched_contrast(Y=y, T=t, matches=matches)
    near, adjustment = None, None
    if score is not None:
        everyone = np.arange(x.size)
        near = tuple(line_matches(values=x, focal=everyone, donors=arm, n_neighbors=rule.neighbors + 1) for arm in arms)
        adjustment = score_adjustment(
            D=score.D,
            rows=order,
            Y=y,
            e=score.e[order],
            slope=score.slope[order],
            information=score.information,
            estimate=contrast.estimate,
            near=near,
            n_target=contrast.n_target,
            estimand=estimand,
        )
    sigma2 = contrast.sigma2
    if not rule.homoscedastic:
        sigma2 = _in_arm_variances(x, y, arms, variance_factors(contrast, rule.target) > 0, near, rule)
    return ScoreMatching(
        contrast=_in_row_order(contrast, order),
        matches=renamed_rows(matches, order),
        variance=contrast_variance(contrast, sigma2, rule.target),
        adjustment=adjustment,
    )


def match_without_replacement(*, Y, T, position, estimand="ATT", n_neighbors=1, caliper=None, rng=None):
    """Greedy matching on a line, each donor used once, with the variance of paired differences.

    Parameters
    ----------
    Y, T, position
        As in ``match_on_score``.
    estimand : {"ATT", "ATC"}
    n_neighbors : int
        Rounds.
    caliper : float, optional
    rng : Generator, optional
        Units choose in random order; None lets those that are hardest to match choose first: the treated with the
        highest score, the controls with the lowest.

    Returns
    -------
    ScoreMatching
        No donor is used twice, so the variance of the unit effects is all of the population variance.

    Raises
    ------
    DataError
        If the estimand is the ATE.
    """
    if estimand not in ("ATT", "ATC"):
        raise DataError(
            "Matching without replacement gives the ATT or the ATC: for the ATE every unit of the larger arm would "
            "need a partner of its own. Use replacement=True."
        )
    arm = 1.0 if estimand == "ATT" else 0.0
    focal, donors = np.flatnonzero(arm == T), np.flatnonzero(arm != T)
    if rng is not None:
        focal = rng.permutation(focal)
    else:
        focal = focal[np.argsort(-position[focal] if arm else position[focal], kind="stable")]
    matches = greedy_line_matches(values=position, focal=focal, donors=donors, n_neighbors=n_neighbors, caliper=caliper)
    contrast = matched_contrast(Y=Y, T=T, matches=matches)
    return ScoreMatching(contrast, matches, contrast_variance(contrast, 0.0), None)


def _in_arm_variances(x, y, arms, needed, near, rule):
    """(n,) residual variances where needed, from ``near`` if it was found anyway."""
    variance = np.zeros(x.size)
    for side, arm in enumerate(arms):
        focal = arm[needed[arm]]
        if near is None:
            within = line_matches(values=x, focal=focal, donors=arm, n_neighbors=rule.neighbors + 1)
        else:
            within = matches_of(near[side], focal)  # near lists every row in order
        variance += scattered(within, residual_variances(Y=y, within=within, form=rule.form))
    return variance


def _in_row_order(contrast, order):
    def back(values):
        out = np.empty_like(values)
        out[order] = values
        return out

    return MatchedContrast(
        estimate=contrast.estimate,
        tau=contrast.tau,
        in_target=back(contrast.in_target),
        K=back(contrast.K),
        K_squares=back(contrast.K_squares),
        sigma2=contrast.sigma2,
    )
