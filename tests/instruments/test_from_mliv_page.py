"""docs/from-mliv.md keeps its word: its code runs, its classes and options exist, all eleven classes are there."""

import inspect
import re
from pathlib import Path

import pytest

import yinguo as yg
from yinguo.datasets import demand

PAGE = (Path(__file__).parents[2] / "docs" / "from-mliv.md").read_text(encoding="utf-8")
THEIRS = {
    "Vanilla2SLS", "Poly2SLS", "NN2SLS", "OneSIV", "KernelIV", "DualIV", "DFL", "AGMM", "DeepGMM", "DFIV", "DeepIV",
}  # fmt: skip


def table(title):
    """Body of the first table below a heading, cell by cell."""
    text = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell):
    return re.findall(r"`([^`]+)`", cell)


def test_the_python_of_the_page_runs_and_prints_mlivs_error():
    shown = []
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.S):
        exec(compile(block, "from-mliv.md", "exec"), {"print": shown.append})
    assert float(shown[0]) > 5000
    assert "price" in str(shown[1])


def test_all_eleven_classes_have_a_counterpart_that_exists():
    rows = table("Classes")
    assert {named(theirs)[0] for theirs, *_ in rows} == THEIRS
    for _, ours, note in rows:
        for name in (*named(ours), *(word for word in named(note) if word[0].isupper())):
            assert hasattr(yg, name), name


OPTIONS = [(named(cls)[0], option) for cls, _, ours in table("Config keys and options") for option in named(ours)]


@pytest.mark.parametrize(("cls", "option"), OPTIONS)
def test_every_option_the_page_names_is_one_of_its_class(cls, option):
    if option != "study.take":
        assert option in getattr(yg, cls).option_defaults()


def test_options_of_the_generator_are_those_of_demand():
    told = {name for _, ours in table("Data") for name in named(ours) if "(" not in name and "=" not in name}
    assert told == {name for name in inspect.signature(demand).parameters if name not in ("parametrisation", "noise")}


def test_the_page_is_in_the_menu():
    assert "from-mliv.md" in (Path(__file__).parents[2] / "mkdocs.yml").read_text(encoding="utf-8")
