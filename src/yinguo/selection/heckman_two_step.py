r"""Heckman's two steps: a probit of who is seen, then least squares with the Mills ratio of it as one more column.

.. math::

   E[Y \mid x, t, w, S = 1] = x'\beta + \tau t + \rho\sigma\,\lambda(w'\gamma), \qquad
   \lambda(a) = \phi(a)/\Phi(a)

where u in :math:`S = 1[w'\gamma + u > 0]` and the noise of the outcome are jointly normal with correlation rho. Least
squares on the rows seen leaves the last term out and puts what of it goes with t into the effect.

Source: Heckman (1979), Econometrica 47(1), 153-161.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from yinguo.core import inference
from yinguo.core.capabilities import Capabilities
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.selection.heckman_model import ASSUMES, equations, finish, outcome_mean

__all__ = ["HeckmanTwoStep"]


class HeckmanTwoStep(StructuralEstimator):
    """Effect on an outcome that is seen for some only, corrected by the Mills ratio (heckit).

    **Use it when** who is seen depends on what else moves the outcome, beyond treatment and covariates, and you have a
    covariate that moves who is seen and not the outcome. **Not when** the noise is far from normal, or the outcome is
    binary; when you believe that treatment and covariates explain who is seen, IPSW and its doubly robust form ask
    less of the outcome.

    **Assumes** that the treatment is unconfounded given the covariates, that the outcome is linear, that its noise and
    the noise of being seen are jointly normal, and (in practice) an exclusion: without one the Mills ratio is nearly
    linear in the covariates.

    **Inference**: influence values of both steps together, so that the probit's error counts; with
    ``covariance="unadjusted"`` the textbook formula, which takes the model to be exactly true.

    ``coefficients_`` and ``standard_errors_`` hold the outcome equation by name, ``probit_coefficients_`` and
    ``probit_standard_errors_`` that of being seen, ``sigma_`` and ``rho_`` the noise. The extras of the result hold the
    coefficient of the Mills ratio and its standard error.

    Parameters
    ----------
    outcome_covariates : sequence of str, optional
        Covariates of the outcome equation; None is all. Leave out what moves only who is seen.
    selection_covariates : sequence of str, optional
        Covariates of the selection equation; None is all. The treatment is always in both.
    interactions : bool
        Whether products of treatment and covariates stand in both equations; the effect then differs between units.
    covariance : {"robust", "unadjusted"}
        Standard errors from influence values (clustered if the study has groups), or Heckman's formula.

    Examples
    --------
    >>> import yinguo as yg
    >>> women = yg.datasets.mroz_1987().study
    >>> fit = yg.HeckmanTwoStep(outcome_covariates=["exper", "expersq"], covariance="unadjusted").fit(women)
    >>> round(fit.result_.estimate, 4), round(fit.result_.se, 4), round(fit.rho_, 4)
    (0.1091, 0.0155, 0.0486)
    """

    also_known_as = ("heckit",)
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        outcome=("continuous",),
        estimands=("ATE",),
        needs=("covariates", "selection"),
        honours=("sample_weight", "groups"),
        inference="influence function of both steps, or Heckman's formula",
        assumes=ASSUMES,
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
    )

    def __init__(
        self, *, outcome_covariates: Sequence[str] | None = None, selection_covariates: Sequence[str] | None = None,
        interactions: bool = False, covariance: str = "robust",
    ) -> None:  # fmt: skip
        self.outcome_covariates = outcome_covariates
        self.selection_covariates = selection_covariates
        self.interactions = interactions
        self.covariance = covariance

    def fit(self, study: Study) -> "HeckmanTwoStep":
        """Estimate on a study; see :class:`HeckmanTwoStep`."""
        eq = equations(self, study)
        steps = eq.steps
        if self.covariance == "robust":
            error = inference.standard_error(study.n * steps.influence[:, -1], study.groups)
        else:
            error = float(np.sqrt(max(steps.covariance[-1, -1], 0.0)))
        size = steps.mills_coefficient
        finish(
            self, study, eq, steps.beta, steps.influence[:, :-1], steps.covariance[:-1, :-1],
            rho=steps.rho, sigma=steps.sigma, extras={"mills_coefficient": size, "mills_se": error},
            check=lambda result: _correlation_verdict(steps.rho, size, error),
        )  # fmt: skip
        return self

    def _structure(self, X, T) -> np.ndarray:
        return outcome_mean(self, X, T)


def _correlation_verdict(rho: float, size: float, error: float) -> Diagnostic:
    p_value = float(2 * stats.norm.sf(abs(size) / error)) if error > 0 else 1.0
    said = f"correlation {rho:.3g}, coefficient of the correction {size:.3g}, p = {p_value:.3g}"
    if abs(rho) > 1:
        return Diagnostic(
            "correlation", rho, "between -1 and 1", "stop",
            f"The noise of being seen and that of the outcome have a correlation outside [-1, 1] ({said}): the two "
            "steps contradict the model they rest on.",
        )  # fmt: skip
    found = "there is no sign that" if p_value >= 0.05 else "it looks as if"
    return Diagnostic(
        "correlation", rho, "between -1 and 1", "ok",
        f"Given treatment and covariates {found} being seen goes with the noise of the outcome ({said}).",
    )  # fmt: skip
