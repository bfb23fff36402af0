r"""Confidence interval method: candidates whose intervals overlap are held valid, as many as a J test lets pass.

Each candidate's ratio has an interval :math:`\hat\beta_j \pm \psi\, \mathrm{se}_j`. Intervals are made narrower from
where all overlap, until the largest group with a common point is not refused by the test of over-identification.
Two-stage least squares with that group, the other candidates as covariates.

Source: Windmeijer, Liang, Hartwig & Bowden (2021), "The confidence interval method for selecting valid instrumental
variables", JRSS-B 83(4).
"""

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.instruments.candidates import candidate_form, having_a_say, settle
from yinguo.instruments.linear_fit import linear_structure
from yinguo.kernels.agreeing_instruments import downward_groups

__all__ = ["CIIV"]


class CIIV(StructuralEstimator):
    """Linear effect when some candidates are invalid, by overlapping confidence intervals.

    **Use it when** more candidates are valid than agree on any one wrong effect, even if most are invalid. Next to TSHT
    it loses fewer of the valid candidates, and takes more of the slightly invalid ones for valid. **Not when** direct
    effects are within the noise: they are then taken for valid and bias the estimate.

    **Assumes** that the valid candidates are the largest group that agrees, and one linear effect.

    **Inference**: robust errors of two-stage least squares with the group found, as if it had been known. That is right
    in large samples if the rule finds the group for sure, and too short where it may err.

    **Where we differ from the paper or its code, and why**: the J statistic is computed from reduced-form coefficients
    (minimum distance with robust covariance), asymptotically the one of Hansen, because it then needs no further pass
    over the rows. The authors' code takes standard errors that also allow for serial correlation; ours allow for
    unequal noise and for groups.

    Parameters
    ----------
    level : float, optional
        p-value at which a group is no longer refused; default 0.1 / log(n).
    threshold : float, optional
        If given, only candidates that move the treatment by more than so many standard errors have a say.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2000, 7)), rng.normal(size=2000)
    >>> T = Z.sum(axis=1) + U
    >>> Y = 2 * T + Z[:, :4] @ [1, 2, 3, 4] + U + rng.normal(size=2000)  # most candidates are invalid
    >>> result = yg.CIIV().fit(yg.Study.from_arrays(np.empty((2000, 0)), T, Y, Z=Z)).result_
    >>> result.extras["valid"], bool(abs(result.estimate - 2) < 0.1)
    (['z5', 'z6', 'z7'], True)
    """

    name = "ciiv"
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        instruments=3,
        honours=("sample_weight", "groups"),
        inference="robust sandwich, after selection",
        assumes=("relevance", "some_valid", "as_if_random", "linear_effect", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_constant"),
    )

    def __init__(self, *, level: float | None = None, threshold: float | None = None) -> None:
        self.level = level
        self.threshold = threshold

    def fit(self, study: Study) -> "CIIV":
        """Estimate on a study; see :class:`CIIV`."""
        form = candidate_form(self, study)
        level = 0.1 / np.log(form.n) if self.level is None else self.level
        if not 0 < level < 1:
            raise DataError(f"level is {level}; it must lie strictly between 0 and 1, such as 0.01.")
        relevant = np.arange(form.q) if self.threshold is None else having_a_say(form, study, self.threshold)
        settle(self, study, downward_groups(form.only(relevant), level), relevant)
        return self

    def _structure(self, X, T) -> np.ndarray:
        return linear_structure(self.__dict__["coefficients_"], X, T)
