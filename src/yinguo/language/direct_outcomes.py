"""Read texts with the outcome of each from a file: CSV, TSV, JSON lines or Parquet.

One row is one text that one reader answered. Columns are named by the caller; texts are kept as they are, outcomes are
numbers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yinguo.core.checks import check_whole
from yinguo.core.table import Table, open_table
from yinguo.errors import DataError
from yinguo.language.checks import check_texts
from yinguo.language.outcome_texts import OutcomeTexts
from yinguo.nets import torch

__all__ = ["DirectOutcomes", "read_outcomes"]


#: JSON allows whole numbers that no float holds.
_LARGEST = int(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True, eq=False)
class DirectOutcomes:
    """Texts and what their readers answered.

    Attributes
    ----------
    texts : tuple of n str
    Y : (n,) float array
        Larger is better.
    prompts : tuple of n str or None
        What each text follows.
    log_read : (n,) float array or None
        Log-probability with which each text was handed to its reader.
    """

    texts: tuple[str, ...]
    Y: np.ndarray
    prompts: tuple[str, ...] | None = None
    log_read: np.ndarray | None = None

    def encode(self, tokenizer: Any, *, length: int, end: bool = True) -> OutcomeTexts:
        """As tokens, padded on the right; what goes beyond the length is cut off.

        Parameters
        ----------
        tokenizer : of transformers
        length : int
            Most tokens of a text with its prompt.
        end : bool, default True
            Whether the token that ends a text is part of it.

        Raises
        ------
        DataError
            A tokenizer with neither start nor end token; a prompt that leaves no room for its text; a text without
            tokens.
        """
        start = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
        if start is None or (end and tokenizer.eos_token_id is None):
            raise DataError("the tokenizer has no start or end token; set tokenizer.bos_token or tokenizer.eos_token.")
        check_whole("length", length, least=2)
        for name, values in (("texts", self.texts), ("prompts", self.texts if self.prompts is None else self.prompts)):
            check_texts(name, values)
            if not len(values) == len(self.texts) > 0:
                raise DataError(f"there are {len(values)} {name} for {len(self.texts)} texts; give one for each.")
        rows, given = [], []
        for k, text in enumerate(self.texts):
            before = [] if self.prompts is None else _tokens(tokenizer, self.prompts[k])
            own = _tokens(tokenizer, text)
            before = before or [start]
            if not own:
                raise DataError(f"row {k + 1}: the text {text!r} has no token; leave the row out.")
            if len(before) >= length:
                raise DataError(f"row {k + 1}: its prompt has {len(before)} tokens; length is {length}, raise it.")
            rows.append((before + own + [tokenizer.eos_token_id] * end)[:length])
            given.append(len(before))
        width = max(map(len, rows))
        tokens = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        padding = torch.tensor([[t < len(row) for t in range(width)] for row in rows])
        return OutcomeTexts(tokens, self.Y, padding=padding, prompt=torch.tensor(given), log_read=self.log_read)


def read_outcomes(
    file: str | Path, *, text: str = "text", outcome: str = "score", prompt: str | None = None,
    log_read: str | None = None,
) -> DirectOutcomes:  # fmt: skip
    """Read a file of texts and outcomes.

    Parameters
    ----------
    file : str or Path
        Ends in .csv, .tsv, .jsonl, .ndjson or .parquet.
    text : str, default "text"
        Column of texts.
    outcome : str, default "score"
        Column of outcomes.
    prompt : str, optional
        Column of what each text follows.
    log_read : str, optional
        Column of the log-probability with which each text was handed to its reader.

    Raises
    ------
    DataError
        No such file or column, a line that is no JSON object, a text that is missing or empty, an outcome that is no
        number; the message names the first row and counts them.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "letters.jsonl"
    >>> _ = file.write_text('{"text": "Dear all", "score": 4}' + chr(10) + '{"text": "Hey you", "score": 1.5}')
    >>> found = read_outcomes(file)
    >>> found.texts, found.Y
    (('Dear all', 'Hey you'), array([4. , 1.5]))
    """
    if not isinstance(file, str | Path):
        raise DataError(f"file is {file!r}; give the path of a file, such as 'answers.csv'.")
    path = Path(file)
    named = {"text": text, "outcome": outcome, "prompt": prompt, "log_read": log_read}
    wanted = {role: name for role, name in named.items() if name is not None}
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        columns = _from_lines(path, wanted)
    else:
        columns = _from_table(path, open_table(path), wanted)
    if not columns["text"]:
        raise DataError(f"{path.name} has no row; it needs one text with its outcome on each.")
    texts = _texts(path, text, columns["text"])
    return DirectOutcomes(
        texts=texts,
        Y=_numbers(path, outcome, columns["outcome"]),
        prompts=_texts(path, prompt, columns["prompt"]) if prompt is not None else None,
        log_read=_numbers(path, log_read, columns["log_read"]) if log_read is not None else None,
    )


def _from_lines(path: Path, wanted: dict[str, str]) -> dict[str, list[Any]]:
    if not path.is_file():
        raise DataError(f"no file at {path}; check the path.")
    columns: dict[str, list[Any]] = {role: [] for role in wanted}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text. Save it as UTF-8.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"line {number} of {path.name} is not JSON ({error.msg}); put one object on a line."
            ) from error
        if not isinstance(record, dict):
            raise DataError(f"line {number} of {path.name} is a {type(record).__name__}; put one object on a line.")
        for role, name in wanted.items():
            if name not in record:
                raise _no_column(path, name, list(record), f"line {number} of ")
            columns[role].append(record[name])
    return columns


def _from_table(path: Path, table: Table, wanted: dict[str, str]) -> dict[str, list[Any]]:
    for name in wanted.values():
        if name not in table.names:
            raise _no_column(path, name, list(table.names))
    read = table.read(list(wanted.values()))
    columns: dict[str, list[Any]] = {}
    for role, name in wanted.items():
        column = read[name]
        if column.levels is None:
            columns[role] = [None if np.isnan(value) else float(value) for value in column.values]
        else:
            columns[role] = [None if np.isnan(value) else column.levels[int(value)] for value in column.values]
    return columns


def _no_column(path: Path, name: str, known: Sequence[str], where: str = "") -> DataError:
    return DataError(f"{where}{path.name} has no column {name!r}; it has {', '.join(map(repr, known)) or 'none'}.")


def _texts(path: Path, name: str, values: list[Any]) -> tuple[str, ...]:
    odd = [k for k, value in enumerate(values) if not isinstance(value, str) or not value.strip()]
    if odd:
        raise DataError(
            f"column {name!r} of {path.name} has {len(odd)} rows without a text, the first is row {odd[0] + 1} "
            f"({values[odd[0]]!r}); leave them out, or name another column."
        )
    return tuple(values)


def _numbers(path: Path, name: str, values: list[Any]) -> np.ndarray:
    odd = [k for k, value in enumerate(values) if not isinstance(value, int | float) or not abs(value) <= _LARGEST]
    if odd:
        raise DataError(
            f"column {name!r} of {path.name} has {len(odd)} rows without a number, the first is row {odd[0] + 1} "
            f"({values[odd[0]]!r}); leave them out, or name another column."
        )
    return np.asarray(values, dtype=np.float64)


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
