r"""Is there heterogeneity, and did the learner find it? A regression of the scores on the learned effects.

.. math:: \psi_i = \alpha_{k(i)} + \beta \, (\hat\tau(X_i) - \bar\tau_{k(i)}) + \varepsilon_i

with a constant for each fold k. :math:`\beta = \mathrm{Cov}(\tau, \hat\tau) / \mathrm{Var}(\hat\tau)` is positive only
if the learned effects go with true ones, so that :math:`\beta \le 0` is what a learner of pure noise gives. One is
calibrated: differences of learned effects are differences of effects. Between 0 and 1 they are exaggerated.

The level is judged apart: mean score less mean learned effect. Where others give a second coefficient, on the mean
prediction, that ratio has no meaning if the average effect is near 0; the difference always has.

Source: Chernozhukov, Demirer, Duflo & Fernandez-Val (2025), Econometrica 93(4), best linear predictor by transformed
outcomes, here with doubly robust scores in their place.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic
from yinguo.core.inference import normal_quantile, standard_error
from yinguo.diagnose.fold_parts import fold_parts, one_sided_p, p_words, weights_of

__all__ = ["EffectCalibration", "effect_calibration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectCalibration:
    """Slope and level of the scores against the learned effects.

    Attributes
    ----------
    slope, slope_se : float or None
        1 is calibrated, 0 noise; None if the learned effects are all alike.
    slope_low, slope_high : float or None
    p : float
        One-sided, of the null that the slope is at most 0.
    average, average_se : float
        Mean score: the average effect on these rows.
    learned : float
        Mean learned effect.
    level_difference, level_se : float
        Mean score less mean learned effect; 0 if the level is right.
    level : float
        Of the interval.
    n : int
    """

    slope: float | None
    slope_se: float | None
    slope_low: float | None
    slope_high: float | None
    p: float
    average: float
    average_se: float
    learned: float
    level_difference: float
    level_se: float
    level: float
    n: int

    @property
    def heterogeneous(self) -> bool:
        """Whether the differences between units can be told from noise, at the 5 % level."""
        return self.p < 0.05

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict on the slope."""
        name, reference = "heterogeneity", "slope above 0; 1 is calibrated"
        if self.slope is None or self.slope_low is None or self.slope_high is None:
            return Diagnostic(
                name, None, reference, "look",
                "The learned effects are the same for everybody, so there is no heterogeneity to test.",
            )  # fmt: skip
        figures = (
            f"slope {words.number(self.slope, 3)} ({words.number(self.slope_low, 3)} to "
            f"{words.number(self.slope_high, 3)}), {p_words(self.p)}"
        )
        if self.slope_high < 0:
            verdict, said = "stop", "The learned differences point the wrong way"
        elif not self.heterogeneous:
            verdict, said = "look", "Differences of the effect between units cannot be told from noise"
        elif self.slope_high < 1:
            verdict, said = "look", "The effect differs between units, but the learned differences are exaggerated"
        else:
            verdict, said = "ok", "The effect differs between units, and the learned effects follow it"
        return Diagnostic(name, self.slope, reference, verdict, f"{said}: {figures}.")

    @property
    def level_diagnostic(self) -> Diagnostic:
        """Verdict on the level of the learned effects."""
        off = abs(self.level_difference) > normal_quantile(0.95) * self.level_se
        return Diagnostic(
            "effect-level", self.level_difference, "within its error of 0", "look" if off else "ok",
            f"The learned effects average {words.number(self.learned)}, the scores {words.number(self.average)} "
            f"(standard error {words.number(self.average_se)}).",
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def effect_calibration(psi, tau, *, folds=None, s=None, groups=None, level: float = 0.95) -> EffectCalibration:
    """Test of heterogeneity, and calibration of learned effects.

    Parameters
    ----------
    psi, tau : (n,) float arrays
        Scores; effects learned on other rows.
    folds : (n,) int array in 0..K-1, optional
        Each has a constant of its own.
    s : (n,) float array, optional
        Sample weights.
    groups : (n,) int array in 0..G-1, optional
        Clusters.
    level : float

    Returns
    -------
    EffectCalibration

    Source
    ------
    Chernozhukov, Demirer, Duflo & Fernandez-Val (2025), Econometrica 93(4).
    """
    n = len(psi)
    weight = weights_of(s, n)
    t, q = np.empty(n), np.empty(n)
    for rows, _ in fold_parts(psi, tau, folds, s):
        w = weight[rows] / weight[rows].sum()
        t[rows], q[rows] = tau[rows] - w @ tau[rows], psi[rows] - w @ psi[rows]
    average, learned = float(weight @ psi / n), float(weight @ tau / n)
    spread = float(weight @ t**2 / n)
    slope = slope_se = low = high = None
    p = 1.0
    if spread > 1e-20 * float(np.abs(tau).max(initial=0.0)) ** 2 and spread > 0:
        slope = float(weight @ (t * q) / n / spread)
        slope_se = standard_error(weight * t * (q - slope * t) / spread, groups)
        z = normal_quantile(level)
        low, high, p = slope - z * slope_se, slope + z * slope_se, one_sided_p(slope, slope_se)
    gap = psi - tau
    return EffectCalibration(
        slope=slope, slope_se=slope_se, slope_low=low, slope_high=high, p=p,
        average=average, average_se=standard_error(weight * (psi - average), groups), learned=learned,
        level_difference=average - learned,
        level_se=standard_error(weight * (gap - (average - learned)), groups), level=level, n=n,
    )  # fmt: skip
