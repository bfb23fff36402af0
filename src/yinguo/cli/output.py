"""Where output goes: standard output or a file, whole or not at all."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from yinguo.errors import DataError

__all__ = ["check_target", "console", "emit", "json_text"]

#: Width of tables where there is no terminal to ask: no wrapping in the middle of a figure.
PLAIN_WIDTH = 240


def check_target(path: str | None, *, option: str, inputs: Iterable[str] = ()) -> None:
    """Find out before the work whether a file can be written after it.

    Parameters
    ----------
    path : str or None
        None is standard output, which is always fine.
    option : str
        The option that named it, for the message.
    inputs : iterable of str
        Files that must not be overwritten.

    Raises
    ------
    DataError
        A directory, a folder that does not exist or may not be written to, or one of the inputs.
    """
    if path is None:
        return
    target = Path(path)
    folder = target.parent
    if target.is_dir():
        raise DataError(f"{option} {path} is a directory; name a file in it.")
    if not folder.is_dir():
        raise DataError(f"{option} {path}: there is no directory {folder}; create it or choose another place.")
    if not os.access(target if target.exists() else folder, os.W_OK):
        raise DataError(f"{option} {path} may not be written; choose another place or change its permissions.")
    for given in inputs:
        if target.exists() and Path(given).exists() and target.samefile(given):
            raise DataError(f"{option} {path} is the input file and would be overwritten; choose another name.")


def emit(text: str, path: str | None = None) -> None:
    """Write a text to standard output, or to a file that appears only when it is complete."""
    if not text.endswith("\n"):
        text += "\n"
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    target = Path(path)
    if target.exists() and not target.is_file():  # a device or a pipe is written to, never replaced
        target.write_text(text, encoding="utf-8")
        return
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def json_text(value: Any) -> str:
    """Indented JSON without anything that is not JSON (no NaN)."""
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def console(stream: IO[str] | None = None):
    """A rich console: colours and the terminal's width on a terminal, plain and wide elsewhere.

    Parameters
    ----------
    stream : text stream, optional
        None is standard output.
    """
    from rich.console import Console

    stream = sys.stdout if stream is None else stream
    terminal = stream.isatty()
    return Console(
        file=stream, width=None if terminal else PLAIN_WIDTH, no_color=None if terminal else True,
        markup=False, highlight=False, emoji=False,
    )  # fmt: skip
