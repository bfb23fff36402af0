"""What an estimator hands back: the estimate with everything needed to judge and repeat it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from yinguo.core import inference, words
from yinguo.core.diagnostic import Diagnostic
from yinguo.errors import DataError

__all__ = ["SCHEMA_VERSION", "EffectResult"]

#: Version of the JSON that ``to_dict`` writes; it changes when a key changes meaning or goes.
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, eq=False)  # arrays have no single truth value; a result equals itself
class EffectResult:
    """One effect estimate, frozen.

    Attributes
    ----------
    method : str
        Command-line name of the method, ``"ipw"``.
    treatment, outcome : str
        Column names.
    estimand : str
    estimate : float
        In the unit of the outcome.
    se : float or None
        Standard error; None where the method has no valid one, and then ``no_inference`` says why.
    n : int
        Rows used.
    scores : (n,) float array or None
        Uncentred scores on the rows of the study; their mean is the estimate.
    balance_weights : (n,) float array or None
        Weights that make the arms comparable; each arm sums to 1, rows not used have 0.
    propensity : (n,) float array or None
        P(T=1 | X) as used, after clipping.
    checks : tuple of callables (result) -> Diagnostic
        Evaluated when ``diagnostics`` is first read.
    settings : mapping
        Options, version: what it takes to repeat the number.
    notes : tuple of str
        What the reader must know: decisions, rows left out, changes of estimand.
    extras : mapping
        Further output of the method under documented names.
    study : Study or None
        The study; not pickled, not in the JSON.
    """

    method: str
    treatment: str
    outcome: str
    estimand: str
    estimate: float
    se: float | None = None
    n: int = 0
    no_inference: str | None = None
    scores: np.ndarray | None = None
    balance_weights: np.ndarray | None = None
    propensity: np.ndarray | None = None
    checks: tuple[Callable[["EffectResult"], Diagnostic], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
    groups: np.ndarray | None = None
    study: Any = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.estimate):
            raise DataError(
                f"{self.method} gave {self.estimate} for the {self.estimand}; the data do not determine it."
            )
        if self.se is not None and not np.isfinite(self.se):
            raise DataError(
                f"{self.method} gave an estimate of {self.estimate:g} but a standard error of {self.se}; some units "
                "weigh without bound. Look at the overlap, or set clip > 0."
            )
        if (self.se is None) == (self.no_inference is None):
            raise ValueError("a result has either a standard error or the reason why there is none")

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The checks, computed on first reading."""
        return tuple(check(self) for check in self.checks)

    @cached_property
    def fingerprint(self) -> str | None:
        """Identity of the rows behind the estimate; two results subtract only if it is the same."""
        return None if self.study is None else self.study.fingerprint

    def ci(self, level: float = 0.95) -> tuple[float, float] | None:
        """Confidence interval by the normal approximation, None without a standard error."""
        if self.se is None:
            return None
        half = inference.normal_quantile(level) * self.se
        return self.estimate - half, self.estimate + half

    @property
    def p_value(self) -> float | None:
        """Two-sided p-value of no effect."""
        return None if self.se is None else inference.p_value(self.estimate, self.se)

    def __sub__(self, other: "EffectResult") -> "EffectResult":
        """Difference of two estimates on the same rows, with the standard error their scores give."""
        if not isinstance(other, EffectResult):
            return NotImplemented
        if self.scores is None or other.scores is None:
            missing = self.method if self.scores is None else other.method
            raise DataError(f"{missing} has no scores, so the standard error of a difference is not known.")
        if self.fingerprint != other.fingerprint:
            raise DataError("the two results are from different rows or outcomes; fit both on the same study.")
        scores = self.scores - other.scores
        gap = self.estimate - other.estimate
        return replace(
            self,
            method=f"{self.method} - {other.method}",
            estimand=self.estimand if self.estimand == other.estimand else f"{self.estimand} - {other.estimand}",
            estimate=gap,
            se=inference.standard_error(scores - gap, self.groups),
            scores=scores, balance_weights=None, propensity=None, checks=(), extras={},
            settings={"minuend": dict(self.settings), "subtrahend": dict(other.settings)},
            notes=(),
        )  # fmt: skip

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """Plain JSON types, keys as documented for the command line."""
        interval = self.ci(level) or (None, None)
        return {
            "method": self.method,
            "estimand": self.estimand,
            "estimate": self.estimate,
            "se": self.se,
            "ci_low": interval[0],
            "ci_high": interval[1],
            "level": level,
            "p_value": self.p_value,
            "n": self.n,
            "no_inference": self.no_inference,
            "diagnostics": [_plain(d.to_dict()) for d in self.diagnostics],
            "notes": list(self.notes),
            "settings": _plain(self.settings),
            "extras": _plain(self.extras),
            "error": None,
        }

    def summary(self, level: float = 0.95) -> str:
        """Several lines of text: question first, failing diagnostics, then the estimate."""
        who = words.ESTIMANDS.get(self.estimand, self.estimand)
        lines = [f"Effect of {self.treatment!r} on {self.outcome!r}, {who} ({self.estimand}) by {self.method}"]
        lines += [f"  {d}" for d in self.diagnostics if d.verdict != "ok"]
        lines.append(f"  {words.answer(self, level)}")
        lines += [f"  {d}" for d in self.diagnostics if d.verdict == "ok"]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def plot(self):
        """A matplotlib figure: the estimate, covariate balance and overlap (extra ``report``)."""
        from yinguo.core.lazy import require

        return require("yinguo.report.plots", "report").result_figure(self)

    def __repr__(self) -> str:
        tail = f"se {words.number(self.se)}" if self.se is not None else "no interval"
        return f"EffectResult({self.method} {self.estimand} {words.number(self.estimate)}, {tail}, n={self.n})"

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.summary())}</pre>"

    def __getstate__(self) -> dict[str, Any]:
        # The data stay behind; what is derived from them is settled first.
        state = {**self.__dict__, "diagnostics": self.diagnostics, "fingerprint": self.fingerprint}
        return state | {"study": None, "checks": ()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _plain(value: Any) -> Any:
    """Numpy and our own objects as JSON types; anything else by its repr."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return repr(value)
