"""One fit of one method on one draw: what a worker process does.

Seeds are derived from the names of the cell and of the method and from the number of the replication,
never from their place in a list: all methods of a cell meet the same draws, and adding or dropping a
method or a cell changes no other number.
"""

import functools
import inspect
import json
import time
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from yinguo.bench.rows import Row
from yinguo.bench.spec import Build, Cell, Method

__all__ = ["Task", "run_task"]

#: Longest reason or note that a row keeps.
_NOTE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Task:
    """One fit to be made: all that a worker process needs.

    Attributes
    ----------
    key : str
        Digest of everything that decides the result.
    draw, measure : callables of the table
    estimand : str or None
        What the estimate must be an estimate of; which truth it is held against. None: only measures are taken.
    cell : Cell
    method : Method
    replication : int
    seed : int
        Root seed of the table.
    version, code : str
        Recorded in the row.
    """

    key: str
    draw: Callable[..., Any]
    measure: Callable[..., Any] | None
    estimand: str | None
    cell: Cell
    method: Method
    replication: int
    seed: int
    version: str
    code: str


def run_task(task: Task) -> Row:
    """Draw the data, fit, and only then join the truth.

    Returns
    -------
    row : Row
        With an estimate, or with the reason why there is none. An error in drawing the data or in the
        table's ``measure`` is a fault of the table, not a result, and is raised.
    """
    drawn = _draw(task.draw, json.dumps(dict(task.cell.settings)), _seed(task))
    row = Row(
        key=task.key,
        cell=task.cell.name,
        method=task.method.label,
        replication=task.replication,
        truth=None if task.estimand is None else float(drawn.truth[task.estimand]),
        version=task.version,
        code=task.code,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        started = _now()
        try:
            estimator = _seeded(task)
            started = _now()
            fitted = estimator.fit(drawn.study)
            spent = _since(started)
            found = {} if task.estimand is None else _read(fitted.result_, task.estimand)
        # Whatever a method raises is a result of the benchmark: the row says what, and the run goes on.
        except Exception as error:
            return replace(row, **_since(started), error=_shorten(f"{type(error).__name__}: {error}"))
    interval = found.pop("interval", None)
    notes = [*found.pop("notes", ()), *(str(warning.message) for warning in caught)]
    return replace(
        row,
        **spent,
        **found,
        covered=None if interval is None or row.truth is None else bool(interval[0] <= row.truth <= interval[1]),
        measures={} if task.measure is None else {k: float(v) for k, v in task.measure(fitted, drawn).items()},
        warnings=tuple(dict.fromkeys(_shorten(note) for note in notes)),
    )


@functools.lru_cache(maxsize=1)
def _draw(draw: Callable[..., Any], settings: str, seed: tuple[int, tuple[int, int]]) -> Any:
    """The draw, remembered for the next method, which usually meets the same one."""
    sequence = np.random.SeedSequence(seed[0], spawn_key=seed[1])
    return draw(np.random.default_rng(sequence), **json.loads(settings))


def _seed(task: Task) -> tuple[int, tuple[int, int]]:
    return task.seed, (zlib.crc32(task.cell.name.encode()), task.replication)


def _seeded(task: Task) -> Any:
    """The estimator, with a seed of its own if it takes one and none is fixed in its options."""
    build: Build = task.method.estimator
    if "random_state" in build.options or "random_state" not in inspect.signature(build.target()).parameters:
        return build.make()
    root, place = _seed(task)
    sequence = np.random.SeedSequence(root, spawn_key=(*place, zlib.crc32(task.method.label.encode())))
    return build.make(random_state=int(sequence.generate_state(1)[0]))


def _read(result: Any, estimand: str) -> dict[str, Any]:
    """Estimate, standard error, 95 % interval and notes of a result.

    An estimate that is no number, or of another estimand than was asked for, is a failure.
    """
    estimate = float(result.estimate)
    if not np.isfinite(estimate):
        raise ValueError(f"the estimate is {estimate}")
    if str(result.estimand) != estimand:
        raise ValueError(f"the estimate is of the {result.estimand}; asked for was the {estimand}")
    se = None if result.se is None else float(result.se)
    return {
        "estimate": estimate,
        "se": se,
        "interval": None if se is None else tuple(result.ci(0.95)),
        "notes": tuple(str(note) for note in result.notes),
    }


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(started: tuple[float, float]) -> dict[str, Any]:
    wall, cpu = _now()
    return {"seconds": round(wall - started[0], 6), "cpu_seconds": round(cpu - started[1], 6)}


def _shorten(text: str) -> str:
    first = text.strip().split("\n")[0]
    return first if len(first) <= _NOTE_LENGTH else first[: _NOTE_LENGTH - 3] + "..."
