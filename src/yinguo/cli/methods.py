"""``yinguo methods``: what there is, generated from the registry and the capabilities of each class."""

import inspect
from typing import Any

from yinguo.cli.output import console, emit, json_text
from yinguo.core.estimator import Estimator
from yinguo.core.registry import estimators, find

__all__ = ["first_line", "method_record", "methods"]

_HEADS = {
    "method": "method", "class": "class", "estimands": "estimands", "needs": "needs", "honours": "honours",
    "inference": "standard error from", "summary": "what it is",
}  # fmt: skip


def methods(name: str | None, form: str) -> int:
    """Print all methods, or one in full."""
    if name is not None:
        emit(json_text(method_record(find(name))) if form == "json" else _one(find(name)))
        return 0
    records = [method_record(cls) for cls in estimators().values()]
    if form == "json":
        emit(json_text({"methods": records}))
    elif form == "markdown":
        emit(_markdown(records))
    else:
        _table(records)
    return 0


def method_record(cls: type[Estimator]) -> dict[str, Any]:
    """What a method is and can do, as plain JSON types."""
    can = cls.capabilities
    return {
        "method": cls.name,
        "class": cls.__name__,
        "summary": first_line(cls),
        "treatment": list(can.treatment),
        "outcome": list(can.outcome),
        "estimands": list(can.estimands),
        "needs": list(can.needs),
        "honours": list(can.honours),
        "inference": can.inference,
        "assumes": list(can.assumes),
        "all_rows": can.all_rows,
        "options": {name: _plain(value) for name, value in cls.option_defaults().items()},
    }


def first_line(item: Any) -> str:
    """First line of a docstring."""
    return (inspect.getdoc(item) or "").split("\n", 1)[0]


def _one(cls: type[Estimator]) -> str:
    """Docstring and options of one method."""
    options = [f"  --set {cls.name}.{name}={value!r}" for name, value in cls.option_defaults().items()]
    can = cls.capabilities
    facts = [
        f"estimands: {', '.join(can.estimands)} (the first is the default in Python; the command line asks for ATE)",
        f"needs: {', '.join(can.needs) or 'nothing but treatment and outcome'}",
        f"honours: {', '.join(can.honours) or 'neither sample_weight nor groups'}",
        f"standard error from: {can.inference}",
        f"memory: {'all rows at once' if can.all_rows else 'weighted moments'}",
    ]
    known = f", also known as {', '.join(cls.also_known_as)}" if cls.also_known_as else ""
    title = f"{cls.name} (class {cls.__name__}{known})"
    return "\n".join([title, "", inspect.getdoc(cls) or "", "", *facts, "", "Options and their defaults:", *options])


def _cells(record: dict[str, Any]) -> list[str]:
    shown = {key: ", ".join(value) if isinstance(value, list) else str(value) for key, value in record.items()}
    return [shown[key] or "-" for key in _HEADS]


def _table(records: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, head in _HEADS.items():
        table.add_column(head, no_wrap=key in ("method", "class"), overflow="fold")
    for record in records:
        table.add_row(*_cells(record))
    out = console()
    out.print(table)
    out.print("\nOne method in full, with its options: yinguo methods NAME")


def _markdown(records: list[dict[str, Any]]) -> str:
    rows = [list(_HEADS.values()), ["---"] * len(_HEADS), *(_cells(record) for record in records)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
