"""``yinguo tailor``: a checkpoint between two others, read and written some rows at a time."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yinguo.cli.output import emit, json_text
from yinguo.cli.progress import Progress
from yinguo.errors import DataError

if TYPE_CHECKING:
    from yinguo.language.tailor.checkpoint import TailoredCheckpoint

__all__ = ["TailorRequest", "tailor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TailorRequest:
    """What was asked for; the fields are the options of the command."""

    pretrained: str
    finetuned: str
    out: str
    method: str
    density: float
    calibration: str | None
    samples: int
    moments: str | None
    alpha: float
    scale: float
    random_state: int
    force: bool
    form: str
    progress: bool | None


def tailor(request: TailorRequest) -> int:
    """Check, calibrate if asked to, write, and say what was written.

    Raises
    ------
    DataError
        Folders, texts or options that cannot be used.
    """
    from yinguo.language.tailor.checkpoint import check_target, tailor_checkpoint
    from yinguo.language.tailor.folder import WeightFolder, check_pair
    from yinguo.nets.blocks import make_generator

    if request.method != "tailor" and (request.calibration or request.moments):
        raise DataError(f"--calibration and --moments are for --method tailor; {request.method} has no use for them.")
    if request.samples < 1:
        raise DataError(f"--samples {request.samples} is no number of texts; use 1 or more.")
    if not -(2**63) <= request.random_state < 2**63:
        raise DataError(f"--random-state {request.random_state} is too large for a seed; use one below 2**63.")
    # All that can be refused is refused before the minutes that calibration takes.
    with WeightFolder(request.pretrained) as before, WeightFolder(request.finetuned) as after:
        check_target(Path(request.out), before, after, overwrite=request.force)
        check_pair(before, after)
        names = list(after)
    with Progress(request.progress) as progress, tempfile.TemporaryDirectory(prefix="yinguo-moments-") as scratch:
        progress.begin("calibrating" if request.calibration else "opening the checkpoints")
        moments = _moments(request, scratch)
        progress.count("calibrated" if request.calibration else "opened", names)
        made = tailor_checkpoint(
            request.pretrained, request.finetuned, request.out, method=request.method, density=request.density,
            alpha=request.alpha, scale=request.scale, moments=moments, overwrite=request.force,
            generator=make_generator(request.random_state), progress=progress.step,
        )  # fmt: skip
    emit(_json(request, made) if request.form == "json" else _words(request, made))
    return 0


def _moments(request: TailorRequest, scratch: str) -> str | None:
    """Folder of the moments, measured now if there are texts."""
    if request.calibration is None:
        return request.moments
    from yinguo.language.tailor.texts import read_texts

    texts = read_texts(request.calibration, most=request.samples)
    from yinguo.language.hub import transformers
    from yinguo.language.tailor.calibration import calibrate

    transformers.utils.logging.disable_progress_bar()  # it would show without being asked, and not on our terms
    folder = request.moments or scratch
    calibrate(request.finetuned, texts, folder)
    return folder


def _json(request: TailorRequest, made: "TailoredCheckpoint") -> str:
    return json_text(
        {
            "folder": str(made.folder), "method": request.method, "tensors": made.tensors, "density": made.density,
            "layers": [asdict(layer) for layer in made.layers],
        }
    )  # fmt: skip


def _words(request: TailorRequest, made: "TailoredCheckpoint") -> str:
    lines = [f"{made.folder}: {made.tensors} tensors, {made.density:.2%} of the weights are not the pre-trained ones."]
    if made.layers:
        with_, without = (
            sum(getattr(layer, name) for layer in made.layers) / len(made.layers) for name in ("error", "uncompensated")
        )
        lower = sum(layer.error < layer.uncompensated for layer in made.layers)
        lines.append(
            f"Output of {len(made.layers)} compensated layers on the calibration texts: {with_:.1%} off on average, "
            f"{without:.1%} without compensation; lower in {lower} of them."
        )
    elif request.method == "tailor":
        lines.append("Nothing was compensated: give texts of the new task with --calibration FILE.")
    return "\n".join(lines)
