"""``yinguo tailor``: its options."""

from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["tailor"]


class Method(StrEnum):
    """Ways between two checkpoints."""

    TAILOR = "tailor"
    DARE = "dare"
    WISE_FT = "wise-ft"
    TIES = "ties"
    GRAFTING = "grafting"


class Answer(StrEnum):
    """Forms of the answer."""

    TABLE = "table"
    JSON = "json"


def tailor(
    pretrained: Annotated[str, typer.Argument(metavar="PRETRAINED", help="Folder of the checkpoint before tuning.")],
    finetuned: Annotated[str, typer.Argument(metavar="FINETUNED", help="Folder of the checkpoint after tuning.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder to write; it appears when it is complete.")],
    method: Annotated[Method, typer.Option(help="Model Tailor, or another way between the two.")] = Method.TAILOR,
    density: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the weights that stays tuned, 0 to 1.")
    ] = 0.1,
    calibration: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Texts of the new task, .jsonl or one a line; loads FINETUNED into memory."),
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", help="Texts of the calibration file to use.")] = 128,
    moments: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Keep what calibration measured there, or use what was kept."),
    ] = None,
    alpha: Annotated[float, typer.Option(metavar="SHARE", help="How far WiSE-FT goes, 0 to 1.")] = 0.5,
    scale: Annotated[float, typer.Option(metavar="NUMBER", help="What TIES multiplies changes by.")] = 1.0,
    random_state: Annotated[int, typer.Option(metavar="N", help="Seed of DARE.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the folder.")] = False,
    form: Annotated[Answer, typer.Option("--format", help="How to answer.")] = Answer.TABLE,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Progress on stderr. Default: on a terminal only.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the library's log, and the trace if something breaks.")
    ] = False,
) -> int:
    """Write a checkpoint that keeps a small patch of tuning, and what the model could before it elsewhere."""
    from yinguo.cli.tailor import TailorRequest, tailor

    return tailor(
        TailorRequest(
            pretrained=pretrained, finetuned=finetuned, out=out, method=method.value, density=density,
            calibration=calibration, samples=samples, moments=moments, alpha=alpha, scale=scale,
            random_state=random_state, force=force, form=form.value, progress=progress,
        )
    )  # fmt: skip
