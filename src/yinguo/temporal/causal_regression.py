r"""Causal regression: the previous step as a conditional instrument, without a known graph.

.. math:: X_t = B X_t + \mathrm{diag}(a) X_{t-1} + C U_t + e_t

with B acyclic and unknown, :math:`U_t` hidden and new at every step, every :math:`a_j \neq 0`. Write :math:`P_j` for
:math:`X_{j,t-1}`. Given all :math:`P_j` but that of the treatment, :math:`P_T` reaches :math:`Y_t` through :math:`T_t`
alone, whatever of confounding, collider or chain connects the two at time t:

* **total** effect: :math:`T_t` instrumented by :math:`P_T`, controls :math:`P_j, j \neq T` (with :math:`P_Y`);
  :math:`\hat\beta = P_T' R_W Y / P_T' R_W T` with :math:`R_W` the residual maker of the controls;
* **direct** effect: all :math:`X_{j,t}, j \neq Y` instrumented by all :math:`P_j, j \neq Y`, control :math:`P_Y`.

**What can be tested.** A confounder with a memory makes values two steps back informative: *memory* is Hansen's J with
them as further instruments. A lagged edge :math:`T_{t-1} \to Y_t` of size c cannot be told from data alone: with it the
previous values follow the same law as with an effect :math:`\beta + c/a_T` and a hidden common cause. What the data
show is whether *either* is there: *residual-correlation* asks if :math:`P_T` still matters for :math:`Y_t` given
:math:`T_t` and the controls, which it does with a lagged edge or a hidden common cause and else does not. An instrument
of the treatment besides (role ``instruments``) breaks the tie: over-identification then tests the lagged edge.

**A limit.** Selection by the present values (rows kept because of :math:`T_t` and :math:`Y_t`) is not removed by the
past: it opens a path from :math:`P_T` through :math:`T_t` into :math:`Y_t`. Colliders that are merely among the
variables do no harm, because they are not controlled for.

Source: a reconstruction; the idea of variables of the previous step as conditional instruments is from the research
programme this package implements, without a published estimator. Conditional instruments: van der Zander, Textor &
Liskiewicz (2015), IJCAI. Instruments from time series: Thams, Sondergaard, Weichwald & Peters (2024), Journal of
Machine Learning Research 25.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.estimator import Estimator
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import WEAK, instrument_strength, strength_verdict
from yinguo.diagnose.joint_strength_of_instruments import joint_strength
from yinguo.diagnose.linear_moments import cluster_factor, linear_moments
from yinguo.diagnose.over_identification import hansen_j_test, over_identification_verdict
from yinguo.errors import DataError
from yinguo.kernels.instrument_moments import Scores
from yinguo.kernels.k_class import covariance, fit_k_class
from yinguo.temporal.past_tests import memory_verdict, residual_correlation_verdict
from yinguo.temporal.previous_step import Past, past_of, stage

__all__ = ["CausalRegression"]

#: Fewer series than this are not clustered: errors from a handful of clusters are worse than none.
FEWEST_CLUSTERS = 20


class CausalRegression(Estimator):
    """Effect of one variable on another over time, with the previous step as conditional instrument.

    **Use it when** variables are recorded step by step, you do not know which causes which, and may have hidden
    confounders that are new at every step. **Not when** a variable hardly depends on its own past (the first stage says
    so), hidden causes have a memory (the memory check says so), or causes take longer than a step.

    **Assumes** persistence of the treatment, no lagged edge from it to the outcome, hidden common causes independent of
    the past, relations that stay the same.

    The study's covariates are the *other variables* of the system at the same step, colliders and all: their present
    values are not controlled for, their past is. Its groups are the series. Rows come in any order.

    **Inference**: heteroscedasticity-robust, clustered by series from 20 series on. Residuals of the right model are
    new at every step, so that no further allowance for time is made; the memory check is about that.

    With ``effect="direct"`` ``coefficients_`` and ``standard_errors_`` hold the direct effects of all variables on the
    outcome by name; with a learner ``learner_`` is the fitted learner, on the previous values as covariates.

    Parameters
    ----------
    effect : {"total", "direct"}
        Through all paths, or not through other variables of the study.
    lags : int
        Earlier steps used. Two or more bring more instruments than needed, which are then tested.
    learner : StructuralEstimator, optional
        A method with instruments from this package for the total effect, where lines will not do: it gets the
        treatment, its past as instruments, and the past of all else as covariates.

    Examples
    --------
    >>> import yinguo as yg
    >>> draw = yg.datasets.causal_regression_design(structure="hidden", steps=4000)
    >>> result = yg.CausalRegression().fit(draw.study).result_
    >>> draw.truth["ATE"], bool(abs(result.estimate - 0.5) < 0.1)
    (0.5, True)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("time",),
        honours=("groups", "instruments"),
        inference="robust sandwich, clustered by series",
        assumes=(
            "persistence", "no_lagged_cross_edge", "serially_independent", "stationary", "linear_effect",
            "no_interference",
        ),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine"),
    )  # fmt: skip

    def __init__(self, *, effect: str = "total", lags: int = 1, learner: StructuralEstimator | None = None) -> None:
        self.effect = effect
        self.lags = lags
        self.learner = learner

    def fit(self, study: Study) -> "CausalRegression":
        """Estimate on a study; see :class:`CausalRegression`."""
        self.take(study)
        self._refuse()
        lags, direct = int(self.lags), self.effect == "direct"
        if study.treatment_kind == "multi-valued" and any(isinstance(v, str) for v in study.treatment_levels):
            raise DataError(f"treatment {study.roles['treatment']!r} has text values, which have no order.")
        past = past_of(study, lags)
        cluster = study.groups is not None and past.n_series >= FEWEST_CLUSTERS
        table = stage(study, past, lags=lags, direct=direct, cluster=cluster)
        moved = study.covariates if direct else ()
        self.__dict__["stage_"] = table
        notes = _notes(study, past, lags, direct, cluster)
        checks = self._checks(study, table, lags, direct, cluster, moved)
        if self.learner is not None:
            self._fit_learner(study, table, past, notes, checks)
            return self
        estimate, se, phi = self._linear(study, table, moved)
        # Rows without a past get an influence of 0, the others stand for them.
        full = np.zeros(study.n)
        full[past.now] = phi * study.n / table.n
        self.result_ = self.make_result(
            study, estimate, se=se, scores=estimate + full, n=table.n, checks=checks, notes=notes,
        )  # fmt: skip
        return self

    def _refuse(self) -> None:
        if self.effect not in ("total", "direct"):
            raise DataError(f"effect is {self.effect!r}; it must be 'total' or 'direct'.")
        if isinstance(self.lags, bool) or not isinstance(self.lags, int | np.integer) or self.lags < 1:
            raise DataError(f"lags is {self.lags!r}; it must be a whole number of at least 1.")
        if self.learner is None:
            return
        if not isinstance(self.learner, StructuralEstimator) or "instruments" not in self.learner.capabilities.needs:
            raise DataError(
                f"learner is {self.learner!r}; give a method with instruments and predict, such as KernelIV()."
            )
        if self.effect == "direct":
            raise DataError("learner is for the total effect; leave it out for effect='direct', or ask for the total.")

    def _linear(self, study: Study, table: Study, moved) -> tuple[float, float, np.ndarray]:
        """Two-stage least squares on the table, and what it says of the treatment."""
        moments = linear_moments(table, moved)
        fit = fit_k_class(moments)
        phi = np.empty(table.n)
        influence = np.linalg.inv(fit.bread)[:1] @ fit.direction
        wanted = [Scores(fit.residual, influence), Scores(fit.residual, fit.fitted, design=True)]
        V = covariance(moments, fit, moments.middle(wanted, table.groups, keep=phi)[1])
        V = V * cluster_factor(moments, table.groups, moments.rank + moments.m)
        names = (study.roles["treatment"], *moved)
        errors = np.sqrt(np.diag(V))[1 : 1 + len(names)]
        self.__dict__["coefficients_"] = dict(zip(names, fit.theta.tolist(), strict=True))
        self.__dict__["standard_errors_"] = dict(zip(names, errors.tolist(), strict=True))
        phi = table.n * phi
        return float(fit.theta[0]), float(errors[0]), phi - phi.mean()

    def _fit_learner(self, study: Study, table: Study, past: Past, notes, checks) -> None:
        assert self.learner is not None
        learner = self.learner.clone()
        if table.groups is not None and "groups" not in learner.capabilities.honours:
            table = table.replace(groups=None)
        learner.fit(table)
        found = learner.result_
        self.__dict__["learner_"] = learner
        kept = tuple(note for note in found.notes if note not in notes)
        inferred: dict[str, Any] = {"no_inference": found.no_inference} if found.se is None else {"se": found.se}
        self.result_ = self.make_result(
            study, found.estimate, n=table.n, checks=checks, notes=(*notes, *kept), **inferred
        )  # fmt: skip

    def _checks(self, study: Study, table: Study, lags: int, direct: bool, cluster: bool, moved) -> tuple:
        treatment, outcome = study.roles["treatment"], study.roles["outcome"]

        def first_stage(result) -> Diagnostic:
            if not moved:
                return strength_verdict(instrument_strength(table, interactions=False), table, linear=True)
            return _joint_verdict(joint_strength(table, endogenous=moved).kleibergen_paap, treatment, moved)

        def memory(result) -> Diagnostic:
            try:
                longer = stage(
                    study, past_of(study, lags + 1), lags=lags, direct=direct, further=True, cluster=cluster
                )  # fmt: skip
                test = hansen_j_test(longer, endogenous=moved)
            except DataError as error:
                return Diagnostic("memory", None, "p-value of at least 0.05", "ok", f"Not tested: {error}")
            return memory_verdict(test, lags, treatment, outcome)

        def residual_correlation(result) -> Diagnostic:
            return residual_correlation_verdict(table, moved)

        def agreement(result) -> Diagnostic:
            return over_identification_verdict(hansen_j_test(table, endogenous=moved), outcome, treatment)

        over = (agreement,) if table.Z is not None and table.Z.shape[1] > 1 + len(moved) else ()
        return (first_stage, memory, residual_correlation, *over)


