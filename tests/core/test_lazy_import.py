"""Importing yinguo costs next to nothing; what is heavy comes when it is used, and its absence has a remedy."""

import re
import subprocess
import sys

import pytest

import yinguo as yg
from yinguo.core.lazy import lazy_exports, require
from yinguo.errors import MissingExtraError

HEAVY = (
    "torch", "transformers", "matplotlib", "sklearn", "pandas", "polars", "scipy", "numpy", "pyarrow", "duckdb",
    "narwhals", "joblib", "jinja2", "rich", "typer",
)  # fmt: skip

#: Issue 2 asks for less than 0.1 s beyond the interpreter; on an idle machine it is about a hundredth of that.
SECONDS = 0.1


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


def test_importing_loads_nothing_heavy():
    loaded = python("-c", "import sys, yinguo; print(*sys.modules)").stdout.split()
    assert "yinguo" in loaded
    assert not [name for name in HEAVY if name in loaded]


def test_importing_the_method_packages_loads_nothing_heavy_either():
    loaded = python(
        "-c", "import sys, yinguo.confounding, yinguo.stable; dir(yinguo); print(*sys.modules)"
    ).stdout.split()
    assert not [name for name in HEAVY if name in loaded]


def test_importing_takes_less_than_a_tenth_of_a_second_beyond_the_interpreter():
    taken = []
    for _ in range(5):
        line = python("-X", "importtime", "-c", "import yinguo").stderr.strip().splitlines()[-1]
        found = re.fullmatch(r"import time:\s*\d+ \|\s*(\d+) \| yinguo", line)
        assert found, line
        taken.append(int(found[1]) / 1e6)
    assert min(taken) < SECONDS


def test_an_effect_is_estimated_without_torch_matplotlib_or_scikit_learn():
    script = (
        "import sys, yinguo as yg\n"
        "study = yg.Study({'t': [0, 1] * 20, 'y': range(40), 'x': [0, 0, 1] * 13 + [0]}, treatment='t', outcome='y')\n"
        "yg.IPW().fit(study); print(*sys.modules)"
    )
    loaded = python("-c", script).stdout.split()
    assert not [name for name in ("torch", "transformers", "matplotlib", "polars", "sklearn") if name in loaded]


def test_every_public_name_resolves_and_dir_lists_it():
    assert set(yg.__all__) - {"__version__"} <= set(dir(yg))
    for name in yg.__all__:
        assert getattr(yg, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'yinguo' has no attribute 'PSM'"):
        yg.PSM  # noqa: B018


def test_lazy_exports_resolve_relative_and_absolute_modules():
    get, names = lazy_exports(
        "yinguo.core", {"find": "registry", "DataError": "yinguo.errors", "words": "yinguo.core.words"}
    )
    assert get("find").__module__ == "yinguo.core.registry"
    assert get("DataError") is yg.DataError
    assert get("words").__name__ == "yinguo.core.words"
    assert names() == ["DataError", "find", "words"]


def test_a_missing_part_is_named_with_the_extra_to_install():
    with pytest.raises(
        MissingExtraError, match=r"nowhere_to_be_found is not installed; run: pip install 'yinguo\[report\]'"
    ):
        require("nowhere_to_be_found", "report")
    assert require("json", "report").__name__ == "json"
    assert issubclass(MissingExtraError, ImportError)
