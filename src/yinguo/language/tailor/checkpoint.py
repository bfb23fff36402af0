"""Model Tailor, and the other ways between two models, for checkpoints that do not fit into memory.

Both checkpoints are read and the result is written some rows at a time, file by file in the layout of the tuned one.
With the moments of the inputs of a layer its matrix H and the factors of H are held as well, one layer at a time.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yinguo.core.checks import check_number
from yinguo.errors import DataError
from yinguo.language.checks import check_weights
from yinguo.language.tailor.folder import WeightFolder, check_pair
from yinguo.language.tailor.layer import LayerTailor
from yinguo.language.tailor.model import LayerReport
from yinguo.language.tailor.moments import MomentsFolder
from yinguo.language.tailor.shards import FLOATS, ShardWriter, row_shape
from yinguo.language.tailor.streaming import Dare, Graft, LargestChanges, Moved, Tailor, Way, find_border
from yinguo.nets import torch

__all__ = ["METHODS", "TailoredCheckpoint", "check_target", "tailor_checkpoint"]

METHODS = ("tailor", "dare", "wise-ft", "ties", "grafting")
#: Numbers of a tensor that are worked on at once, unless a single row has more.
_AT_ONCE = 2**21

#: Dampings tried for a layer, each ten times the one before.
_TRIES = 3
_LOG = logging.getLogger("yinguo.language")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class TailoredCheckpoint:
    """What was written.

    Attributes
    ----------
    folder : Path
    tensors : int
    density : float
        Share of all weights that are not the pre-trained ones.
    layers : tuple of LayerReport
        Layers that were compensated, in the order of the files.
    """

    folder: Path
    tensors: int
    density: float
    layers: tuple[LayerReport, ...]


def tailor_checkpoint(
    pretrained: Path | str,
    tuned: Path | str,
    out: Path | str,
    *,
    method: str = "tailor",
    density: float = 0.1,
    alpha: float = 0.5,
    scale: float = 1.0,
    moments: MomentsFolder | Path | str | None = None,
    generator: torch.Generator | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> TailoredCheckpoint:
    """Write a checkpoint between two others.

    **Use it when** the checkpoints are folders of safetensors files. **Not when** the model fits into memory twice
    and the layers should see each other's changes: :func:`~yinguo.language.tailor.model.tailor_model` does that.

    Every tensor is treated by the same rule: the weight of a layer with moments is tailored and compensated, of any
    other tensor the largest changes of each row stay (a vector is one row). Tensors that are no floating-point numbers
    must be equal in both.

    Parameters
    ----------
    pretrained, tuned : path
        Folders; both of the same architecture, types may differ.
    out : path
        Folder to be made, in the layout, with the types and the config and tokenizer files of the tuned one. It appears
        when it is complete.
    method : {"tailor", "dare", "wise-ft", "ties", "grafting"}
    density : float in [0, 1]
        Share that stays tuned: of each row ("tailor"), of the whole model ("ties", "grafting"), or on average ("dare",
        which scales it up).
    alpha : float in [0, 1]
        Of "wise-ft".
    scale : float
        Of "ties".
    moments : folder, optional
        For "tailor"; without it the score is the size of the change, and nothing is compensated.
    generator : torch.Generator, optional
        Needed by "dare".
    overwrite : bool, default False
        Replace a folder that is there.
    progress : callable (done, total, name), optional
    **options
        Of :class:`~yinguo.language.tailor.layer.LayerTailor`.

    Returns
    -------
    TailoredCheckpoint

    Raises
    ------
    DataError
        Folders that cannot be read or do not fit together, options out of range, a target that is there or has no
        room.
    """
    if method not in METHODS:
        raise DataError(f"method is {method!r}; it must be one of {', '.join(METHODS)}.")
    check_number("density", density, least=0, most=1)
    check_number("alpha", alpha, least=0, most=1)
    check_number("scale", scale)
    if method == "dare" and (density == 0 or generator is None):
        raise DataError("dare needs a density above 0, by which changes are divided, and a generator.")
    if moments is not None and method != "tailor":
        raise DataError(f"calibration is for the method tailor; {method} has no use for it.")
    if not (moments is None or isinstance(moments, MomentsFolder)):
        moments = MomentsFolder(moments)
    target = Path(out)
    with WeightFolder(pretrained) as before, WeightFolder(tuned) as after:
        check_target(target, before, after, overwrite=overwrite)
        check_pair(before, after)
        strangers = [] if moments is None else [name for name in moments.files if name not in after]
        if strangers:
            raise DataError(f"the moments are of another model: {strangers[0]!r} is not in {after.path}.")
        tailor = _Tailoring(before, after, method, density, alpha, scale, moments, generator, options)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and moved: a folder of that name is complete, whatever stops this.
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for there in after.companions():
                (shutil.copytree if there.is_dir() else shutil.copyfile)(there, aside / there.name)
            tailor.write(aside, progress)
            aside.chmod(0o755)
            _move(aside, target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return TailoredCheckpoint(target, tailor.done, tailor.changed / max(1, tailor.seen), tuple(tailor.reports))


class _Tailoring:
    """A run over all files, with its counts."""

    def __init__(
        self, before: WeightFolder, after: WeightFolder, method: str, density: float, alpha: float, scale: float,
        moments: MomentsFolder | None, generator: torch.Generator | None, options: dict[str, Any],
    ) -> None:  # fmt: skip
        self.before, self.after, self.method, self.density, self.alpha = before, after, method, density, alpha
        self.moments, self.generator, self.options = moments, generator, options
        self.graft = None
        if method in ("ties", "grafting"):
            border = find_border(self._changes, density)
            self.graft = Graft(border, scale if method == "ties" else 1.0)
        self.done = self.seen = self.changed = 0
        self.reports: list[LayerReport] = []

    def write(self, folder: Path, progress: Progress | None) -> None:
        for file, shard in self.after.shards.items():
            shapes = {name: (entry.dtype, entry.shape) for name, entry in shard.entries.items()}
            with ShardWriter(folder / file, shapes, shard.metadata) as writer:
                for name in shapes:
                    self._tensor(name, writer)
                    self.done += 1
                    if progress is not None:
                        progress(self.done, len(self.after), name)

    def _tensor(self, name: str, writer: ShardWriter) -> None:
        if self.after.entry(name).dtype not in FLOATS:
            for old, new in self._blocks(name):
                if not torch.equal(old, new):
                    raise DataError(f"{name!r} holds whole numbers that differ between the checkpoints; if it is "
                                    "packed weights, use the checkpoints before they were quantised.")  # fmt: skip
                writer.write(new)
            return
        way = self._way(name)
        for old, new in self._numbers(name):
            rows = way.rows(old, new)
            writer.write(rows)
            self.seen += rows.numel()
            self.changed += int((rows != old.to(rows.dtype)).sum())
        if isinstance(way, Tailor):
            self.reports.append(LayerReport(name, *way.errors()))

    def _way(self, name: str) -> Way:
        if self.graft is not None:
            return self.graft
        if self.method == "wise-ft":
            return Moved(self.alpha)
        if self.method == "dare":
            assert self.generator is not None
            return Dare(1 - self.density, self.generator)
        if self.moments is None or name not in self.moments:
            return LargestChanges(self.density)
        H, columns = self.moments.read(name), row_shape(self.after.entry(name).shape)[1]
        if H.shape != (columns, columns):
            raise DataError(f"the moments of {name!r} have shape {tuple(H.shape)}; the layer has {columns} inputs, so "
                            "calibrate with this checkpoint.")  # fmt: skip
        return Tailor(self._solver(name, H))

    def _solver(self, name: str, H: torch.Tensor) -> LayerTailor:
        """Factors of H; with more damping where rounding leaves it without any."""
        options = {"damping": 0.01, **self.options}
        for _ in range(_TRIES):
            try:
                return LayerTailor(H, density=self.density, **options)
            except torch.linalg.LinAlgError:
                _LOG.info("%s: moments are singular to rounding at damping %g", name, options["damping"])
                options["damping"] *= 10
        raise DataError(f"the moments of {name!r} have no Cholesky factor even with damping "
                        f"{options['damping'] / 10:g}; calibrate on more varied texts.")  # fmt: skip

    def _blocks(self, name: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count, columns = row_shape(self.after.entry(name).shape)
        step = max(1, _AT_ONCE // max(1, columns))
        for start in range(0, count, step):
            stop = start + step
            yield self.before.rows(name, start, stop), self.after.rows(name, start, stop)

    def _numbers(self, name: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Blocks of a tensor of floats, each of them finite."""
        for old, new in self._blocks(name):
            check_weights(f"weights of {name!r} in {self.before.path}", old)
            check_weights(f"weights of {name!r} in {self.after.path}", new)
            yield old, new

    def _changes(self) -> Iterator[torch.Tensor]:
        for name in self.after:
            if self.after.entry(name).dtype in FLOATS:
                for old, new in self._numbers(name):
                    yield new.float() - old.float()


def _move(aside: Path, target: Path) -> None:
    """Put the folder in its place; what was there goes when the new one stands."""
    old = aside.with_name(f"{aside.name}-old")
    if target.exists():
        target.rename(old)
    try:
        aside.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_target(target: Path, before: WeightFolder, after: WeightFolder, *, overwrite: bool) -> None:
    """Whether a result can be written there.

    Raises
    ------
    DataError
        In or around one of its sources, there already, a file, or without room.
    """
    place = target.resolve()
    for folder in (before, after):
        source = folder.path.resolve()
        if place == source or place in source.parents or source in place.parents:
            raise DataError(f"the result would be written into {folder.path}, which it is made from; choose another "
                            "place.")  # fmt: skip
    if target.exists() and not target.is_dir():
        raise DataError(f"{target} is a file; name a folder for the result.")
    if target.exists() and not overwrite:
        raise DataError(f"{target} is there already; pass overwrite=True to replace it.")
    there = next(parent for parent in place.parents if parent.exists())
    free = shutil.disk_usage(there).free
    if free < after.size():
        raise DataError(f"the result needs {after.size() / 1e9:.1f} GB and {there} has {free / 1e9:.1f} GB left; "
                        "choose another place.")  # fmt: skip