def _joint_verdict(value: float, treatment: str, others) -> Diagnostic:
    reference, names = f"Kleibergen-Paap F of at least {WEAK:g}", ", ".join((treatment, *others))
    if value >= WEAK:
        sentence = f"The previous step moves {names} and tells them apart (Kleibergen-Paap F {value:.3g})."
        return Diagnostic("first-stage", value, reference, "ok", sentence)
    sentence = (
        f"The previous step hardly moves some of {names}, or not apart from one another (Kleibergen-Paap F "
        f"{value:.3g}; below {WEAK:g} is weak): estimates lean towards the confounded ones and intervals are too "
        "narrow."
    )
    return Diagnostic("first-stage", value, reference, "stop", sentence)


def _notes(study: Study, past: Past, lags: int, direct: bool, cluster: bool) -> tuple[str, ...]:
    treatment, outcome = study.roles["treatment"], study.roles["outcome"]
    through = "not through other variables of the study" if direct else "through all paths"
    said = [
        f"effect of {treatment} on {outcome} within one step, {through}; {len(past.now):,} of {study.n:,} rows have "
        f"{lags} earlier step(s) in their series."
    ]
    if study.groups is not None and not cluster:
        said.append(
            f"{past.n_series} series are too few to cluster by; errors take residuals to be new at every step."
        )  # fmt: skip
    return tuple(said)
