r"""Exact matching: compare treated and controls whose covariates are equal.

Rows with equal covariates form strata. In a stratum s with both arms :math:`\tau_s = \bar Y_{s1} - \bar Y_{s0}`, and

.. math:: \hat\tau = \sum_s w_s \tau_s, \qquad
          w_s \propto n_{s1} \text{ (ATT)},\ n_{s0} \text{ (ATC)},\ n_s \text{ (ATE)}.

Strata without one of the arms are left out. The same as matching every unit to all units of the other arm in its
stratum, which is how it is computed. ``s1^2, s0^2`` are outcome variances within a stratum and arm.
"""

from collections.abc import Sequence

import numpy as np

from yinguo.confounding.matched_result import TARGETS, VARIANCES, checked, directions, matched_result
from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator
from yinguo.core.study import Study
from yinguo.kernels.matches import join_matches
from yinguo.kernels.matching import (
    MatchedContrast,
    contrast_variance,
    matched_contrast,
    own_arm_rows,
    residual_variances,
    scattered,
)
from yinguo.kernels.strata import group_matches, row_groups

__all__ = ["ExactMatching", "stratum_variances"]


def stratum_variances(*, Y, T, group, contrast: MatchedContrast) -> np.ndarray:
    """Outcome variance of each row's stratum and arm.

    A unit alone in its stratum and arm shows no variance; it gets the average variance of its arm over the
    strata that show one (weighted by degrees of freedom), or, if none does, that of the matched differences.

    Parameters
    ----------
    Y, T : (n,) float arrays
    group : (n,) int array
    contrast : MatchedContrast

    Returns
    -------
    (n,) float array

    Source
    ------
    The two-sample variance of Neyman (1923) within each stratum.
    """
    everyone = np.arange(T.size)
    within = join_matches(group_matches(group=group, focal=rows, donors=rows) for rows, _ in own_arm_rows(T, everyone))
    variance = scattered(within, residual_variances(Y=Y, within=within, form="neighbor_spread"))
    size = scattered(within, within.count)
    for arm in (0.0, 1.0):
        shown, lonely = (arm == T) & (size > 1), (arm == T) & (size == 1)
        freedom = 1 - 1 / size[shown]  # summed over the rows of a stratum: its n - 1 degrees of freedom
        variance[lonely] = freedom @ variance[shown] / freedom.sum() if shown.any() else contrast.sigma2
    return variance


class ExactMatching(Estimator):
    """Comparison within strata of equal covariates.

    **Use it when** the covariates are few and discrete: nothing is modelled. **Not when** a covariate is
    continuous or there are many of them: most units then have no equal in the other arm and are left out,
    which changes the question that is answered. The notes and the check ``matched`` count them.

    **Assumes** unconfoundedness given the columns matched on, and overlap within the strata kept.

    **Inference**: the variance of stratified means, ``sum w_s^2 (s1^2/n_s1 + s0^2/n_s0)``, to which the
    population form adds what the spread of the stratum effects contributes (Abadie & Imbens 2006). The
    bootstrap is not used.

    **Where we differ**: R's ``Matching`` divides by all units, matched or not, when exact matching drops
    some (0.404 in its own test where the formula gives 0.929); here only matched units count.

    Parameters
    ----------
    estimand : {"ATT", "ATE", "ATC"}
    covariates : sequence of names, optional
        Columns that must be equal; None is all of them.
    variance : {"heteroscedastic", "homoscedastic"}
        An outcome variance for each stratum and arm, or one for everybody (from the matched differences).
    target : {"population", "sample"}
        Whose average effect the interval covers: of the population the units come from, or of these units.

    Examples
    --------
    >>> import yinguo as yg
    >>> study = yg.Study.from_arrays([0, 0, 0, 1, 1, 1, 2], [1, 0, 0, 1, 1, 0, 1], [5.0, 3, 1, 9, 7, 7, 8])
    >>> result = yg.ExactMatching().fit(study).result_
    >>> result.estimate, result.extras["n_unmatched"]
    (1.6666666666666667, 1)
    """

    capabilities = Capabilities(
        estimands=("ATT", "ATE", "ATC"),
        inference="stratified variance",
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "covariate_scale"),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        estimand: str = "ATT",
        covariates: Sequence[str] | None = None,
        variance: str = "heteroscedastic",
        target: str = "population",
    ) -> None:
        self.estimand = estimand
        self.covariates = covariates
        self.variance = variance
        self.target = target

    def fit(self, study: Study) -> "ExactMatching":
        """Estimate on a study; see :class:`ExactMatching`."""
        Y, T, X = self.take(study)
        checked("variance", self.variance, VARIANCES)
        checked("target", self.target, TARGETS)
        group, first = row_groups(X if self.covariates is None else study.columns(self.covariates))
        matches = join_matches(
            group_matches(group=group, focal=focal, donors=donors) for focal, donors in directions(T, self.estimand)
        )
        contrast = matched_contrast(Y=Y, T=T, matches=matches)
        sigma2 = contrast.sigma2
        if self.variance == "heteroscedastic":
            sigma2 = stratum_variances(Y=Y, T=T, group=group, contrast=contrast)
        kept = np.unique(group[contrast.in_target]).size
        self.matches_ = matches
        self.result_ = matched_result(
            self,
            study,
            contrast,
            contrast_variance(contrast, sigma2, self.target),
            matches,
            notes=(f"{kept} of {first.size} strata have units of both arms; the others are left out.",)
            if kept < first.size
            else (),
            extras={"n_strata": kept, "n_strata_left_out": first.size - kept},
        )
        return self
