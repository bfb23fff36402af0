"""Docstrings keep their word: examples run, parameters and defaults are those of the signature, maths has a source."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re

import pytest

import yinguo
from yinguo.errors import MissingExtraError

MODULES = [
    "yinguo",
    *sorted(m.name for m in pkgutil.walk_packages(yinguo.__path__, "yinguo.") if "__main__" not in m.name),
]
#: Rooms whose functions do statistics; the rest prints, draws, reads or runs.
STATISTICAL = ("yinguo.core", "yinguo.kernels", "yinguo.diagnose", "yinguo.datasets", *(
    f"yinguo.{room}" for room in ("confounding", "instruments", "nets", "stable")
))  # fmt: skip


def load(name: str):
    try:
        return importlib.import_module(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


def public(module):
    """(name, object) of what a module defines and exports itself."""
    for name in getattr(module, "__all__", ()):
        item = getattr(module, name)
        if getattr(item, "__module__", None) == module.__name__ and (inspect.isfunction(item) or inspect.isclass(item)):
            yield name, item


def described(item) -> dict[str, str]:
    """Parameter name to the type text of its line in the docstring."""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", inspect.getdoc(item) or "", re.M | re.S)
    lines = [line for line in found[1].splitlines() if line and not line.startswith(" ")] if found else []
    out = {}
    for line in lines:
        names, _, kind = line.partition(" : ")
        out |= {name.strip().lstrip("*"): kind for name in names.split(",")}
    return out


def parameters(item) -> dict[str, inspect.Parameter]:
    return {n: p for n, p in inspect.signature(item).parameters.items() if n != "self"}


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_and_its_examples_run(name):
    module = load(name)
    assert module.__doc__
    assert len(module.__doc__.strip()) > 15
    result = doctest.testmod(module)
    assert result.failed == 0


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [m for m in MODULES if m.startswith("yinguo.confounding.")]
    assert sum(bool(test.examples) for name in names for test in finder.find(load(name))) >= 5


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    """A method may be told of in the protocol or base class that it fills in."""
    module = load(name)
    classes = [item for item in vars(module).values() if inspect.isclass(item)]
    told = {m for c in classes for m, value in vars(c).items() if inspect.isfunction(value) and value.__doc__}
    for label, item in public(module):
        assert item.__doc__, label
        for method, value in vars(item).items() if inspect.isclass(item) else ():
            if inspect.isfunction(value) and not method.startswith("_"):
                assert method in told or inspect.getdoc(getattr(item, method)), f"{label}.{method}"


@pytest.mark.parametrize("name", MODULES)
def test_documented_parameters_are_those_of_the_signature(name):
    for label, item in public(load(name)):
        told, real = described(item), parameters(item) if described(item) else {}
        assert set(told) <= set(real), label
        if told and name.startswith(STATISTICAL):
            assert set(told) == set(real), label


@pytest.mark.parametrize("name", MODULES)
def test_documented_defaults_and_choices_are_those_of_the_signature(name):
    for label, item in public(load(name)):
        real = parameters(item) if described(item) else {}
        for parameter, kind in described(item).items():
            default = real[parameter].default
            said = re.search(r"default[: ]+`*([^`,]+)`*$", kind)
            if said and default is not inspect.Parameter.empty:
                assert said[1].strip("'\"") == str(default), f"{label}: {parameter}"
            choices = re.match(r"\{([^}]*)\}", kind)
            if choices and isinstance(default, str):
                assert default in ast.literal_eval(f"({choices[1]},)"), f"{label}: {parameter}"
            if ", optional" in kind and default is not inspect.Parameter.empty:
                assert default is None or default == (), f"{label}: {parameter}"


@pytest.mark.parametrize(
    "name", [m for m in MODULES if m.startswith(("yinguo.confounding", "yinguo.instruments", "yinguo.stable"))]
)
def test_every_formula_of_a_method_leads_to_a_source(name):
    """A public function that takes the outcome either names its paper or stands in a module that does."""
    module = load(name)
    for label, item in public(module):
        if inspect.isfunction(item) and {"Y", "X"} & set(parameters(item)):
            told = [item.__doc__, module.__doc__, *(other.__doc__ for _, other in public(module))]
            assert re.search(r"\((1[89]|20)\d\d\b", " ".join(told)), f"{name}.{label}"
