"""Texts of a file, for calibration."""

import json
from pathlib import Path

from yinguo.errors import DataError

__all__ = ["read_texts"]

#: Keys under which a line of JSON may hold its text; those that are there are joined in this order.
_KEYS = ("text", "prompt", "instruction", "question", "input", "completion", "response", "output", "answer")


def read_texts(path: Path | str, *, most: int | None = None) -> list[str]:
    """Texts of a file: one a line, or JSON lines with a text.

    Parameters
    ----------
    path : path
        ``.jsonl``, or any other ending for plain lines.
    most : int, optional
        Take the first so many.

    Raises
    ------
    DataError
        No such file, a line that is no JSON object, one without a text, or no text at all.
    """
    file = Path(path)
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()][:most]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {file}: {error}; give a text file or JSON lines.") from error
    if not lines:
        raise DataError(f"{file} holds no text; calibration needs some inputs of the new task.")
    if file.suffix.lower() != ".jsonl":
        return lines
    return [_text(line, number, file) for number, line in enumerate(lines, start=1)]


def _text(line: str, number: int, file: Path) -> str:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise DataError(f"line {number} of {file} is no JSON; name the file .txt if it holds plain lines.") from error
    if isinstance(found, str) and found.strip():
        return found
    nested = [key for key in _KEYS if isinstance(found, dict) and isinstance(found.get(key), list | dict)]
    if nested:
        raise DataError(f"line {number} of {file}: {nested[0]!r} is a {type(found[nested[0]]).__name__}; write the "
                        "text itself, such as a chat put into the template of the model.")  # fmt: skip
    parts = [str(found[key]) for key in _KEYS if found.get(key)] if isinstance(found, dict) else []
    if not parts:
        raise DataError(f"line {number} of {file} has no text; it needs one of the keys {', '.join(_KEYS)}.")
    return "\n".join(parts)
