"""What the pages on the Spurious Token Game and on Re-Attention show is run."""

import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGES = Path(__file__).parents[2] / "docs" / "language"


def run(page):
    blocks = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(), flags=re.S)
    assert blocks
    shown = []
    for block in blocks:
        exec(compile(block, page, "exec"), {"print": lambda *parts: shown.append(" ".join(map(str, parts)))})
    return shown


def test_the_code_of_the_page_on_re_attention_runs():
    assert 0 < float(run("re-attention.md")[-1]) < 1


def test_the_code_of_the_page_on_the_game_runs_and_prints_the_constant():
    plain, tuned = run("stg.md")
    for line in (plain, tuned):
        assert "(always 'Low Risk': 66.5 %)" in line
    assert float(plain.split()[-1]) < float(tuned.split()[-1])
