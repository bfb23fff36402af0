r"""Median of the ratios of single candidates: right as long as most of the weight is on valid ones.

.. math:: \hat\theta = \mathrm{median}_j\, \hat\Gamma_j / \hat\gamma_j

The reduced-form coefficients :math:`\Gamma_j, \gamma_j` are those of candidate j with the other candidates and the
covariates held fixed.

Source: Bowden, Davey Smith, Haycock & Burgess (2016), Genetic Epidemiology 40(4), for the weighted median; Han (2008),
Economics Letters 101(3), for the plain one.
"""

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import linear_first_stage_check
from yinguo.errors import DataError
from yinguo.instruments.candidates import agreement_check, candidate_form, linear_level, named
from yinguo.instruments.linear_fit import linear_structure
from yinguo.kernels.agreeing_instruments import weighted_median

__all__ = ["MedianWald"]

#: Standard errors within which a candidate's own ratio counts as agreeing with the median.
NEAR = 1.96


class MedianWald(StructuralEstimator):
    """Linear effect as the median of what each candidate says alone.

    **Use it when** most candidates are valid, you do not know which, and want a first answer that nothing has to be
    tuned for. **Not when** half of the candidates or more may be invalid, or you need an interval: TSHT and CIIV go
    further on both counts.

    **Assumes** that valid candidates carry more than half of the weight, and one linear effect.

    **Inference**: none. The limit of the median is an order statistic of the valid ratios, not a normal variable.

    Parameters
    ----------
    weighting : {"inverse_variance", "equal"}
        Whether a candidate counts by the precision of its ratio, or every candidate alike.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2000, 7)), rng.normal(size=2000)
    >>> T = Z.sum(axis=1) + U
    >>> Y = 2 * T + Z[:, :2] @ [1, 2] + U + rng.normal(size=2000)  # z1 and z2 reach Y directly
    >>> result = yg.MedianWald().fit(yg.Study.from_arrays(np.empty((2000, 0)), T, Y, Z=Z)).result_
    >>> bool(abs(result.estimate - 2) < 0.1), "z1" in result.extras["valid"]
    (True, False)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        instruments=3,
        honours=("sample_weight", "groups"),
        assumes=("relevance", "some_valid", "as_if_random", "linear_effect", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_constant"),
    )

    def __init__(self, *, weighting: str = "inverse_variance") -> None:
        self.weighting = weighting

    def fit(self, study: Study) -> "MedianWald":
        """Estimate on a study; see :class:`MedianWald`."""
        if self.weighting not in ("inverse_variance", "equal"):
            raise DataError(f"weighting is {self.weighting!r}; it must be 'inverse_variance' or 'equal'.")
        form = candidate_form(self, study)
        # The noise of the outcome alone: the full error of a ratio grows with the ratio and would favour small ones.
        weights = form.treatment**2 / np.diag(form.covariances[0])
        estimate = weighted_median(form.ratios, weights if self.weighting == "inverse_variance" else np.ones(form.q))
        near = np.flatnonzero(np.abs(form.ratios - estimate) <= NEAR * form.ratio_errors)
        valid = named(study, near)
        self.__dict__["coefficients_"] = linear_level(study, estimate)
        self.result_ = self.make_result(
            study, estimate,
            no_inference="the median of ratios has no normal limit; TSHT and CIIV give intervals.",
            checks=(linear_first_stage_check, lambda result: agreement_check(valid, form.q, ())),
            extras={
                "valid": list(valid), "ratios": dict(zip(study.instruments, form.ratios.tolist(), strict=True)),
            },
        )  # fmt: skip
        return self

    def _structure(self, X, T) -> np.ndarray:
        return linear_structure(self.__dict__["coefficients_"], X, T)
