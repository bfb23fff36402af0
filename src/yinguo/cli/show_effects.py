"""Effects of units for the eye: is there a difference, for whom is it large, what is acting on it worth."""

from collections.abc import Mapping

from yinguo.cli.show import STYLES, show_comparison
from yinguo.core import words
from yinguo.core.compare import Comparison
from yinguo.diagnose.judgement import JudgedEffects

__all__ = ["show_effects"]


def show_effects(
    console, comparison: Comparison, judged: Mapping[str, JudgedEffects], *, level: float, rows: str | None
) -> None:
    """Print the averages with their checks, then what is known of the differences between units.

    Parameters
    ----------
    console : rich Console
    comparison : Comparison
        Of effect learners.
    judged : mapping of method to JudgedEffects
    level : float
        Of the intervals.
    rows : str or None
        Where the effects of the rows were written.
    """
    show_comparison(console, comparison, level=level, left_out=(), benchmark=None)
    for name, found in judged.items():
        _show_judged(console, name, found, level)
    if rows is not None and judged:
        console.print(f"\nThe effect of every row is in {rows}.", soft_wrap=True)


def _show_judged(console, name: str, found: JudgedEffects, level: float) -> None:
    from rich.text import Text

    console.print(f"\n{name}: whom does it help?", style="bold", soft_wrap=True)
    console.print(f"  {found.verdict}", style="bold green" if found.supported else "bold yellow", soft_wrap=True)
    for diagnostic in found.diagnostics:
        line = Text("  ").append(f"{diagnostic.verdict:<5}", STYLES[diagnostic.verdict])
        console.print(line.append(f" {diagnostic.name}: {diagnostic.sentence}"), soft_wrap=True)
    if found.segments is not None:
        console.print(f"\nSegments, the largest effect first ({100 * level:g} % intervals that hold together):")
        console.print(_segments(found))
    if found.tree is not None:
        console.print("\nThe best rule of this size:")
        for rule in found.tree.lines:
            console.print(f"  - {rule}", soft_wrap=True)
    for part, why in found.skipped.items():
        console.print(f"  - no {part}: {why}", soft_wrap=True)


def _segments(found: JudgedEffects):
    from rich.table import Table
    from rich.text import Text

    assert found.segments is not None
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("segment", overflow="fold")
    for head in ("share", "rows", "effect", "interval"):
        table.add_column(head, justify="right", no_wrap=True)
    effects = found.segments.effects
    for i, rule in enumerate(found.segments.rules):
        low, high = words.number(float(effects.low_all[i])), words.number(float(effects.high_all[i]))
        table.add_row(
            Text(rule), f"{found.segments.share[i]:.0%}", f"{found.segments.n[i]:,}",
            words.number(float(effects.estimate[i])), f"{low} to {high}",
        )  # fmt: skip
    return table
