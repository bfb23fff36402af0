"""What it takes to repeat the numbers: settings in full, a Python script, a command line."""

import ast
import csv
import io
import pprint
import shlex
from dataclasses import dataclass
from typing import Any

from yinguo.core.compare import Comparison
from yinguo.core.result import EffectResult

__all__ = ["Setting", "command_line", "python_script", "settings_of"]

_FILE = "your-table.csv"
#: Arguments of a study that the command line has, with their names there.
_FLAGS = {
    "treatment": "treatment", "outcome": "outcome", "covariates": "covariates",
    "instruments": "instruments", "selection": "selection", "shadow": "shadow", "time": "time", "groups": "groups",
    "sample_weight": "sample-weight", "missing": "missing", "treated": "treated",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """One method as it was run.

    Attributes
    ----------
    label, call : str
        ``call`` has every option with its value, defaults too.
    version : str
    seconds : float
    """

    label: str
    call: str
    version: str
    seconds: float


def settings_of(comparison: Comparison, names: tuple[str, ...]) -> tuple[Setting, ...]:
    """Class, options and version of every row; those of a failed one too."""
    from yinguo import __version__

    found = []
    for name, row, estimator, seconds in zip(
        names, comparison.rows, comparison.estimators, comparison.seconds, strict=True
    ):
        options = ", ".join(f"{key}={value!r}" for key, value in estimator.get_params().items())
        version = row.settings.get("version", __version__) if isinstance(row, EffectResult) else __version__
        found.append(Setting(name, f"{type(estimator).__name__}({options})", version, seconds))
    return tuple(found)


def python_script(comparison: Comparison, *, level: float = 0.95, benchmark: tuple[str, float] | None = None) -> str:
    """A script that repeats the comparison and its report on the same table."""
    arguments = [f"    {_FILE!r},  # the table: a file, or a pandas / polars / pyarrow frame"]
    for role, value in _study_options(comparison.study).items():
        shown = list(value) if isinstance(value, tuple) else value
        text = pprint.pformat(shown, width=100, compact=True).replace("\n", "\n" + " " * (len(role) + 5))
        arguments.append(f"    {role}={text},")
    imports, calls = ["import yinguo as yg"], []
    for estimator in comparison.estimators:
        prefix, needed = _where(type(estimator))
        if needed and needed not in imports:
            imports.append(needed)
        calls.append(f"    {prefix}{estimator!r},")
    lines = [*imports, "", "study = yg.Study(", *arguments, ")", "comparison = yg.compare(study, [", *calls, "])"]
    options = ["comparison", '"report.html"', *([f"level={level!r}"] if level != 0.95 else [])]
    options += [f"benchmark={benchmark!r}"] if benchmark else []
    return "\n".join([*lines, "print(comparison)", f"yg.write_report({', '.join(options)})"])


def command_line(
    comparison: Comparison, *, level: float = 0.95, benchmark: tuple[str, float] | None = None
) -> tuple[str, str]:
    """The same from a shell.

    Returns
    -------
    command : str
    remark : str
        What the command line cannot repeat; empty if it repeats everything.
    """
    estimators, options, missing = comparison.estimators, _study_options(comparison.study), []
    parts = ["yinguo estimate", _FILE]
    for role, flag in _FLAGS.items():
        value = options.pop(role, None)
        if value is not None:
            parts.append(f"--{flag} {shlex.quote(_comma_separated(value) if isinstance(value, tuple) else str(value))}")
    if options:
        missing.append(f"{', '.join(options)} of the study")
    names = [e.name for e in estimators]
    parts.append(f"--methods {','.join(dict.fromkeys(names))}")
    if len(set(names)) < len(names):
        missing.append("a method run twice with different options")
    estimands = sorted({e.estimand for e in estimators})
    if len(estimands) == 1:
        parts.append(f"--estimand {estimands[0]}")
    elif estimands:
        missing.append("estimands that differ between methods")
    for estimator in estimators:
        for name, value in _changed(estimator).items():
            if _literal(value):
                parts.append(f"--set {shlex.quote(f'{estimator.name}.{name}={value!r}')}")
            else:
                missing.append(f"{name} of {estimator.name}, which is an object")
    parts += [f"--level {level!r}"] if level != 0.95 else []
    parts += [f"--benchmark {shlex.quote(f'{benchmark[0]}={benchmark[1]!r}')}"] if benchmark else []
    remark = f"Not covered by the command: {'; '.join(missing)}. Use the script." if missing else ""
    return " \\\n  ".join([*parts, "--report report.html"]), remark


def _study_options(study: Any) -> dict[str, Any]:
    """The arguments that make this study from its table, read off what it recorded."""
    options = {role: value for role, value in study.roles.items() if value}
    said = " ".join(study.decisions)
    if "marked by an indicator" in said:
        options["missing"] = "indicator"
        # The indicator columns are made on the way in; they are not in the table.
        given = options["covariates"]
        options["covariates"] = tuple(c for c in given if c.removesuffix(" missing") not in set(given) - {c})
    elif "left out for missing values" in said:
        options["missing"] = "drop"
    levels = study.treatment_levels
    if len(levels) == 2 and isinstance(levels[0], tuple):
        options["treated"] = levels[1]
    return options


def _changed(estimator: Any) -> dict[str, Any]:
    """Options that are not at their default, but for the estimand, which all methods of a command share."""
    defaults = estimator.option_defaults()
    given = estimator.get_params().items()
    return {name: value for name, value in given if name != "estimand" and repr(value) != repr(defaults[name])}


def _literal(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False


def _comma_separated(names: tuple[str, ...]) -> str:
    """Names with commas between; one that holds a comma itself in quotation marks."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def _where(cls: type) -> tuple[str, str]:
    import yinguo

    if getattr(yinguo, cls.__name__, None) is cls:
        return "yg.", ""
    return "", f"from {cls.__module__} import {cls.__name__}"
