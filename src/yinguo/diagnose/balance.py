r"""Are the two arms comparable? Balance of covariates before and after any weighting or matching.

Everything here is a function of (covariates, treatment, weights) and blind to who made the weights.
The standardised mean difference of covariate k is

.. math:: \mathrm{smd}_k = \frac{\bar X_{k1} - \bar X_{k0}}{\sqrt{(s_{k1}^2 + s_{k0}^2) / 2}}

with the denominator always from the *unweighted* sample, so that before and after compare (for the
ATT or ATC: from the arm that is the target).
"""

from dataclasses import dataclass

import numpy as np

from yinguo.core.diagnostic import VERDICTS, Diagnostic

__all__ = [
    "BalanceTable",
    "balance_check",
    "balance_table",
    "bridged_balance_check",
    "effective_sample_size",
    "result_balance",
    "weight_check",
]

#: The customary line: differences below a tenth of a standard deviation count as small.
SMD_LIMIT = 0.1
SMD_STOP = 0.25


@dataclass(frozen=True, slots=True)
class BalanceTable:
    """Balance of every covariate.

    Attributes
    ----------
    names : p names
    smd_before, smd_after : (p,) float arrays
        Standardised mean differences, treated minus control, with sample weights and with balance weights.
    ratio_before, ratio_after : (p,) float arrays
        Variance of the treated over variance of the controls; NaN for 0/1 columns, whose variance is
        decided by the mean.
    """

    names: tuple[str, ...]
    smd_before: np.ndarray
    smd_after: np.ndarray
    ratio_before: np.ndarray
    ratio_after: np.ndarray

    def worst(self) -> tuple[str, float]:
        """The covariate with the largest absolute difference after weighting, and that difference."""
        k = int(np.argmax(np.abs(self.smd_after)))
        return self.names[k], float(self.smd_after[k])


def balance_table(X, T, balance_weights=None, *, estimand: str = "ATE", sample_weight=None, names=None) -> BalanceTable:
    """Standardised mean differences and variance ratios before and after.

    Parameters
    ----------
    X : (n, p) float array
    T : (n,) float array of 0 and 1
    balance_weights : (n,) float array, optional
        Any scale; each arm is normalised. None repeats the unweighted figures.
    estimand : {"ATE", "ATT", "ATC"}
        Which arm's spread is the yardstick: both, treated, control.
    sample_weight : (n,) float array, optional
        Defines the "before".
    names : p names, optional
    """
    names = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(X.shape[1]))
    s = np.ones(len(T)) if sample_weight is None else sample_weight
    before = [_mean_variance(X, s * (arm == T)) for arm in (0.0, 1.0)]
    after = before
    if balance_weights is not None:
        after = [_mean_variance(X, balance_weights * (arm == T)) for arm in (0.0, 1.0)]
    yardstick = {"ATT": before[1][1], "ATC": before[0][1]}.get(estimand, (before[0][1] + before[1][1]) / 2)
    pooled = (before[0][1] + before[1][1]) / 2
    # A column without spread in the target arm is measured against the spread of both.
    spread = np.sqrt(np.where(yardstick > 0, yardstick, np.where(pooled > 0, pooled, 1.0)))
    dummy = np.array([_is_dummy(X[:1000, j]) and _is_dummy(X[:, j]) for j in range(X.shape[1])], dtype=bool)
    ratios = [
        np.where(dummy | (arms[0][1] <= 0), np.nan, arms[1][1] / np.where(arms[0][1] > 0, arms[0][1], 1.0))
        for arms in (before, after)
    ]
    smds = [(arms[1][0] - arms[0][0]) / spread for arms in (before, after)]
    return BalanceTable(names, smds[0], smds[1], ratios[0], ratios[1])


def effective_sample_size(weights) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2: how many equal weights would be as precise."""
    total = float(np.sum(weights))
    return total * total / float(np.dot(weights, weights)) if total > 0 else 0.0


def balance_check(result) -> Diagnostic:
    """Verdict on the largest standardised mean difference left by a result's weights."""
    name, size, far, count = _left(result)
    verdict = "ok" if size <= SMD_LIMIT else "look" if size <= SMD_STOP else "stop"
    head = "balanced" if verdict == "ok" else f"{far} of {count} covariates differ between the arms"
    sentence = f"{head}: largest standardised difference {size:.2g} ({name!r})."
    return Diagnostic("balance", size, f"below {SMD_LIMIT}", verdict, sentence)


def bridged_balance_check(result) -> Diagnostic:
    """The same for a method whose outcome model adjusts for what the weights (if any) leave.

    A remaining difference is then no error but a distance over which the model extrapolates: never worse
    than ``look``.
    """
    name, size, far, count = _left(result)
    if size <= SMD_LIMIT:
        verdict, sentence = "ok", f"balanced: largest standardised difference {size:.2g} ({name!r})."
    else:
        verdict = "look"
        sentence = (
            f"{far} of {count} covariates differ between the arms, by up to {size:.2g} standard deviations ({name!r}); "
            "the outcome model has to bridge that, and is trusted to be right there."
        )
    return Diagnostic("balance", size, f"below {SMD_LIMIT}, or a right outcome model", verdict, sentence)


def _left(result) -> tuple[str, float, int, int]:
    table = result_balance(result)
    name, value = table.worst()
    return name, abs(value), int((np.abs(table.smd_after) > SMD_LIMIT).sum()), len(table.names)


def result_balance(result) -> BalanceTable:
    """The balance table of a result, from its study and weights (cached on neither)."""
    study = result.study
    return balance_table(
        study.X, study.T, result.balance_weights,
        estimand=result.estimand, sample_weight=study.sample_weight, names=study.covariates,
    )  # fmt: skip


def weight_check(result) -> Diagnostic:
    """Verdict on how few units carry the weighted mean of either arm."""
    T, w = result.study.T, result.balance_weights
    arms = [(*_arm_verdict(w[arm == T]), label) for arm, label in ((1.0, "treated"), (0.0, "control"))]
    # The graver arm; of two alike the one that lost more to the weights.
    verdict, ess, used, top, label = max(arms, key=lambda a: (VERDICTS.index(a[0]), -a[1] / max(a[2], 1)))
    return Diagnostic(
        "weights", ess, "at least 30, no unit above 10 %", verdict,
        f"the {label} arm's {used} weighted units are worth {ess:.0f} equal ones ({ess / max(used, 1):.0%}); "
        f"the largest single weight carries {top:.1%}.",
    )  # fmt: skip


def _arm_verdict(w) -> tuple[str, float, int, float]:
    ess, top = effective_sample_size(w), float(w.max() / w.sum())
    verdict = "ok" if ess >= 30 and top <= 0.1 else "look" if ess >= 10 and top <= 0.3 else "stop"
    return verdict, ess, int((w > 0).sum()), top


def _is_dummy(column) -> bool:
    return bool(((column == 0) | (column == 1)).all())


def _mean_variance(X, w) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and variance of the columns; two passes by blocks, because sums of raw squares lose digits."""
    share = w / w.sum()
    mean = share @ X
    variance = np.zeros(X.shape[1])
    for a in range(0, len(X), 8192):
        variance += share[a : a + 8192] @ np.square(X[a : a + 8192] - mean)
    return mean, variance
