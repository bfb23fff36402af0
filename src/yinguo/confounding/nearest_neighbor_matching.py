r"""Nearest-neighbour matching on covariates, with replacement and with all ties.

The missing outcome of unit i is the mean over its M nearest units :math:`J_M(i)` of the other arm,

.. math:: d_{ij}^2 = (X_i - X_j)' V (X_i - X_j), \qquad
          \hat Y_i(1 - T_i) = \frac{1}{|J_M(i)|} \sum_{j \in J_M(i)} \{Y_j + \mu_{1-T_i}(Z_i) - \mu_{1-T_i}(Z_j)\},

where the regression :math:`\mu` (bias correction, optional) removes what is left of the difference between
a unit and its matches. ``V`` metric, ``K`` how often a unit is used, ``sigma2`` residual variances.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

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
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.kernels.matches import Matches, donor_usage, join_matches
from yinguo.kernels.matching import (
    VARIANCE_FORMS,
    contrast_variance,
    donor_regressions,
    matched_contrast,
    own_arm_rows,
    residual_variances,
    scattered,
    variance_factors,
)
from yinguo.kernels.neighbors import Points, metric_points, nearest_matches, nearest_matches_within
from yinguo.kernels.strata import row_groups

__all__ = ["NearestNeighborMatching", "neighbor_variances"]


def neighbor_variances(*, Y, T, points: Points, needed, n_neighbors: int, form: str, groups=None) -> np.ndarray:
    """Residual variance of the rows that need one, from their nearest units of the same arm.

    Parameters
    ----------
    Y, T : (n,) float arrays
    points : Points
    needed : (n,) bool array
    n_neighbors : int
        Neighbours besides the unit itself.
    form : {"neighbor_mean", "neighbor_spread"}
    groups : (n,) int array, optional
        Look within these first; a unit alone in its group and arm looks everywhere.

    Returns
    -------
    (n,) float array
        0 where not needed.
    """
    variance = np.zeros(T.size)
    for focal, arm in own_arm_rows(T, np.flatnonzero(needed)):
        search = {"points": points, "donors": arm, "n_neighbors": n_neighbors + 1}
        if groups is not None:
            within = nearest_matches_within(groups=groups, focal=focal, **search)
            variance += scattered(within, residual_variances(Y=Y, within=within, form=form))
            focal = np.flatnonzero(np.isnan(variance))
            variance[focal] = 0.0
        within = nearest_matches(focal=focal, **search)
        variance += scattered(within, residual_variances(Y=Y, within=within, form=form))
    return variance


class NearestNeighborMatching(Estimator):
    """Matching on the distance between covariates, with replacement.

    **Use it when** you want comparisons a reader can look at, on a handful of covariates. **Not when**
    there are many continuous covariates: the distance to the nearest match, and with it the bias, shrinks
    only like n^(-1/k) in k of them; bias correction removes most of it, a propensity score or AIPW avoids it.

    **Assumes** unconfoundedness and overlap; without bias correction, that matches are near enough.

    **Inference**: Abadie-Imbens (2006). The residual variance of a unit is estimated from its nearest units
    of the same arm. The bootstrap is not valid for matching with replacement and is not offered.

    **Where we differ**: ties are all kept, so the answer does not depend on the order of the rows. A
    metric given as a matrix applies to the covariates as they are (R's ``Matching`` standardises first).

    Parameters
    ----------
    estimand : {"ATT", "ATE", "ATC"}
    n_neighbors : int or None
        Matches per unit; None takes every unit within the caliper.
    metric : {"mahalanobis", "inverse_variance"} or (p, p) array
        Inverse covariance or inverse variances (whole sample, divisor n), or your own matrix.
    caliper : float, optional
        Largest distance of a match in units of the metric (standard deviations); units without a match are
        left out and counted.
    exact : sequence of names, optional
        Columns that must be equal in addition.
    covariates : sequence of names, optional
        Columns in the distance; None is all of them.
    tie_tolerance : float
        Squared distances that differ by no more are ties; rounding-size differences always are.
    bias_correction : bool or sequence of names
        Regress the outcome on all covariates or the ones named, among the units used as matches.
    variance : {"heteroscedastic", "homoscedastic"}
        A residual variance for every unit, or one for all from the matched differences.
    variance_neighbors : int
        Neighbours of the same arm behind each unit's residual variance.
    variance_form : {"neighbor_spread", "neighbor_mean"}
        The variance among a unit and its neighbours, or its squared distance from their mean. The defaults
        give the standard errors of Stata's ``teffects nnmatch``.
    target : {"population", "sample"}
        Whose average effect the interval covers: of the population the units come from, or of these units.

    Examples
    --------
    >>> import yinguo as yg
    >>> study = yg.Study.from_arrays([1.0, 2, 3, 1.1, 2.2, 9], [1, 1, 1, 0, 0, 0], [3.0, 5, 6, 1, 2, 8])
    >>> yg.NearestNeighborMatching().fit(study).result_.estimate
    3.0
    """

    capabilities = Capabilities(
        estimands=("ATT", "ATE", "ATC"),
        inference="Abadie-Imbens",
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "covariate_scale"),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        estimand: str = "ATT",
        n_neighbors: int | None = 1,
        metric: Any = "mahalanobis",
        caliper: float | None = None,
        exact: Sequence[str] | None = None,
        covariates: Sequence[str] | None = None,
        tie_tolerance: float = 0.0,
        bias_correction: Any = False,
        variance: str = "heteroscedastic",
        variance_neighbors: int = 2,
        variance_form: str = "neighbor_spread",
        target: str = "population",
    ) -> None:
        self.estimand = estimand
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.caliper = caliper
        self.exact = exact
        self.covariates = covariates
        self.tie_tolerance = tie_tolerance
        self.bias_correction = bias_correction
        self.variance = variance
        self.variance_neighbors = variance_neighbors
        self.variance_form = variance_form
        self.target = target

    def fit(self, study: Study) -> "NearestNeighborMatching":
        """Estimate on a study; see :class:`NearestNeighborMatching`."""
        Y, T, X = self.take(study)
        self._check_options(T)
        points = metric_points(X if self.covariates is None else study.columns(self.covariates), self.metric)
        groups = None if self.exact is None else row_groups(study.columns(self.exact))[0]
        matches = self._match(T, points, groups)
        own_fit = other_fit = None
        if self._corrects:
            Z = X if self.bias_correction is True else study.columns(self.bias_correction)
            own_fit, other_fit = donor_regressions(Z=Z, Y=Y, T=T, K=donor_usage(matches)[0])
        contrast = matched_contrast(Y=Y, T=T, matches=matches, own_fit=own_fit, other_fit=other_fit)
        sigma2 = contrast.sigma2
        if self.variance == "heteroscedastic":
            sigma2 = neighbor_variances(
                Y=Y,
                T=T,
                points=points,
                needed=variance_factors(contrast, self.target) > 0,
                n_neighbors=self.variance_neighbors,
                form=self.variance_form,
                groups=groups,
            )
        self.matches_ = matches
        variance = contrast_variance(contrast, sigma2, self.target)
        self.result_ = matched_result(
            self, study, contrast, variance, matches, notes=self._notes(matches, points.coordinates.shape[1])
        )
        return self

    @property
    def _corrects(self) -> bool:
        return self.bias_correction is True or (self.bias_correction is not False and len(self.bias_correction) > 0)

    def _match(self, T, points: Points, groups) -> Matches:
        how = {"n_neighbors": self.n_neighbors, "caliper": self.caliper, "tie_tolerance": self.tie_tolerance}
        searches = [{"focal": f, "donors": d, "points": points, **how} for f, d in directions(T, self.estimand)]
        if groups is None:
            return join_matches(nearest_matches(**search) for search in searches)
        return join_matches(nearest_matches_within(groups=groups, **search) for search in searches)

    def _notes(self, matches: Matches, dimensions: int) -> list[str]:
        notes = []
        few = 0 if self.n_neighbors is None else int(((matches.count < self.n_neighbors) & matches.matched).sum())
        if few:
            notes.append(f"{few} units have fewer than {self.n_neighbors} matches and keep those they have.")
        if not self._corrects and dimensions > 1 and np.nanmax(matches.distance) > 0:
            notes.append(
                f"matches differ on {dimensions} covariates; the bias this leaves is not in the interval. "
                "bias_correction=True removes most of it."
            )
        return notes

    def _check_options(self, T) -> None:
        checked("variance", self.variance, VARIANCES)
        checked("variance_form", self.variance_form, VARIANCE_FORMS)
        checked("target", self.target, TARGETS)
        check_count("n_neighbors", self.n_neighbors, min(d.size for _, d in directions(T, self.estimand)), none=True)
        check_count("variance_neighbors", self.variance_neighbors, int(min((T == 0).sum(), (T == 1).sum())) - 1)
        if self.n_neighbors is None and self.caliper is None:
            raise DataError("n_neighbors=None takes every unit within the caliper, so it needs caliper=.")
        check_number("caliper", self.caliper, least=0, none=True)
