"""Moments of the inputs of linear layers on disk: one file for each group of layers, and a list of which is whose."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from yinguo.errors import DataError
from yinguo.language.tailor.curvature import Forward, Group, call_model, linear_groups, linear_layers, measure_groups
from yinguo.language.tailor.shards import ShardReader, ShardWriter
from yinguo.nets import nn, torch

__all__ = ["MomentsFolder", "measure_to_folder"]

_LIST = "moments.json"


class MomentsFolder:
    """Moments written by :func:`measure_to_folder`.

    Parameters
    ----------
    path : path

    Raises
    ------
    DataError
        Without its list.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            self.files: dict[str, str] = json.loads((self.path / _LIST).read_text(encoding="utf-8"))
            if not isinstance(self.files, dict):
                raise ValueError(f"a {type(self.files).__name__}")
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path} holds no readable {_LIST}; give a folder that measure_to_folder "
                            "wrote.") from error  # fmt: skip

    def __contains__(self, name: str) -> bool:
        return name in self.files

    def read(self, name: str) -> torch.Tensor:
        """H of the layer with the weight of this name."""
        file = self.path / self.files[name]
        if not file.is_file():
            raise DataError(f"{file}, the moments of {name!r}, is not there; measure them again.")
        with ShardReader(file) as reader:
            if "H" not in reader.entries:
                raise DataError(f"{file} holds no moments H; measure them again.")
            return reader.tensor("H")


def measure_to_folder(
    model: nn.Module,
    batches: Iterable[Any],
    folder: Path | str,
    *,
    layers: Callable[[str], bool] | None = None,
    forward: Forward = call_model,
    most_bytes: int = 2**31,
    skip_silent: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> MomentsFolder:
    """Run a tuned model over calibration batches and write the moments of the inputs of every linear layer.

    Parameters
    ----------
    model : nn.Module
    batches : iterable
        Read into a list.
    folder : path
        Made if it is not there.
    layers, forward
        As in :func:`~yinguo.language.tailor.model.tailor_model`.
    most_bytes : int
        Of moments held at once; where all need more, the batches are run several times.
    skip_silent : bool, default False
        Leave out layers that are never called, in place of refusing them.
    progress : callable (done, total, name), optional

    Raises
    ------
    DataError
        No batch, or a layer that is never called.
    """
    batches = list(batches)
    if not batches:
        raise DataError("there are no calibration batches; pass some inputs of the new task.")
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise DataError(f"{target} is a file; name a folder for the moments.")
    target.mkdir(parents=True, exist_ok=True)
    found = linear_layers(model, layers)
    if skip_silent:
        found = _called(model, found, batches[0], forward)
    groups = linear_groups(model, found, batches[0], forward)
    files: dict[str, str] = {}
    for part in _parts(groups, found, most_bytes):
        for group, moments in zip(part, measure_groups(model, found, part, batches, forward), strict=True):
            name = f"{len(set(files.values())):05d}.safetensors"
            (target / name).unlink(missing_ok=True)
            with ShardWriter(target / name, {"H": ("F32", tuple(moments.H.shape))}) as writer:
                writer.write(moments.H.float())
            files |= {f"{layer}.weight": name for layer in group.names}
            if progress is not None:
                progress(len(set(files.values())), len(groups), group.names[-1])
    (target / _LIST).write_text(json.dumps(files, indent=1), encoding="utf-8")
    return MomentsFolder(target)


def _called(model: nn.Module, layers: dict[str, nn.Linear], batch: Any, forward: Forward) -> dict[str, nn.Linear]:
    """The layers that the model calls on a batch."""
    seen: set[int] = set()
    handles = [layer.register_forward_pre_hook(lambda module, args: seen.add(id(module))) for layer in layers.values()]
    try:
        with torch.no_grad():
            forward(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    return {name: layer for name, layer in layers.items() if id(layer) in seen}


def _parts(groups: list[Group], layers: dict[str, nn.Linear], most_bytes: int) -> list[list[Group]]:
    parts: list[list[Group]] = []
    held = 0
    for group in groups:
        needed = layers[group.names[0]].in_features ** 2 * 8
        if not parts or held + needed > most_bytes:
            parts.append([])
            held = 0
        parts[-1].append(group)
        held += needed
    return parts
