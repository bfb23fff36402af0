"""What the page says about assumptions, checks and differences: a comparison in, plain records out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core import words
from yinguo.core.compare import Comparison
from yinguo.core.diagnostic import VERDICTS, worst
from yinguo.core.result import EffectResult
from yinguo.errors import DataError

__all__ = [
    "Assumption", "Check", "Gap", "assumptions_of", "benchmark_sentences", "checks_of", "gaps_to", "headline", "labels",
    "reasons", "verdict_sentence",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that must be true.

    Attributes
    ----------
    sentence, status : str
        What; and whether data can say anything about it ("Not testable here").
    verdict : str or None
        The gravest verdict of the checks that ``status`` names, None if it names none that was run.
    needed_by : str
        Whose answer needs it, in words.
    """

    sentence: str
    status: str
    verdict: str | None
    needed_by: str


@dataclass(frozen=True, slots=True)
class Check:
    """One diagnostic, with all the methods it came out the same for."""

    verdict: str
    name: str
    sentence: str
    reference: str
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Difference of two methods on the same rows, from their scores."""

    method: str
    against: str
    estimate: float
    low: float
    high: float
    sentence: str


def labels(comparison: Comparison) -> tuple[str, ...]:
    """A distinct name for every row: the method's, with estimand or options where that is needed to tell them apart."""
    rows = comparison.rows
    mixed = len({row.estimand for row in rows}) > 1
    names = [f"{row.method} ({row.estimand})" if mixed else row.method for row in rows]
    repeated = {name for name in names if names.count(name) > 1}
    told = [
        f"{name} [{_options(estimator)}]" if name in repeated else name
        for name, estimator in zip(names, comparison.estimators, strict=True)
    ]
    seen: dict[str, int] = {}
    for i, name in enumerate(told):
        seen[name] = seen.get(name, 0) + 1
        told[i] = name if seen[name] == 1 else f"{name} #{seen[name]}"
    return tuple(told)


def assumptions_of(comparison: Comparison, names: Sequence[str]) -> tuple[Assumption, ...]:
    """Every assumption once, with who needs it and what its checks said."""
    needed: dict[str, list[int]] = {}
    for i, estimator in enumerate(comparison.estimators):
        for sentence in words.assumptions(comparison.study, estimator.capabilities):
            needed.setdefault(sentence, []).append(i)
    found = []
    for sentence, members in needed.items():
        text, status = _split(sentence)
        rows = [comparison.rows[i] for i in members]
        diagnostics = [d for row in rows if isinstance(row, EffectResult) for d in row.diagnostics]
        named = [d for d in diagnostics if d.name in status]
        who = _among([names[i] for i in members], names)
        found.append(Assumption(text, status, worst(named) if named else None, who))
    return tuple(found)


def checks_of(comparison: Comparison, names: Sequence[str]) -> tuple[Check, ...]:
    """All diagnostics, gravest first; methods with the same finding share an entry."""
    shared: dict[tuple[str, str, str, str], list[str]] = {}
    for row, name in zip(comparison.rows, names, strict=True):
        for d in row.diagnostics if isinstance(row, EffectResult) else ():
            shared.setdefault((d.verdict, d.name, d.sentence, d.reference), []).append(name)
    checks = [Check(*key, tuple(methods)) for key, methods in shared.items()]
    order = list(dict.fromkeys(check.name for check in checks))
    return tuple(sorted(checks, key=lambda check: (-VERDICTS.index(check.verdict), order.index(check.name))))


def verdict_sentence(comparison: Comparison, names: Sequence[str]) -> str:
    """What the checks say together."""
    grave: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    unchecked: list[str] = []
    for row, name in zip(comparison.rows, names, strict=True):
        if isinstance(row, EffectResult):
            (grave[worst(row.diagnostics)] if row.diagnostics else unchecked).append(name)
    if not comparison.results:
        return "No method gave an estimate; the reasons are below."
    parts = []
    if grave["stop"]:
        parts.append(f"Do not act on {_and(grave['stop'])}: at least one check says stop.")
    if grave["look"]:
        parts.append(f"Read {_and(grave['look'])} with the findings below in mind.")
    if grave["ok"]:
        only = not (grave["stop"] or grave["look"] or unchecked)
        parts.append("All checks passed." if only else f"All checks of {_and(grave['ok'])} passed.")
    if unchecked:
        parts.append(f"Nothing was checked for {_and(unchecked)}.")
    return " ".join(parts)


