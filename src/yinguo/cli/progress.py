"""Progress on standard error: a bar on a terminal, lines elsewhere if asked for, nothing otherwise."""

import sys
import time
from collections.abc import Sequence
from typing import Any, Self

__all__ = ["Progress"]


class Progress:
    """Reading a file, then one method after another.

    Parameters
    ----------
    shown : bool or None
        None shows it if standard error is a terminal.
    """

    def __init__(self, shown: bool | None = None) -> None:
        terminal = sys.stderr.isatty()
        self._lines = bool(shown) and not terminal
        self._bar: Any = _bar() if terminal and shown is not False else None
        self._names: Sequence[str] = ()
        self._since = time.perf_counter()
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, what: str) -> None:
        """A step of unknown length, such as reading a file."""
        self._since = time.perf_counter()
        if self._bar is not None:
            self._task = self._bar.add_task(what, total=None)
        elif self._lines:
            self._line(f"{what} ...")

    def count(self, what: str, names: Sequence[str]) -> None:
        """From here on as many steps as there are names."""
        self._names = names
        if self._bar is not None:
            self._bar.update(self._task, description=names[0], total=len(names), completed=0)
        elif self._lines:
            self._line(f"{what} ({time.perf_counter() - self._since:.1f} s)")
        self._since = time.perf_counter()

    def step(self, done: int, total: int, name: str) -> None:
        """One of them has ended; the callback of :func:`yinguo.compare`."""
        if self._bar is not None:
            following = self._names[done] if done < total else name
            self._bar.update(self._task, description=following, total=total, completed=done)
        elif self._lines:
            self._line(f"{done}/{total} {name} ({time.perf_counter() - self._since:.1f} s)")
        self._since = time.perf_counter()

    def _line(self, text: str) -> None:
        print(f"yinguo: {text}", file=sys.stderr, flush=True)


def _bar():
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return RichProgress(*columns, TimeElapsedColumn(), console=Console(stderr=True, highlight=False), transient=True)
