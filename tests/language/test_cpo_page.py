"""What the page on CPO shows is run."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = Path(__file__).parents[2] / "docs" / "language" / "cpo.md"


def test_the_python_of_the_page_runs_and_finds_a_gain():
    shown = []
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S):
        exec(compile(block, str(PAGE), "exec"), {"print": lambda *parts: shown.append(parts)})
    gain, _, se = shown[0]
    assert gain > 2 * se > 0
    assert str(shown[1][0]).startswith(("ok", "look"))
