"""Arithmetic word problems from four public sets, in one form.

=========  ======================  ====================================  =================================
name       problems                equation known                        publishers' terms
=========  ======================  ====================================  =================================
gsm8k      7,473 + 1,319           no (worked steps)                     MIT
svamp      1,000                   yes                                   MIT
asdiv      2,305, of which 2,084   yes                                   CC BY-NC 4.0 (non-commercial)
           with one plain number
mawps      1,239 + 413 + 413       no; causal links by a language model  none stated
=========  ======================  ====================================  =================================

None comes with the package: they are read from the folder that ``YINGUO_DATA`` names.

Source: Cobbe et al. (2021), arXiv 2110.14168; Patel, Bhattamishra & Goyal (2021), NAACL; Miao, Liang & Su (2020), ACL;
Koncel-Kedziorski et al. (2016), NAACL, in the split of Han et al. (2025), EMNLP.
"""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from yinguo.core.shared_data import SETS, SharedSet, shared_file
from yinguo.errors import DataError

__all__ = ["PROBLEM_SETS", "WordProblem", "plain_number", "same_number", "word_problems"]

#: Parts of each set.
PROBLEM_SETS: Mapping[str, tuple[str, ...]] = {
    "gsm8k": ("train", "test"), "svamp": ("all",), "asdiv": ("all",), "mawps": ("train", "val", "test"),
}  # fmt: skip

SETS.update(
    {
        "text_gsm8k": SharedSet(
            "grade school word problems with worked steps (Cobbe et al. 2021)",
            "the repository openai/grade-school-math (grade_school_math/data) on GitHub",
        ),
        "text_svamp": SharedSet(
            "word problems varied to catch shortcuts (Patel, Bhattamishra & Goyal 2021)",
            "the repository arkilpatel/SVAMP on GitHub",
        ),
        "text_asdiv": SharedSet(
            "diverse word problems with their formulas (Miao, Liang & Su 2020), for non-commercial use",
            "the repository chaochun/nlu-asdiv-dataset (dataset/ASDiv.xml) on GitHub",
        ),
        "text_mawps": SharedSet(
            "word problems (Koncel-Kedziorski et al. 2016), split and causal links of Han et al. (2025)",
            "the repository Kairong-Han/CAT (MAWPS) on GitHub",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class WordProblem:
    """One problem.

    Attributes
    ----------
    question : str
        In one line.
    answer : str
        A plain number: no thousands separators, no ``.0``.
    operands : tuple of str or None
        Numbers of the published equation, plain; None where no equation was published.
    kind : str
        As the publishers class it; empty where they do not.
    important : tuple of mappings
        Causal links in words, later phrase to earlier ones, where they were released.
    """

    question: str
    answer: str
    operands: tuple[str, ...] | None
    kind: str
    important: tuple[Mapping[str, list[str]], ...] = ()


def word_problems(name: str, part: str | None = None) -> list[WordProblem]:
    """All problems of a set, in the order of its file.

    Parameters
    ----------
    name : {"gsm8k", "svamp", "asdiv", "mawps"}
    part : str, optional
        One of :data:`PROBLEM_SETS`; None is the first.

    Raises
    ------
    DataError
        Another name or part, or the file is not on this machine: says where to get it.
    """
    if name not in PROBLEM_SETS:
        raise DataError(f"there is no set of problems {name!r}; there are {', '.join(PROBLEM_SETS)}.")
    chosen = PROBLEM_SETS[name][0] if part is None else part
    if chosen not in PROBLEM_SETS[name]:
        raise DataError(f"{name} has no part {part!r}; it has {', '.join(PROBLEM_SETS[name])}.")
    read = {"gsm8k": _gsm8k, "svamp": _svamp, "asdiv": _asdiv, "mawps": _mawps}[name]
    return read(chosen)


def plain_number(value: object) -> str:
    """A number as the shortest text: without separators, signs of money or a fraction of zero.

    >>> plain_number("1,000.0"), plain_number(0.5), plain_number("$84.0")
    ('1000', '0.5', '84')

    Raises
    ------
    ValueError
        The text is no number.
    """
    number = float(str(value).strip().lstrip("$").replace(",", ""))
    return f"{number:.10g}" if abs(number) < 1e10 else f"{number:.0f}"


def same_number(given: str, wanted: str) -> bool:
    """Whether two texts are the same number: ``"8"`` is ``"8.0"``, ``"1,000"`` is ``"1000"``; words are no number.

    >>> same_number("1,000", "1000.0"), same_number("8 apples", "8")
    (True, False)
    """
    try:
        return abs(float(given.strip().replace(",", "")) - float(wanted.strip().replace(",", ""))) < 1e-6
    except ValueError:
        return False


def _gsm8k(part: str) -> list[WordProblem]:
    rows = _lines(shared_file("text_gsm8k", f"{part}.jsonl.gz"))
    return [WordProblem(_line(row["question"]), plain_number(row["answer"].split("####")[1]), None, "") for row in rows]


def _svamp(part: str) -> list[WordProblem]:
    with gzip.open(shared_file("text_svamp", "SVAMP.json.gz"), "rt", encoding="utf-8") as file:
        rows = json.load(file)
    problems = []
    for row in rows:
        body = row["Body"].strip()
        ends = "" if body.endswith((".", "!", "?", ",")) else "," if row["Question"][:1].islower() else "."
        question = _line(f"{body}{ends} {row['Question']}")
        problems.append(WordProblem(question, plain_number(row["Answer"]), _numbers(row["Equation"]), row["Type"]))
    return problems


def _asdiv(part: str) -> list[WordProblem]:
    with gzip.open(shared_file("text_asdiv", "ASDiv.xml.gz"), "rt", encoding="utf-8") as file:
        root = ElementTree.fromstring(file.read().encode("utf-8"))
    problems = []
    for row in root.iter("Problem"):
        text = {field.tag: (field.text or "").strip() for field in row}
        # A single number with or without a unit; problems with several answers, words or clock times are left out.
        found = re.fullmatch(r"(-?[\d,]*\.?\d+)\s*(\([^)]*\))?", text["Answer"])
        if found:
            question = _line(f"{text['Body']} {text['Question']}")
            operands = _numbers(text["Formula"].rpartition("=")[0])
            problems.append(WordProblem(question, plain_number(found[1]), operands, text["Solution-Type"]))
    return problems


def _mawps(part: str) -> list[WordProblem]:
    rows = _lines(shared_file("text_mawps", f"{part}.jsonl.gz"))
    return [
        WordProblem(
            _line(row["input"]), plain_number(row["target"].removeprefix("Answer:")), None, row["type"],
            tuple(row.get("important", ())),
        )
        for row in rows
    ]  # fmt: skip


def _lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def _line(text: str) -> str:
    return " ".join(text.split())


def _numbers(equation: str) -> tuple[str, ...]:
    return tuple(plain_number(found) for found in re.findall(r"\d+(?:\.\d+)?", equation))
