"""Several methods on one study, side by side; the failure of one is a row that says why."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import joblib

from yinguo.core import words
from yinguo.core.diagnostic import Diagnostic, worst
from yinguo.core.estimator import Estimator
from yinguo.core.result import SCHEMA_VERSION, EffectResult
from yinguo.core.study import Study
from yinguo.errors import YinguoError

__all__ = ["Comparison", "Failure", "compare"]

logger = logging.getLogger("yinguo.core")


@dataclass(frozen=True, slots=True)
class Failure:
    """A method that gave no number, and why.

    Attributes
    ----------
    method, estimand : str
    error : str
        The message, for a person.
    kind : str
        Name of the exception class.
    expected : bool
        False if the exception was not one of ours: a bug, or a learner that failed.
    """

    method: str
    estimand: str
    error: str
    kind: str
    expected: bool

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """The keys of a result, without numbers."""
        empty = dict.fromkeys(("estimate", "se", "ci_low", "ci_high", "p_value", "n", "no_inference"))
        return {
            "method": self.method, "estimand": self.estimand, **empty, "level": level,
            "diagnostics": [], "notes": [], "settings": {}, "extras": {}, "error": f"{self.kind}: {self.error}",
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Results of several methods on one study, in the order asked.

    Attributes
    ----------
    study : Study
    rows : tuple of EffectResult or Failure
    estimators : tuple of Estimator
        Fitted, in the same order.
    seconds : tuple of float
        Wall time of each fit.
    """

    study: Study
    rows: tuple[EffectResult | Failure, ...]
    estimators: tuple[Estimator, ...]
    seconds: tuple[float, ...]

    @property
    def results(self) -> tuple[EffectResult, ...]:
        """The rows that are results."""
        return tuple(row for row in self.rows if isinstance(row, EffectResult))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The rows that are failures."""
        return tuple(row for row in self.rows if isinstance(row, Failure))

    @property
    def question(self) -> str:
        """What is asked, in words; of the first estimand."""
        return words.question(self.study, self.rows[0].estimand if self.rows else "ATE")

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Union of what the methods assume, each once."""
        each = (a for e in self.estimators for a in words.assumptions(self.study, e.capabilities))
        return tuple(dict.fromkeys(each))

    @property
    def diagnostics(self) -> tuple[tuple[str, Diagnostic], ...]:
        """(method, diagnostic) pairs, gravest first."""
        pairs = [(r.method, d) for r in self.results for d in r.diagnostics]
        return tuple(sorted(pairs, key=lambda pair: -("ok", "look", "stop").index(pair[1].verdict)))

    @property
    def verdict(self) -> str:
        """The gravest verdict among the methods that adjust.

        A bare difference of arms is there to be compared with; that its arms differ condemns no other method.
        """
        if not self.results:
            return "stop"  # nothing failed its checks only because nothing was estimated
        adjusts = {
            row.method
            for row, estimator in zip(self.rows, self.estimators, strict=True)
            if "randomised" not in estimator.capabilities.assumes
        }
        return worst(d for method, d in self.diagnostics if method in adjusts or not adjusts)

    def __iter__(self) -> Iterator[EffectResult | Failure]:
        return iter(self.rows)

    def __getitem__(self, method: str) -> EffectResult | Failure:
        """The row of a method by its name."""
        for row in self.rows:
            if row.method == method:
                return row
        raise KeyError(f"{method!r} was not run; there are {[row.method for row in self.rows]}")

    def disagreement(self) -> str:
        """One sentence on how far the methods differ."""
        if len(self.results) < 2:
            return "Fewer than two methods gave an estimate, so there is nothing to compare."
        low, high = (pick(self.results, key=lambda r: r.estimate) for pick in (min, max))
        spread = (
            f"Estimates range from {words.number(low.estimate)} ({low.method}) to {words.number(high.estimate)} "
            f"({high.method})"
        )
        balanced = [r for r in self.results if worst(r.diagnostics) == "ok" and r.diagnostics]
        if low.estimate < 0 < high.estimate:
            spread += "; they disagree about the sign"
        if balanced and len(balanced) < len(self.results):
            part = [r.estimate for r in balanced]
            spread += (
                f". Those that pass all their checks ({', '.join(r.method for r in balanced)}) range from "
                f"{words.number(min(part))} to {words.number(max(part))}"
            )
        return spread + "."

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """The documented, versioned JSON: ``results`` in the order asked."""
        from yinguo import __version__

        roles = {k: v for k, v in self.study.roles.items() if v}
        return {
            "schema": SCHEMA_VERSION,
            "yinguo": __version__,
            "question": self.question,
            "study": {
                "n": self.study.n,
                "n_treated": self.study.n_treated,
                "roles": {k: list(v) if isinstance(v, tuple) else v for k, v in roles.items()},
                "columns": list(self.study.covariates),
                "decisions": list(self.study.decisions),
            },
            "assumptions": list(self.assumptions),
            "verdict": self.verdict,
            "results": [
                row.to_dict(level) | {"seconds": round(s, 4)} for row, s in zip(self.rows, self.seconds, strict=True)
            ],
        }

    def summary(self, level: float = 0.95) -> str:
        """Plain text: question, assumptions, failing diagnostics, one line per method, the disagreement."""
        lines = [self.question, repr(self.study), "", "For the answer to be causal:"]
        lines += [f"  - {a}" for a in self.assumptions]
        bad = [(m, d) for m, d in self.diagnostics if d.verdict != "ok"]
        if bad:
            lines += ["", "Checks that did not pass:"] + [f"  {m}: {d}" for m, d in bad]
        lines += ["", f"{'method':<28}{'estimate':>12}{'se':>12}{f'{100 * level:g}% interval':>28}"]
        for row in self.rows:
            if isinstance(row, Failure):
                lines.append(f"{row.method:<28}  no estimate: {row.error}")
                continue
            interval = row.ci(level)
            shown = "-" if interval is None else f"{words.number(interval[0])} to {words.number(interval[1])}"
            lines.append(f"{row.method:<28}{words.number(row.estimate):>12}{words.number(row.se):>12}{shown:>28}")
        return "\n".join([*lines, "", self.disagreement()])

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.summary())}</pre>"


