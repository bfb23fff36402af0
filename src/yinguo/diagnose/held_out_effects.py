r"""What effects can be judged by without knowing the truth: doubly robust scores, and effects from other rows.

.. math:: \psi_i = m_1(X_i) - m_0(X_i) + \frac{T_i - e(X_i)}{e(X_i)(1 - e(X_i))} (Y_i - m_{T_i}(X_i)),
   \qquad E[\psi_i \mid X_i = x] = \tau(x)

A score is the effect of its unit plus noise, so that effects :math:`\hat\tau(X_i)` can be held against it, provided
that row i had no part in learning them. Everything in this package that judges effects works on these two arrays.

**Which rows learn.** Effects for fold k learned on all other folds (:func:`cross_effects`) use the data well, but the
K judgements are then not independent: each row judges some learners and teaches the others. Without any heterogeneity
the learner of fold 1 picks up the noise of fold 2 and is judged on fold 1, whose noise taught the learner of fold 2;
agreement counts twice. Tests of nominal 5 % reject in 7 to 12 %. :func:`sequential_effects` learns for fold k on folds
0 .. k-1 only. Given the past each judgement is then an honest one, and their sum is a martingale: levels and coverage
are what they say. It costs the first fold, which is never judged, and early learners that saw few rows.

Source: Robins, Rotnitzky & Zhao (1994), JASA 89(427), for the scores; Chernozhukov et al. (2018), Econometrics Journal
21(1), for the folds; Wager (2024), arXiv 2405.05534, for the sequence.
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.arrays import integer_codes
from yinguo.core.crossfit import make_folds
from yinguo.core.nuisances import check_propensity, crossfit_nuisances
from yinguo.core.study import Study
from yinguo.diagnose.overlap import clip_propensity
from yinguo.errors import DataError
from yinguo.kernels.doubly_robust import aipw_scores

__all__ = ["EffectScores", "HeldOutEffects", "cross_effects", "effect_scores", "sequential_effects"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectScores:
    """Scores of a study and what they were made of.

    Attributes
    ----------
    study : Study
    folds : (n,) int array
    psi : (n,) float array
        Doubly robust scores, unit of the outcome.
    e, m0, m1 : (n,) float arrays
        Propensity (clipped) and outcome means, learned on other folds.
    clipped : int
        Propensities that clipping moved.
    """

    study: Study
    folds: np.ndarray
    psi: np.ndarray
    e: np.ndarray
    m0: np.ndarray
    m1: np.ndarray
    clipped: int

    @property
    def m(self) -> np.ndarray:
        """(n,) mean outcome given the covariates alone, which the R-loss takes out."""
        return self.e * self.m1 + (1 - self.e) * self.m0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutEffects:
    """Effects of rows that had no part in learning them, beside the scores of the same rows.

    Attributes
    ----------
    rows : (m,) int array
        Which rows of the study these are, in order.
    psi, tau : (m,) float arrays
        Scores and effects.
    folds : (m,) int array in 0..K-1
        Rows of one fold share a learner; ranks are taken within folds.
    s : (m,) float array or None
        Sample weights of mean 1.
    groups : (m,) int array or None
        Clusters.
    learners : tuple
        The fitted learners, one per fold in order.
    """

    rows: np.ndarray
    psi: np.ndarray
    tau: np.ndarray
    folds: np.ndarray
    s: np.ndarray | None
    groups: np.ndarray | None
    learners: tuple[Any, ...] = ()

    @property
    def design(self) -> dict[str, Any]:
        """Folds, weights and clusters, as the judging functions take them."""
        return {"folds": self.folds, **self.sample}

    @property
    def sample(self) -> dict[str, Any]:
        """Weights and clusters only."""
        return {"s": self.s, "groups": self.groups}

    def take(self, part: np.ndarray) -> "HeldOutEffects":
        """Only the rows under a (m,) mask; weights get mean 1 and clusters no gaps again."""
        return HeldOutEffects(
            rows=self.rows[part], psi=self.psi[part], tau=self.tau[part], folds=integer_codes(self.folds[part]),
            s=None if self.s is None else self.s[part] / self.s[part].mean(),
            groups=None if self.groups is None else integer_codes(self.groups[part]),
        )  # fmt: skip


def effect_scores(
    study: Study,
    *,
    propensity: Any = "logit",
    outcome_model: Any = None,
    folds: Any = 5,
    clip: float = 0.01,
    random_state: Any = 0,
) -> EffectScores:
    """Doubly robust scores of every row of a study.

    Parameters
    ----------
    study : Study
        With a binary treatment.
    propensity : {"logit", "probit"} or classifier
        A known chance of treatment, as in an experiment, is best left to ``"logit"``: it finds it, and more precisely.
    outcome_model : regressor or classifier, optional
        Fitted per arm; None is least squares. Its errors cost precision, not validity, where the propensity is right.
    folds : int or (n,) int array
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds.

    Returns
    -------
    EffectScores

    Raises
    ------
    DataError
        A treatment that is not binary, an outcome that is missing somewhere, too few rows for the folds.
    """
    if study.treatment_kind != "binary":
        raise DataError(
            f"treatment {study.roles['treatment']!r} is {study.treatment_kind}; effects are judged for a binary one. "
            "Pass treated= to the Study to compare one value with the rest."
        )
    if not np.isfinite(study.Y).all():
        raise DataError(f"outcome {study.roles['outcome']!r} is missing in some rows; judge effects on complete ones.")
    check_propensity(propensity)
    folds = make_folds(folds, study.T, random_state, study.groups)
    found = crossfit_nuisances(
        X_e=study.X, X_m=study.X, T=study.T, Y=study.Y, folds=folds, s=study.sample_weight,
        propensity=propensity, outcome_model=outcome_model,
    )  # fmt: skip
    clipping = clip_propensity(found.e, clip, "ATE", study.sample_weight)
    psi = aipw_scores(Y=study.Y, T=study.T, e=clipping.e, m0=found.m0, m1=found.m1)
    return EffectScores(
        study=study, folds=folds, psi=psi, e=clipping.e, m0=found.m0, m1=found.m1, clipped=int(clipping.touched.sum())
    )


def cross_effects(learner: Any, study: Study, folds) -> np.ndarray:
    """Effects of every row from a learner fitted on all folds but its own.

    For choosing among learners and for calibrating one. For tests and intervals see :func:`sequential_effects`.

    Parameters
    ----------
    learner : object with ``fit(study)`` and ``effect(X)``
        Left as it is; copies are fitted.
    study : Study
    folds : (n,) int array

    Returns
    -------
    (n,) float array
    """
    tau = np.empty(study.n)
    for k in range(int(folds.max()) + 1):
        test = folds == k
        tau[test] = _effects(fit_on(learner, study, folds != k), study.X[test])
    return tau


def sequential_effects(learner: Any, scores: EffectScores) -> HeldOutEffects:
    """Effects of the rows of every fold but the first, from a learner fitted on the folds before it.

    Parameters
    ----------
    learner : object with ``fit(study)`` and ``effect(X)``
        Left as it is; copies are fitted.
    scores : EffectScores

    Returns
    -------
    HeldOutEffects
        ``learners[k]`` was fitted on the first k + 1 folds of the scores.
    """
    study, folds = scores.study, scores.folds
    rows = np.flatnonzero(folds > 0)
    tau, learners = np.empty(study.n), []
    for k in range(1, int(folds.max()) + 1):
        learners.append(fit_on(learner, study, folds < k))
        tau[folds == k] = _effects(learners[-1], study.X[folds == k])
    weights = None if study.sample_weight is None else study.sample_weight[rows]
    return HeldOutEffects(
        rows=rows, psi=scores.psi[rows], tau=tau[rows], folds=folds[rows] - 1,
        s=None if weights is None else weights / weights.mean(),
        groups=None if study.groups is None else integer_codes(study.groups[rows]),
        learners=tuple(learners),
    )  # fmt: skip


def fit_on(learner: Any, study: Study, rows) -> Any:
    """A fitted copy of a learner, on some rows of a study.

    A network is not asked for the average effect, which would train it again for every fold, nor is a learner that says
    it needs ``folds`` for that alone (``folds_for_average``); folds given row by row are cut to the rows.

    Parameters
    ----------
    learner : object with ``fit(study)``
    study : Study
    rows : (n,) bool array
    """
    if not hasattr(learner, "fit") or not hasattr(learner, "effect"):
        raise DataError(f"{learner!r} has no fit and effect; pass an effect learner such as TLearner().")
    # A deep copy first: a generator among the options would otherwise advance in the caller's learner.
    fresh = copy.deepcopy(learner)
    fresh = fresh.clone() if hasattr(fresh, "clone") else fresh
    options = fresh.get_params() if hasattr(fresh, "get_params") else {}
    if "folds" in options:
        given = options["folds"]
        trains = getattr(getattr(fresh, "capabilities", None), "trains", False)
        if trains or getattr(fresh, "folds_for_average", False):
            fresh.set_params(folds=None)
        elif np.ndim(given):
            fresh.set_params(folds=integer_codes(np.asarray(given)[rows]))
    return fresh.fit(study.take(rows))


def _effects(fitted: Any, X) -> np.ndarray:
    tau = np.asarray(fitted.effect(X), dtype=np.float64)
    if tau.shape != (len(X),) or not np.isfinite(tau).all():
        raise DataError(
            f"effect(X) of {type(fitted).__name__} gave shape {tau.shape} with {int((~np.isfinite(tau)).sum())} values "
            f"that are no numbers; {len(X)} effects are needed."
        )
    return tau
