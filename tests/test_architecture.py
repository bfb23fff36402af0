"""The rules of the house that the layer contract of import-linter does not say."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import yinguo

SOURCE = Path(yinguo.__file__).parent
ROOT = SOURCE.parent.parent

#: What a package may import besides the standard library and yinguo itself (STYLE 2.2).
ALLOWED = {
    "kernels": {"numpy", "scipy"},
    "core": {"numpy", "scipy", "narwhals", "joblib", "duckdb", "pyarrow"},
    "diagnose": {"numpy", "scipy", "joblib"},
    "datasets": {"numpy", "scipy"},
    "confounding": {"numpy", "scipy", "sklearn"},
    "instruments": {"numpy", "scipy", "sklearn"},
    "heterogeneity": {"numpy", "scipy", "sklearn"},
    "selection": {"numpy", "scipy", "sklearn"},
    "temporal": {"numpy", "scipy", "sklearn"},
    "stable": {"numpy", "scipy", "sklearn"},
    "language": {"numpy", "scipy", "sklearn", "safetensors", "transformers", "peft"},
    "nets": {"numpy", "torch"},
    "report": {"numpy", "matplotlib", "jinja2"},
    "bench": {"numpy", "scipy", "joblib", "rich", "threadpoolctl"},
}


def imported(path: Path) -> set[str]:
    """Top-level names a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_its_layer_allows(package):
    for path in (SOURCE / package).rglob("*.py"):
        foreign = imported(path) - set(sys.stdlib_module_names) - {"yinguo"}
        assert foreign <= ALLOWED[package], f"{path.relative_to(SOURCE)} imports {foreign - ALLOWED[package]}"


def test_a_method_package_does_not_import_its_sibling():
    rooms = {"confounding", "instruments", "heterogeneity", "selection", "temporal", "stable", "language"}
    for package in rooms:
        for path in (SOURCE / package).rglob("*.py"):
            names = {
                node.module
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ImportFrom) and node.module
            }
            assert not any(name.startswith(f"yinguo.{sibling}") for name in names for sibling in rooms - {package}), (
                path
            )


def test_torch_is_imported_in_one_place():
    """Elsewhere its absence would be a bare ModuleNotFoundError instead of the error that names the extra."""
    for path in SOURCE.rglob("*.py"):
        assert "torch" not in imported(path) or path == SOURCE / "nets" / "__init__.py", path


def test_transformers_and_peft_are_imported_in_one_place():
    for path in SOURCE.rglob("*.py"):
        found = imported(path) & {"transformers", "peft"}
        assert not found or path == SOURCE / "language" / "hub.py", path


def test_every_module_is_under_three_hundred_lines_and_has_a_docstring():
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        assert ast.get_docstring(ast.parse(text)), f"{path.relative_to(SOURCE)} has no docstring"
        # Study is one class with one constructor; it may be longer.
        limit = 400 if path.name == "study.py" else 300
        assert text.count("\n") <= limit, f"{path.relative_to(SOURCE)} has {text.count(chr(10))} lines"


def test_library_code_never_prints_nor_seeds_the_global_generator():
    for path in SOURCE.rglob("*.py"):
        banned = {"np.random.seed", "numpy.random.seed", "random.seed"}
        banned |= set() if path.parent.name == "cli" else {"print"}  # the command line is where text is shown
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in banned, path


def test_the_generated_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr}run: python docs/generate.py"


def test_the_version_is_stated_once():
    assert f'version = "{yinguo.__version__}"' in (ROOT / "pyproject.toml").read_text()