def compare(
    study: Study,
    methods: Iterable[Estimator],
    *,
    n_jobs: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> Comparison:
    """Fit several estimators to one study.

    Parameters
    ----------
    study : Study
    methods : iterable of Estimator
        Unfitted estimators; they are cloned, yours stay as they are.
    n_jobs : int
        Processes (joblib); 1 runs in this one, where the study need not be copied.
    progress : callable (done, total, method name), optional
        Called when a method ends.

    Returns
    -------
    Comparison
        A method that fails is a :class:`Failure` row; nothing is raised.
    """
    tasks = [method.clone() for method in methods]
    jobs = (joblib.delayed(_fit_one)(task, study) for task in tasks)
    outcomes = []
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator")
    for i, outcome in enumerate(parallel(jobs)):
        outcomes.append(outcome)
        if progress is not None:
            progress(i + 1, len(tasks), tasks[i].name)
    fitted, rows, seconds = zip(*outcomes, strict=True) if outcomes else ((), (), ())
    return Comparison(study, tuple(rows), tuple(fitted), tuple(seconds))


def _fit_one(estimator: Estimator, study: Study) -> tuple[Estimator, EffectResult | Failure, float]:
    start = time.perf_counter()
    row: EffectResult | Failure
    try:
        row = estimator.fit(study).result_
        seconds = time.perf_counter() - start
        row.diagnostics  # noqa: B018  (computed here, so that a check that fails is a row as well)
    except (
        YinguoError,
        ArithmeticError,
        ValueError,
        RuntimeError,
        MemoryError,
        TypeError,
        LookupError,
        AttributeError,
    ) as error:
        # One method must not take the others down; what went wrong is in the row, the trace in the log.
        expected = isinstance(error, YinguoError)
        if not expected:
            logger.exception("%s failed", estimator.name)
        row = Failure(estimator.name, estimator.estimand, str(error), type(error).__name__, expected)
        seconds = time.perf_counter() - start
    return estimator, row, seconds
