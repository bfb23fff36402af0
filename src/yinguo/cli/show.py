"""A comparison for the eye, in the order of reading: question, assumptions, failing checks, estimates, notes."""

from collections import Counter
from collections.abc import Sequence

from yinguo.cli.choose import LeftOut
from yinguo.cli.exits import as_options
from yinguo.core import words
from yinguo.core.compare import Comparison, Failure
from yinguo.core.diagnostic import VERDICTS, Diagnostic, worst
from yinguo.core.result import EffectResult

__all__ = ["show_comparison"]

_STYLES = {"ok": "green", "look": "yellow", "stop": "bold red"}


def show_comparison(
    console, comparison: Comparison, *, level: float, left_out: Sequence[LeftOut], benchmark: tuple[str, float] | None,
    asked: bool = True,
) -> None:  # fmt: skip
    """Print a comparison.

    Parameters
    ----------
    console : rich Console
    comparison : Comparison
    level : float
        Of the intervals.
    left_out : sequence of LeftOut
    benchmark : (label, number) or None
    asked : bool
        Whether the estimand was asked for; if not, the reader is told which one this is.
    """
    _show_question(console, comparison, asked)
    _show_first_stage(console, comparison)
    _show_checks(console, comparison)
    console.print(_estimates(comparison, level, benchmark))
    for failure in comparison.failures:
        console.print(f"{failure.method}: no estimate: {_one_line(failure.error)}", soft_wrap=True)
    console.print()
    console.print(comparison.disagreement(), soft_wrap=True)
    _show_notes(console, comparison, left_out)


def _show_question(console, comparison: Comparison, asked: bool) -> None:
    study, estimand = comparison.study, comparison.rows[0].estimand
    console.print(comparison.question, style="bold", soft_wrap=True)
    offered = {name for estimator in comparison.estimators for name in estimator.capabilities.estimands}
    # Those treated, not treated or moved are told apart where the treatment has two values.
    others = [name for name in words.ESTIMANDS if name in offered - {estimand}]
    others = others if study.treatment_kind == "binary" else []
    said = estimand
    if not asked and others:
        said = f"{estimand}, the default; --estimand {' or '.join(others)} asks about others"
    p, T = len(study.covariates), study.T
    rows = f"{study.n_treated:,} treated and {study.n - study.n_treated:,} controls"
    if study.treatment_kind != "binary":
        rows = f"{study.roles['treatment']} from {words.number(T.min())} to {words.number(T.max())}"
    if study.S is not None:
        seen = int(study.S.sum())
        rows += (
            f"; {study.roles['outcome']} seen in {seen:,} of them ({seen / study.n:.0%}), by {study.roles['selection']}"
        )
    console.print(f"({said}. {study.n:,} rows: {rows}; {p} covariate{'' if p == 1 else 's'}.)", soft_wrap=True)
    console.print("\nFor the answer to be causal:")
    for assumption in comparison.assumptions:
        console.print(f"  - {assumption}", soft_wrap=True)


def _show_first_stage(console, comparison: Comparison) -> None:
    """How far the instruments move the treatment: before all else, because without it no estimate means anything."""
    from rich.text import Text

    for name, title in (("first-stage", "First stage"), ("anderson-rubin", "Anderson-Rubin")):
        found = _gravest(comparison, name)
        if found is not None:
            line = Text(f"\n{title}: ", "bold").append(found.verdict, _STYLES[found.verdict])
            console.print(line.append(f". {found.sentence}", "default"), soft_wrap=True)


def _gravest(comparison: Comparison, name: str) -> Diagnostic | None:
    """The gravest diagnostic of a name; methods differ, for one, in whether products with covariates count."""
    return next((d for _, d in comparison.diagnostics if d.name == name), None)


def _show_checks(console, comparison: Comparison) -> None:
    """Which checks were made, and in full those that did not pass."""
    from rich.text import Text

    counts: dict[str, Counter[str]] = {}
    for _, diagnostic in comparison.diagnostics:
        counts.setdefault(diagnostic.name, Counter())[diagnostic.verdict] += 1
    if counts:
        told = (
            f"{name} ({', '.join(f'{count[v]} {v}' for v in VERDICTS if count[v])})" for name, count in counts.items()
        )
        console.print(f"\nChecked, by number of methods: {'; '.join(told)}.", soft_wrap=True)
    bad: dict[Diagnostic, list[str]] = {}
    for method, diagnostic in comparison.diagnostics:
        if diagnostic.verdict != "ok":
            bad.setdefault(diagnostic, []).append(method)
    for name in ("first-stage", "anderson-rubin"):  # said already
        bad.pop(_gravest(comparison, name), None)  # type: ignore[arg-type]
    if bad:
        console.print("\nChecks that did not pass:", style="bold")
    for diagnostic, methods in bad.items():
        line = Text("  ").append(f"{diagnostic.verdict:<5}", _STYLES[diagnostic.verdict])
        said = f" {', '.join(methods)}, {diagnostic.name}: {diagnostic.sentence}"
        console.print(line.append(said), soft_wrap=True)
    console.print()


def _estimates(comparison: Comparison, level: float, benchmark: tuple[str, float] | None):
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("method", "estimate", "std. error", f"{100 * level:g} % interval"):
        table.add_column(head, justify="left" if head == "method" else "right", no_wrap=True)
    table.add_column("checks", no_wrap=True)
    for row in comparison:
        if isinstance(row, Failure):
            table.add_row(Text(row.method), "-", "-", "-", Text("no estimate", _STYLES["stop"]))
            continue
        interval = row.ci(level)
        shown = "-" if interval is None else f"{words.number(interval[0])} to {words.number(interval[1])}"
        table.add_row(Text(row.method), words.number(row.estimate), words.number(row.se), shown, _verdict(row))
    if benchmark is not None:
        label, value = benchmark
        table.add_row(Text(label, "italic"), words.number(value), "", "", Text("given", "italic"))
    return table


def _verdict(row: EffectResult):
    from rich.text import Text

    if not row.diagnostics:
        return Text("none", "dim")
    verdict = worst(row.diagnostics)
    return Text(verdict, _STYLES[verdict])


def _show_notes(console, comparison: Comparison, left_out: Sequence[LeftOut]) -> None:
    """What the reader must know: decisions on the table once, then what single methods have to say."""
    decisions = comparison.study.decisions
    notes = list(decisions)
    said: dict[str, list[str]] = {}
    for row in comparison.results:
        own = [note for note in row.notes if note not in decisions]
        if row.no_inference:
            own.append(f"no interval: {row.no_inference}")
        for note in own:
            said.setdefault(note, []).append(row.method)
    notes += [f"{', '.join(methods)}: {note}" for note, methods in said.items()]
    reasons: dict[str, list[str]] = {}
    for item in left_out:
        reasons.setdefault(item.reason, []).append(item.method)
    notes += [f"left out: {', '.join(methods)} ({reason})." for reason, methods in reasons.items()]
    if notes:
        console.print("\nNotes:")
    for note in notes:
        console.print(f"  - {_one_line(note)}", soft_wrap=True)


def _one_line(text: str) -> str:
    return " ".join(as_options(text).split())
