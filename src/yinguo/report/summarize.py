"""From a comparison to a plain record of what the page says; nothing here draws or writes markup."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yinguo.core.compare import Comparison, Failure
from yinguo.core.result import EffectResult
from yinguo.errors import DataError
from yinguo.report import assess
from yinguo.report.cite import papers, software
from yinguo.report.instrument_evidence import InstrumentEvidence, instrument_evidence
from yinguo.report.pictures import Balance, Concentration, Overlap, balance_of, concentrations, overlap_of, sharing
from yinguo.report.repeat import Setting, command_line, python_script, settings_of
from yinguo.report.robustness import Robustness, robustness_of
from yinguo.report.seen import Seen, seen_of

__all__ = ["Arm", "Content", "Evidence", "Line", "summarize"]

#: What an estimand asks of each unit, for a reader who does not know the abbreviation.
ESTIMAND_WORDS = {
    "ATE": "for everybody in the table: the mean outcome if all had been treated, minus the mean if none had",
    "ATT": "for those who were treated: their mean outcome, minus what it would have been without treatment",
    "LATE": "for those whose treatment the instrument changes (compliers): who they are cannot be seen, and those who "
    "would take the treatment whatever the instrument, or never, are not among them",
    "ATC": "for those who were not treated: what their mean outcome would have been with treatment, minus what it was",
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of the comparison.

    Attributes
    ----------
    name, value : str
        ``"treated"`` or ``"control"``, and the treatment value met there.
    n : int
    share : float
    mean, sd : float or None
        Of the outcome where it was seen, with sample weights if there are any.
    """

    name: str
    value: str
    n: int
    share: float
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Line:
    """One method in the table of estimates.

    Attributes
    ----------
    label : str
    numbers : dict
        The row of ``Comparison.to_dict()``: the same numbers.
    verdict : {"ok", "look", "stop", "unchecked"}
    remark : str
        Why there is no estimate, or no interval.
    notes : tuple of str
        Without what was decided about the table, which is said once for all.
    """

    label: str
    numbers: dict[str, Any]
    verdict: str
    remark: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the pictures of balance, overlap and weights show.

    Attributes
    ----------
    balance : Balance or None
    unweighted : tuple of str
        Methods without weights.
    overlaps : tuple of Overlap
        One per distinct propensity.
    curves : tuple of Concentration
    """

    balance: Balance | None
    unweighted: tuple[str, ...]
    overlaps: tuple[Overlap, ...]
    curves: tuple[Concentration, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """All that the page says, in the order it says it."""

    title: str | None
    question: str
    meanings: tuple[tuple[str, str], ...]
    level: float
    treatment: str
    outcome: str
    verdict: str
    verdict_sentence: str
    assumptions: tuple[assess.Assumption, ...]
    n: int
    arms: tuple[Arm, ...]
    roles: tuple[tuple[str, str], ...]
    covariates: tuple[str, ...]
    decisions: tuple[str, ...]
    checks: tuple[assess.Check, ...]
    lines: tuple[Line, ...]
    benchmark: tuple[str, float] | None
    benchmark_sentences: tuple[str, ...]
    disagreement: str
    reasons: tuple[str, ...]
    headline: str | None
    headline_rule: str
    gaps: tuple[assess.Gap, ...]
    scoreless: tuple[str, ...]
    evidence: Evidence
    instruments: InstrumentEvidence | None
    by_instruments: bool
    by_past: bool
    seen: Seen | None
    robustness: Robustness | None
    sources: tuple[tuple[str, tuple[str, ...]], ...]
    software: str
    settings: tuple[Setting, ...]
    script: str
    command: tuple[str, str]
    version: str
    schema: int


def summarize(
    comparison: Comparison,
    *,
    level: float = 0.95,
    title: str | None = None,
    benchmark: tuple[str, float] | None = None,
    sensitivity: bool = True,
) -> Content:
    """Everything the report says; parameters as in :func:`yinguo.report.write_report`.

    Raises
    ------
    DataError
        A level outside (0, 1), or a benchmark that is not a label and a finite number.
    """
    benchmark = _checked(benchmark)
    study, names = comparison.study, assess.labels(comparison)
    plain = comparison.to_dict(level)
    named = [(n, row) for n, row in zip(names, comparison.rows, strict=True) if isinstance(row, EffectResult)]
    chosen, rule = assess.headline(comparison)
    robustness = None
    # What was not measured is what an instrument is for: nothing to vary there.
    by_instruments = _rests_on_instruments(comparison)
    compares_arms = study.treatment_kind == "binary" and not by_instruments
    if sensitivity and chosen is not None and compares_arms and study.S is None:
        robustness = robustness_of(comparison.rows[chosen], study, names[chosen])
    gaps = assess.gaps_to(comparison, names, chosen, level)
    compared = {gap.method for gap in gaps} | {gap.against for gap in gaps}
    return Content(
        title=title,
        question=comparison.question,
        meanings=_meanings(comparison),
        level=level,
        treatment=study.roles["treatment"],
        outcome=study.roles["outcome"],
        verdict=comparison.verdict if comparison.results else "stop",
        verdict_sentence=assess.verdict_sentence(comparison, names),
        assumptions=assess.assumptions_of(comparison, names),
        n=study.n,
        arms=_arms(study),
        roles=_other_roles(study),
        covariates=study.covariates,
        decisions=study.decisions,
        checks=assess.checks_of(comparison, names),
        lines=tuple(
            _line(name, row, numbers, study)
            for name, row, numbers in zip(names, comparison.rows, plain["results"], strict=True)
        ),
        benchmark=benchmark,
        benchmark_sentences=assess.benchmark_sentences(comparison, names, benchmark, level) if benchmark else (),
        disagreement=comparison.disagreement(),
        reasons=assess.reasons(comparison, names),
        headline=None if chosen is None else names[chosen],
        headline_rule=rule,
        gaps=gaps,
        scoreless=tuple(n for n, _ in named if n not in compared),
        evidence=Evidence(None, (), (), ()) if by_instruments else _evidence(study, named),
        instruments=instrument_evidence(study, level=level),
        by_instruments=by_instruments,
        by_past=by_instruments and study.time is not None,
        seen=seen_of(study),
        robustness=robustness,
        sources=tuple((n, papers(e)) for n, e in zip(names, comparison.estimators, strict=True)),
        software=software(),
        settings=settings_of(comparison, names),
        script=python_script(comparison, level=level, benchmark=benchmark),
        command=command_line(comparison, level=level, benchmark=benchmark),
        version=plain["yinguo"],
        schema=plain["schema"],
    )


def _meanings(comparison: Comparison) -> tuple[tuple[str, str], ...]:
    met = dict.fromkeys(row.estimand for row in comparison.rows)
    return tuple((estimand, ESTIMAND_WORDS.get(estimand, "as the method defines it")) for estimand in met)


def _rests_on_instruments(comparison: Comparison) -> bool:
    """Whether no method compares the arms: then their balance and overlap are beside the point."""
    needs = [e.capabilities.needs for e in comparison.estimators]
    return bool(needs) and all("instruments" in need or "time" in need for need in needs)


def _evidence(study: Any, named: list[tuple[str, EffectResult]]) -> Evidence:
    weights = sharing([(n, r.estimand, r.balance_weights) for n, r in named])
    propensities = sharing([(n, "", r.propensity) for n, r in named])
    return Evidence(
        balance=balance_of(study, weights, [r.estimand for _, r in named]),
        unweighted=tuple(n for n, r in named if r.balance_weights is None),
        overlaps=tuple(overlap_of(label, e, study.T) for label, _, e in propensities),
        curves=tuple(c for label, _, w in weights for c in concentrations(label, w, study.T, study.sample_weight)),
    )


def _checked(benchmark: Any) -> tuple[str, float] | None:
    if benchmark is None:
        return None
    try:
        label, value = benchmark
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(
            f"benchmark is {benchmark!r}; give a label and a number, such as ('experiment', 1794.3)."
        ) from None
    if not np.isfinite(number):
        raise DataError(f"the benchmark {label!r} is {number}; it must be a finite number.")
    return str(label), number


def _arms(study: Any) -> tuple[Arm, ...]:
    if study.treatment_kind != "binary":
        return ()
    control, treated = study.treatment_levels
    found = []
    for name, arm, value in (("treated", 1.0, treated), ("control", 0.0, control)):
        rows = arm == study.T
        seen = rows & np.isfinite(study.Y)
        if not seen.any():
            continue  # every method says why that is the end of it
        w = None if study.sample_weight is None else study.sample_weight[seen]
        Y = study.Y[seen]
        mean = float(np.average(Y, weights=w))
        sd = float(np.sqrt(np.average((Y - mean) ** 2, weights=w)))
        found.append(Arm(name, _level(value), int(rows.sum()), float(rows.mean()), mean, sd))
    return tuple(found)


def _level(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_level(v) for v in value[:5]) + (", …" if len(value) > 5 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _other_roles(study: Any) -> tuple[tuple[str, str], ...]:
    skipped = ("treatment", "outcome", "covariates")
    return tuple(
        (role.replace("_", " "), ", ".join(value) if isinstance(value, tuple) else str(value))
        for role, value in study.roles.items()
        if value and role not in skipped
    )


def _line(label: str, row: EffectResult | Failure, numbers: dict[str, Any], study: Any) -> Line:
    if isinstance(row, Failure):
        return Line(label, numbers, "unchecked", row.error, ())
    verdict = assess.worst(row.diagnostics) if row.diagnostics else "unchecked"
    notes = tuple(note for note in row.notes if note not in study.decisions)
    return Line(label, numbers, verdict, row.no_inference or "", notes)
