"""Texts of the new task as calibration batches, and the tuned model to run them through."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yinguo.core.checks import check_whole
from yinguo.errors import DataError
from yinguo.language.checkpoints import LOADING_ERRORS, load_weights, why_not
from yinguo.language.checks import check_texts
from yinguo.language.hub import transformers
from yinguo.language.tailor.moments import MomentsFolder, measure_to_folder
from yinguo.nets import nn, torch

__all__ = ["calibrate", "calibration_batches"]


def calibration_batches(
    texts: Sequence[str], tokenizer: Any, *, batch_size: int = 8, length: int = 512
) -> list[dict[str, torch.Tensor]]:
    """Tokens and attention masks, texts of like length together and padded to the longest of their batch.

    Parameters
    ----------
    texts : sequence of str
    tokenizer : transformers tokenizer
    batch_size, length : int
        Texts in a batch; tokens after which a text is cut.
    """
    check_texts("texts", texts)
    check_whole("batch_size", batch_size)
    check_whole("length", length)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    ordered = sorted(texts, key=len)
    batches = []
    for start in range(0, len(ordered), batch_size):
        read = tokenizer(
            ordered[start : start + batch_size], return_tensors="pt", padding=True, truncation=True, max_length=length
        )
        if not read["input_ids"].numel():
            raise DataError("the shortest calibration texts have no token; leave them out.")
        batches.append({"input_ids": read["input_ids"], "attention_mask": read["attention_mask"]})
    return batches


def calibrate(
    folder: Path | str, texts: Sequence[str], moments: Path | str, *, batch_size: int = 8, length: int = 512
) -> MomentsFolder:
    """Load a tuned checkpoint, read the texts with it, and write the moments of the inputs of its linear layers.

    Parameters
    ----------
    folder : path
        Checkpoint with config and tokenizer; its weights are loaded in their own type.
    texts : sequence of str
    moments : path
        Folder for the moments.
    batch_size, length : int
        As in :func:`calibration_batches`.

    Raises
    ------
    DataError
        A checkpoint that transformers cannot load.
    """
    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        kind = getattr(transformers, (config.architectures or ["AutoModelForCausalLM"])[0])
        model: nn.Module = load_weights(kind, folder, dtype="auto").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    except DataError:
        raise
    except LOADING_ERRORS as error:
        raise DataError(f"cannot load {folder} for calibration: {why_not(folder, error)}") from error
    batches = calibration_batches(texts, tokenizer, batch_size=batch_size, length=length)
    # A head that these inputs do not reach has no moments; it is treated like any other tensor.
    return measure_to_folder(model, batches, moments, skip_silent=True)
