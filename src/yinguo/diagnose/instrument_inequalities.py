r"""What an instrument must not do to the data, whatever was not measured: the instrumental inequality and its bounds.

If Z is as good as random, reaches Y through T alone, and T takes few values, then

.. math:: \max_t \sum_y \max_z P(Y = y, T = t \mid Z = z) \le 1 .

No assumption on who responds how is needed. A violation refutes the instrument; no violation proves nothing. With
binary Z, T and Y the inequality is all that can be tested, and the same shares bound the average effect.

Source: Pearl (1995), "On the testability of causal models with latent and instrumental variables", UAI 11; Balke &
Pearl (1997), JASA 92(439), for the bounds, from memory of the paper and checked against the linear programme in the
tests; Bonet (2001), UAI 17, for sharpness of the inequality in the binary case.
"""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np

from yinguo.core.diagnostic import Diagnostic
from yinguo.core.random import as_rng
from yinguo.core.words import number
from yinguo.diagnose.inequality_test import InequalityTest, instrument_cells, outcome_classes
from yinguo.errors import DataError
from yinguo.kernels.sup_t import multinomial_draws, sup_t_test

__all__ = ["EffectBoundsByInstrument", "balke_pearl_bounds", "pearl_inequality"]

#: Ways to give every outcome class a value of the instrument; more are not gone through.
MOST_WAYS = 20_000
#: A standard error below this share of the largest possible one is taken for it: a share of 0 or 1 has none of its own.
FLOOR = 0.05

# Balke & Pearl (1997): each row a linear function of P(y, t | z) that the average effect is at least (at most);
# columns 00, 01, 10, 11 (y then t) given z = 0, the same given z = 1, and a constant.
_LOWER = np.array([
    [1, 0, 0, 0, 0, 0, 0, 1, -1], [0, 0, 0, 1, 1, 0, 0, 0, -1], [0, -1, -1, 1, 0, 0, -1, -1, 0],
    [0, 0, -1, -1, 0, -1, -1, 1, 0], [0, 0, 0, 0, 0, -1, -1, 0, 0], [0, -1, -1, 0, 0, 0, 0, 0, 0],
    [-1, -1, 0, 0, 1, -1, -1, 0, 0], [1, -1, -1, 0, -1, -1, 0, 0, 0],
])  # fmt: skip
_UPPER = np.array([
    [0, 0, -1, 0, 0, -1, 0, 0, 1], [0, -1, 0, 0, 0, 0, -1, 0, 1], [1, -1, 0, 1, 1, 1, 0, 0, 0],
    [1, 1, 0, 0, 1, -1, 0, 1, 0], [0, 0, 0, 0, 1, 0, 0, 1, 0], [1, 0, 0, 1, 0, 0, 0, 0, 0],
    [0, 0, 1, 1, 1, 0, -1, 1, 0], [1, 0, -1, 1, 0, 0, 1, 1, 0],
])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectBoundsByInstrument:
    """Bounds on the average effect of a binary treatment on a binary outcome.

    Attributes
    ----------
    lower, upper : float or None
        Bounds at the observed shares; None where no distribution fits those.
    ci_low, ci_high : float
        The effect is in here with probability ``level`` at least, if the instrument is valid.
    level : float
    pearl : float
        Left side of the instrumental inequality at the observed shares; above 1 it is broken in the sample.
    treatment, outcome : str
    notes : tuple of str
    """

    lower: float | None
    upper: float | None
    ci_low: float
    ci_high: float
    level: float
    pearl: float
    treatment: str
    outcome: str
    notes: tuple[str, ...] = ()

    @property
    def falsified(self) -> bool:
        """Whether the observed shares rule out a valid instrument; :func:`pearl_inequality` allows for chance."""
        return self.lower is None

    @property
    def sentence(self) -> str:
        """The finding for a reader who knows no statistics."""
        if self.lower is None:
            return (
                f"The observed shares cannot come from a valid instrument (instrumental inequality {self.pearl:.3f}, "
                "at most 1 allowed), so they bound nothing; test whether chance alone can explain that."
            )
        return (
            f"Whatever was not measured, {self.treatment} changes the chance of {self.outcome} by between "
            f"{number(self.lower)} and {number(self.upper)} on average, if the instrument is valid (with sampling "
            f"error {number(self.ci_low)} to {number(self.ci_high)}, {100 * self.level:g}%)."
        )

    @property
    def diagnostic(self) -> Diagnostic:
        """Verdict: look if the shares cannot come from a valid instrument."""
        verdict = "look" if self.falsified else "ok"
        return Diagnostic("balke-pearl", self.pearl, "at most 1", verdict, self.sentence)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"falsified": self.falsified, "sentence": self.sentence}


