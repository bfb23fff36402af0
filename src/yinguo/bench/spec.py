"""A published table, declared and not run.

A table is data: where it was printed, how it was made, which methods stand in its rows and how their
options were chosen, what was printed, and what is known to be wrong with it. The runner
(:mod:`yinguo.bench.runner`) turns a declaration into lines, one for each fit; the summary
(:mod:`yinguo.bench.summary`) turns the lines into figures. A module of :mod:`yinguo.bench` that
defines ``TABLE`` is a table; there is no list to add it to.

The truth of a draw is kept apart from the data: a :class:`~yinguo.datasets.draw.Draw` holds both, a
method is handed the study alone, and the two are joined when the fit is over.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yinguo.datasets.draw import Draw

__all__ = ["MARKS", "METRICS", "Build", "Cell", "Material", "Method", "Published", "PublishedTable"]

#: What a printed number is worth: met by our run within its Monte Carlo error; the product of an
#: error in how it was made, which the note explains; or not traced to a run that can be repeated.
MARKS = ("reproduced", "artefact", "unverified")

#: Figures that the summary computes over the replications of one method in one cell.
METRICS = ("estimate", "signed_bias", "bias", "sd", "mae", "rmse", "coverage", "seconds")


@dataclass(frozen=True, slots=True)
class Build:
    """An object to make later, named by its import path, so that declaring a table imports nothing.

    Attributes
    ----------
    path : str
        ``"package.module:Name"`` of a class or function that takes keyword options.
    options : mapping
        Keyword options: JSON values, or further ``Build`` records for nested objects.
    """

    path: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.]+:\w+", self.path):
            raise ValueError(f"path is {self.path!r}; write it as 'package.module:Name'")

    def target(self) -> Callable[..., Any]:
        """The class or function itself, imported now."""
        module, name = self.path.split(":")
        return getattr(importlib.import_module(module), name)

    def make(self, **more: Any) -> Any:
        """Call it with its options and ``more``, making nested builds first."""
        made = {name: value.make() if isinstance(value, Build) else value for name, value in self.options.items()}
        return self.target()(**made, **more)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: the path, and the options with nested builds spelled out."""
        options = {name: value.to_dict() if isinstance(value, Build) else value for name, value in self.options.items()}
        return {"path": self.path, "options": options}


