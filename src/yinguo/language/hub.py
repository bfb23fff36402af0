"""The one place where transformers, peft and safetensors are imported.

Every other module writes ``from yinguo.language.hub import transformers``, so that the absence of the extra is one
error, with the remedy in it. Modules that need only torch import from :mod:`yinguo.nets` and load faster.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from yinguo.errors import MissingExtraError


@contextmanager
def _without_a_folder_called_datasets() -> Iterator[None]:
    """A bare folder ``datasets`` where Python looks is taken by transformers for the library, and its Trainer fails."""
    found = importlib.util.find_spec("datasets") if "datasets" not in sys.modules else None
    bare = found is not None and found.origin is None
    if bare:
        sys.modules["datasets"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if bare:
            del sys.modules["datasets"]


try:
    with _without_a_folder_called_datasets():
        import peft
        import transformers
        from safetensors import SafetensorError

        transformers.utils.is_datasets_available()  # remembered from here on
except ModuleNotFoundError as error:
    raise MissingExtraError(f"{error.name} is not installed; run: pip install 'yinguo[llm]'") from error

__all__ = ["SafetensorError", "peft", "transformers"]
