r"""Control functions: what the first stage leaves unexplained of the treatment goes into the outcome model.

.. math:: V = T - E[T \mid X, Z], \qquad E[Y \mid T, X, V] = M(b_0 + b_T T + b_X X + b_V V)

V carries what treatment and outcome share unmeasured; with it held fixed, what is left of T is as good as random. With
M the identity the coefficient of T is that of two-stage least squares, and the t test of V is the test of exogeneity
(Durbin, Wu, Hausman). With another M this is two-stage residual inclusion, which two stages of plugging in cannot do.
The structural function averages over the distribution of V: :math:`g(t, x) = E_V[M(b_0 + b_T t + b_X x + b_V V)]`.

Source: Terza, Basu & Rathouz (2008), Journal of Health Economics 27(3); Wooldridge (2015), Journal of Human Resources
50(2); for a binary treatment, Heckman (1978), Econometrica 46(4).
"""

import numpy as np
from scipy import stats

from yinguo.core import inference
from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import HALF_STEP, StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.endogeneity import endogeneity, endogeneity_verdict
from yinguo.diagnose.first_stage import linear_first_stage_check
from yinguo.errors import DataError, NotIdentifiedError
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.two_step import MEANS, SecondStep, average_over_shifts, first_step, second_step

__all__ = ["ControlFunction", "exogeneity_check", "refuse_idle_instruments"]


class ControlFunction(StructuralEstimator):
    """Effect of a confounded treatment on an outcome of any scale, with the first-stage residual as a covariate.

    Known as two-stage residual inclusion (2SRI) in health economics, where it is used for outcomes that are binary or
    counts.

    **Use it when** the outcome is binary or a count, or the treatment binary with a probit first stage, so that
    two-stage least squares is the wrong model. **Not when** instruments are weak, or you doubt the first-stage model:
    the residual must carry all that is shared, which asks more than two-stage least squares does (with
    ``outcome_model="linear"`` and ``treatment_model="linear"`` both are the same number).

    **Assumes** that given the residual the rest of the treatment is unrelated to the noise of the outcome, that
    residual and instruments are independent, and the outcome model.

    **Inference**: influence values of first stage, outcome model and average together, so the residual's being
    estimated is allowed for. ``result_.extras`` holds the coefficient of the residual and its test.

    Parameters
    ----------
    outcome_model : {"linear", "logit", "poisson"}
        Mean of the outcome given treatment, covariates and residual.
    treatment_model : {"linear", "probit"}
        First stage. Probit is for a binary treatment; V is then its generalised residual.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 5000))
    >>> T = Z + U
    >>> Y = rng.poisson(np.exp(0.3 * T + 0.5 * U))
    >>> fit = yg.ControlFunction(outcome_model="poisson").fit(yg.Study.from_arrays(np.empty((5000, 0)), T, Y, Z=Z))
    >>> bool(abs(fit.predict(None, 1.0)[0] / fit.predict(None, 0.0)[0] - np.exp(0.3)) < 0.1)
    True
    """

    also_known_as = ("2sri", "two-stage-residual-inclusion")
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        honours=("sample_weight", "groups"),
        inference="influence function",
        assumes=("relevance", "exclusion", "as_if_random", "control_function", "no_interference"),
        holds=(
            "row_order", "outcome_affine", "label_swap", "covariate_affine", "instrument_affine", "weights_repeat",
            "weights_constant",
        ),
    )  # fmt: skip

    def __init__(self, *, outcome_model: str = "linear", treatment_model: str = "linear") -> None:
        self.outcome_model = outcome_model
        self.treatment_model = treatment_model

    def fit(self, study: Study) -> "ControlFunction":
        """Estimate on a study; see :class:`ControlFunction`."""
        Y, T, X, Z = self.take_roles(study)
        refuse_idle_instruments(study)
        s = study.sample_weight
        first = first_step(np.column_stack([X, Z]), T, model=self.treatment_model, s=s)
        step = second_step(
            first, np.column_stack([X, T]), first.v[:, None], np.ones((study.n, 1)), Y, model=self.outcome_model, s=s
        )
        self.__dict__["step_"], self.__dict__["model_"] = step, self.outcome_model
        estimate, phi = self._average(study, step)
        notes = () if study.treatment_kind == "binary" else (f"effect per unit of {study.roles['treatment']}.",)
        size, error, p_value = _residual_test(step, study)
        self.result_ = self.make_result(
            study, estimate, phi=phi, checks=(linear_first_stage_check, exogeneity_check(size, error)), notes=notes,
            extras={"residual_coefficient": size, "residual_se": error, "exogeneity_p_value": p_value},
        )  # fmt: skip
        return self

    def _average(self, study: Study, step: SecondStep) -> tuple[float, np.ndarray]:
        """Average effect over covariates and residuals, and its influence values."""
        T, X, n = study.T, study.X, study.n
        if study.treatment_kind == "binary":
            ends, width = (np.ones(n), np.zeros(n)), 1.0
        else:
            h = HALF_STEP * float(T.std())
            ends, width = (T + h, T - h), 2 * h
        mean, slope = MEANS[self.outcome_model]
        shift, q, c = step.shift, len(step.beta), step.n_controls
        of_row, of_shift, direct = np.zeros(n), np.zeros(n), np.zeros(n)
        gradient = np.zeros(q)
        for end, sign in zip(ends, (1.0, -1.0), strict=True):
            base = np.column_stack([X, end])
            at = step.index(base)
            # Everybody's covariates meet everybody's residual: one average for each side of the pair.
            of_row += sign * average_over_shifts(mean, at, shift, step.s, model=self.outcome_model)
            of_shift += sign * average_over_shifts(mean, shift, at, step.s, model=self.outcome_model)
            by_row = step.s * average_over_shifts(slope, at, shift, step.s, model=self.outcome_model)
            by_shift = step.s * average_over_shifts(slope, shift, at, step.s, model=self.outcome_model)
            b = base.shape[1]
            scaled = (base - step.moments.centre[:b]) / step.moments.scale[:b]
            gradient[0] += sign * by_row.sum()
            gradient[1 : q - c] += sign * by_row @ scaled
            gradient[q - c :] += sign * by_shift @ step.moments.D[:, q - c :]
            direct += sign * by_shift * (step.slopes @ step.beta[q - c :])
        weight = step.s / n
        estimate = float(weight @ of_row)
        own = step.s * (of_row + of_shift - 2 * estimate)
        phi = own + step.influence(gradient / n, direct / n)
        return estimate / width, phi / width

    def _structure(self, X, T) -> np.ndarray:
        step, model = self.__dict__["step_"], self.__dict__["model_"]
        at = step.index(np.column_stack([X, T]))
        return average_over_shifts(MEANS[model][0], at, step.shift, step.s, model=model)