@dataclass(frozen=True, slots=True)
class Material:
    """What a table without an estimand hands to its methods, where that is no table of rows.

    Attributes
    ----------
    study : object
        All that a method may see: the argument of its ``fit``.
    extras : mapping
        What the table's ``measure`` judges by; never passed to a method.
    """

    study: Any
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """One data setting of the table.

    Attributes
    ----------
    name : str
        How the cell is headed; also what its seeds are derived from.
    settings : mapping
        Keyword arguments of the table's ``draw``, JSON values.
    replications : int or None
        Draws in this cell, if not the table's number (1 where nothing is random).
    """

    name: str
    settings: Mapping[str, Any]
    replications: int | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One row of the table.

    Attributes
    ----------
    label : str
        How the row is headed; also what its seeds are derived from.
    estimator : Build
        The estimator and its options.
    chosen : str
        How the options were chosen, in words. Never by looking at the truth.
    cells : tuple of str or None
        Names of the cells it runs in; None means all.
    artefact_of : str or None
        Label of the row whose printed number this one explains: it repeats a known error on purpose
        and is shown beside that row, never as a result of its own.
    """

    label: str
    estimator: Build
    chosen: str
    cells: tuple[str, ...] | None = None
    artefact_of: str | None = None

    def runs_in(self, cell: Cell) -> bool:
        """Whether the method is to be run in this cell."""
        return self.cells is None or cell.name in self.cells


@dataclass(frozen=True, slots=True)
class Published:
    """Printed figures of one method in one cell.

    Attributes
    ----------
    cell, method : str
        Name of the cell and label of the method.
    values : mapping of metric to float
        Keys are of :data:`METRICS`, or measures that the table names.
    mark : {"reproduced", "artefact", "unverified"}
        What the figures are worth.
    note : str
        Why, where the mark alone does not say it.
    replications : int or None
        Draws behind the printed figures; None is unknown, and they are then taken as exact.
    """

    cell: str
    method: str
    values: Mapping[str, float]
    mark: str
    note: str = ""
    replications: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """Everything that is to be known about one published table.

    Attributes
    ----------
    name : str
        Kebab-case name: ``yinguo bench NAME``.
    title, source, protocol, gaps : str
        What it shows; where it was printed; how the draws are made and how many there were; what is
        known to be unknown or wrong about it.
    estimand : str or None
        What is estimated, e.g. ``"ATT"``. A method whose options name another estimand is held against the truth of
        that one. None where nothing is estimated: the table then shows its measures alone.
    unit : str
        Unit of the estimate.
    draw : callable
        ``draw(rng, **cell.settings) -> Draw`` with a numpy generator; a module-level function. The draw
        must know the truth of the estimand. Where there is none, it may be any object whose ``study`` is what the
        methods of the table are fitted to, such as a :class:`Material`.
    cells : tuple of Cell
    methods : tuple of Method
    replications : int
        Draws in each cell that does not say otherwise.
    metrics : tuple of str
        Which of :data:`METRICS` the table shows, in order.
    published : tuple of Published
    measure : callable or None
        ``measure(fitted, draw) -> {name: float}``: further figures for each fit, computed after it.
    measures : tuple of str
        Of these, what the table is about: shown first, beside what was printed, with SD and median over the draws.
    against : tuple of str
        Labels of rows with which every other row is compared draw by draw, measure by measure; in a table that names
        its measures, by the first of them only.
    seed : int
        Root of every seed.
    quick_fraction : float
        Share of the replications that a quick run makes (at least two where there are two).
    """

    name: str
    title: str
    source: str
    protocol: str
    gaps: str
    estimand: str | None
    unit: str
    draw: "Callable[..., Any]"
    cells: tuple[Cell, ...]
    methods: tuple[Method, ...]
    replications: int
    metrics: tuple[str, ...]
    published: tuple[Published, ...] = ()
    measure: "Callable[[Any, Draw], Mapping[str, float]] | None" = None
    measures: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    seed: int = 0
    quick_fraction: float = 0.02

    def __post_init__(self) -> None:
        cells = [cell.name for cell in self.cells]
        labels = [method.label for method in self.methods]
        for kind, names in (("cell", cells), ("method", labels)):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"table {self.name}: {kind} names must differ, {repeated} stand more than once")
        if self.estimand is None and set(self.metrics) - {"seconds"}:
            raise ValueError(f"table {self.name}: it has no estimand, so its metrics can be 'seconds' only")
        mentioned = [("cell", p.cell, cells) for p in self.published]
        mentioned += [("method", p.method, labels) for p in self.published]
        mentioned += [("cell", name, cells) for method in self.methods for name in method.cells or ()]
        mentioned += [("method", m.artefact_of, labels) for m in self.methods if m.artefact_of is not None]
        mentioned += [("method", name, labels) for name in self.against]
        mentioned += [("metric", name, list(METRICS)) for name in self.metrics]
        shown = [*METRICS, *self.measures]
        mentioned += [("metric", name, shown) for p in self.published for name in p.values]
        mentioned += [("mark", p.mark, list(MARKS)) for p in self.published]
        for kind, name, known in mentioned:
            if name not in known:
                raise ValueError(f"table {self.name}: there is no {kind} {name!r}; known are {known}")

    def planned(self, cell: Cell, *, quick: bool = False) -> int:
        """Replications of a cell, in full or in a quick run."""
        full = self.replications if cell.replications is None else cell.replications
        return min(full, max(2, round(full * self.quick_fraction))) if quick else full

    def printed(self, cell: str, method: str) -> Published | None:
        """What was printed for this method in this cell, if anything."""
        return next((p for p in self.published if p.cell == cell and p.method == method), None)
