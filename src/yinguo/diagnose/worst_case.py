r"""What is known of an effect without assuming anything on who is seen, or only that treatment moves it one way.

**Manski.** An outcome that was not seen lies somewhere in its range [a, b]; filled with the worst and with the best,
the mean outcomes of both arms, and with them the effect, lie between two numbers. Confounders are adjusted for by
inverse chances of treatment; nothing is assumed on selection.

**Lee.** With a randomised treatment that never keeps anyone from being seen who would be seen without it (or the other
way round), the arm with more rows seen holds, besides those always seen, people whom the treatment brought in. Their
share is known; that they are the best or the worst of the arm gives two bounds of the effect on those always seen:

.. math::

   p = 1 - \frac{P(S=1 \mid T=0)}{P(S=1 \mid T=1)}, \qquad
   E[Y \mid T=1, S=1, Y \le y_{1-p}] - m_0 \le \tau \le E[Y \mid T=1, S=1, Y \ge y_p] - m_0, \qquad
   m_0 = E[Y \mid T=0, S=1] .

A bound is estimated like an effect; the interval of Imbens and Manski covers the effect itself, wherever between the
bounds it lies, and is shorter than one that covers both bounds.

Source: Manski (1990), American Economic Review 80(2); Horowitz & Manski (2000), JASA 95(449); Lee (2009), Review of
Economic Studies 76(3); Imbens & Manski (2004), Econometrica 72(6).
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from yinguo.core import inference
from yinguo.core.words import number
from yinguo.diagnose.overlap import clip_propensity
from yinguo.errors import DataError, NotIdentifiedError
from yinguo.kernels.glm import fit_binary, linear_predictor_terms
from yinguo.kernels.moments import ArrayMoments
from yinguo.kernels.selected_means import projected_scores, weighted_difference_of_means

__all__ = ["Bounds", "lee_bounds", "manski_bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """An effect known to lie between two numbers.

    Attributes
    ----------
    method : str
        ``"Manski"`` or ``"Lee"``.
    target : str
        Whose effect, in words.
    assumes : str
        What was assumed, in words.
    treatment, outcome : str
    lower, upper : float
        In the unit of the outcome.
    lower_se, upper_se : float
        Standard errors of the two.
    n : int
    trimmed : float
        Share of the rows seen of one arm that Lee's bounds leave out; 0 for Manski's.
    """

    method: str
    target: str
    assumes: str
    treatment: str
    outcome: str
    lower: float
    upper: float
    lower_se: float
    upper_se: float
    n: int
    trimmed: float = 0.0

    @property
    def settles_sign(self) -> bool:
        """Whether zero lies outside the 95 % interval."""
        low, high = self.interval()
        return low > 0 or high < 0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        r"""Interval of Imbens and Manski, which covers the effect with the level asked for.

        With :math:`\Delta` the distance of the bounds, c solves :math:`\Phi(c + \Delta / \max(se)) - \Phi(-c) = level`.

        Parameters
        ----------
        level : float

        Source
        ------
        Imbens & Manski (2004), Econometrica 72(6), equations 6 and 7.
        """
        inference.normal_quantile(level)  # refuses a level outside (0, 1)
        largest = max(self.lower_se, self.upper_se)
        if largest == 0:
            return self.lower, self.upper
        width = (self.upper - self.lower) / largest
        c = optimize.brentq(lambda c: stats.norm.cdf(c + width) - stats.norm.cdf(-c) - level, 0.0, 20.0)
        return self.lower - c * self.lower_se, self.upper + c * self.upper_se

    @property
    def sentence(self) -> str:
        """The bounds and their meaning."""
        low, high = self.interval()
        sign = (
            "zero is outside"
            if self.settles_sign
            else "that leaves its sign open, so that it rests on what is assumed about who is seen"
        )
        return (
            f"Bounds of {self.method} ({self.assumes}): the effect on {self.target} is between "
            f"{number(self.lower)} and {number(self.upper)}, with chance between {number(low)} and "
            f"{number(high)} (95 %); {sign}."
        )

    def __str__(self) -> str:
        return self.sentence


def manski_bounds(study, *, low: float | None = None, high: float | None = None, clip: float = 0.01) -> Bounds:
    """Worst-case bounds of the average effect, whatever decided who is seen.

    Parameters
    ----------
    study : Study
        With a selection indicator and a binary treatment. Covariates are adjusted for as confounders by a logistic
        chance of treatment; without covariates the treatment is taken to be randomised.
    low, high : float, optional
        Range of the outcome. None is 0 and 1 for a binary outcome, and otherwise the least and the largest value seen,
        which is an assumption on those not seen.
    clip : float
        Chances of treatment are moved into [clip, 1 - clip].

    Returns
    -------
    Bounds

    Raises
    ------
    DataError
        No selection indicator; a treatment of more than two values; a range that the outcomes seen leave.

    Examples
    --------
    >>> import yinguo as yg
    >>> table = {"t": [0, 0, 1, 1] * 50, "y": [0.0, None, 1.0, None] * 50, "s": [1, 0, 1, 0] * 50}
    >>> study = yg.Study(table, treatment="t", outcome="y", selection="s")
    >>> found = manski_bounds(study, low=0, high=1)
    >>> found.lower, found.upper
    (0.0, 1.0)

    Source
    ------
    Manski (1990), American Economic Review 80(2); Horowitz & Manski (2000), JASA 95(449).
    """
    _refuse(study, "Manski's bounds")
    Y, T, S = study.Y, study.T, study.S
    seen = S == 1
    least, most = float(Y[seen].min()), float(Y[seen].max())
    told = ("0", "1") if study.outcome_kind == "binary" else ("the least", "the largest value seen")
    a = (0.0 if study.outcome_kind == "binary" else least) if low is None else float(low)
    b = (1.0 if study.outcome_kind == "binary" else most) if high is None else float(high)
    if low is not None:
        told = (number(a), told[1])
    if high is not None:
        told = (told[0], number(b))
    if not (a <= least and most <= b):
        raise DataError(
            f"outcomes seen run from {number(least)} to {number(most)}, outside [{number(a)}, {number(b)}]; low and "
            "high must hold all outcomes, seen or not."
        )
    s = np.ones(study.n) if study.sample_weight is None else study.sample_weight
    w, scores = _treatment_weights(study, s, clip)
    found = []
    for treated, control in ((a, b), (b, a)):
        filled = np.where(seen, np.where(seen, Y, 0.0), np.where(T == 1, treated, control))
        estimate, phi, d_w = weighted_difference_of_means(Y=filled, T=T, w=w)
        found.append((estimate, inference.standard_error(phi + scores(d_w), study.groups)))
    (lower, lower_se), (upper, upper_se) = found
    return Bounds(
        method="Manski", target="everybody",
        assumes=f"nothing about who is seen; outcomes lie between {told[0]} and {told[1]}",
        treatment=study.roles["treatment"], outcome=study.roles["outcome"], lower=lower, upper=upper,
        lower_se=lower_se, upper_se=upper_se, n=study.n,
    )  # fmt: skip


def lee_bounds(study) -> Bounds:
    """Bounds of the effect on those who are seen whatever their treatment; for a randomised treatment.

    Parameters
    ----------
    study : Study
        With a selection indicator and a binary, randomised treatment; covariates are not used.

    Returns
    -------
    Bounds

    Raises
    ------
    DataError
        No selection indicator; a treatment of more than two values; an arm without outcomes.
    NotIdentifiedError
        Sample weights, for which trimming is not defined here.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> Y = np.r_[np.tile([1.0, 2.0, 3.0, 4.0], 25), np.tile([1.0, np.nan, 3.0, np.nan], 25)]
    >>> T, S = np.repeat([1.0, 0.0], 100), np.isfinite(Y) * 1.0
    >>> found = lee_bounds(yg.Study.from_arrays(np.empty((200, 0)), T, Y, S=S))
    >>> found.lower, found.upper, found.trimmed
    (-0.5, 1.5, 0.5)

    Source
    ------
    Lee (2009), Review of Economic Studies 76(3), equations 2 to 4; the standard errors are his Proposition 3, written
    as influence values so that they can be summed within groups.
    """
    _refuse(study, "Lee's bounds")
    if study.sample_weight is not None:
        raise NotIdentifiedError("Lee's bounds are made without sample_weight; leave the role out.")
    T, S = study.T, study.S
    rates = [float(S[arm == T].mean()) for arm in (0.0, 1.0)]
    more = int(rates[1] >= rates[0])  # the arm with more rows seen is the one that is trimmed
    p = 1 - rates[1 - more] / rates[more]
    trimmed = more == T
    kept, other = trimmed & (S == 1), ~trimmed & (S == 1)
    n, Y = study.n, np.where(S == 1, study.Y, 0.0)
    mean = float(Y[other].mean())
    phi_other = n / other.sum() * other * (Y - mean)
    phi_p = n * (
        rates[1 - more] / rates[more] ** 2 * trimmed * (S - rates[more]) / trimmed.sum()
        - ~trimmed * (S - rates[1 - more]) / (~trimmed).sum() / rates[more]
    )
    sign = 1.0 if more == 1 else -1.0
    found = []
    for top in (False, True):
        size, phi = _trimmed(Y, kept, p, phi_p, top=top)
        found.append((sign * (size - mean), inference.standard_error(phi - phi_other, study.groups)))
    (lower, lower_se), (upper, upper_se) = sorted(found, key=lambda item: item[0])
    word = "more" if more == 1 else "fewer"
    return Bounds(
        method="Lee", target="those seen whatever their treatment",
        assumes=f"a randomised treatment that makes {word} people be seen and never the reverse for anyone",
        treatment=study.roles["treatment"], outcome=study.roles["outcome"], lower=lower, upper=upper,
        lower_se=lower_se, upper_se=upper_se, n=n, trimmed=p,
    )  # fmt: skip


def _trimmed(Y, members, p, phi_p, *, top: bool) -> tuple[float, np.ndarray]:
    """Mean of the largest (or smallest) 1 - p of the members' outcomes, and its influence values.

    With ties at the quantile the right part of them is counted.
    """
    values = np.sort(Y[members])[:: -1 if top else 1]
    n, m = len(Y), len(values)
    room = (1 - p) * m  # how many are kept; the last of them in part
    whole = min(int(np.floor(room + 1e-9)), m)
    part = max(room - whole, 0.0) if whole < m else 0.0
    edge = values[min(whole, m - 1)] if part > 1e-9 else values[whole - 1]
    mean = float((values[:whole].sum() + part * edge) / (whole + part))
    beyond = (Y - edge) * (1 if top else -1) >= 0
    own = members * n / room * (beyond * (Y - edge) - (1 - p) * (mean - edge))
    # Trimming a little more takes those at the edge out.
    return mean, own + (mean - edge) / (1 - p) * phi_p


def _treatment_weights(study, s, clip: float):
    """Inverse chances of treatment, and what their estimation adds to influence values."""
    T, X = study.T, study.X
    if X.shape[1] == 0:
        return s, lambda d_w: np.zeros(len(T))
    moments = ArrayMoments(X)
    fit = fit_binary(moments, T, s=study.sample_weight)
    e, slope, score, _ = linear_predictor_terms(fit.eta, T)
    clipping = clip_propensity(e, clip, "ATE", study.sample_weight)
    chance = np.where(T == 1, clipping.e, 1 - clipping.e)
    d_h = np.where(clipping.touched, 0.0, np.where(T == 1, -slope, slope) / chance**2)
    return s / chance, lambda d_w: projected_scores(moments, fit.information, s * score, d_w * s * d_h)


def _refuse(study, what: str) -> None:
    if study.S is None:
        raise DataError(f"{what} need a selection indicator; name its column with selection=.")
    if study.treatment_kind != "binary":
        raise DataError(
            f"{what} need a treatment of two values; {study.roles['treatment']!r} is {study.treatment_kind}."
        )
    for arm, label in ((1.0, "treated"), (0.0, "control")):
        count = int(((arm == study.T) & (study.S == 1)).sum())
        if count < 2:
            raise DataError(f"the {label} arm has {count} row(s) with an outcome; {what} need at least 2.")
