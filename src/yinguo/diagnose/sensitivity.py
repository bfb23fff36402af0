"""Sensitivity of a coefficient to a confounder that was not measured: what is reported, and its verdict.

From the figures of a regression (coefficient, classical standard error, degrees of freedom) follow the robustness
values; from the partial R2 of measured covariates follows what a confounder 1, 2, 3 times as strong would leave of the
estimate. :mod:`yinguo.diagnose.linear_sensitivity` gets these figures from data.

Source: C. Cinelli, C. Hazlett (2020), "Making sense of sensitivity: extending omitted variable bias", JRSS-B 82(1).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student_t

from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.omitted_variable import (
    adjusted_estimate,
    adjusted_se,
    benchmark_bound,
    partial_r2,
    robustness_value,
)
from yinguo.errors import DataError

__all__ = [
    "Benchmark",
    "OmittedVariableSensitivity",
    "sensitivity_statistics",
]

#: Below this robustness value the verdict is "look". A rule of thumb of ours; benchmarks say more.
FRAGILE = 0.05


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is left if the omitted confounder is ``multiple`` times as strong as a measured covariate.

    Attributes
    ----------
    covariate : str
    multiple : float
    r2_outcome, r2_treatment : float
        Strength of that confounder.
    estimate, se, ci_low, ci_high : float
        Had it been included, in the direction that hurts.
    """

    covariate: str
    multiple: float
    r2_outcome: float
    r2_treatment: float
    estimate: float
    se: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class OmittedVariableSensitivity:
    """Robustness of one coefficient.

    Attributes
    ----------
    estimate, se, t, dof : float
        Coefficient of the treatment with its classical standard error.
    q, alpha : float
        Share of the estimate to be explained away, and the level of significance.
    r2_outcome : float
        Partial R2 of the treatment with the outcome: if a confounder explained all that is left of the outcome, it
        would have to explain this share of the treatment to bring the estimate to zero.
    robustness_value, robustness_value_alpha : float
        Strength that removes the share ``q`` of the estimate, and its significance.
    benchmarks : tuple of Benchmark
    """

    estimate: float
    se: float
    t: float
    dof: float
    q: float
    alpha: float
    r2_outcome: float
    robustness_value: float
    robustness_value_alpha: float
    benchmarks: tuple[Benchmark, ...] = ()

    @property
    def sentence(self) -> str:
        """The finding for a reader who knows no statistics."""
        share = "bring the estimate to zero" if self.q == 1 else f"remove {self.q:.0%} of the estimate"
        text = (
            f"An unmeasured cause would have to explain {self.robustness_value:.1%} of what is left unexplained of "
            f"both treatment and outcome to {share}"
        )
        if self.robustness_value_alpha > 0:
            text += f", and {self.robustness_value_alpha:.1%} to make it statistically insignificant."
        else:
            text += "; it is not statistically significant to begin with."
            return text
        overturned = self._overturned()
        if overturned:
            weakest = min(overturned, key=lambda b: b.multiple)
            text += f" One {_as_strong(weakest)} would be enough for the latter."
        elif self.benchmarks:
            most = max(self.benchmarks, key=lambda b: b.multiple)
            others = {b.covariate for b in self.benchmarks} - {most.covariate}
            text += f" One {_as_strong(most)}{''.join(f' or {name!r}' for name in sorted(others))} would not be enough."
        return text

    @property
    def diagnostic(self) -> Diagnostic:
        """Look if significance is lost to a confounder as strong as a benchmark, or below the rule of thumb."""
        as_strong = any(b.multiple <= 1 for b in self._overturned())
        fragile = self.robustness_value_alpha < FRAGILE
        return Diagnostic(
            name="robustness-value",
            value=self.robustness_value_alpha,
            reference=f"look below {FRAGILE:.0%} (rule of thumb), or if a benchmark overturns the result",
            verdict="look" if as_strong or fragile else "ok",
            sentence=self.sentence,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"benchmarks": [asdict(b) for b in self.benchmarks], "sentence": self.sentence}

    def _overturned(self) -> list[Benchmark]:
        return [b for b in self.benchmarks if b.ci_low * b.ci_high <= 0 or b.estimate * self.estimate < 0]


def sensitivity_statistics(
    estimate: float,
    se: float,
    dof: float,
    *,
    q: float = 1.0,
    alpha: float = 0.05,
    benchmarks: dict[str, tuple[float, float]] | None = None,
    multiples: Sequence[float] = (1.0, 2.0, 3.0),
) -> OmittedVariableSensitivity:
    """Sensitivity of a coefficient from its published figures alone.

    Parameters
    ----------
    estimate, se, dof : float
        Coefficient, classical standard error and degrees of freedom, e.g. from a paper.
    q, alpha : float
        As in :func:`yinguo.diagnose.omitted_variable.robustness_value`.
    benchmarks : dict of name to (r2_outcome, r2_treatment), optional
        Partial R2 of measured covariates with outcome and treatment.
    multiples : sequence of float
        Strengths relative to each benchmark. Those that would explain all of the treatment are left out.

    Returns
    -------
    OmittedVariableSensitivity

    Raises
    ------
    DataError
        If ``se`` is not positive, or a figure is out of range.

    Source
    ------
    Cinelli & Hazlett (2020).
    """
    if not (se > 0 and np.isfinite([estimate, se]).all()):
        raise DataError(f"the estimate is {estimate} and its standard error {se}; the latter must be positive.")
    t = estimate / se
    rows = tuple(
        row
        for name, strength in (benchmarks or {}).items()
        for k in multiples
        if (row := _benchmark(name, k, strength, estimate, se, dof, alpha)) is not None
    )
    return OmittedVariableSensitivity(
        estimate=float(estimate),
        se=float(se),
        t=float(t),
        dof=float(dof),
        q=float(q),
        alpha=float(alpha),
        r2_outcome=partial_r2(t, dof),
        robustness_value=robustness_value(t, dof, q=q),
        robustness_value_alpha=robustness_value(t, dof, q=q, alpha=alpha),
        benchmarks=rows,
    )


def _as_strong(benchmark: Benchmark) -> str:
    times = "" if benchmark.multiple == 1 else f"{benchmark.multiple:g} times "
    return f"{times}as strong as {benchmark.covariate!r}"


def _benchmark(name, multiple, strength, estimate, se, dof, alpha):
    try:
        r2_outcome, r2_treatment = benchmark_bound(*strength, multiple=multiple)
    except DataError:
        # No confounder can be that strong: the comparison has no meaning, the other multiples do.
        return None
    left = adjusted_estimate(estimate, se, dof, r2_outcome=r2_outcome, r2_treatment=r2_treatment)
    spread = adjusted_se(se, dof, r2_outcome=r2_outcome, r2_treatment=r2_treatment)
    half = student_t.isf(alpha / 2, dof - 1) * spread
    return Benchmark(
        name,
        float(multiple),
        r2_outcome,
        r2_treatment,
        float(left),
        float(spread),
        float(left - half),
        float(left + half),
    )
