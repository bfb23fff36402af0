"""From lines to figures: mean, bias, spread and error of a method over the draws of a cell.

Every figure is taken over the errors ``estimate - truth`` of the replications that gave an estimate; a
failure is counted beside them, not averaged into them. The spread divides by the number of
replications K, so that RMSE^2 = Bias^2 + SD^2 holds exactly. Where the truth is the same in every draw
the SD of the errors is the SD of the estimates.
"""

import os
import platform
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path

import numpy as np

from yinguo.bench.figures import Figure, Spread, error_figures, mean_figure, paired_differences, spread_of
from yinguo.bench.rows import Row
from yinguo.bench.spec import Cell, Method, Published, PublishedTable
from yinguo.bench.task import Task

__all__ = ["Figure", "Line", "Summary", "error_figures", "machine_kind", "mean_figure", "summarise"]


_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Line:
    """One method in one cell.

    Attributes
    ----------
    cell : Cell
    method : Method
    done, planned, failed : int
        Fits made, fits planned, fits without an estimate.
    reasons : mapping of str to int
        Why fits failed, with counts.
    noted : mapping of str to int
        Warnings and notes of the fits, with counts.
    truth : Figure or None
        Mean of the truth over the draws.
    figures : mapping of str to Figure
        Keys of ``spec.METRICS``.
    measures : mapping of str to Figure
        With, where the table names a method to compare with, the differences to it.
    spreads : mapping of str to Spread
        Of those measures that the table names, and of their differences.
    cpu_seconds : float
        Of all fits together.
    """

    cell: Cell
    method: Method
    done: int
    planned: int
    failed: int
    reasons: Mapping[str, int]
    noted: Mapping[str, int]
    truth: Figure | None
    figures: Mapping[str, Figure]
    measures: Mapping[str, Figure]
    spreads: Mapping[str, Spread]
    cpu_seconds: float

    def distance(self, metric: str, published: Published) -> float | None:
        """How many Monte Carlo errors lie between our figure and the printed one.

        The error is that of the difference, the printed figure being as noisy as its number of draws makes it.
        """
        figure = self.figures.get(metric) or self.measures.get(metric)
        if figure is None or not figure.mc_se:
            return None
        ours = self.done - self.failed
        noise = 1.0 if published.replications is None else (1 + ours / published.replications) ** 0.5
        return (figure.value - published.values[metric]) / (figure.mc_se * noise)


@dataclass(frozen=True, slots=True)
class Summary:
    """All figures of a run of a table, ready to be rendered.

    Attributes
    ----------
    table : PublishedTable
    lines : tuple of Line
        In the order of the table: cell by cell, method by method.
    quick : bool
        Whether only a fraction of the replications was asked for.
    version : str
    code : mapping of label to str
        Digest of the code behind each method; rows of other code are never mixed in.
    machine : mapping of str to str
    """

    table: PublishedTable
    lines: tuple[Line, ...]
    quick: bool
    version: str
    code: Mapping[str, str]
    machine: Mapping[str, str] = field(default_factory=dict)

    @property
    def cpu_minutes(self) -> float:
        """Processor time of all fits."""
        return sum(line.cpu_seconds for line in self.lines) / 60

    @property
    def complete(self) -> bool:
        """Whether every planned fit was made."""
        return all(line.done == line.planned for line in self.lines)

    @property
    def cells(self) -> list[Cell]:
        """Cells in which anything was run."""
        met = {line.cell.name for line in self.lines if line.done}
        return [cell for cell in self.table.cells if cell.name in met]

    def of_cell(self, cell: Cell, *, artefacts: bool = False) -> list[Line]:
        """Lines of one cell; with ``artefacts`` also those that only explain the printed figure of another."""
        lines = [line for line in self.lines if line.cell.name == cell.name]
        return [line for line in lines if artefacts or line.method.artefact_of is None]

    def artefact(self, line: Line) -> Line | None:
        """The line that repeats the error behind what was printed for this one."""
        for other in self.lines:
            if other.cell.name == line.cell.name and other.method.artefact_of == line.method.label:
                return other
        return None

    def printed(self, line: Line) -> Published | None:
        """What was printed for this line."""
        return self.table.printed(line.cell.name, line.method.label)