def refuse_idle_instruments(study: Study) -> None:
    """Raise if the instruments are combinations of the covariates: the residual is then the treatment itself.

    Parameters
    ----------
    study : Study
    """
    assert study.Z is not None
    moments = InstrumentMoments(Y=study.T, T=study.T, X=study.X, Z=study.Z, s=study.sample_weight)
    kept = moments.independent()[0]
    if len(kept) == 0:
        raise DataError(f"the instruments ({', '.join(study.instruments)}) are combinations of the covariates.")
    C = moments.only(kept).C
    moved = float(C[2:, 1] @ np.linalg.solve(C[2:, 2:], C[2:, 1]))
    if not moved > 1e-12 * C[1, 1]:
        raise NotIdentifiedError(
            f"the instruments do not move {study.roles['treatment']!r} at all, given the covariates; nothing can be "
            "learned from them."
        )


def exogeneity_check(coefficient: float, error: float):
    """A check that the control variable explains nothing of the outcome: then the instrument was not needed.

    Parameters
    ----------
    coefficient, error : float
        Of the control variable.
    """

    def check(result):
        test = endogeneity(
            "residual in the outcome model", lambda: ((coefficient / error) ** 2 if error else np.nan, 1)
        )
        return endogeneity_verdict(test, result.outcome, result.treatment)

    return check


def _residual_test(step: SecondStep, study: Study) -> tuple[float, float, float]:
    """Coefficient of the residual in the unit of its own scale, standard error and p-value."""
    direction = np.zeros(len(step.beta))
    direction[-1] = 1 / step.moments.scale[-1]
    error = inference.standard_error(step.influence(direction), study.groups)
    size = float(step.beta[-1] / step.moments.scale[-1])
    return size, error, float(stats.chi2.sf((size / error) ** 2, 1)) if error > 0 else 1.0