def pearl_inequality(study, *, bins: int = 5, n_draws: int = 2000, random_state: Any = 0) -> InequalityTest:
    """Test of the instrumental inequality; rejection refutes the instrument.

    Parameters
    ----------
    study : Study
        With instruments of few values and a treatment of few values. Covariates are not used.
    bins : int
        Classes of about equal size that an outcome of more than that many values is cut into.
    n_draws : int
        Normal draws behind the p-value.
    random_state : int, Generator or None

    Returns
    -------
    InequalityTest
        Its ``value`` is the left side of the inequality, at most 1 for a valid instrument.

    Raises
    ------
    DataError
        No instruments, a continuous treatment or instrument, sample weights or groups.

    Source
    ------
    Pearl (1995) for the inequality. Test: the sum is linear for every way of choosing z for each y, so all ways are
    tested at once; see :mod:`yinguo.kernels.sup_t`.
    """
    z = instrument_cells(study)
    if study.treatment_kind == "continuous":
        raise DataError(
            f"treatment {study.roles['treatment']!r} is continuous; the inequality holds for treatments of few values "
            "only, and cutting one into classes makes a valid instrument look invalid."
        )
    t, y = np.unique(study.T, return_inverse=True)[1], outcome_classes(study.Y, bins)
    J, n_t, K = int(z.max()) + 1, int(t.max()) + 1, int(y.max()) + 1
    counts = np.zeros((J, n_t, K))
    np.add.at(counts, (z, t, y), 1.0)
    size = counts.sum(axis=(1, 2))
    shares = counts / size[:, None, None]
    if J**K > MOST_WAYS:
        raise DataError(
            f"{J} instrument values and {K} outcome classes give {J**K} inequalities; set bins lower, or give the "
            "instrument fewer values."
        )
    # One value of z for every y is no way to break it: a share of a sample is at most 1.
    ways = np.array([way for way in product(range(J), repeat=K) if len(set(way)) > 1]).reshape(-1, K)
    if not len(ways):
        raise DataError(f"outcome {study.roles['outcome']!r} has one value only; there is nothing to test.")
    chosen = np.zeros((len(ways), J, K))
    np.put_along_axis(chosen, ways[:, None, :], 1.0, axis=1)
    by_level = np.zeros((n_t, len(ways), J, n_t, K))
    for level in range(n_t):
        by_level[level, :, :, level] = chosen
    A = by_level.reshape(n_t * len(ways), J, n_t * K)
    flat = shares.reshape(J, n_t * K)
    theta = np.einsum("mjc,jc->m", A, flat) - 1
    errors, draws = multinomial_draws(A, flat, size, n_draws, as_rng(random_state))
    errors = np.maximum(errors, FLOOR * 0.5 / np.sqrt(size.min()))
    statistic, p_value = sup_t_test(theta, errors, draws, study.n)
    per_level = shares.max(axis=0).sum(axis=1)
    worst = np.unique(study.T)[per_level.argmax()]
    return InequalityTest(
        name="instrumental-inequality", value=float(per_level.max()), bound="at most 1", statistic=statistic,
        p_value=p_value, where=f"{study.roles['treatment']} = {worst:g}",
        claim="the instrument is as good as random and reaches the outcome through the treatment alone", n=study.n,
        notes=_unused(study),
    )  # fmt: skip


def balke_pearl_bounds(
    study, *, level: float = 0.95, n_draws: int = 2000, random_state: Any = 0
) -> EffectBoundsByInstrument:
    """Bounds on the average effect with a binary instrument, treatment and outcome, nothing assumed of who responds.

    Parameters
    ----------
    study : Study
        Binary treatment, outcome of 0 and 1, one instrument of two values. Covariates are not used.
    level : float
        Coverage of the interval around the bounds.
    n_draws : int
        Normal draws behind that interval.
    random_state : int, Generator or None

    Returns
    -------
    EffectBoundsByInstrument

    Raises
    ------
    DataError
        Something is not binary; sample weights or groups.

    Source
    ------
    Balke & Pearl (1997), JASA 92(439). The interval widens each of the linear functions behind a bound by a common
    number of standard errors, so that all of them hold at once; it is conservative.
    """
    if not 0 < level < 1:
        raise DataError(f"level is {level}; it must lie strictly between 0 and 1, such as 0.95.")
    z = instrument_cells(study)
    for kind, found, name in (
        ("binary", study.treatment_kind, "treatment"), ("binary", study.outcome_kind, "outcome"),
    ):  # fmt: skip
        if found != kind:
            raise DataError(f"{name} {study.roles[name]!r} is {found}; the bounds are for a binary one.")
    if z.max() != 1:
        raise DataError(f"the instruments take {int(z.max()) + 1} values; the bounds are for an instrument of two.")
    counts = np.zeros((2, 4))
    np.add.at(counts, (z, (2 * study.Y + study.T).astype(int)), 1.0)
    size = counts.sum(axis=1)
    shares = counts / size[:, None]
    by_treatment = shares.reshape(2, 2, 2)  # (z, y, t)
    pearl = float(by_treatment.max(axis=0).sum(axis=0).max())
    # Every function as one that the effect is at least; an upper bound is a lower bound of minus the effect.
    A = np.concatenate([_LOWER, -_UPPER]).astype(float)
    at = A[:, :8] @ shares.ravel() + A[:, 8]
    errors, draws = multinomial_draws(A[:, :8].reshape(16, 2, 4), shares, size, n_draws, as_rng(random_state))
    safe = np.maximum(errors, FLOOR * 0.5 / np.sqrt(size.min()))
    widening = float(np.quantile((draws / safe).max(axis=1), level))
    widened = at - widening * safe
    possible = pearl <= 1 + 1e-12
    return EffectBoundsByInstrument(
        lower=float(at[:8].max()) if possible else None, upper=float(-at[8:].max()) if possible else None,
        ci_low=float(max(widened[:8].max(), -1.0)), ci_high=float(min(-widened[8:].max(), 1.0)), level=level,
        pearl=pearl, treatment=study.roles["treatment"], outcome=study.roles["outcome"], notes=_unused(study),
    )  # fmt: skip


def _unused(study) -> tuple[str, ...]:
    if not study.covariates:
        return ()
    return (
        "The covariates are not used: the instrument is taken to be as good as random without them. If it is so only "
        "among alike units, look at each stratum by itself (study.take).",
    )
