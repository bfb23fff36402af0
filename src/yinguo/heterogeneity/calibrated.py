r"""Effects whose level can be taken at its word: causal isotonic calibration of any learner.

A learner that ranks units well may still put them on the wrong side of a cost. Its effects are passed through the
increasing function that fits doubly robust scores best,

.. math:: \hat f = \arg\min_{f \text{ increasing}} \sum_i \{\psi_i - f(\hat\tau^{(-k(i))}(X_i))\}^2,

with :math:`\hat\tau^{(-k)}` learned on all folds but k. Among units that are told the same effect the average effect
is then that, up to an error that shrinks fast, whatever the learner was. A new unit gets the median of
:math:`\hat f(\hat\tau^{(-k)}(x))` over the K learners. With few rows a staircase is noisy. A straight line is
steadier: the slope and level that the scores ask for, moved from those of the learner only as far as their errors allow
(a correction :math:`\delta` becomes :math:`\delta (1 - \mathrm{se}^2 / \delta^2)_+`), and never falling.

Source: van der Laan, Ulloa-Perez, Carone & Luedtke (2023), ICML, PMLR 202, cross-calibration. The line is the slope of
the calibration test of Chernozhukov, Demirer, Duflo & Fernandez-Val (2025), Econometrica 93(4), put to use;
the shrinkage is that of James & Stein (1961).
"""

from typing import Any

import numpy as np
from numpy.polynomial import Polynomial
from sklearn.isotonic import IsotonicRegression

from yinguo.core.capabilities import Capabilities
from yinguo.core.crossfit import make_folds
from yinguo.core.nuisances import check_propensity, crossfit_nuisances
from yinguo.core.study import Study
from yinguo.diagnose.calibration_slope import effect_calibration
from yinguo.diagnose.held_out_effects import fit_on
from yinguo.diagnose.overlap import clip_propensity
from yinguo.errors import DataError
from yinguo.heterogeneity.default_learners import boosted_mean
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.t_learner import TLearner
from yinguo.kernels.doubly_robust import aipw_scores

__all__ = ["CalibratedLearner"]

METHODS = ("isotonic", "linear", "none")


