r"""Non-parametric triangular model by series: powers of the treatment and of the first-stage residual.

.. math:: T = E[T \mid X, Z] + V, \qquad E[Y \mid T, X, V] = g(T, X) + h(V)

with g and h polynomials, fitted by least squares together. Because V enters additively, g is identified up to a
constant wherever the treatment varies with V held fixed.

Source: Newey, Powell & Vella (1999), "Nonparametric estimation of triangular simultaneous equations models",
Econometrica 67(3).
"""

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import HALF_STEP, StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError
from yinguo.instruments.control_function import refuse_idle_instruments
from yinguo.kernels.expand import expand_terms
from yinguo.kernels.two_step import SecondStep, first_step, second_step

__all__ = ["SeriesControlFunction"]


class SeriesControlFunction(StructuralEstimator):
    """Effect curve of a continuous treatment, additive in what the first stage leaves unexplained.

    **Use it when** the treatment is continuous, its effect is a smooth curve, and an interval for the average slope is
    wanted. **Not when** the treatment has two values (its residual then tells the treatment, and nothing is left to
    hold fixed), the curve has kinks that no low power follows, or instruments are weak.

    **Assumes** that given the residual the rest of the treatment is unrelated to the noise of the outcome, and that
    what both share enters the outcome additively.

    **Inference**: influence values of both steps and the average slope, for the powers chosen. They allow for the
    residual's being estimated, not for what the powers cannot follow.

    Parameters
    ----------
    degree : int
        Highest power of the treatment, which also meets every covariate once.
    control_degree : int
        Highest power of the residual.
    first_degree : int
        Highest power of covariates and instruments in the first stage.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 5000))
    >>> T = Z + U
    >>> study = yg.Study.from_arrays(np.empty((5000, 0)), T, T**2 + 2 * U + rng.normal(size=5000), Z=Z)
    >>> fit = yg.SeriesControlFunction().fit(study)
    >>> bool(abs(fit.effect(None, 0.0, [2.0])[0] - 4) < 0.3)
    True
    """

    capabilities = Capabilities(
        treatment=("multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        honours=("sample_weight", "groups"),
        inference="influence function",
        assumes=("relevance", "exclusion", "as_if_random", "control_function", "additive_noise", "no_interference"),
        holds=("row_order", "outcome_affine", "covariate_scale", "weights_repeat", "weights_constant"),
    )

    def __init__(self, *, degree: int = 3, control_degree: int = 3, first_degree: int = 2) -> None:
        self.degree = degree
        self.control_degree = control_degree
        self.first_degree = first_degree

    def fit(self, study: Study) -> "SeriesControlFunction":
        """Estimate on a study; see :class:`SeriesControlFunction`."""
        Y, T, X, Z = self.take_roles(study)
        for name, low, high in (("degree", 1, 10), ("control_degree", 1, 10), ("first_degree", 1, 3)):
            if not low <= getattr(self, name) <= high:
                raise DataError(f"{name} is {getattr(self, name)}; it must be between {low} and {high}.")
        refuse_idle_instruments(study)
        s = study.sample_weight
        exogenous = np.column_stack([X, Z])
        exogenous = (exogenous - exogenous.mean(axis=0)) / exogenous.std(axis=0)
        names = [f"c{j}" for j in range(exogenous.shape[1])]
        first = first_step(expand_terms(exogenous, names, self.first_degree)[0], T, s=s)
        spread = float(first.v.std())
        if not spread > 1e-8 * float(T.std()):
            raise DataError("covariates and instruments determine the treatment; there is nothing left to control for.")
        v = first.v / spread
        powers = np.arange(1, self.control_degree + 1)
        self.__dict__["centre_"], self.__dict__["scale_"] = float(T.mean()), float(T.std())
        self.__dict__["covariate_means_"] = X.mean(axis=0)
        step = second_step(
            first, self._base(X, T), v[:, None] ** powers, powers * v[:, None] ** (powers - 1) / spread, Y, s=s
        )
        self.__dict__["step_"] = step
        self.__dict__["level_"] = float(np.average(step.shift, weights=step.s))
        estimate, phi = self._average_slope(study, step)
        self.result_ = self.make_result(
            study, estimate, phi=phi, checks=(first_stage_check,),
            notes=(f"effect per unit of {study.roles['treatment']}, averaged over the treatments met.",),
        )  # fmt: skip
        return self

    def _base(self, X, T) -> np.ndarray:
        """Covariates, powers of the treatment, and their first products."""
        t = (T - self.__dict__["centre_"]) / self.__dict__["scale_"]
        centred = X - self.__dict__["covariate_means_"]
        return np.column_stack([X, t[:, None] ** np.arange(1, self.degree + 1), centred * t[:, None]])

    def _average_slope(self, study: Study, step: SecondStep) -> tuple[float, np.ndarray]:
        h = HALF_STEP * float(study.T.std())
        change = (self._base(study.X, study.T + h) - self._base(study.X, study.T - h)) / (2 * h)
        b = change.shape[1]
        change = change / step.moments.scale[:b]
        slopes = change @ step.beta[1 : 1 + b]
        estimate = float(np.average(slopes, weights=step.s))
        gradient = np.zeros(len(step.beta))
        gradient[1 : 1 + b] = step.s @ change / study.n
        return estimate, step.s * (slopes - estimate) + step.influence(gradient)

    def _structure(self, X, T) -> np.ndarray:
        return self.__dict__["step_"].index(self._base(X, T)) + self.__dict__["level_"]
