r"""The contract of every method that estimates an effect for each unit from measured confounders.

.. math:: \tau(x) = E[Y(1) - Y(0) \mid X = x]

``fit(study)`` learns it, ``effect(X)`` evaluates it, also for units never seen. The average effect in ``result_`` is
not the average of that function, whose regularisation would bias it, but of cross-fitted doubly robust scores

.. math:: \psi_i = m_1(X_i) - m_0(X_i) + \frac{T_i - e(X_i)}{e(X_i)(1 - e(X_i))} (Y_i - m_{T_i}(X_i)),

in which the outcome means :math:`m_t` are the learner's own, learned on other folds. That gives it an interval.
"""

from yinguo.core.study import Study
from yinguo.core.unit_effects import UnitEffects
from yinguo.diagnose.overlap import clip_propensity, overlap_check
from yinguo.kernels.doubly_robust import doubly_robust
from yinguo.kernels.nuisances import Nuisances

__all__ = ["INFERENCE", "EffectLearner"]

#: Where the standard error of the average comes from, for the capabilities of the learners.
INFERENCE = "cross-fitted doubly robust scores"


class EffectLearner(UnitEffects):
    """Base of effect learners: :class:`~yinguo.core.unit_effects.UnitEffects` with the average and its interval.

    A subclass stores its options, defines ``fit``, which calls :meth:`take` first and ends in :meth:`finish`, and
    ``_effect(X)`` or ``_means(X)``.

    It has the options ``estimand`` and ``clip``.
    """

    clip: float

    def finish(self, study: Study, nuisances: Nuisances | None, *, no_inference: str = "", notes=()) -> None:
        """Set ``effects_`` and ``result_``: the average by doubly robust scores, or plugged in without them.

        Parameters
        ----------
        study : Study
        nuisances : Nuisances or None
            Propensity, not yet clipped, and outcome means of every row, learned on other folds. None where there
            are none: the average is then that of the effects, without an interval.
        no_inference : str
            Why there are none.
        notes : sequence of str
        """
        extras = self.settle_effects(study)
        if nuisances is None:
            plain = extras["mean_of_effects"]
            self.result_ = self.make_result(study, plain, no_inference=no_inference, notes=notes, extras=extras)
            return
        clipping = clip_propensity(nuisances.e, self.clip, self.estimand, study.sample_weight)
        estimate, phi = doubly_robust(
            self.estimand, Y=study.Y, T=study.T, e=clipping.e, m0=nuisances.m0, m1=nuisances.m1, s=study.sample_weight
        )
        self.result_ = self.make_result(
            study,
            estimate,
            phi=phi,
            propensity=clipping.e,
            checks=(overlap_check,),
            notes=(*clipping.note(self.clip), *notes),
            extras=extras,
        )
