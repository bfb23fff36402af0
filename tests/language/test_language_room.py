"""What holds for the whole room: nothing heavy on import, no network, and a remedy where an extra is missing."""

import pkgutil
import subprocess
import sys

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

import yinguo.language as room

MODULES = [found.name for found in pkgutil.walk_packages(room.__path__, "yinguo.language.")]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_the_room_loads_neither_torch_nor_transformers():
    done = run("import sys, yinguo.language; print({'torch', 'transformers', 'peft'} & set(sys.modules))")
    assert done.stdout.strip() == "set()", done.stderr


def test_no_module_of_the_room_opens_a_connection_on_import():
    done = run(
        "import importlib, socket\n"
        "def refused(*a, **k): raise AssertionError(f'a connection was tried: {a}')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused\n"
        f"for name in {MODULES!r}: importlib.import_module(name)\n"
        "print('quiet')"
    )
    assert done.stdout.strip() == "quiet", done.stderr


@pytest.mark.parametrize("missing", ["transformers", "peft"])
def test_a_missing_extra_names_the_command_that_installs_it(missing):
    done = run(f"import sys; sys.modules[{missing!r}] = None\nimport yinguo.language as room\nroom.load_checkpoint")
    assert f"MissingExtraError: {missing} is not installed; run: pip install 'yinguo[llm]'" in done.stderr
    assert done.returncode == 1
