r"""Propensity-score matching: compare units with the same chance of treatment.

.. math:: e(x) = P(T = 1 \mid X = x), \qquad d_{ij} = |\hat e_i - \hat e_j|
          \ \text{ or }\ |\mathrm{logit}\,\hat e_i - \mathrm{logit}\,\hat e_j|.

If the arms are comparable given X they are comparable given e(X) alone (Rosenbaum & Rubin 1983), so one
dimension is enough and ties and neighbours come from a sort. ``e`` is estimated by maximum likelihood; the
standard error says so (Abadie & Imbens 2016).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from yinguo.confounding.matched_result import (
    TARGETS,
    VARIANCES,
    check_count,
    checked,
    directions,
    matched_result,
)
from yinguo.core.capabilities import Capabilities
from yinguo.core.checks import check_number
from yinguo.core.estimator import Estimator
from yinguo.core.random import as_rng
from yinguo.core.study import Study
from yinguo.diagnose.overlap import overlap_check
from yinguo.errors import DataError
from yinguo.kernels.glm import LINKS, fit_binary, linear_predictor_terms
from yinguo.kernels.matching import VARIANCE_FORMS
from yinguo.kernels.moments import ArrayMoments
from yinguo.kernels.score_matching import (
    FittedScore,
    ScoreMatching,
    VarianceRule,
    match_on_score,
    match_without_replacement,
)

__all__ = ["PropensityMatching", "fitted_score"]

#: Austin (2011), Pharmaceutical Statistics 10: calipers of 0.2 standard deviations of the logit.
AUTO_CALIPER = 0.2


def fitted_score(*, X, T, link: str = "logit") -> tuple[FittedScore, np.ndarray]:
    """Propensity score by maximum likelihood, with what the variance needs of the fit.

    Parameters
    ----------
    X : (n, p) float array
    T : (n,) float array of 0 and 1
    link : {"logit", "probit"}

    Returns
    -------
    score : FittedScore
    logit : (n,) float array
        Of the score; finite also where the score rounds to 0 or 1.
    """
    moments = ArrayMoments(X)
    fit = fit_binary(moments, T, link=link)
    e, slope, _, _ = linear_predictor_terms(fit.eta, T, link)
    logit = fit.eta if link == "logit" else special.log_ndtr(fit.eta) - special.log_ndtr(-fit.eta)
    return FittedScore(moments.D, e, slope, fit.information), logit


class PropensityMatching(Estimator):
    """Matching on an estimated propensity score, with or without replacement.

    **Use it when** there are too many covariates for matching on them directly and a chance of treatment
    can be modelled; with a caliper it refuses comparisons that are not there. **Not when** the score model
    is in doubt: the answer depends on it alone. AIPW uses the same score with less noise and more robustness.

    **Assumes** unconfoundedness, overlap and a right propensity model.

    **Inference**: with replacement Abadie-Imbens (2006) plus the correction for the estimated score
    (2016), which lowers the variance of the ATE and can move that of the ATT either way. Without
    replacement the spread of the pair differences, which does not count that the score was estimated. The
    bootstrap is not valid for matching and is not offered.

    **Where we differ**: all ties are kept, so that the order of the rows does not matter. How near scores
    must be to tie is part of the specification; R's ``Matching`` ties scores within 0.003 standard
    deviations (``tie_tolerance=1e-5``), here they must be equal unless you say otherwise.

    Parameters
    ----------
    estimand : {"ATT", "ATE", "ATC"}
        Without replacement ATT or ATC.
    propensity : {"logit", "probit"}
    propensity_covariates : sequence of names, optional
        Covariates of the score; None is all of them.
    distance : {"propensity", "logit"}
        Scale on which scores are compared.
    n_neighbors : int
        Matches per unit.
    replacement : bool
        Whether a unit may be the match of several.
    caliper : float or "auto", optional
        Largest distance of a match, on the scale of ``distance``; "auto" is 0.2 standard deviations of the
        logit and needs ``distance="logit"``. Units without a match are left out and counted.
    tie_tolerance : float
        Squared distances, in standard deviations of the score, that differ by no more are ties.
    order : {"extreme", "random"}
        Without replacement: who chooses first, the units hardest to match (treated with the highest
        scores; for the ATC controls with the lowest) or in random order.
    score_correction : bool
        Whether the standard error accounts for the estimated score.
    variance : {"heteroscedastic", "homoscedastic"}
        A residual variance for every unit, or one for all from the matched differences.
    variance_neighbors : int
        Neighbours of the same arm behind each unit's residual variance.
    variance_form : {"neighbor_spread", "neighbor_mean"}
        The variance among a unit and its neighbours, or its squared distance from their mean. The defaults
        give the standard errors of Stata's ``teffects psmatch`` for the ATE.
    target : {"population", "sample"}
        Whose average effect the interval covers. For the sample there is no correction for the score.
    random_state : int, Generator or None
        Draws the random order.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(0, 3, size=(300, 2))
    >>> T = (rng.random(300) < 0.2 + 0.2 * X[:, 0]) * 1.0
    >>> yg.PropensityMatching().fit(yg.Study.from_arrays(X, T, 2 * T)).result_.estimate.__round__(6)
    2.0
    """

    name = "psm"
    capabilities = Capabilities(
        estimands=("ATT", "ATE", "ATC"),
        inference="Abadie-Imbens, score estimated",
        assumes=("unconfounded", "overlap", "propensity_model", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "covariate_scale"),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        estimand: str = "ATT",
        propensity: str = "logit",
        propensity_covariates: Sequence[str] | None = None,
        distance: str = "propensity",
        n_neighbors: int = 1,
        replacement: bool = True,
        caliper: float | str | None = None,
        tie_tolerance: float = 0.0,
        order: str = "extreme",
        score_correction: bool = True,
        variance: str = "heteroscedastic",
        variance_neighbors: int = 1,
        variance_form: str = "neighbor_spread",
        target: str = "population",
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.propensity = propensity
        self.propensity_covariates = propensity_covariates
        self.distance = distance
        self.n_neighbors = n_neighbors
        self.replacement = replacement
        self.caliper = caliper
        self.tie_tolerance = tie_tolerance
        self.order = order
        self.score_correction = score_correction
        self.variance = variance
        self.variance_neighbors = variance_neighbors
        self.variance_form = variance_form
        self.target = target
        self.random_state = random_state

    def fit(self, study: Study) -> "PropensityMatching":
        """Estimate on a study; see :class:`PropensityMatching`."""
        Y, T, X = self.take(study)
        self._check_options(T)
        if self.propensity_covariates is not None:
            X = study.columns(self.propensity_covariates)
        score, logit = fitted_score(X=X, T=T, link=self.propensity)
        position = score.e if self.distance == "propensity" else logit
        caliper = AUTO_CALIPER * float(position.std(ddof=1)) if self.caliper == "auto" else self.caliper
        matched, notes = self._matched(Y, T, position, caliper, score)
        variance = matched.variance
        if matched.adjustment is not None:
            if variance + matched.adjustment > 0:
                variance += matched.adjustment
            else:
                notes.append("the correction for the estimated score exceeds the variance and was left out.")
        self.matches_ = matched.matches
        self.result_ = matched_result(
            self,
            study,
            matched.contrast,
            variance,
            matched.matches,
            propensity=score.e,
            checks=(overlap_check,),
            notes=notes,
            extras={"caliper": caliper, "se_known_score": float(np.sqrt(matched.variance))},
        )
        return self

    def _matched(self, Y, T, position, caliper, score: FittedScore) -> tuple[ScoreMatching, list[str]]:
        common = {"Y": Y, "T": T, "position": position, "estimand": self.estimand}
        common |= {"n_neighbors": self.n_neighbors, "caliper": caliper}
        if not self.replacement:
            rng = as_rng(self.random_state) if self.order == "random" else None
            return match_without_replacement(**common, rng=rng), [
                "the standard error takes the score as known: how estimating it changes greedy matching without "
                "replacement is not known."
            ]
        correct = self.score_correction and self.target == "population"
        notes = [] if correct else ["the standard error takes the propensity score as known."]
        matched = match_on_score(
            **common,
            tie_tolerance=self.tie_tolerance * float(position.var()),
            rule=VarianceRule(
                homoscedastic=self.variance == "homoscedastic",
                neighbors=self.variance_neighbors,
                form=self.variance_form,
                target=self.target,
            ),
            score=score if correct else None,
        )
        if correct and matched.contrast.n_target < matched.matches.focal.size:
            notes.append("the correction for the estimated score is derived without a caliper; here it is approximate.")
        return matched, notes

    def _check_options(self, T) -> None:
        checked("propensity", self.propensity, LINKS)
        checked("distance", self.distance, ("propensity", "logit"))
        checked("order", self.order, ("extreme", "random"))
        checked("variance", self.variance, VARIANCES)
        checked("variance_form", self.variance_form, VARIANCE_FORMS)
        checked("target", self.target, TARGETS)
        check_count("n_neighbors", self.n_neighbors, min(d.size for _, d in directions(T, self.estimand)))
        check_count("variance_neighbors", self.variance_neighbors, int(min((T == 0).sum(), (T == 1).sum())) - 1)
        if self.caliper == "auto":
            if self.distance != "logit":
                raise DataError(
                    'caliper="auto" is a rule for the logit of the score; set distance="logit" or give a number.'
                )
        elif isinstance(self.caliper, str):
            raise DataError(f'caliper is {self.caliper!r}; it must be a distance, "auto" or None.')
        else:
            check_number("caliper", self.caliper, least=0, none=True)