class CalibratedLearner(EffectLearner):
    """Calibrated effects: any learner's, passed through the increasing function that fits doubly robust scores.

    **Use it when** effects are held against a cost, or read as numbers, and the learner is flexible or badly tuned; it
    takes the exaggeration out and keeps the order. **Not when** only the order matters, or there are only a few hundred
    rows: the calibrated effects are then a staircase of few steps (``method="linear"`` asks less), and each of the K
    learners saw fewer rows than one would.

    **Assumes** unconfoundedness and overlap; of the propensity and the outcome model one must be right.

    **Inference**: for the average only, from the scores that calibrate; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    learner : effect learner, optional
        Cloned for every fold; None is a T-learner with ``outcome_model``. A network is fitted without folds of its own.
    method : {"isotonic", "linear", "none"}
        The increasing function: any, or a straight line. ``"none"`` leaves the effects of the K learners as they are
        and takes their median.
    cost : float
        Of treating one unit, in the unit of the outcome: :meth:`treat` treats above it.
    outcome_model : regressor or classifier, optional
        For the scores, fitted per arm; None is boosted trees.
    propensity : {"logit", "probit"} or classifier
        For the scores.
    folds : int or (n,) int array
        For learners and scores alike.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    random_state : int, Generator or None
        Draws the folds.

    Attributes
    ----------
    learners_ : tuple
        The K fitted learners.
    scores_ : (n,) float array
        Doubly robust scores.
    before_ : (n,) float array
        Effects of the rows before calibration, each from the learner that has not seen it.
    curve_ : callable or None
        The increasing function, from (n,) learned effects to (n,) calibrated ones.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> from sklearn.linear_model import LinearRegression
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000) * 1.0
    >>> Y = X[:, 1] + T * (X[:, 0] > 0) + 0.1 * rng.normal(size=2000)
    >>> learner = yg.CalibratedLearner(outcome_model=LinearRegression(), cost=0.5)
    >>> learner.fit(yg.Study.from_arrays(X, T, Y)).treat([[1.0, 0.0], [-1.0, 0.0]])
    array([ True, False])
    """

    capabilities = Capabilities(
        honours=("sample_weight", "groups"),
        inference=INFERENCE,
        unit_effects="without intervals",
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=("row_order", "outcome_affine", "label_swap", "covariate_affine", "weights_repeat", "weights_constant"),
        all_rows=True,
    )

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        learner: Any = None,
        method: str = "isotonic",
        cost: float = 0.0,
        outcome_model: Any = None,
        propensity: Any = "logit",
        folds: Any = 5,
        clip: float = 0.01,
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.learner = learner
        self.method = method
        self.cost = cost
        self.outcome_model = outcome_model
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.random_state = random_state

    def fit(self, study: Study) -> "CalibratedLearner":
        """Estimate on a study; see :class:`CalibratedLearner`."""
        Y, T, X = self.take(study)
        check_propensity(self.propensity)
        if self.method not in METHODS:
            raise DataError(f"method is {self.method!r}; it must be one of {METHODS}.")
        s = study.sample_weight
        model = boosted_mean(Y) if self.outcome_model is None else self.outcome_model
        folds = make_folds(self.folds, T, self.random_state, study.groups)
        nuisances = crossfit_nuisances(
            X_e=X, X_m=X, T=T, Y=Y, folds=folds, s=s, propensity=self.propensity, outcome_model=model
        )
        e = clip_propensity(nuisances.e, self.clip, "ATE", s).e
        self.scores_ = aipw_scores(Y=Y, T=T, e=e, m0=nuisances.m0, m1=nuisances.m1)
        learner = TLearner(outcome_model=model) if self.learner is None else self.learner
        self._learn(learner, study, folds)
        self.curve_ = self._curve(study, folds)
        self.finish(study, nuisances)
        return self

    def _learn(self, learner: Any, study: Study, folds: np.ndarray) -> None:
        learners, self.before_ = [], np.empty(study.n)
        for k in range(int(folds.max()) + 1):
            learners.append(fit_on(learner, study, folds != k))
            self.before_[folds == k] = learners[-1].effect(study.X[folds == k])
        self.learners_ = tuple(learners)

    def _curve(self, study: Study, folds: np.ndarray) -> Any:
        if self.method == "none":
            return None
        s = study.sample_weight
        if self.method == "isotonic":
            steps = IsotonicRegression(out_of_bounds="clip").fit(self.before_, self.scores_, sample_weight=s)
            return steps.predict
        found = effect_calibration(self.scores_, self.before_, folds=folds, s=s)
        level = found.learned + _insisted(found.level_difference, found.level_se)
        # A slope below 0 is no ranking at all: everybody then gets the average.
        slope = 1.0 if found.slope is None else max(1.0 + _insisted(found.slope - 1.0, found.slope_se), 0.0)
        return Polynomial([level - slope * found.learned, slope])

    def treat(self, X: Any) -> np.ndarray:
        """Whom it pays to treat: (n,) bool array, effect above ``cost``.

        Parameters
        ----------
        X : (n, p) array

        Raises
        ------
        DataError
            As :meth:`effect`.
        """
        return self.effect(X) > self.cost

    def _effect(self, X: np.ndarray) -> np.ndarray:
        each = [learner.effect(X) for learner in self.learners_]
        if self.curve_ is not None:
            each = [self.curve_(tau) for tau in each]
        return np.median(each, axis=0)


def _insisted(correction: float, se: float | None) -> float:
    """As much of a correction as the data insist on: the positive-part shrinkage of James and Stein, towards none."""
    return correction * max(1.0 - (se or 0.0) ** 2 / correction**2, 0.0) if correction else 0.0