def headline(comparison: Comparison) -> tuple[int | None, str]:
    """Index of the row that sensitivity and differences refer to, and the rule that chose it.

    The rule looks at the order in which methods were asked for, at what they assume and at their checks,
    never at an estimate.
    """
    rows, estimators = comparison.rows, comparison.estimators
    usable = [i for i, row in enumerate(rows) if isinstance(row, EffectResult) and row.se is not None]
    adjusted = [i for i in usable if not _unadjusted(estimators[i])]
    checked = [i for i in adjusted if rows[i].diagnostics and worst(rows[i].diagnostics) != "stop"]  # type: ignore[union-attr]
    if checked:
        return checked[0], (
            "the first method asked for that adjusts for covariates, gives an interval and passed its checks without a "
            "stop; no estimate was looked at to choose it"
        )
    if adjusted:
        return adjusted[0], "the first method asked for that adjusts for covariates and gives an interval"
    return (usable[0], "the first method asked for that gives an interval") if usable else (None, "")


def gaps_to(comparison: Comparison, names: Sequence[str], chosen: int | None, level: float) -> tuple[Gap, ...]:
    """Each method minus the headline one, where both have scores for the same question."""
    gaps: list[Gap] = []
    if chosen is None:
        return ()
    base = comparison.rows[chosen]
    for i, row in enumerate(comparison.rows):
        if i == chosen or not isinstance(row, EffectResult) or row.estimand != base.estimand:
            continue
        try:
            difference = row - base  # type: ignore[operator]
        except DataError:
            continue  # no scores: the standard error of the difference is not known
        low, high = difference.ci(level) or (np.nan, np.nan)
        if low <= 0 <= high:
            said = "no larger than chance explains"
        else:
            said = "larger than chance explains: at least one of the two is biased"
        gaps.append(Gap(names[i], names[chosen], difference.estimate, low, high, said))
    return tuple(gaps)


def reasons(comparison: Comparison, names: Sequence[str]) -> tuple[str, ...]:
    """Why the methods may differ, as far as the results themselves tell."""
    said = []
    estimands = {row.estimand for row in comparison.results}
    if len(estimands) > 1:
        said.append(
            f"The methods answer different questions ({', '.join(sorted(estimands))}); their numbers need not agree "
            "even if all are right."
        )
    raw = [n for n, e in zip(names, comparison.estimators, strict=True) if _unadjusted(e)]
    if raw and len(raw) < len(names):
        said.append(
            f"{_and(raw)} compares the arms as they are. Its distance from the other methods is what adjusting for the "
            "covariates changes, so it is a yardstick for confounding, not a rival answer."
        )
    stopped = [
        n for n, row in zip(names, comparison.rows, strict=True)
        if isinstance(row, EffectResult) and worst(row.diagnostics) == "stop" and n not in raw
    ]  # fmt: skip
    if stopped:
        said.append(f"{_and(stopped)} failed a check, which makes it the first suspect where numbers differ.")
    named = zip(names, comparison.rows, strict=True)
    bare = [n for n, row in named if isinstance(row, EffectResult) and row.se is None]
    if bare:
        said.append(f"{_and(bare)} comes without a valid interval, so how far chance alone moves it is not known.")
    return tuple(said)


def benchmark_sentences(
    comparison: Comparison, names: Sequence[str], benchmark: tuple[str, float], level: float
) -> tuple[str, ...]:
    """Which intervals contain the benchmark, and which estimate is nearest."""
    label, value = benchmark
    inside: list[str] = []
    outside: list[str] = []
    nearest: tuple[float, str, float] | None = None
    for name, row in zip(names, comparison.rows, strict=True):
        if not isinstance(row, EffectResult):
            continue
        distance = abs(row.estimate - value)
        if nearest is None or distance < nearest[0]:
            nearest = (distance, name, row.estimate)
        interval = row.ci(level)
        if interval is not None:
            (inside if interval[0] <= value <= interval[1] else outside).append(name)
    said = [f"Benchmark ({label}): {words.number(value)}."]
    if inside:
        said.append(f"The {level * 100:.4g}% interval of {_and(inside)} contains it.")
    if outside:
        said.append(f"That of {_and(outside)} does not.")
    if nearest is not None:
        said.append(f"Nearest is {nearest[1]} with {words.number(nearest[2])}, {words.number(nearest[0])} away.")
    return tuple(said)


def _split(sentence: str) -> tuple[str, str]:
    """The statement, and the remark in brackets at its end on whether it can be tested."""
    head, bracket, tail = sentence.rpartition(" (")
    if bracket and tail.endswith(")"):
        return head, tail[:-1].rstrip(".")
    return sentence, "Not tested"


def _unadjusted(estimator: Any) -> bool:
    return "randomised" in estimator.capabilities.assumes


def _options(estimator: Any) -> str:
    inside = repr(estimator).partition("(")[2].removesuffix(")")
    return inside or "defaults"


def _among(members: Sequence[str], names: Sequence[str]) -> str:
    """Members by name, or the others if these are few.

    >>> _among(["a", "b", "c", "d"], ["a", "b", "c", "d", "e"])
    'all but e'
    """
    others = [name for name in names if name not in members]
    if not others and len(names) > 1:
        return "all"
    return f"all but {_and(others)}" if len(members) > 2 and len(others) == 1 else ", ".join(members)


def _and(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
