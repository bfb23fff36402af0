r"""Heckman's selection model by maximum likelihood: both equations and their correlation at once.

.. math::

   S = 1[w'\gamma + u > 0], \qquad Y = x'\beta + \tau t + \varepsilon \ \text{ seen if } S = 1, \qquad
   (u, \varepsilon) \sim N\left(0, \begin{pmatrix} 1 & \rho\sigma \\ \rho\sigma & \sigma^2 \end{pmatrix}\right)

Where the model is true nothing is more precise; where it is not, the two steps bend less.

Source: Heckman (1979), Econometrica 47(1); Amemiya (1985), Advanced Econometrics, section 10.7.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from yinguo.core.capabilities import Capabilities
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.kernels.heckman import raw_map
from yinguo.kernels.heckman_likelihood import likelihood
from yinguo.selection.heckman_model import ASSUMES, equations, finish, outcome_mean

__all__ = ["HeckmanML"]

#: A correlation this close to 1 or -1 is at the edge of the model.
EDGE = 0.95


class HeckmanML(StructuralEstimator):
    """Effect on an outcome that is seen for some only, by the joint likelihood of seeing and outcome.

    **Use it when** you would use the two steps and believe in normal noise: it is the more precise of the two.
    **Not when** noise is far from normal or nothing is left out of the outcome equation: the likelihood then often
    rises towards a correlation of one, which is said and not papered over.

    **Assumes** what the two steps assume, and joint normality not only for the correction but for the whole
    distribution.

    **Inference**: influence values (sandwich); with ``covariance="unadjusted"`` the inverse of the observed
    information.

    ``coefficients_`` and ``standard_errors_`` hold the outcome equation by name, ``selection_coefficients_`` that of
    being seen at the joint maximum, ``probit_coefficients_`` that of the probit alone, ``sigma_`` and ``rho_`` the
    noise. The extras of the result hold the log-likelihood and the errors of log sigma and artanh rho.

    Parameters
    ----------
    outcome_covariates : sequence of str, optional
        Covariates of the outcome equation; None is all. Leave out what moves only who is seen.
    selection_covariates : sequence of str, optional
        Covariates of the selection equation; None is all. The treatment is always in both.
    interactions : bool
        Whether products of treatment and covariates stand in both equations; the effect then differs between units.
    covariance : {"robust", "unadjusted"}
        Standard errors from influence values (clustered if the study has groups), or from the information.

    Examples
    --------
    >>> import yinguo as yg
    >>> women = yg.datasets.mroz_1987().study
    >>> fit = yg.HeckmanML(outcome_covariates=["exper", "expersq"], covariance="unadjusted").fit(women)
    >>> round(fit.result_.estimate, 4), round(fit.rho_, 4), round(fit.result_.extras["log_likelihood"], 3)
    (0.1084, 0.0266, -832.885)
    """

    name = "heckman-ml"
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        outcome=("continuous",),
        estimands=("ATE",),
        needs=("covariates", "selection"),
        honours=("sample_weight", "groups"),
        inference="likelihood, sandwich or information",
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

    def fit(self, study: Study) -> "HeckmanML":
        """Estimate on a study; see :class:`HeckmanML`."""
        eq = equations(self, study)
        found = likelihood(eq.outcome.D, study.Y, study.S, eq.probit, eq.steps, study.sample_weight)
        k = len(found.beta)
        V = found.covariance if self.covariance == "unadjusted" else found.influence.T @ found.influence
        rho, error = found.rho, float(np.sqrt(V[-1, -1]))
        finish(
            self, study, eq, found.beta, found.influence[:, :k], found.covariance[:k, :k], rho=rho, sigma=found.sigma,
            extras={
                "log_likelihood": found.log_likelihood,
                "log_sigma_se": float(np.sqrt(V[-2, -2])),
                "artanh_rho": float(np.arctanh(rho)),
                "artanh_rho_se": error,
            },
            check=lambda result: _correlation_verdict(rho, error),
        )  # fmt: skip
        gamma = raw_map(eq.selection) @ found.gamma
        self.__dict__["selection_coefficients_"] = dict(zip(eq.selection_names, gamma.tolist(), strict=True))
        return self

    def _structure(self, X, T) -> np.ndarray:
        return outcome_mean(self, X, T)


def _correlation_verdict(rho: float, error: float) -> Diagnostic:
    p_value = float(2 * stats.norm.sf(abs(np.arctanh(rho)) / error)) if error > 0 else 1.0
    said = f"correlation {rho:.3g}, p = {p_value:.3g}"
    if abs(rho) > EDGE:
        return Diagnostic(
            "correlation", rho, f"at most {EDGE:g} in size", "look",
            f"The likelihood is highest close to a correlation of {np.sign(rho):g} ({said}), at the edge of the model; "
            "compare the two steps.",
        )  # fmt: skip
    found = "there is no sign that" if p_value >= 0.05 else "it looks as if"
    return Diagnostic(
        "correlation", rho, f"at most {EDGE:g} in size", "ok",
        f"Given treatment and covariates {found} being seen goes with the noise of the outcome ({said}).",
    )  # fmt: skip
