"""Which code made a number: a short digest of the modules that a class or function rests on.

A result is reused only if nothing that could change it has changed. Editing one estimator must not
discard the hours spent on the others, and editing a docstring must not discard anything. So the digest
covers the module that defines the object and, through its imports, every module of the same top-level
package that it needs; it is taken from the syntax tree, without comments and docstrings.
"""

import ast
import functools
import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["code_digest"]

#: Declarations of a table, its prose and what is drawn from a result decide no estimate.
_NOT_NUMERICAL = ("yinguo.bench.spec", "yinguo.report", "yinguo.cli")
_DECLARATIONS = frozenset({"TABLE", "SOURCE", "PROTOCOL", "GAPS"})


def code_digest(*modules: str) -> str:
    """Ten hexadecimal digits for the code behind these modules.

    Parameters
    ----------
    *modules : str
        Full names of importable modules. One that cannot be imported counts as empty, so that the
        digest changes when it appears.

    Returns
    -------
    digest : str
        The same for the same code, whatever the comments, docstrings and layout of its files.
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(modules)):
        digest.update(f"{name}\n{_module_digest(name)}\n".encode())
    return digest.hexdigest()[:10]


def _closure(modules: tuple[str, ...]) -> set[str]:
    """The modules themselves and, of the same top-level package, all that they import in turn."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        package = name.split(".")[0]
        # The package itself is passed over: it only says where its names live, and each is followed to its home.
        ours = (other for other in _imports(name) if other.startswith(f"{package}."))
        waiting += [other for other in ours if other not in found and not other.startswith(_NOT_NUMERICAL)]
    return found


@functools.cache
def _module_digest(name: str) -> str:
    tree = _syntax(name)
    if tree is None:
        return getattr(sys.modules.get(name), "__version__", "")
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


@functools.cache
def _syntax(name: str) -> ast.Module | None:
    """The tree of a module without docstrings and without what declares a table; None if it has no source."""
    try:
        path = getattr(importlib.import_module(name), "__file__", None)
    except ImportError:
        return None
    if path is None or not path.endswith(".py"):
        return None
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not _declares_table(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _declares_table(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id in _DECLARATIONS for target in targets)


@functools.cache
def _imports(name: str) -> tuple[str, ...]:
    """Modules named by the import statements of a module, wherever in it they stand."""
    tree = _syntax(name)
    return () if tree is None else tuple(_imported_modules(tree, name))


def _imported_modules(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, name)
            yield base
            for alias in node.names:
                # `from package import thing`: the thing may be a module, or live in one that the package hides.
                yield _home(base, alias.name)


def _absolute(node: ast.ImportFrom, name: str) -> str:
    if not node.level:
        return node.module or ""
    is_package = hasattr(sys.modules[name], "__path__")
    parts = name.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, node.module] if node.module else parts)


def _home(base: str, name: str) -> str:
    try:
        thing = getattr(importlib.import_module(base), name, None)
    except ImportError:
        return base
    if thing is None:
        return base
    home = getattr(thing, "__module__", None) or getattr(thing, "__name__", None)
    return home if isinstance(home, str) else base
