import subprocess
import sys

import pytest

from yinguo.bench.fingerprint import code_digest

FILES = {
    "__init__.py": "from toybox.core import base\n",
    "core/__init__.py": "",
    "core/base.py": 'def base():\n    """Text."""\n    return 1\n',
    "kernels.py": "import math\n\nHALF = 0.5\n",
    "method.py": "from toybox.core.base import base\nfrom . import kernels\n\n\ndef fit():\n    return base()\n",
    "sibling.py": "def fit():\n    return 2\n",
    "late.py": "def fit():\n    from toybox.kernels import HALF\n\n    return HALF\n",
    "table.py": (
        "from toybox.kernels import HALF\n\n\ndef draw():\n    return HALF\n\n\nGAPS = 'none'\nTABLE = 'a title'\n"
    ),
}


@pytest.fixture
def digest(tmp_path):
    """A function that writes a small package, with changes, and gives the digest of one of its modules."""

    def digest_of(module, **changes):
        for name, text in {**FILES, **changes}.items():
            path = tmp_path / "toybox" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        code = f"from yinguo.bench.fingerprint import code_digest; print(code_digest({module!r}))"
        # A process of its own: imported modules are remembered.
        done = subprocess.run(
            [sys.executable, "-B", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return digest_of


def test_comments_docstrings_and_layout_do_not_change_the_digest(digest):
    changed = '"""A module."""\n# why\n\n\ndef base():\n    """Other text."""\n\n    return (1)\n'
    assert digest("toybox.method", **{"core/base.py": changed}) == digest("toybox.method")


def test_code_that_a_module_imports_changes_its_digest(digest):
    for name, text in (("core/base.py", "def base():\n    return 3\n"), ("kernels.py", "HALF = 0.25\n")):
        assert digest("toybox.method", **{name: text}) != digest("toybox.method")


def test_an_import_inside_a_function_counts(digest):
    assert digest("toybox.late", **{"kernels.py": "HALF = 0.25\n"}) != digest("toybox.late")


def test_a_sibling_that_is_not_imported_does_not_count(digest):
    assert digest("toybox.method", **{"sibling.py": "def fit():\n    return 3\n"}) == digest("toybox.method")


def test_the_declaration_of_a_table_and_its_prose_do_not_count_but_its_draw_does(digest):
    text = FILES["table.py"]
    for said in ("'a title'", "'none'"):
        assert digest("toybox.table", **{"table.py": text.replace(said, "'another'")}) == digest("toybox.table")
    assert digest("toybox.table", **{"table.py": text.replace("return HALF", "return -HALF")}) != digest("toybox.table")


def test_a_module_that_is_not_there_has_a_digest_that_changes_when_it_appears(digest):
    assert digest("toybox.new") != digest("toybox.new", **{"new.py": "X = 1\n"})


def test_the_digest_of_our_own_code_is_short_and_repeatable():
    assert code_digest("yinguo.core.study") == code_digest("yinguo.core.study")
    assert len(code_digest("yinguo.core.study")) == 10
