"""``yinguo datasets`` for sets of text: written as ``.jsonl``, one record a line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yinguo.cli.output import emit
from yinguo.errors import DataError

__all__ = ["check_ending", "text_loaders", "write_text_set"]


def text_loaders() -> Mapping[str, Any]:
    """Text sets by their command-line name."""
    from yinguo.language.text_sets import TEXT_SETS

    return TEXT_SETS


def check_ending(name: str, out: str) -> None:
    """Refuse a file name of another kind before any work is done.

    Raises
    ------
    DataError
        It does not end in ``.jsonl``.
    """
    if Path(out).suffix.lower() != ".jsonl":
        raise DataError(f"--out {out} does not end in .jsonl; {name} is text, one JSON record a line, no table.")


def write_text_set(texts: Any, out: str) -> None:
    """Write the records, and say what they are; the file appears only when it is complete."""
    path = Path(out)
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        # In bytes, so that no platform changes the ends of lines.
        unfinished.write_bytes(texts.to_jsonl().encode("utf-8"))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    keys = ", ".join(dict.fromkeys(key for record in texts.records for key in record))
    emit(f"{texts.about}\n{out}: {len(texts.records):,} records with {keys}.")