def summarise(table: PublishedTable, tasks: Sequence[Task], rows: Mapping[str, Row], *, quick: bool = False) -> Summary:
    """Figures for every cell and method that was planned.

    Parameters
    ----------
    table : PublishedTable
    tasks : sequence of Task
        What was planned.
    rows : mapping of key to Row
        What was made; it may be less.
    quick : bool, default False
        Recorded in the summary.
    """
    planned = Counter((task.cell.name, task.method.label) for task in tasks)
    made: dict[tuple[str, str], list[Row]] = {place: [] for place in planned}
    for task in tasks:
        if task.key in rows:
            made[task.cell.name, task.method.label].append(rows[task.key])
    lines = tuple(
        _line(
            cell,
            method,
            made[cell.name, method.label],
            planned[cell.name, method.label],
            against={label: made.get((cell.name, label), []) for label in table.against if label != method.label},
            named=table.measures,
        )
        for cell in table.cells
        for method in table.methods
        if (cell.name, method.label) in planned
    )
    return Summary(
        table=table,
        lines=lines,
        quick=quick,
        version=installed_version("yinguo"),
        code={task.method.label: task.code for task in tasks},
        machine=machine_kind(),
    )


def machine_kind() -> dict[str, str]:
    """Kind of machine and versions that times and last digits depend on; nothing that names the machine."""
    import scipy

    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def _line(
    cell: Cell,
    method: Method,
    rows: Sequence[Row],
    planned: int,
    against: Mapping[str, Sequence[Row]],
    named: Sequence[str],
) -> Line:
    good = [row for row in rows if row.error is None]
    figures: dict[str, Figure] = {}
    measured: dict[str, np.ndarray] = {}
    told = set(named)
    if good:
        if good[0].truth is not None:
            estimates = np.array([row.estimate for row in good], dtype=float)
            figures = {
                "estimate": mean_figure(estimates),
                **error_figures(estimates, np.array([row.truth for row in good])),
            }
        covered = np.array([row.covered for row in good if row.covered is not None], dtype=float)
        if covered.size:
            figures["coverage"] = mean_figure(covered)
        # Processor time, which other work on the machine does not stretch; the median, because the first fit of a
        # process also pays for imports.
        figures["seconds"] = Figure(float(np.median([row.cpu_seconds for row in good])))
        met = dict.fromkeys(name for row in good for name in row.measures)
        names = [*(name for name in named if name in met), *(name for name in met if name not in named)]
        measured = {name: np.array([row.measures[name] for row in good if name in row.measures]) for name in names}
        for label, others in against.items():
            differences = paired_differences(good, [row for row in others if row.error is None])
            compared = {name: d for name, d in differences.items() if name in (named[:1] or names)}
            measured |= {f"{name}, less {label}": values for name, values in compared.items()}
            told |= {f"{name}, less {label}" for name in named[:1]}
    return Line(
        cell=cell,
        method=method,
        done=len(rows),
        planned=planned,
        failed=len(rows) - len(good),
        reasons=_counted(row.error for row in rows if row.error is not None),
        noted=_counted(note for row in rows for note in row.warnings),
        truth=mean_figure(np.array([row.truth for row in rows])) if rows and rows[0].truth is not None else None,
        figures=figures,
        measures={name: mean_figure(values) for name, values in measured.items()},
        spreads={name: spread_of(values) for name, values in measured.items() if name in told},
        cpu_seconds=sum(row.cpu_seconds for row in rows),
    )


def _counted(texts: Iterable[str]) -> dict[str, int]:
    """Texts with counts, most frequent first; those that differ in numbers alone are one, with dots for the numbers."""
    counts = Counter(texts)
    alike: dict[str, list[str]] = {}
    for text in counts:
        alike.setdefault(_NUMBER.sub("...", text), []).append(text)
    merged = {(same[0] if len(same) == 1 else shape): sum(counts[t] for t in same) for shape, same in alike.items()}
    return dict(sorted(merged.items(), key=lambda item: -item[1]))


def _processor() -> str:
    """Model name of the processor where the system tells it, else its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
